"""Tools of a real MCP server, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.tools.base import ToolCallContext
from tests.tools.folders import Run, until
from tests.tools.mcp_desk import ROOT, SCOPE, STDIO, Desk, at, free_port, http_server
from tests.tools.mcp_server import PIXEL

pytestmark = pytest.mark.usefixtures("starts_unmeasured")

TRANSPORTS = ["stdio", "http"]


@contextlib.asynccontextmanager
async def _desk(transport: str) -> AsyncIterator[Desk]:
    async with contextlib.AsyncExitStack() as stack:
        server = STDIO
        if transport == "http":
            await stack.enter_async_context(http_server(port := free_port()))
            server = at(port)
        yield await stack.enter_async_context(Desk(server))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_tools_are_listed_and_called(transport: str, run: Run) -> None:
    async def scenario() -> None:
        async with _desk(transport) as desk:
            definition = (await desk.tools())["test__echo"].definition
            assert (definition.description, definition.source) == ("Return the text.", "mcp:test")
            assert (definition.requires_approval, definition.timeout_s) == (True, 60.0)
            assert definition.input_schema["properties"]["text"]["type"] == "string"
            assert definition.input_schema["type"] == "object"
            assert await desk.result("test__echo", text="grüße 🦡\n\u2028") == "grüße 🦡\n\u2028"
            assert await desk.result("test__echo", text="") == ""
            assert await desk.result("test__weather", city="Köln") == {"city": "Köln", "degrees": 21.5}
            status = await desk.status()
            assert (status.state, status.transport, status.origin, status.error) == ("ready", transport, "config", None)
            assert "test__echo" in status.tools

    run(scenario())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_images_and_resources_are_json(transport: str, run: Run) -> None:
    async def scenario() -> None:
        async with _desk(transport) as desk:
            (image,) = await desk.result("test__picture")
            assert (image["type"], image["mimeType"], base64.b64decode(image["data"])) == ("image", "image/png", PIXEL)
            (note,) = await desk.result("test__note")
            assert note["resource"] == {"uri": "note://1", "mimeType": "text/plain", "text": "remember"}

    run(scenario())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_errors_are_for_the_model_and_the_server_goes_on(transport: str, run: Run) -> None:
    async def scenario() -> None:
        async with _desk(transport) as desk:
            failed = await desk.call("test__fail", text="broken")
            assert failed.is_error
            assert (await desk.call("test__echo")).is_error
            assert (await (await desk.tools())["test__echo"].run(ToolCallContext(SCOPE, "c"), ["no object"])).is_error
            assert await desk.result("test__echo", text="on") == "on"

    run(scenario())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_huge_result_comes_whole(transport: str, run: Run) -> None:
    async def scenario() -> None:
        async with _desk(transport) as desk:
            assert len(await desk.result("test__large", size=5_000_000)) == 5_000_000

    run(scenario())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_cancelling_a_call_cancels_it_at_the_server(transport: str, run: Run, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def says(text: str) -> bool:
        return mark.exists() and mark.read_text(encoding="utf-8") == text

    async def scenario() -> None:
        async with _desk(transport) as desk:
            task = asyncio.create_task(desk.call("test__slow", mark=str(mark)))
            await until(lambda: says("begun"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: says("cancelled"))
            assert await desk.result("test__echo", text="on") == "on"

    run(scenario())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_many_calls_run_at_once(transport: str, run: Run) -> None:
    async def scenario() -> None:
        async with _desk(transport) as desk:
            texts = [f"text {n}" for n in range(50)]
            assert await asyncio.gather(*(desk.result("test__echo", text=text) for text in texts)) == texts

    run(scenario())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_tool_that_is_new_is_offered_when_the_server_says_so(transport: str, run: Run) -> None:
    async def scenario() -> None:
        async with _desk(transport) as desk:
            assert "test__grown" not in await desk.tools()
            await desk.result("test__grow")
            await desk.until_offered("test__grown")
            assert await desk.result("test__grown") == "new"

    run(scenario())


def test_a_person_is_shown_server_tool_and_arguments(run: Run) -> None:
    async def scenario() -> None:
        async with _desk("stdio") as desk:
            tool = (await desk.tools())["test__echo"]
            shown = await tool.preview(ToolCallContext(SCOPE, "c"), {"text": "x"})
            assert (shown.summary, shown.rule) == ("test: echo", "test__echo")
            assert shown.details == {"server": "test", "tool": "echo", "args": {"text": "x"}}

    run(scenario())


def test_a_server_that_answers_over_http_again_is_used_again(run: Run) -> None:
    async def scenario() -> None:
        port = free_port()
        async with Desk(at(port)) as desk:
            assert (await desk.status()).state == "failed"
            async with http_server(port):
                await desk.until_offered("test__echo")
                assert await desk.result("test__echo", text="1") == "1"
                tool = (await desk.tools())["test__echo"]
            failed = await tool.run(ToolCallContext(SCOPE, "c"), {"text": "2"})
            assert failed.is_error
            assert "the MCP server test" in failed.result
            await desk.until_state("test", "failed")
            assert await desk.tools() == {}
            async with http_server(port):
                await desk.source.reload("test")
                assert await desk.result("test__echo", text="3") == "3"

    run(scenario())


@pytest.mark.parametrize("path", ["/nothing-here", "/mcp"])
def test_an_address_that_speaks_no_mcp_is_named(run: Run, path: str) -> None:
    async def scenario() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
            )
            await writer.drain()
            writer.close()

        other = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = other.sockets[0].getsockname()[1]
        async with other, Desk(at(port)._replace(url=f"http://127.0.0.1:{port}{path}")) as desk:
            status = await desk.status()
            assert status.state == "failed"
            assert status.error

    run(scenario())


def _old(*args: str) -> McpServer:
    return McpServer("old", command=sys.executable, args=("tests/tools/old_mcp_server.py", *args), cwd=ROOT)


def test_a_server_of_the_generation_before_is_served_as_well(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(_old()) as desk:
            (name,) = await desk.tools()
            assert name.startswith("old__a_b_")
            outcome = await desk.result(name, x="ü")
            assert outcome == [{"type": "text", "text": "one"}, {"type": "text", "text": '{"x": "\\u00fc"}'}]
            await desk.until_offered("old__more1")
            assert len(await desk.tools()) == 2  # on two pages

    run(scenario())


@pytest.mark.slow
def test_a_server_that_ignores_what_it_does_not_know_is_offered_late(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp.client.session.DISCOVER_TIMEOUT_SECONDS", 2.0)  # the SDK waits for 10

    async def scenario() -> None:
        async with Desk(_old("silent"), wait_s=1) as desk:
            assert await desk.tools() == {}
            assert (await desk.until_state("old", "ready")).error is None
            assert len(await desk.tools()) == 1

    run(scenario())
