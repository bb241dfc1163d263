"""Conversations of several turns: each request's history is one that its provider takes."""

from __future__ import annotations

import base64
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.providers.asking import PIXEL
from tests.providers.provider import DIALECTS, Provider
from tests.providers.records import Asked
from tests.providers.script import Call, Drop, Hold, Reasoning, Reply, Stall, Text, reply
from tests.providers.talking import RETRY, Talk, environment, model_of

IMAGE = {"type": "image", "data": base64.b64encode(PIXEL).decode(), "media_type": "image/png", "name": "pixel.png"}


def adds(talk: Talk) -> None:
    """Lend the tool that adds."""
    talk.lend("add", lambda a, b: a + b)


def test_turns_with_tools_and_reasoning_are_remembered(talk: Talk, provider: Provider, kind: str) -> None:
    adds(talk)
    session_id = talk.create(kind, provider_params={"thinking": "low"}, system_prompt="Be kind.")
    for n in range(3):
        provider.say(Reasoning("hm"), Text("I'll add. "), Call("add", {"a": n, "b": 1}), Call("add", {"a": n, "b": 2}))
        provider.say(Text(f"answer {n}"))
        assert talk.turn(session_id, f"question {n}").result["text"].endswith(f"answer {n}")
    body = str(provider.bodies[-1])
    assert all(said in body for said in ("question 0", "answer 1", "question 2", "I'll add. "))


class Restarting:
    """Servers on one store, one after the other. The last one of a test is the first one of the next."""

    def __init__(self, folder: Path, serving: Provider) -> None:
        self._folder = folder
        self._serving = serving
        self.talk = Talk(folder, serving)

    def anew(self, *, kill: bool = True) -> Talk:
        """End the server in one way or the other, and start the next one."""
        if kill:
            self.talk.signal(signal.SIGKILL)
        else:
            self.talk.end_input()
        self.close()
        self.talk = Talk(self._folder, self._serving)
        return self.talk

    def close(self) -> None:
        """Wait for the server's end."""
        with self.talk:
            self.talk.wait()


@pytest.fixture(scope="module")
def servers(serving: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarting]:
    """The servers of the module's tests of restarts."""
    restarting = Restarting(tmp_path_factory.mktemp("restarting"), serving)
    yield restarting
    restarting.talk.end_input()
    restarting.close()


@pytest.fixture
def restarting(servers: Restarting, provider: Provider, starts_unmeasured: None) -> Iterator[Restarting]:
    """Servers whose requests the provider takes, each of them. The first one lends no tools yet."""
    servers.talk.tools.clear()
    servers.talk.call("tools/unregister")
    yield servers
    assert provider.refusals == []


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_conversation_goes_on_after_a_restart(
    restarting: Restarting, provider: Provider, kind: str, end: str
) -> None:
    talk = restarting.talk
    adds(talk)
    session_id = talk.create(kind, provider_params={"thinking": "low"})
    provider.say(Reasoning("hm"), Call("add", {"a": 1, "b": 2}))
    provider.say(Text("that is 3"))
    talk.turn(session_id, "one and two?")
    if end == "kill":
        provider.say(Text("half a"), Stall())
        talk.begin(session_id, "and a poem")
        talk.saw(session_id, "text_delta", delta="half a")
    talk = restarting.anew(kill=end == "kill")
    adds(talk)
    provider.say(Reasoning("hm"), Call("add", {"a": 3, "b": 2}))
    provider.say(Text("that is 5"))
    assert talk.turn(session_id, "and two?").result["text"] == "that is 5"
    body = str(provider.bodies[-1])
    assert "one and two?" in body
    assert "that is 3" in body
    assert ("half a" in body) == (end == "kill")


@pytest.mark.slow
def test_a_turn_that_was_killed_while_its_tools_ran_leaves_no_call_unanswered(
    restarting: Restarting, provider: Provider, kind: str
) -> None:
    talk = restarting.talk
    talk.lend("add", None)
    session_id = talk.create(kind)
    provider.say(Text("adding"), Call("add", {"a": 1, "b": 2}), Call("add", {"a": 1, "b": 3}))
    talk.begin(session_id)
    talk.next_call()
    talk = restarting.anew()
    provider.say(Text("back"))
    assert talk.turn(session_id).result["text"] == "back"


@pytest.mark.slow
def test_a_turn_that_waits_for_approval_goes_on_after_a_restart(
    restarting: Restarting, provider: Provider, kind: str
) -> None:
    talk = restarting.talk
    talk.lend("add", None, requires_approval=True)
    session_id = talk.create(kind, provider_params={"thinking": "low"})
    provider.say(Reasoning("hm"), Text("May I? "), Call("add", {"a": 1, "b": 2}))
    talk.begin(session_id)
    asked = talk.saw(session_id, "approval_requested")
    talk = restarting.anew()
    talk.lend("add", lambda a, b: a + b)
    provider.say(Text("3"))
    talk.call("session/stream_open", session_id=session_id)
    talk.call("approval/respond", approval_id=asked["approval_id"], choice="allow")
    talk.until(lambda params: params.get("event", {}).get("type") == "run_completed")
    assert talk.history(session_id)[-1]["content"] == "3"


@pytest.mark.parametrize("first", list(DIALECTS))
@pytest.mark.parametrize("second", list(DIALECTS))
def test_another_provider_takes_over_in_the_next_turn(talk: Talk, provider: Provider, first: str, second: str) -> None:
    adds(talk)
    session_id = talk.create(first, provider_params={"thinking": "low"})
    provider.say(Reasoning("hm"), Text("one "), Call("add", {"a": 1, "b": 2}), Call("add", {"a": 1, "b": 3}))
    provider.say(Reasoning("so"), Text("three"))
    talk.turn(session_id)
    provider.say(Reasoning("well"), Call("add", {"a": 2, "b": 2}))
    provider.say(Text("four"))
    assert talk.turn(session_id, model=model_of(second)).result["text"] == "four"
    assert [asked.protocol for asked in provider.requests] == [first, first, second, second]
    provider.say(Text("back"))
    assert talk.turn(session_id).result["text"] == "back"
    assert provider.requests[-1].protocol == first


def test_a_model_that_is_changed_for_the_session_stays_changed(talk: Talk, provider: Provider) -> None:
    session_id = talk.create("openai")
    provider.always(lambda asked: _said(asked.protocol))
    assert talk.turn(session_id).result["text"] == "openai"
    talk.call("session/update", session_id=session_id, model=model_of("anthropic"))
    assert talk.turn(session_id).result["text"] == "anthropic"
    assert talk.turn(session_id).result["text"] == "anthropic"


def test_a_history_of_failed_turns_is_taken(talk: Talk, provider: Provider, kind: str) -> None:
    adds(talk)
    session_id = talk.create(kind)
    provider.say(Text("half a "), Drop("close"))
    talk.turn(session_id, "first")
    provider.say(Call("add", raw='{"a": 1'), Drop("close"))
    provider.say(Call("add", {"a": 1, "b": 1}), Text(" "))
    provider.say(Text("\n"), Drop("close"))
    talk.turn(session_id, "second")
    provider.say(Hold())
    talk.begin(session_id, "third")
    talk.call("turn/interrupt", session_id=session_id)
    provider.forget()
    provider.say(Text("back"))
    assert talk.turn(session_id, "fourth").result["text"] == "back"
    assert all(said in str(provider.bodies[-1]) for said in ("first", "second", "third", "fourth"))


def test_a_turn_of_white_space_is_taken_by_the_next_request(talk: Talk, provider: Provider, kind: str) -> None:
    session_id = talk.create(kind)
    provider.always(_said(" \n "))
    talk.turn(session_id, " \t\n")
    provider.always(_said("back"))
    assert talk.turn(session_id).result["text"] == "back"


def test_an_image_is_shown_and_shown_again_in_the_next_turn(talk: Talk, provider: Provider, kind: str) -> None:
    session_id = talk.create(kind)
    provider.say(Text("a pixel"))
    provider.say(Text("still a pixel"))
    talk.turn(session_id, [{"type": "text", "text": "What is it?"}, IMAGE])
    talk.turn(session_id, "And now?")
    assert all(_shows_pixel(body) for body in provider.bodies)


@pytest.mark.slow
def test_an_image_survives_a_restart(restarting: Restarting, provider: Provider, kind: str) -> None:
    talk = restarting.talk
    session_id = talk.create(kind)
    provider.say(Text("a pixel"))
    talk.turn(session_id, [{"type": "text", "text": "What is it?"}, IMAGE])
    talk = restarting.anew()
    provider.say(Text("still a pixel"))
    assert talk.turn(session_id, "And now?").result["text"] == "still a pixel"
    assert _shows_pixel(provider.bodies[-1])


def test_a_text_file_is_read_by_the_model(talk: Talk, provider: Provider, kind: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Grüße aus der Datei", encoding="utf-8")
    session_id = talk.create(kind, cwd=str(tmp_path))
    provider.say(Text("read"))
    talk.turn(session_id, [{"type": "text", "text": "Read it."}, {"type": "file", "path": "notes.txt"}])
    assert "Grüße aus der Datei" in str(provider.bodies[0])


@pytest.mark.usefixtures("starts_unmeasured")
def test_a_long_history_is_summarised_and_still_taken(folder: Path, provider: Provider, kind: str) -> None:
    env = environment(folder, provider, RETRY + "[compaction]\nthreshold_tokens = 2000\nkeep_turns = 1\n")
    with Talk(folder, provider, env=env) as talk:
        adds(talk)
        session_id = talk.create(kind)
        provider.always(_answers_or_summarises)
        for n in range(6):
            talk.turn(session_id, f"question {n} " + "word " * 600)
        types = [event["type"] for event in talk.logged(session_id)]
    assert "compaction_completed" in types
    assert "compaction_failed" not in types
    assert "question 0" not in str(provider.bodies[-1])
    assert provider.refusals == []


def _shows_pixel(body: Any) -> bool:
    return any(encode(PIXEL).decode() in str(body) for encode in (base64.b64encode, base64.urlsafe_b64encode))


def _answers_or_summarises(asked: Asked) -> Reply:
    return _said("a short summary" if "ummar" in str(asked.body)[-3000:] else "an answer")


def _said(text: str) -> Reply:
    return reply(Text(text))
