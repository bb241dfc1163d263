"""The typed methods, one by one, against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import attrs
import pytest

from meerkat_rpc.client import Client, InvalidParams, RpcError, SessionNotFound, results
from meerkat_rpc.wire import types
from tests.client.support import FOREVER_MS, run, script


def test_sessions_are_listed_read_changed_and_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            ids = [
                (await client.start(f"prompt {number}", labels={"n": str(number)}))["session_id"] for number in range(3)
            ]
            page = await client.list(limit=2)
            assert len(page["sessions"]) == 2
            assert page["total"] == 3
            assert {row["session_id"] async for row in client.sessions()} == {*ids}
            assert [row["session_id"] async for row in client.sessions(labels={"n": "1"})] == [ids[1]]
            assert (await client.update(ids[0], title="Renamed"))["title"] == "Renamed"
            await client.archive(ids[0])
            assert [row["session_id"] async for row in client.sessions(archived=True)] == [ids[0]]
            await client.unarchive(ids[0])
            fork = await client.fork_at(ids[0], 1)
            assert (await client.history(fork))["message_count"] == 1
            assert (await client.export(ids[0])).startswith("# Renamed")
            await client.delete(ids[0])
            with pytest.raises(SessionNotFound):
                await client.read(ids[0])

    run(scenario())


def test_messages_are_iterated_over_page_by_page(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            session_id = await client.create()
            for number in range(3):
                await client.turn(session_id, str(number))
            page = await client.history(session_id, offset=1, limit=2)
            assert (page["offset"], page["has_more"]) == (1, True)
            assert [message["content"] async for message in client.messages(session_id)] == [*"001122"]

    run(scenario())


def test_the_log_is_read_by_cursor(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            session_id = (await client.start("x"))["session_id"]
            page = await client.list_since(session_id, limit=2)
            assert page["has_more"]
            rest = await client.list_since(session_id, page["latest_cursor"])
            assert rest["latest_cursor"] == await client.latest_cursor(session_id)
            assert [row["seq"] for row in [*page["events"], *rest["events"]]] == [1, 2, 3, 4, 5, 6]

    run(scenario())


def test_events_replay_and_then_follow_until_the_session_is_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            session_id = (await client.start("one"))["session_id"]
            seen: list[int] = []
            async for event in client.events(session_id, from_seq=1):
                seen.append(event.seq)
                if event.seq == 6:
                    await client.turn(session_id, "two")
                if event.seq == 12:
                    await client.delete(session_id)
        assert seen == list(range(1, 13))

    run(scenario())


def test_leaving_a_stream_early_closes_it_on_the_server(tmp_path: Path) -> None:
    stray: list[str] = []

    def note(method: str, params: Mapping[str, Any]) -> None:
        stray.append(method)

    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo", on_notification=note) as client:
            session_id = (await client.start("one"))["session_id"]
            async with aclosing(client.events(session_id, from_seq=1)) as events:
                assert (await anext(events)).type == "run_started"
            await client.list()
            stray.clear()
            await client.turn(session_id, "two")
        assert stray == []

    run(scenario())


def test_a_client_that_wants_to_know_is_told_when_its_list_of_sessions_is_out_of_date(tmp_path: Path) -> None:
    async def scenario() -> None:
        changed: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue()
        note = changed.put_nowait
        async with (
            Client.spawn(
                store=str(tmp_path), session_changes=True, on_notification=lambda *said: note(said)
            ) as watching,
            Client.spawn(store=str(tmp_path), model="echo", on_notification=lambda *said: note(said)) as other,
        ):
            await watching.list()
            session_id = (await other.start("one"))["session_id"]
            assert await changed.get() == ("sessions/changed", {"session_ids": [session_id]})

    run(scenario())


def test_following_an_unknown_session_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path)) as client:
            with pytest.raises(SessionNotFound):
                await anext(client.events("00000000-0000-7000-8000-000000000000", from_seq=1))

    run(scenario())


def test_the_server_tells_of_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="echo") as client:
            assert client.server["store"]["kind"] == "diskcache"
            assert (await client.models())["default_model"] == "echo"
            assert (await client.capabilities())["contract_version"] == client.server["contract_version"]
            assert (await client.health())["status"] == "ok"

    run(scenario())


def test_the_configuration_is_read_replaced_and_patched(tmp_path: Path) -> None:
    async def scenario() -> None:
        args = ["--user-config-root", str(tmp_path / "config")]
        async with Client.spawn(store=str(tmp_path / "store"), args=args) as client:
            assert (await client.config_get())["generation"] == 0
            first = await client.config_set({"model": "echo"})
            second = await client.config_patch({"max_sessions": 5}, expected_generation=first["generation"])
            assert second["config"] == {"model": "echo", "max_sessions": 5}
            with pytest.raises(InvalidParams):
                await client.config_patch({"model": None}, expected_generation=first["generation"])

    run(scenario())


def test_mcp_servers_are_added_listed_and_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        args = ["--user-config-root", str(tmp_path / "config")]
        async with Client.spawn(store=str(tmp_path / "store"), model="echo", args=args) as client:
            assert await client.mcp_servers() == []
            (added,) = await client.mcp_add("gone", command="/no/such/program", persist=False)
            assert (added["name"], added["origin"], added["transport"]) == ("gone", "added", "stdio")
            assert [server["name"] for server in await client.mcp_reload("gone")] == ["gone"]
            assert await client.mcp_remove("gone")
            assert not await client.mcp_remove("gone")

    run(scenario())


def test_shutdown_interrupts_running_turns(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            turn = client.start("x", provider_params=script({"text": "a"}, {"sleep_ms": FOREVER_MS}))
            async for event in turn:
                if event.type == "text_delta":
                    await client.shutdown()
            with pytest.raises(RpcError):
                await turn

    run(scenario())


def test_any_method_can_be_called_by_name_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path)) as client:
            assert (await client.request("session/list", {"limit": 1}))["total"] == 0
            await client.notify("initialized")
            with pytest.raises(RpcError, match="no/such") as caught:
                await client.request("no/such")
            assert caught.value.name == "METHOD_NOT_FOUND"

    run(scenario())


def test_cancelling_the_caller_cancels_the_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            session_id = await client.create()
            params = script({"text": "a"}, {"sleep_ms": FOREVER_MS})
            request = {"session_id": session_id, "prompt": "x", "provider_params": params}
            asking = asyncio.create_task(client.request("turn/start", request))
            async with aclosing(client.events(session_id, from_seq=1)) as events:
                async for event in events:
                    if event.type == "text_delta":
                        asking.cancel()
                    elif event.is_terminal:
                        break
            assert (event.type, event["reason"]) == ("run_failed", "cancelled")
            with pytest.raises(asyncio.CancelledError):
                await asking

    run(scenario())


def test_a_request_too_large_for_the_server_is_refused_and_hangs_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        args = ["--max-frame-bytes", "100000"]
        async with Client.spawn(store=str(tmp_path), model="scripted", args=args) as client:
            running = client.start("x", provider_params=script({"text": "a"}, {"sleep_ms": 300}))
            with pytest.raises(RpcError, match="100000"):
                await client.start("y" * 200_000)
            assert (await running)["text"] == "a"

    run(scenario())


def test_results_are_spelled_as_the_wires_types_are() -> None:
    pairs = [
        (kind, getattr(types, name))
        for name, kind in vars(results).items()
        if hasattr(types, name) and is_typeddict(kind)
    ]
    assert len(pairs) >= 30
    for ours, theirs in pairs:
        hints = get_type_hints(ours, include_extras=True)
        fields = {field.name: field for field in attrs.fields(theirs)}
        assert hints.keys() == fields.keys(), ours
        for name, hint in hints.items():
            left_out = fields[name].default is not attrs.NOTHING
            assert (get_origin(hint) is NotRequired) == left_out, f"{ours}.{name}"
            null = not left_out and _may_be_null(get_type_hints(theirs)[name])
            assert _may_be_null(hint) == null, f"{ours}.{name}"


def _may_be_null(hint: Any) -> bool:
    return get_origin(hint) in {UnionType, Union} and NoneType in get_args(hint)
