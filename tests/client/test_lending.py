"""Tools that the parent process lends, and what else turns ask of it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.client import Call, Client, InvalidParams, LentTool, RpcError, blocks
from tests.client.support import FOREVER_MS, run, script

SCHEMA = {"type": "object"}


def calls(*names: str, **args: Any) -> dict[str, Any]:
    """Return a script that calls the tools one after the other."""
    return script(*({"tool": {"name": name, "args": args}} for name in names), {"text": "done"})


async def results_of(client: Client, session_id: str) -> list[str]:
    return [message["content"] async for message in client.messages(session_id) if message["role"] == "tool"]


def test_a_lent_function_is_called_with_its_arguments_and_its_answer_told_to_the_model(tmp_path: Path) -> None:
    async def read(args: Any, call: Call) -> Any:
        return {"file": args["file"], "in": call.session_id, "call": call.id}

    async def scenario() -> None:
        tools = [LentTool("read", "", SCHEMA, read)]
        async with Client.spawn(store=str(tmp_path), model="scripted", tools=tools) as client:
            assert [tool["name"] for tool in await client.tools()] == ["read"]
            result = await client.start("x", provider_params=calls("read", file="ä"))
            said = await results_of(client, result["session_id"])
            assert said == [f'{{"file":"ä","in":"{result["session_id"]}","call":"call_1"}}']

    run(scenario())


def test_plain_functions_failures_and_results_that_are_no_json_are_answered(tmp_path: Path) -> None:
    def plain(args: Any, call: Call) -> Any:
        return None

    async def fails(args: Any, call: Call) -> Any:
        raise LookupError("no such buffer")

    async def odd(args: Any, call: Call) -> Any:
        return object()

    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            await client.lend(*(LentTool(tool.__name__, "", SCHEMA, tool) for tool in (plain, fails, odd)))
            result = await client.start("x", provider_params=calls("plain", "fails", "odd"))
            said = await results_of(client, result["session_id"])
            assert said[:2] == ["null", "LookupError: no such buffer"]
            assert said[2].startswith("TypeError")
            await client.take_back("plain", "odd")
            assert [tool["name"] for tool in await client.tools()] == ["fails"]

    run(scenario())


def test_a_call_is_cancelled_at_its_deadline_and_when_its_turn_is_interrupted(tmp_path: Path) -> None:
    cancelled: list[str] = []
    began = asyncio.Event()

    async def waits(args: Any, call: Call) -> Any:
        began.set()
        try:
            await asyncio.sleep(FOREVER_MS)
        except asyncio.CancelledError:
            cancelled.append(call.name)
            raise

    async def scenario() -> None:
        tools = [LentTool("brief", "", SCHEMA, waits, timeout_s=0.1), LentTool("long", "", SCHEMA, waits)]
        async with Client.spawn(store=str(tmp_path), model="scripted", tools=tools) as client:
            result = await client.start("x", provider_params=calls("brief"))
            assert await results_of(client, result["session_id"]) == ["timed out after 100 ms"]
            began.clear()
            turn = client.start("x", provider_params=calls("long"))
            await began.wait()
            assert await turn.interrupt()
            with pytest.raises(RpcError):
                await turn
            assert cancelled == ["brief", "long"]

    run(scenario())


def test_a_server_that_is_started_anew_has_the_tools_too(tmp_path: Path) -> None:
    async def answer(args: Any, call: Call) -> Any:
        return 42

    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            await client.lend(LentTool("answer", "", SCHEMA, answer))
            assert client.pid is not None
            os.kill(client.pid, signal.SIGKILL)
            result = await client.start("x", provider_params=calls("answer"))
            assert await results_of(client, result["session_id"]) == ["42"]

    run(scenario())


def test_a_question_is_listed_and_answered_and_what_is_allowed_is_shown(tmp_path: Path) -> None:
    async def edit(args: Any, call: Call) -> Any:
        return "edited"

    async def scenario() -> None:
        tools = [LentTool("edit", "", SCHEMA, edit, requires_approval=True)]
        async with Client.spawn(store=str(tmp_path), model="scripted", tools=tools) as client:
            turn = client.start("x", provider_params=calls("edit", "edit"))
            async for event in turn:
                if event.type == "approval_requested":
                    (waiting,) = await client.approvals(turn.session_id)
                    assert (waiting["approval_id"], waiting["rule"]) == (event["approval_id"], "edit")
                    with pytest.raises(InvalidParams):
                        await client.respond(event["approval_id"], "perhaps")
                    assert await client.respond(event["approval_id"], "allow", remember="session") == "allow"
            assert await results_of(client, turn.session_id) == ["edited", "edited"]
            assert (await client.read(turn.session_id))["allowed"] == ["edit"]
            assert await client.approvals() == []

    run(scenario())


def test_a_running_turn_is_added_to_and_prompts_wait_behind_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            steps = {"text": "a"}, {"approval": {"summary": "?"}}, {"tool": {"name": "t", "result": 1}}, {"text": "b"}
            turn, after = client.start("x", provider_params=script(*steps)), ""
            session_id = turn.session_id
            async for event in turn:
                if event.type == "approval_requested":
                    added = await client.steer(session_id, "more", expected_turn_id=turn.turn_id)
                    assert added["accepted"]
                    gone = await client.enqueue(session_id, "never")
                    assert await client.dequeue(session_id, gone["turn_id"])
                    assert not await client.dequeue(session_id, gone["turn_id"])
                    assert (await client.inject_context(session_id, "known"))["status"] == "staged"
                    after = (await client.enqueue(session_id, "after", model="echo"))["turn_id"]
                    await client.respond(event["approval_id"], "allow")
            assert (await turn)["text"] == "a[more]b"
            async with aclosing(client.events(session_id, from_seq=1)) as events:
                async for event in events:
                    if event.turn_id == after and event.is_terminal:
                        break
            assert event["result"] == "after"
            kinds = [message.get("kind") async for message in client.messages(session_id)]
            assert kinds == [None, None, None, "steer", None, "context", None, None]

    run(scenario())


def test_prompts_bring_files_and_what_was_brought_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("näh", "utf-8")

    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path / "store"), model="echo") as client:
            prompt = [
                blocks.text("see"),
                blocks.attached(tmp_path / "notes.txt"),
                blocks.attached_bytes(b"\x89PNG\r\n\x1a\n", "dot.png"),
            ]
            turn = client.start(prompt)
            assert (await turn)["text"] == "see"
            (message, _) = (await client.history(turn.session_id))["messages"]
            notes, dot = message["attachments"]
            assert (notes["kind"], notes["name"], dot["kind"]) == ("file", "notes.txt", "image")
            assert await client.blob(notes["digest"]) == "näh".encode()
            again = await client.turn(turn.session_id, [blocks.attached_again(dot), blocks.text("again")])
            assert again["text"] == "again"

    run(scenario())


def test_a_session_is_compacted_and_set_to_another_model(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Client.spawn(store=str(tmp_path), model="scripted") as client:
            session_id = await client.create(provider_params=script({"text": "again and ", "repeat": 50}))
            for prompt in ("one", "two", "three"):
                await client.turn(session_id, prompt)
            done = await client.compact(session_id)
            assert (done["messages_before"], done["messages_after"]) == (6, 5)
            assert (await client.history(session_id))["compaction"]["first_kept"] == 2
            assert (await client.update(session_id, model="echo"))["model"] == "echo"
            assert (await client.turn(session_id, "hi"))["text"] == "hi"

    run(scenario())
