"""The chat with a language model whose provider is on loopback: what it asks, and what outlives the chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.chat.terminal import SUMMARY, Terminal
from tests.providers.provider import KEY, Provider
from tests.providers.script import Call, Text

pytestmark = pytest.mark.slow

READY = "y allow once"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def env(tmp_path: Path, provider: Provider) -> Mapping[str, str]:
    """Return an environment in which the provider is found, and turn every built-in tool on."""
    config = tmp_path / "config" / "meerkat-rpc"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[tools]\nbuiltin = ["all"]\n')
    quiet = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    return {"OPENAI_BASE_URL": provider.base_url("openai"), "OPENAI_API_KEY": KEY, **quiet}


def write(path: str) -> Call:
    return Call("write_file", {"path": path, "content": f"{path}\n"})


def test_questions_that_come_at_once_are_asked_one_after_the_other(
    tmp_path: Path, store: str, provider: Provider, env: Mapping[str, str]
) -> None:
    provider.say(Text("Both."), write("a.txt"), write("b.txt"))
    provider.say(Text("Written."))
    with Terminal(tmp_path, "--store", store, "--model", "openai:gpt-6-luna", env=env) as chat:
        chat.see_prompt()
        chat.enter("write both")
        chat.see(READY)
        assert chat.text.count("? create") == 1
        chat.type("n")
        chat.see(lambda text: text.count(READY) == 2)
        chat.type("y")
        chat.see("Written.")
        assert SUMMARY.search(chat.see_prompt())
        assert sorted(path.name for path in tmp_path.glob("*.txt")) in (["a.txt"], ["b.txt"])


def test_a_change_that_waits_is_allowed_in_a_later_chat_and_the_model_goes_on(
    tmp_path: Path, store: str, provider: Provider, env: Mapping[str, str]
) -> None:
    provider.say(Text("I shall write it."), write("a.txt"))
    provider.say(Text("Written."))
    with Terminal(tmp_path, "--store", store, "--model", "openai:gpt-6-luna", env=env) as chat:
        chat.see_prompt()
        chat.enter("write it")
        chat.see(READY)
        chat.type("\x04")
        assert chat.see_end() == 0
    with Terminal(tmp_path, "--store", store, "--resume", env=env) as chat:
        seen = chat.see(READY)
        assert "I shall write it.\n→ write_file" in seen
        assert "\n+a.txt\n" in seen
        chat.type("y")
        chat.see("Written.")
        assert SUMMARY.search(chat.see_prompt())
        assert (tmp_path / "a.txt").read_text() == "a.txt\n"
        provider.say(Text("And on."))
        chat.ask("go on")
