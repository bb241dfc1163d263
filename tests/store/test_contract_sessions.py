"""What every store promises of sessions, messages and turns. See ``store/base.py``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from meerkat_rpc.domain import (
    AgentConfig,
    ErrorInfo,
    LastTurn,
    Message,
    SessionChange,
    ToolCall,
    ToolResult,
    TurnOutcome,
    TurnRecord,
    Usage,
)
from meerkat_rpc.errors import RevisionConflict, TurnTaken
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.base import Store
from tests.store.conftest import StoreTest
from tests.store.sessions import (
    NOW,
    OWNER,
    add,
    create,
    ended,
    events,
    message,
    new_head,
    next_head,
    running,
    turn_record,
)

FULL_HEAD: dict[str, Any] = {
    "config": AgentConfig("m", "p", 7, "be brief", {"type": "object"}, {"script": [{"text": "a\nb"}]}),
    "title": "",
    "first_prompt": "Grüße, 世界\u2028\x00",
    "labels": {"a": "1", "": ""},
    "cwd": "/tmp/ä",
    "archived": True,
    "turn_count": 3,
    "usage": Usage(1, 2, 0, None),
    "last_turn": LastTurn("t", TurnOutcome.FAILED, ErrorInfo("AGENT_ERROR", "no", {"x": [1]})),
    "running": running(new_head(), "t2").running,
    "parent_id": "parent",
}


def test_a_history_is_the_head_the_messages_that_are_wanted_and_where_the_log_ends(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        assert await store.history(new_id(), lambda _: (0, 9)) is None
        assert await store.history(head.session_id, lambda count: (count, 9)) == (head, 0, 0, [])
        messages = [message(str(number)) for number in range(40)]
        head = await add(store, head, messages, events(1, 3))
        await store.append(head.session_id, events(4, 2))
        last = await store.history(head.session_id, lambda count: (count - 3, 3))
        assert last == (head, 5, 37, messages[-3:])
        assert await store.history(head.session_id, lambda count: (count + 1, 3)) == (head, 5, 41, [])

    on_store(test)


def test_a_session_that_was_never_created_is_none(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        missing = new_id()
        assert await store.head(missing) is None
        assert await store.messages(missing, 0, 10) == []
        assert await store.turn(missing, "turn") is None
        assert await store.session_of_turn("turn") is None
        assert await store.delete(missing) is False

    on_store(test)


def test_a_created_session_comes_back_as_it_was(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        plain, full = await create(store), await create(store, **FULL_HEAD)
        assert await store.head(plain.session_id) == plain
        assert await store.head(full.session_id) == full

    on_store(test)


def test_a_commit_replaces_the_head(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        head = next_head(head, title="new", config=AgentConfig(system_prompt="x" * 100_000))
        await store.commit(SessionChange(head))
        assert await store.head(head.session_id) == head
        head = next_head(head, config=AgentConfig(model="small again"))
        await store.commit(SessionChange(head))
        assert await store.head(head.session_id) == head

    on_store(test)


@pytest.mark.parametrize("revision", [1, 2, 4])
def test_a_change_made_from_another_revision_is_refused_and_writes_nothing(on_store: StoreTest, revision: int) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await create(store), [message("one")], events(1, 1))
        stale = evolve(head, revision=revision, title="stale", message_count=2)
        with pytest.raises(RevisionConflict):
            await store.commit(SessionChange(stale, [message("two")], events(2, 1), turn_record("t"), "created"))
        assert await store.head(head.session_id) == head
        assert len(await store.messages(head.session_id, 0, 10)) == 1
        assert await store.last_seq(head.session_id) == 1
        assert await store.turn(head.session_id, "t") is None
        assert await store.session_of_turn("created") is None

    on_store(test)


def test_a_session_is_created_once(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        with pytest.raises(RevisionConflict):
            await store.commit(SessionChange(evolve(head, title="again")))
        with pytest.raises(RevisionConflict):
            await store.commit(SessionChange(new_head(revision=2)))

    on_store(test)


def test_a_change_to_a_session_that_was_replaced_is_refused(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        before = await create(store)
        await store.delete(before.session_id)
        replaced = evolve(before, created_ms=NOW + 1)
        await store.commit(SessionChange(replaced))
        with pytest.raises(RevisionConflict, match="was deleted"):
            await store.commit(SessionChange(next_head(before)))
        assert await store.head(before.session_id) == replaced

    on_store(test)


def test_a_turn_is_admitted_once(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = running(await create(store), "t")
        await store.commit(SessionChange(head, turn=turn_record("t")))
        head = ended(head)
        await store.commit(SessionChange(head, turn=turn_record("t", TurnOutcome.COMPLETED)))
        with pytest.raises(TurnTaken):
            await store.commit(SessionChange(running(head, "t"), turn=turn_record("t")))
        assert await store.head(head.session_id) == head
        found = await store.turn(head.session_id, "t")
        assert found is not None
        assert found.outcome is TurnOutcome.COMPLETED

    on_store(test)


@pytest.mark.parametrize("first", [1, 3])
def test_a_commit_whose_events_leave_a_gap_or_repeat_is_refused(on_store: StoreTest, first: int) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await create(store), events=events(1, 1))
        with pytest.raises(RevisionConflict):
            await store.commit(SessionChange(next_head(head), events=events(first, 2)))
        assert await store.head(head.session_id) == head

    on_store(test)


def test_a_head_that_miscounts_its_messages_is_a_bug_of_the_caller(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        with pytest.raises(ValueError, match=r"has 0 messages, the change brings 1, and its head says 2"):
            await store.commit(SessionChange(next_head(head, message_count=2), [message("one")]))
        assert await store.head(head.session_id) == head

    on_store(test)


def test_messages_of_every_kind_come_back_as_they_were(on_store: StoreTest) -> None:
    kinds = [
        message("plain"),
        message(""),
        message("a\nb\r\n\x00\u2028 Grüße 世界 🦡"),
        Message(
            "assistant",
            "calling",
            "t1",
            NOW + 5,
            reasoning="because",
            tool_calls=(ToolCall("1", "read", {"path": ["a", None, 1.5]}), ToolCall("2", "empty", None)),
        ),
        Message("tool", "result", "t1", NOW + 4, tool_result=ToolResult("1", "read", is_error=True)),
        Message("assistant", "cut o", "t1", NOW, partial=True),
        message("x" * 3_000_000, "t2"),
        message("after the large one", "t2"),
    ]

    async def test(store: Store) -> None:
        head = await add(store, await create(store), kinds)
        assert await store.messages(head.session_id, 0, 100) == kinds

    on_store(test)


def test_messages_are_kept_in_order_over_many_commits_and_read_in_pages(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        everything = [message(f"message {index}", f"turn {index // 2}") for index in range(70)]
        at = 0
        for size in (1, 2, 15, 16, 17, 0, 19):
            head = await add(store, head, everything[at : at + size])
            at += size
        assert at == 70
        assert await store.messages(head.session_id, 0, 1000) == everything
        for start, count in ((0, 1), (15, 2), (16, 16), (60, 100), (69, 1), (70, 5), (500, 5), (3, 0)):
            assert await store.messages(head.session_id, start, count) == everything[start : start + count]

    on_store(test)


def test_a_turn_is_found_by_its_id_as_last_committed(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head, other = await create(store), await create(store)
        head = running(head, "t")
        await store.commit(SessionChange(head, turn=turn_record("t")))
        assert await store.turn(head.session_id, "t") == turn_record("t")
        done = TurnRecord(
            "t",
            "digest",
            TurnOutcome.COMPLETED,
            first_seq=1,
            first_message=0,
            message_count=4,
            turns=2,
            tool_calls=1,
            usage=Usage(5, 6, 1),
            turn_usage=Usage(5, 6, None, 2),
            stop_reason="end_turn",
            structured_output={"answer": [1, 2]},
            schema_warnings=["loose"],
            error=ErrorInfo("BUDGET_EXHAUSTED", "too much", {"max": 5}),
        )
        await store.commit(SessionChange(ended(head), turn=done))
        assert await store.turn(head.session_id, "t") == done
        assert await store.turn(head.session_id, "another") is None
        assert await store.turn(other.session_id, "t") is None

    on_store(test)


def test_a_session_is_found_by_the_turn_it_was_created_with(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = new_head()
        await store.commit(SessionChange(head, create_turn_id="first"))
        assert await store.session_of_turn("first") == head.session_id
        second = new_head()
        with pytest.raises(RevisionConflict):
            await store.commit(SessionChange(second, create_turn_id="first"))
        assert await store.head(second.session_id) is None

    on_store(test)


def test_a_deleted_session_leaves_nothing_and_its_ids_are_free(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        kept = await create(store)
        head = new_head(message_count=40, config=AgentConfig(system_prompt="x" * 10_000))
        texts = [message("y" * 10_000 if index == 3 else "y") for index in range(40)]
        log = events(1, 200)
        log[5] = log[5]._replace(body=b"z" * 10_000)
        await store.commit(SessionChange(head, texts, log, turn_record("t"), "first"))
        assert await store.delete(head.session_id) is True
        assert await store.delete(head.session_id) is False
        assert await store.head(head.session_id) is None
        assert await store.messages(head.session_id, 0, 100) == []
        assert await store.events(head.session_id, 0, 1000) == []
        assert await store.last_seq(head.session_id) == 0
        assert await store.turn(head.session_id, "t") is None
        assert await store.session_of_turn("first") is None
        assert await store.head(kept.session_id) == kept
        await store.commit(SessionChange(evolve(head, message_count=1), texts[:1], events(1, 1), None, "first"))
        assert await store.messages(head.session_id, 0, 100) == texts[:1]
        assert await store.events(head.session_id, 0, 1000) == events(1, 1)

    on_store(test)


def test_a_session_that_changed_meanwhile_is_not_deleted(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await add(store, await create(store), [message("one")])
        with pytest.raises(RevisionConflict):
            await store.delete(head.session_id, evolve(head, revision=head.revision - 1))
        with pytest.raises(RevisionConflict):
            await store.delete(head.session_id, evolve(head, created_ms=head.created_ms - 1))
        assert await store.head(head.session_id) == head
        assert await store.delete(head.session_id, head) is True
        assert await store.delete(head.session_id, head) is False
        await store.tidied()

    on_store(test)


def test_a_session_takes_what_it_holds_and_nothing_when_it_is_gone(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        small, large, gone = await create(store), await create(store), await create(store)
        await store.append(large.session_id, events(1, 1000))
        await store.delete(gone.session_id)
        missing = new_id()
        sizes = await store.sizes([small.session_id, large.session_id, gone.session_id, missing])
        assert sizes[small.session_id] < 1000 < sizes[large.session_id]
        assert sizes[gone.session_id] == sizes[missing] == 0

    on_store(test)


def test_what_turns_are_to_stop_is_known_until_it_is_withdrawn(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        assert await store.stops() == {}
        await store.ask_to_stop("a", "1")
        await store.ask_to_stop("b", "2")
        await store.ask_to_stop("a", "3")
        assert await store.stops() == {"a": "3", "b": "2"}
        await store.withdraw_stop("a", "1")
        await store.withdraw_stop("c", "4")
        assert await store.stops() == {"a": "3", "b": "2"}
        await store.withdraw_stop("a", "3")
        await store.withdraw_stop("b", "2")
        assert await store.stops() == {}

    on_store(test)


def test_leases_are_renewed_and_dropped(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        expires = 4_000_000_000_000
        assert await store.lease_expiry(OWNER.process_id) is None
        await store.renew_lease(OWNER, expires)
        await store.renew_lease(evolve(OWNER, process_id="another"), expires + 5)
        await store.renew_lease(OWNER, expires + 1)
        assert await store.lease_expiry(OWNER.process_id) == expires + 1
        await store.drop_lease(OWNER.process_id)
        await store.drop_lease(OWNER.process_id)
        assert await store.lease_expiry(OWNER.process_id) is None
        assert await store.lease_expiry("another") == expires + 5

    on_store(test)


JSON_VALUES: list[Any] = [None, 0, -1.5, 2**70, "", "\ud800", "x" * 5000, [], {}, {"a": [{"b": None}]}]


@pytest.mark.parametrize("value", JSON_VALUES, ids=[str(index) for index in range(len(JSON_VALUES))])
def test_whatever_an_agent_says_is_kept(on_store: StoreTest, value: Any) -> None:
    async def test(store: Store) -> None:
        text = value if isinstance(value, str) else "text"
        said = message(text, role="assistant", tool_calls=(ToolCall("1", "tool", value),))
        turn = evolve(turn_record("t"), structured_output=value)
        head = next_head(await create(store), message_count=1, config=AgentConfig(output_schema=value))
        await store.commit(SessionChange(head, [said], turn=turn))
        assert await store.head(head.session_id) == head
        assert await store.messages(head.session_id, 0, 1) == [said]
        assert await store.turn(head.session_id, "t") == turn

    on_store(test)


def test_closing_twice_is_harmless(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        await store.close()
        await store.close()

    on_store(test)
