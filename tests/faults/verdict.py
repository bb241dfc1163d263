"""What the real program makes of a damaged store, and whether it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import define, field

from meerkat_rpc.store.disk_check import check_store
from tests.faults.contents import session
from tests.faults.damages import WITNESS, Damage
from tests.rpc.driver import Server
from tests.store.damage import execute

DERIVED = ("c/", "changes", "pages", "leases", "stops")
"""Rows that are made anew from the sessions when they are damaged."""

KEPT = ("cache.db", "cache.db-wal", "store.json")
"""The files whose bytes nobody may touch; SQLite makes its -shm anew whenever it likes."""

QUESTION = {"prompt": "still there?", "model": "echo"}


@define
class Original:
    """What was in the store: sessions (see ``contents.py``), rows of the listing, the last turn of each session."""

    sessions: dict[str, Any]
    rows: dict[str, Any]
    turns: dict[str, Any]

    @property
    def busy(self) -> list[str]:
        """Some of the sessions, those with the most and the least in them too, for turns that are taken afterwards."""
        ordered = sorted(self.sessions, key=lambda session_id: len(self.sessions[session_id]["messages"]))
        return [*ordered[:-1:4], ordered[-1]]


@define
class Verdict:
    """What came of it. ``refused`` and ``damaged`` are what the server said; ``named`` what the doctor said."""

    named: list[str]
    refused: bool = False
    damaged: set[str] = field(factory=set)

    @property
    def kind(self) -> str:
        """In one word."""
        if self.refused:
            return "refused"
        if self.damaged:
            return "confined"
        return "mended or unused, and named" if self.named else "harmless"


def judge(store: Path, damage: Damage, original: Original) -> Verdict:
    """Return what the doctor and a server make of the damaged store. ``AssertionError``: something they may not."""
    before = kept(store)
    verdict = Verdict(list(check_store(str(store)).problems))
    assert kept(store) == before, f"the doctor changed the store: {_changed(before, kept(store))}"
    taken = _served(store, damage, original, verdict)
    assert not (store.parent / WITNESS).exists(), "a pickle was executed"
    if verdict.refused:
        assert kept(store) == before, f"a store that was refused was changed: {_changed(before, kept(store))}"
    elif damage.row is None:  # else nothing but that row is amiss
        _served_again(store, original, verdict, taken)
    if verdict.refused or verdict.damaged:
        assert verdict.named, "the doctor found nothing"
    return verdict


def kept(store: Path) -> dict[str, bytes]:
    """Return the bytes of the files that must stay as they are. A log without a byte in it is none."""
    found = {name: (store / name).read_bytes() for name in KEPT if (store / name).exists()}
    return {name: content for name, content in found.items() if content or name != "cache.db-wal"}


def _served(store: Path, damage: Damage, original: Original, verdict: Verdict) -> set[str]:
    """Let a server read everything and take turns; return the sessions that took one."""
    row = _row(store, damage)
    log = store.parent / "stderr"
    with log.open("wb") as stderr, Server("--store", str(store), stderr=stderr) as server:
        listed = _listed(server, original)
        for session_id in original.sessions:
            if not _reads(server, session_id, original):
                verdict.damaged.add(session_id)
        verdict.refused = not listed and verdict.damaged == original.sessions.keys()
        taken = {session_id for session_id in original.busy if _takes_turn(server, session_id)}
        if not verdict.refused and damage.row is not None and not _of_newer_index(damage):
            _check_confined(damage.row, original, verdict, taken)
        server.end_input()
        server.wait()
    assert b"Traceback" not in log.read_bytes(), log.read_text()
    if damage.row is not None and not damage.row.startswith(DERIVED):
        assert _row(store, damage) == row, "the damaged row was changed"
    return taken


def _listed(server: Server, original: Original) -> bool:
    """Return whether the sessions are listed: all of them, or none and an error."""
    rows: dict[str, Any] = {}
    for archived in (False, True):
        answer = server.answer(server.send("session/list", archived=archived))
        if "error" in answer:
            _check_error(answer["error"])
            return False
        rows |= {row["session_id"]: row for row in answer["result"]["sessions"]}
    assert rows == original.rows, f"listed without a word: {_difference(rows, original.rows)}"
    return True


def _reads(server: Server, session_id: str, original: Original) -> bool:
    """Return whether the session reads back as it was; False when it is refused."""
    try:
        found = session(server, session_id)
    except AssertionError as refused:
        _check_error(refused.args[0]["error"])
        return False
    assert found == original.sessions[session_id], "a session reads back differently"
    turn = original.turns.get(session_id)
    if turn is None:
        return True
    answer = server.answer(server.send("turn/start", **turn["asked"]))
    if "error" in answer and answer["error"]["data"]["code"] == "STORE_ERROR":
        return False
    assert answer.get("result", answer.get("error")) == turn["answer"], f"a turn was answered differently: {answer}"
    return True


def _takes_turn(server: Server, session_id: str) -> bool:
    """Return whether the session takes a turn; False when it is refused."""
    answer = server.answer(server.send("turn/start", session_id=session_id, **QUESTION))
    if "error" in answer:
        _check_error(answer["error"])
        return False
    return True


def _check_error(error: dict[str, Any]) -> None:
    assert error["data"]["code"] == "STORE_ERROR", f"answered with {error}"
    assert any(word in error["message"] for word in ("doctor", "store.json", "newer")) or "row" in error["data"], (
        f"says neither what is damaged nor what to do: {error['message']}"
    )


def _check_confined(row: str, original: Original, verdict: Verdict, taken: set[str]) -> None:
    """Check that a damaged row stopped no session but the one it belongs to."""
    owner = {row.split("/")[1]} if row.startswith("s/") else set()
    if row.startswith("b/"):
        owner = {session_id for session_id, found in original.sessions.items() if _names(found, row.split("/")[1])}
    if row.startswith("t/"):
        return  # only the repetition of its create would read it
    assert verdict.damaged <= owner, f"damaged besides: {verdict.damaged - owner}"
    missing = set(original.busy) - owner - taken
    assert not missing, f"take no turn: {missing}"


def _names(found: dict[str, Any], digest: str) -> bool:
    """Return whether a message of the session came with the blob."""
    attached = (one["digest"] for message in found["messages"] for one in message.get("attachments", ()))
    return digest in attached


def _served_again(store: Path, original: Original, verdict: Verdict, taken: set[str]) -> None:
    """Check that what was written into the damaged store did no harm to what could be read in it."""
    with Server("--store", str(store)) as server:
        for session_id in original.sessions.keys() - verdict.damaged:
            messages = original.sessions[session_id]["messages"]
            answer = server.answer(server.send("session/history", session_id=session_id, limit=1000))
            if "error" in answer:
                _check_error(answer["error"])
                continue
            found = answer["result"]["messages"]
            assert found[: len(messages)] == messages, "a history was changed"
            more = len(found) - len(messages)  # a turn that was refused may have left its prompt, and be interrupted
            assert more == 2 if session_id in taken else more <= 2, "a turn left more or less than a turn"


def _of_newer_index(damage: Damage) -> bool:
    """Return whether a newer version is what wrote the index: this one must not write into it."""
    assert damage.row is not None
    return "newer" in damage.name and damage.row.startswith(DERIVED)


def _row(store: Path, damage: Damage) -> list[Any] | None:
    if damage.row is None:
        return None
    return execute(store, "SELECT raw, mode, filename, expire_time, value FROM Cache WHERE key = ?", damage.row)


def _changed(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, object]:
    sizes = {name: (len(before.get(name, b"")), len(after.get(name, b""))) for name in before.keys() | after.keys()}
    return {name: size for name, size in sizes.items() if before.get(name) != after.get(name)}


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    changed = [key for key in found.keys() & wanted.keys() if found[key] != wanted[key]]
    return f"missing {wanted.keys() - found.keys()}, more {found.keys() - wanted.keys()}, changed {changed}"
