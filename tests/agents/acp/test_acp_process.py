"""The agent's process: how it is started, how it may fail, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from meerkat_rpc.agents.acp import peer
from meerkat_rpc.agents.acp.agent import AcpBuilder
from meerkat_rpc.agents.acp.conversation import HIGH_WATER, Conversation
from meerkat_rpc.agents.acp.lines import Lines, LineTooLong
from meerkat_rpc.agents.acp.pool import AgentPool
from meerkat_rpc.agents.acp.process import AT_ONCE
from meerkat_rpc.domain import Event
from meerkat_rpc.errors import CapacityExhausted, ProviderError
from tests.agents.acp.talking import AskedTurn, Talk, acting, until

pytestmark = pytest.mark.usefixtures("starts_unmeasured")


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_an_agent_that_dies_says_how_and_the_next_turn_has_another(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        first = await talk.facts("pid")
        with pytest.raises(ProviderError, match=r"exit code 3 while answering session/prompt:\n.*out of luck"):
            await talk.say({"say": "so far"}, {"complain": "out of luck"}, {"exit": 3})
        assert talk.past[-1].content == "so far"
        assert talk.past[-1].partial
        assert await talk.facts("pid") != first
        prompt = (await talk.facts("prompts"))[0]
        assert "Assistant: so far\n[interrupted]" in prompt

    talk_with(held)


def test_an_agent_that_is_killed_says_so(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        with pytest.raises(ProviderError, match="killed by signal 9"):
            await talk.say({"kill": None})

    talk_with(held)


def test_an_agent_that_dies_is_missed_even_if_its_output_is_held_open(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        with pytest.raises(ProviderError, match="exit code 5"):
            await talk.say({"holder": None}, {"say": "x"}, {"exit": 5})
        await until(lambda: not _children())

    talk_with(held)


def test_an_agent_that_closes_its_output_is_given_up(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        pid = await talk.facts("pid")
        with pytest.raises(ProviderError, match="closed its output"):
            await talk.say({"close_output": None})
        assert await talk.facts("pid") != pid
        assert not _lives(pid)

    talk_with(held)


def test_an_agent_that_ends_at_once_shows_what_it_complained_of(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        with pytest.raises(ProviderError, match="exit code 4 while answering initialize:\nno configuration found"):
            await talk.say("x")

    talk_with(held, "--exit", "4")


def test_an_agent_that_never_answers_is_given_up(talk_with: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "INITIALIZE_S", 1.0)

    async def held(talk: Talk) -> None:
        with pytest.raises(ProviderError, match="no answer to initialize within 1 s"):
            await talk.say("x")
        await until(lambda: not _children())

    talk_with(held, "--silent")


def test_an_agent_of_another_version_is_refused(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        with pytest.raises(ProviderError, match="speaks version 9"):
            await talk.say("x")

    talk_with(held, "--protocol", "9")


def test_an_agent_that_wants_a_login_says_how(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        with pytest.raises(
            ProviderError, match=r"to log in .*Log in \(Run `acting login`\); A key by setting ACTING_KEY"
        ):
            await talk.say("x")

    talk_with(held, "--login")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("acp:opencode-of-nowhere acp", "no program 'opencode-of-nowhere' on PATH: install it, or give the path"),
        ("acp:/nowhere/gemini --acp", "npm install -g @google/gemini-cli"),
        ("acp:", "name the agent's command"),
        ("acp", "name the agent's command"),
        ("acp:'unclosed", "the command can't be read"),
    ],
)
def test_a_command_that_is_not_there_is_named_with_the_way_out(project: Path, model: str, message: str) -> None:
    async def held() -> None:
        with pytest.raises(ProviderError, match=message):
            await Talk(AcpBuilder(), model, project).say("x")

    asyncio.run(held())


def test_a_program_that_is_none_cant_be_started(project: Path) -> None:
    program = project / "agent"
    program.write_bytes(b"\x7fELFnonsense")
    program.chmod(0o755)

    async def held() -> None:
        with pytest.raises(ProviderError, match="can't be started: Exec format error"):
            await Talk(AcpBuilder(), f"acp:{program}", project).say("x")

    asyncio.run(held())


def test_a_folder_that_is_gone_is_named(talk_with: Any, project: Path) -> None:
    async def held(talk: Talk) -> None:
        project.rmdir()
        with pytest.raises(ProviderError, match="the session's folder is gone"):
            await talk.say("x")

    talk_with(held)


def test_without_the_library_the_way_to_it_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acp", None)

    async def held() -> None:
        with pytest.raises(ProviderError, match=r"pip install 'meerkat-rpc\[acp\]'"):
            await Talk(AcpBuilder(), acting(), project).say("x")

    asyncio.run(held())


def test_an_agent_whose_message_is_too_long_is_given_up(talk_with: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lines.__init__, "__defaults__", (10_000,))

    async def held(talk: Talk) -> None:
        with pytest.raises(ProviderError, match="longer than is taken"):
            await talk.say({"say_large": 20_000})
        assert (await talk.say("again?")).text == "You said: again?"

    talk_with(held)


def test_a_line_without_end_is_given_up() -> None:
    lines = Lines(max_bytes=10)
    assert lines.feed(b"12345\n67") == [b"12345"]
    assert lines.feed(b"8\n\nab") == [b"678", b""]
    with pytest.raises(LineTooLong):
        lines.feed(b"0123456789")


def test_an_interrupted_agent_stops_and_is_kept(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        pid = await talk.facts("pid")
        turn = talk.turn({"say": "working"}, {"hang": None})
        async with talk.running(turn):
            await turn.first_text.wait()
        assert turn.text == "working"
        assert await talk.facts("pid") == pid
        assert len(await talk.facts("prompts")) == 4

    talk_with(held)


def test_an_agent_that_does_not_stop_is_killed_within_a_second(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        pid = await talk.facts("pid")
        turn = talk.turn({"say": "working"}, {"hang": None})
        async with talk.running(turn) as running:
            await turn.first_text.wait()
            running.cancel()
            began = time.monotonic()
            await asyncio.wait({running})
            assert time.monotonic() - began < 3  # 0.8 s and the killing, on a machine that does other things as well
        assert not _lives(pid)
        assert await talk.facts("pid") != pid

    talk_with(held, "--stubborn")


def test_an_agent_that_is_frozen_is_killed_with_what_it_started(talk_with: Any, tmp_path: Path) -> None:
    async def held(talk: Talk) -> None:
        turn = talk.turn({"child": str(tmp_path / "pid")}, {"say": "x"}, {"freeze": None})
        async with talk.running(turn):
            await turn.first_text.wait()
        assert not _lives(int((tmp_path / "pid").read_text()))

    talk_with(held)


def test_an_agent_that_hangs_while_it_starts_can_be_interrupted(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        async with talk.running(talk.turn("x")):
            await until(lambda: bool(_children()))
        await until(lambda: not _children())

    talk_with(held, "--silent")


def test_closing_leaves_no_process(talk_with: Any, tmp_path: Path) -> None:
    async def held(talk: Talk) -> int:
        await talk.say({"child": str(tmp_path / "pid")})
        pid: int = await talk.facts("pid")
        return pid

    pid = talk_with(held)
    assert not _lives(pid)
    assert not _lives(int((tmp_path / "pid").read_text()))
    assert not _children()


def test_when_we_are_killed_the_agent_goes_with_us(project: Path, tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
from meerkat_rpc.agents.acp.agent import AcpBuilder
from tests.agents.acp.talking import Talk

async def main():
    talk = Talk(AcpBuilder(), {acting()!r}, Path({str(project)!r}))
    await talk.say({{"child": {str(tmp_path / "child")!r}}})
    print(await talk.facts("pid"), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""

    async def held() -> None:
        pipe = asyncio.subprocess.PIPE
        ours = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=pipe)
        assert ours.stdout is not None
        agent = int(await ours.stdout.readline())
        child = int((tmp_path / "child").read_text())
        assert _lives(agent)
        ours.kill()
        await ours.wait()
        await until(lambda: not _lives(agent) and not _lives(child))

    asyncio.run(held())


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _pooled(pool: AgentPool, project: Path, held: Any) -> None:
    async def main() -> None:
        builder = AcpBuilder(pool)
        try:
            await held(lambda *options: Talk(builder, acting(*options), project))
        finally:
            await builder.close()

    asyncio.run(main())


def test_an_agent_that_is_not_used_is_ended(project: Path) -> None:
    pool = AgentPool(idle_s=0.05)

    async def held(talk: Any) -> None:
        session = talk()
        pid = await session.facts("pid")
        await until(lambda: not _lives(pid))
        assert pool.running == 0
        assert await session.facts("pid") != pid

    _pooled(pool, project, held)


def test_the_agent_that_was_not_used_for_longest_makes_room(project: Path) -> None:
    pool = AgentPool(max_agents=2)

    async def held(talk: Any) -> None:
        sessions = [talk(), talk(), talk()]
        pids = [await session.facts("pid") for session in sessions]
        await until(lambda: not _lives(pids[0]))
        assert pool.running == 2
        assert [await session.facts("pid") for session in sessions[1:]] == pids[1:]

    _pooled(pool, project, held)


def test_where_all_agents_are_at_work_another_is_refused(project: Path) -> None:
    pool = AgentPool(max_agents=1)

    async def held(talk: Any) -> None:
        busy, other = talk(), talk()
        turn = busy.turn({"say": "x"}, {"hang": None})
        async with busy.running(turn):
            await turn.first_text.wait()
            with pytest.raises(CapacityExhausted, match="1 ACP agents are at work"):
                await other.say("x")
        await other.say("x")

    _pooled(pool, project, held)


@pytest.mark.parametrize("how", ["--load", "--resume"])
def test_a_new_process_takes_up_the_session_of_the_old_one(project: Path, tmp_path: Path, how: str) -> None:
    pool = AgentPool(idle_s=0.05)
    kept = tmp_path / "kept"
    kept.mkdir()

    async def held(talk: Any) -> None:
        session = talk(how, "--sessions", str(kept))
        pid = await session.facts("pid")
        await until(lambda: not _lives(pid))
        turn = await session.say({"about": "prompts"})
        assert [orjson.loads(prompt)[0]["about"] for prompt in orjson.loads(turn.text)] == ["pid", "prompts"]
        assert turn.text.startswith("[")  # what the agent told of its past is not told again

    _pooled(pool, project, held)


def test_a_session_that_the_agent_has_lost_is_begun_anew_with_its_history(project: Path, tmp_path: Path) -> None:
    pool = AgentPool(idle_s=0.05)
    kept = tmp_path / "kept"
    kept.mkdir()

    async def held(talk: Any) -> None:
        session = talk("--load", "--sessions", str(kept))
        pid = await session.facts("pid")
        await until(lambda: not _lives(pid))
        for file in kept.iterdir():
            file.unlink()
        (prompt,) = await session.facts("prompts")
        assert f"Assistant: {pid}" in prompt

    _pooled(pool, project, held)


def test_agents_that_have_gone_leave_no_descriptor(project: Path) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def held(talk: Any) -> None:
        await talk().say("warm up")
        before = open_files()
        for _ in range(5):
            await talk().say("x")
        await until(lambda: open_files() <= before)

    _pooled(AgentPool(max_agents=1), project, held)


def test_an_agent_that_talks_faster_than_it_is_heard_is_held_back(talk_with: Any) -> None:
    heard = asyncio.Event()

    class Slow(AskedTurn):
        async def emit(self, event: Event) -> None:
            if len(self.events) > 10:
                await heard.wait()
            await AskedTurn.emit(self, event)

    async def held(talk: Talk) -> None:
        await talk.say("hello")
        (seat,) = talk.builder._pool._seats.values()
        assert seat.peer is not None
        turn = talk.turn({"repeat": {"times": 20_000, "text": "x" * 100}})
        slow = Slow(turn.prompt, turn.config, session_id=turn.session_id, cwd=turn.cwd, past=talk.past)
        async with talk.running(slow) as running:
            waiting: list[int] = []

            def full() -> bool:
                assert seat.peer is not None
                if isinstance(listener := seat.peer.listener, Conversation):
                    waiting.append(listener._said.qsize())
                return waiting.count(max(waiting, default=0)) > 50 and waiting[-1] >= HIGH_WATER

            await until(full)
            assert max(waiting) <= HIGH_WATER + 2 * AT_ONCE
            heard.set()
            await asyncio.wait({running})
        assert len(slow.text) == 2_000_000

    talk_with(held)


def test_known_agents_are_listed_with_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "gemini"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = {model.id: model.missing for model in AcpBuilder().models()}
    assert missing["acp:gemini --acp"] is None
    assert missing["acp:opencode acp"] == "npm install -g opencode-ai"


def test_building_an_agent_imports_nothing_heavy() -> None:
    program = (
        "import sys; from meerkat_rpc.agents.acp.agent import AcpBuilder; from meerkat_rpc.domain import AgentConfig;"
        "builder = AcpBuilder(); builder.models(); builder.build(AgentConfig(model='acp:x'));"
        "sys.exit(bool({'acp', 'pydantic', 'psutil'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
