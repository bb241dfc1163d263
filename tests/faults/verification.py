"""Compares a store, as a fresh server shows it, with what clients were told before the fault."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from random import Random
from typing import Any

from attrs import define, field

from tests.faults.runs import Run, cut
from tests.faults.witness import GIVEN_NO_TITLE, Message, Session, Turn, Witness, digest
from tests.faults.workload import FORKED_MESSAGES
from tests.rpc.driver import Server

PAGE = 1000
"""Rows asked for at a time: the most that the wire allows."""

ASKED_AGAIN = 3
"""Turns whose answer is known and that are asked for again all the same."""


@define
class Found:
    """What a verification came upon."""

    acknowledged: int = 0
    interrupted: int = 0
    retried_committed: int = 0
    retried_interrupted: int = 0
    retried_unknown: int = 0


@define
class _Audited:
    """A session's log and history as far as they were compared, so that a long store isn't read anew each time."""

    cursor: str | None = None
    events: int = 0
    messages: int = 0
    tokens: int = 0
    runs: dict[str, Run] = field(factory=dict)
    row: Message | None = None


@define
class Verification:
    """Of one store, through all its servers."""

    witness: Witness
    random: Random
    found: Found = field(factory=Found)
    _audited: dict[str, _Audited] = field(factory=dict)

    def verify(self, server: Server) -> None:
        """Compare everything that was heard with what ``server`` tells; ask again for what wasn't answered."""
        rows = self._rows(server)
        self._check_existence(server, rows)
        self._audit(server, rows)
        self._retry(server)
        self.witness.hear_all(server.events)
        self._audit(server, self._rows(server))

    def verify_all(self, server: Server) -> None:
        """Do the same from the logs' beginning, after ``verify``: nothing may have changed since."""
        found, self.found = self.found, Found()
        self._audited.clear()
        for known in self.witness.sessions.values():
            known.touched = True
        self.verify(server)
        self.found = found

    # -- which sessions there are ------------------------------------------------------------------------------

    def _rows(self, server: Server) -> dict[str, Message]:
        rows: list[Message] = []
        for archived in (False, True):
            page: Message = {"next_cursor": None}
            while "next_cursor" in page:
                page = server.call("session/list", archived=archived, limit=PAGE, **_cursor(page["next_cursor"]))
                rows += page["sessions"]
        assert len({row["session_id"] for row in rows}) == len(rows), "a session is listed twice"
        return {row["session_id"]: row for row in rows}

    def _check_existence(self, server: Server, rows: dict[str, Message]) -> None:
        for known in list(self.witness.sessions.values()):
            known.exists.observed(known.session_id in rows, f"session {known.session_id} exists")
            if known.session_id not in rows:
                assert server.error("session/read", session_id=known.session_id)["code"] == -32001
                self._forget(known)
        strangers = rows.keys() - self.witness.sessions.keys()
        assert len(strangers) <= self.witness.may_be_strangers(), f"nobody made the sessions {strangers}"
        for session_id in strangers:
            self.witness.session(session_id).exists.told(True)
        self.witness.unanswered_forks = 0

    def _forget(self, known: Session) -> None:
        """A session that isn't there, and needn't be: its turns aren't either."""
        for turn in [turn for turn in self.witness.turns.values() if turn.session_id == known.session_id]:
            if turn.creates and not turn.accepted:
                continue  # never began: asked for again below
            del self.witness.turns[turn.turn_id]
        self.witness.events.pop(known.session_id, None)

    # -- what is in them ---------------------------------------------------------------------------------------

    def _audit(self, server: Server, rows: dict[str, Message]) -> None:
        for session_id, row in rows.items():
            known = self.witness.sessions[session_id]
            audited = self._audited.setdefault(session_id, _Audited())
            if known.touched:
                self._audit_session(server, known, audited)
                known.touched = False
                audited.row = row
            assert row == audited.row, f"session {session_id} changed by itself: {audited.row} became {row}"

    def _audit_session(self, server: Server, known: Session, audited: _Audited) -> None:
        view = server.call("session/read", session_id=known.session_id)
        assert view["state"] == "idle", view
        known.archived.observed(view["archived"], f"session {known.session_id} is archived")
        title = view["title"] if view["title"].removeprefix("title ").isdigit() else GIVEN_NO_TITLE
        known.title.observed(title, f"session {known.session_id} has the title")
        runs = self._new_runs(server, known, audited)
        self._check_history(server, known, audited, runs, view)
        self._check_view(view, audited, runs)
        for run in runs:
            self._check_turn(run, known, audited)
        self._check_heard(known, audited)

    def _new_runs(self, server: Server, known: Session, audited: _Audited) -> list[Run]:
        log: list[Message] = []
        more = True
        scope = {"type": "session", "session_id": known.session_id}
        while more:
            page = server.call("events/list_since", scope=scope, limit=PAGE, **_cursor(audited.cursor))
            log += page["events"]
            audited.cursor, more = page["latest_cursor"], page["has_more"]
        first = audited.events + 1
        assert [params["seq"] for params in log] == list(range(first, first + len(log))), "the log has a gap"
        heard = self.witness.events[known.session_id]
        for params in log:
            assert heard.get(params["seq"]) in {None, digest(params)}, f"event {params['seq']} is not what was streamed"
        audited.events += len(log)
        return cut(log)

    def _check_history(self, server: Server, known: Session, audited: _Audited, runs: list[Run], view: Message) -> None:
        messages = _messages(server, known.session_id, audited.messages, view["message_count"])
        self._check_attached(server, messages)
        if "parent_session_id" in view and not audited.messages:
            messages = self._without_inherited(server, view["parent_session_id"], messages)
        audited.messages = view["message_count"]
        for run in runs:
            count = sum(message["turn_id"] == run.turn_id for message in messages)
            run.check_history(messages[:count])
            messages = messages[count:]
        assert not messages, f"messages of no turn: {messages}"

    def _check_attached(self, server: Server, messages: list[Message]) -> None:
        for message in messages:
            named = [attached["digest"] for attached in message.get("attachments", ())]
            turn = self.witness.turns.get(message["turn_id"])  # None: a fork's parent may be gone
            wanted = turn.digests() if turn and message["role"] == "user" else named
            assert named == wanted, f"{message} came with {wanted}"
            for name in named:
                content = b64decode(server.call("blob/get", digest=name)["data"])
                assert sha256(content).hexdigest() == name, f"blob {name} isn't what was attached"

    def _without_inherited(self, server: Server, parent_id: str, messages: list[Message]) -> list[Message]:
        """Return a fork's messages but those it began with, which are its parent's."""
        if self.witness.sessions[parent_id].exists.is_sure(True):
            assert messages[:FORKED_MESSAGES] == _messages(server, parent_id, 0, FORKED_MESSAGES)
        return messages[FORKED_MESSAGES:]

    def _check_view(self, view: Message, audited: _Audited, runs: list[Run]) -> None:
        audited.tokens += sum(run.tokens for run in runs)
        assert view["total_tokens"] == audited.tokens, f"the log has {audited.tokens} tokens: {view}"
        if runs:
            last = {name: view["last_turn"][name] for name in ("turn_id", "outcome")}
            assert last == {"turn_id": runs[-1].turn_id, "outcome": runs[-1].outcome}

    def _check_turn(self, run: Run, known: Session, audited: _Audited) -> None:
        assert run.turn_id not in audited.runs, f"the agent ran twice for turn {run.turn_id}"
        audited.runs[run.turn_id] = run
        turn = self.witness.turns[run.turn_id]
        assert turn.session_id in {"", known.session_id}, f"turn {turn.turn_id} ran in another session"
        turn.session_id = known.session_id
        assert run.prompt == turn.prompt
        if turn.answer is not None:
            run.check_answer(turn.answer)
        self.found.interrupted += run.was_cut
        self.found.acknowledged += turn.ended

    def _check_heard(self, known: Session, audited: _Audited) -> None:
        heard = self.witness.events[known.session_id]
        lost = [seq for seq in heard if seq > audited.events]
        assert not lost, f"events {lost} of session {known.session_id} were heard and are lost"
        for turn in self.witness.turns.values():
            if turn.session_id == known.session_id and turn.accepted:
                assert turn.turn_id in audited.runs, f"turn {turn.turn_id} was accepted and is lost"

    # -- exactly once ------------------------------------------------------------------------------------------

    def _retry(self, server: Server) -> None:
        turns = list(self.witness.turns.values())
        unanswered = [turn for turn in turns if turn.answer is None]
        answered = [turn for turn in turns if turn.answer is not None]
        again = self.random.sample(answered, min(ASKED_AGAIN, len(answered)))
        asked = [(turn, self._ask_again(server, turn)) for turn in [*unanswered, *again]]
        for turn, request in asked:
            self._check_retried(turn, server.answer(request))

    def _check_retried(self, turn: Turn, message: Message) -> None:
        answer = message.get("result") or message["error"]
        run = self._audited.get(turn.session_id, _Audited()).runs.get(turn.turn_id)
        if turn.answer is not None:
            assert answer == turn.answer, f"turn {turn.turn_id} was answered {turn.answer}, and now {answer}"
        elif run is None:
            self.found.retried_unknown += 1
        else:
            run.check_answer(answer)
            self.found.retried_interrupted += run.was_cut
            self.found.retried_committed += not (run.was_cut or turn.ended)
        turn.accepted, turn.answer = True, answer

    def _ask_again(self, server: Server, turn: Turn) -> Any:
        if turn.creates and turn.session_id:
            self.witness.sessions[turn.session_id].exists.asked(True)
        turn.wait = True
        method, params = turn.request()
        return server.send(method, **params)


def _messages(server: Server, session_id: str, start: int, end: int) -> list[Message]:
    """Return the messages from index ``start`` to before ``end``."""
    messages: list[Message] = []
    while start + len(messages) < end:
        page = server.call("session/history", session_id=session_id, offset=start + len(messages), limit=PAGE)
        assert page["messages"], f"session {session_id} has {start + len(messages)} messages, and says {end}"
        messages += page["messages"]
    return messages[: end - start]


def _cursor(cursor: str | None) -> Message:
    return {} if cursor is None else {"cursor": cursor}
