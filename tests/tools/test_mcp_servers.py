"""MCP servers that come, go, fail and hang; and what is left of them."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import psutil
import pytest

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.base import ToolCallContext
from tests.tools.folders import Run, until
from tests.tools.mcp_desk import ROOT, SCOPE, STDIO, Desk, children, lives, script

pytestmark = pytest.mark.usefixtures("starts_unmeasured")

DEAD = McpServer("dead", command="no-such-program-anywhere")
HANGS = script("hangs", "import time; time.sleep(600)")
DIES = script("dies", "import sys; sys.exit('no database here')")
TALKS = script("talks", "print('hello, I am no server', flush=True); import time; time.sleep(600)")


def test_a_dead_server_is_named_and_not_fatal(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(DEAD, DIES, STDIO) as desk:
            assert {name.partition("__")[0] for name in await desk.tools()} == {"test"}
            dead, dies = await desk.status("dead"), await desk.status("dies")
            assert (dead.state, dead.tools) == ("failed", ())
            assert dead.error == "No such file or directory: 'no-such-program-anywhere'"
            assert dies.stderr == "no database here"
            assert await desk.result("test__echo", text="x") == "x"

    run(scenario())


@pytest.mark.slow
def test_a_server_that_hangs_holds_nobody_up_for_long(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(HANGS, STDIO, wait_s=3) as desk:
            began = time.monotonic()
            assert "test__echo" in await desk.tools()
            assert time.monotonic() - began < 6
            began = time.monotonic()
            assert "test__echo" in await desk.tools()
            assert time.monotonic() - began < 0.5
            assert (await desk.status("hangs")).state == "connecting"
        assert children() == []

    run(scenario())


@pytest.mark.parametrize("server", [HANGS, TALKS])
def test_a_server_that_does_not_start_in_time_is_ended_and_named(run: Run, server: McpServer) -> None:
    async def scenario() -> None:
        async with Desk(server, start_s=0.5) as desk:
            status = await desk.until_state(server.name, "failed")
            assert status.error == "no answer within 0.5 s of its start"
            assert await desk.tools() == {}

    run(scenario())


def test_a_crash_in_a_call_is_an_error_for_the_model_and_the_server_comes_back(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            first = await desk.result("test__process")
            crashed = await desk.call("test__crash")
            assert crashed.is_error
            assert "the MCP server test failed" in crashed.result
            assert "the cat pulled the plug" in crashed.result
            await desk.until_offered("test__echo")
            assert await desk.result("test__process") != first

    run(scenario())


def test_other_calls_in_flight_at_a_crash_end_too(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            slow = asyncio.create_task(desk.call("test__slow", mark=str(tmp_path / "mark")))
            await until((tmp_path / "mark").exists)
            await desk.call("test__crash")
            assert (await slow).is_error

    run(scenario())


def test_a_server_that_is_killed_is_started_again(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            first = int(await desk.result("test__process"))
            psutil.Process(first).kill()
            while (answer := await desk.call("test__process")).is_error:  # until its end was noticed
                pass
            assert int(answer.result) != first

    run(scenario())


@pytest.mark.slow
def test_closing_leaves_no_process_not_even_those_that_left_their_group(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO, HANGS, wait_s=5) as desk:
            spawned = int(await desk.result("test__spawn"))
            assert lives(spawned)
        assert children() == []
        assert not lives(spawned)
        assert await desk.tools() == {}

    run(scenario())


def test_what_a_server_leaves_when_it_crashes_is_ended(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            spawned = int(await desk.result("test__spawn"))
            await desk.call("test__crash")
            await until(lambda: not lives(spawned))

    run(scenario())


def test_a_call_in_flight_ends_when_everything_is_closed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            slow = asyncio.create_task(desk.call("test__slow", mark=str(tmp_path / "mark")))
            await until((tmp_path / "mark").exists)
        assert (await slow).is_error

    run(scenario())


def test_a_server_sees_no_keys_but_those_it_was_given(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "hush")
    monkeypatch.setenv("HARMLESS", "shown")

    async def scenario() -> None:
        async with Desk(STDIO._replace(env={"ITS_TOKEN": "given"})) as desk:
            seen = await desk.result("test__environment")
            assert '"HARMLESS": "shown"' in seen
            assert '"ITS_TOKEN": "given"' in seen
            assert "OPENAI_API_KEY" not in seen

    run(scenario())


def test_stderr_is_not_ours(run: Run, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "meerkat_rpc")

    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            await desk.call("test__fail", text="a secret of the prompt's")

    run(scenario())
    assert capfd.readouterr() == ("", "")
    assert "a secret" not in caplog.text


def test_sessions_share_a_server(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            await asyncio.gather(desk.tools("/tmp"), desk.tools("/"), desk.tools())
            assert len(children()) == 1

    run(scenario())


def test_a_changed_configuration_is_applied(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            first = await desk.result("test__process")
            desk.servers["test"] = STDIO._replace(requires_approval=False, timeout_s=7.0)
            definition = (await desk.tools())["test__echo"].definition
            assert (definition.requires_approval, definition.timeout_s) == (False, 7.0)
            assert await desk.result("test__process") == first  # how its tools are used is no reason to restart it
            desk.servers["test"] = STDIO._replace(env={"X": "y"})
            assert await desk.result("test__process") != first
            desk.servers["test"] = STDIO._replace(enabled=False)
            assert await desk.tools() == {}
            await until(lambda: children() == [])
            assert (await desk.status()).state == "disabled"
            desk.servers.clear()
            assert await desk.source.list() == []

    run(scenario())


def test_a_folders_own_servers_are_for_its_sessions_only(run: Run) -> None:
    async def scenario() -> None:
        async with Desk() as desk:
            desk.in_folder["/project"] = {"own": STDIO._replace(name="own")}
            assert "own__echo" in await desk.tools("/project")
            assert await desk.tools("/elsewhere") == {}
            status = await desk.status("own")
            assert (status.origin, status.state) == ("project", "ready")

    run(scenario())


def test_reload_starts_a_server_anew(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            first = await desk.result("test__process")
            await desk.source.reload("test")
            second = await desk.result("test__process")
            await desk.source.reload()
            assert len({first, second, await desk.result("test__process")}) == 3
            with pytest.raises(InvalidArgument, match="no MCP server 'other'; there are: test"):
                await desk.source.reload("other")

    run(scenario())


def test_servers_are_added_and_removed_for_the_process_life(run: Run) -> None:
    async def scenario() -> None:
        async with Desk() as desk:
            await desk.source.add(STDIO)
            assert await desk.result("test__echo", text="x") == "x"
            assert (await desk.status()).origin == "added"
            await desk.source.remove("test")
            assert (await desk.source.list(), children()) == ([], [])
            with pytest.raises(InvalidArgument, match="no MCP server"):
                await desk.source.remove("test")

    run(scenario())


def test_a_configured_server_can_be_removed_until_it_is_added(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            assert await desk.tools()
            await desk.source.remove("test")
            assert await desk.tools() == {}
            await desk.source.add(STDIO)
            assert await desk.tools()

    run(scenario())


def test_tools_of_servers_with_odd_names_have_names_that_every_provider_takes(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO._replace(name="mein Server ü" * 6)) as desk:
            names = list(await desk.tools())
            assert len(set(names)) == len(names) > 5
            assert all(len(name) <= 64 and name.isascii() and " " not in name for name in names)

    run(scenario())


def test_a_call_to_a_server_that_was_taken_away_is_an_error(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO) as desk:
            tool = (await desk.tools())["test__echo"]
            await desk.source.remove("test")
            gone = await tool.run(ToolCallContext(SCOPE, "c"), {"text": "x"})
            assert gone.is_error
            assert gone.result == "the MCP server test isn't running: it was stopped"

    run(scenario())


def test_no_descriptor_is_left_open(run: Run) -> None:
    async def scenario() -> None:
        async with Desk(STDIO, DEAD, DIES) as desk:
            await desk.tools()
        before = psutil.Process().num_fds()
        async with Desk(STDIO, DEAD, DIES) as desk:
            await desk.tools()
            await desk.call("test__crash")
            await desk.until_offered("test__echo")
        assert psutil.Process().num_fds() <= before

    run(scenario())


def test_the_event_loop_never_stalls_while_the_sdk_is_imported(run: Run) -> None:
    code = """
import asyncio, sys, time
from meerkat_rpc.agent_settings import AgentSettings, McpServer
from meerkat_rpc.tools.base import ToolScope
from meerkat_rpc.tools.mcp import McpTools
assert "mcp" not in sys.modules and "pydantic" not in sys.modules
server = McpServer("test", command=sys.executable, args=("-m", "tests.tools.mcp_server", "stdio"))
async def main():
    source = McpTools(lambda cwd: AgentSettings(mcp_servers={"test": server}), wait_s=30)
    task, longest, last = asyncio.create_task(source.tools(ToolScope("s", "t", None))), 0.0, time.monotonic()
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    assert len(await task) > 5
    await source.close()
    print(longest)
asyncio.run(main())
"""

    async def scenario() -> float:
        import sys

        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        return float(out)

    assert run(scenario()) < 0.5
