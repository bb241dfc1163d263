"""Which provider a name means, and where its key comes from."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from collections.abc import Callable

import pytest

from meerkat_rpc.agent_settings import AgentSettings, ProviderSettings
from meerkat_rpc.agents.llm import keys
from meerkat_rpc.agents.llm.keys import key_for
from meerkat_rpc.agents.llm.providers import ModelName, Provider, parse, provider_of
from meerkat_rpc.agents.registry import AgentRegistry
from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.errors import ProviderError
from tests.agents.turns import RecordedTurn

VARIABLES = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENROUTER_API_KEY"]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*VARIABLES, "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "OLLAMA_BASE_URL"]:
        monkeypatch.delenv(name, raising=False)


def use_keyring(monkeypatch: pytest.MonkeyPatch, get_password: Callable[[str, str], str | None]) -> None:
    """Put a keyring in place of the machine's, which tests must not read."""
    keyring = types.ModuleType("keyring")
    keyring.get_password = get_password  # type: ignore[attr-defined]
    keyring.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "keyring", keyring)


@pytest.mark.parametrize(
    ("name", "given", "means"),
    [
        ("anthropic:claude-sonnet-5-5", None, ("anthropic", "claude-sonnet-5-5")),
        ("claude-sonnet-5-5", None, ("anthropic", "claude-sonnet-5-5")),
        ("gpt-6-luna", None, ("openai", "gpt-6-luna")),
        ("o3", None, ("openai", "o3")),
        ("o4-mini", None, ("openai", "o4-mini")),
        ("chatgpt-4o-latest", None, ("openai", "chatgpt-4o-latest")),
        ("gemini-3.8-flash", None, ("google", "gemini-3.8-flash")),
        ("ollama:qwen3:4b", None, ("ollama", "qwen3:4b")),
        ("mine:some/model:free", None, ("mine", "some/model:free")),
        ("gpt-6-luna", "openai-responses", ("openai-responses", "gpt-6-luna")),
        ("claude-sonnet-5-5", "openrouter", ("openrouter", "claude-sonnet-5-5")),
        ("qwen3:4b", "ollama", ("ollama", "qwen3:4b")),
        ("gpt-6-luna", "anthropic", ("openai", "gpt-6-luna")),
        ("anthropic:claude-x", "ollama", ("anthropic", "claude-x")),
    ],
)
def test_a_name_means_a_provider_and_its_model(name: str, given: str | None, means: tuple[str, str]) -> None:
    assert parse(name, given) == ModelName(*means)


@pytest.mark.parametrize("name", ["", "llama", "o3x", ":", "mine:", ":model", "geminis"])
def test_other_names_are_none_of_ours(name: str) -> None:
    assert parse(name) is None


def test_a_provider_that_nobody_configured_is_told_with_those_there_are() -> None:
    with pytest.raises(ProviderError, match=r"no provider 'mine'; there are: anthropic, .*\[providers\.mine\]"):
        provider_of("mine", AgentSettings())


def test_a_protocol_that_nobody_speaks_is_refused_by_its_path() -> None:
    settings = AgentSettings(providers={"mine": ProviderSettings("mine", "telepathy")})
    with pytest.raises(ProviderError, match=r"^providers\.mine\.kind: expected one of openai, "):
        provider_of("mine", settings)


def test_a_key_of_the_vendor_s_is_not_sent_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-vendor")
    elsewhere = ProviderSettings("mine", "openai", base_url="http://localhost:9999/v1")
    assert provider_of("mine", AgentSettings(providers={"mine": elsewhere})).key_names == ("MINE_API_KEY",)
    moved = ProviderSettings("openai", "openai", base_url="http://localhost:9999/v1", api_key_env="OTHER")
    assert provider_of("openai", AgentSettings(providers={"openai": moved})).key_names == ("OTHER",)


def test_local_servers_need_no_key() -> None:
    for name in ("ollama", "lmstudio", "vllm"):
        assert not provider_of(name, AgentSettings()).key_required


def test_addresses_come_from_the_variables_that_the_vendors_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:4000/v1")
    assert provider_of("openai", AgentSettings()).base_url == "http://localhost:4000/v1"


def anthropic() -> Provider:
    return provider_of("anthropic", AgentSettings())


def test_the_environment_s_key_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", " sk-environment\n")
    use_keyring(monkeypatch, lambda _service, _user: "sk-keyring")
    assert asyncio.run(key_for(anthropic())) == "sk-environment"


def test_the_keyring_s_key_is_found_under_the_provider_s_name(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keyring(monkeypatch, lambda service, user: f"sk-{service}-{user}")
    assert asyncio.run(key_for(anthropic())) == "sk-meerkat-rpc-anthropic"


def test_a_missing_key_is_told_with_both_ways_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keyring(monkeypatch, lambda _service, _user: None)
    with pytest.raises(ProviderError) as refused:
        asyncio.run(key_for(anthropic()))
    assert "set ANTHROPIC_API_KEY" in refused.value.message
    assert "keyring set meerkat-rpc anthropic" in refused.value.message


def test_a_keyring_that_fails_or_hangs_is_one_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def locked(_service: str, _user: str) -> str | None:
        raise RuntimeError("the keyring is locked")

    def hanging(_service: str, _user: str) -> str | None:
        released.wait(30)
        return "too late"

    monkeypatch.setattr(keys, "KEYRING_TIMEOUT_S", 0.1)
    for get_password in (locked, hanging):
        use_keyring(monkeypatch, get_password)
        with pytest.raises(ProviderError, match="no key for anthropic"):
            asyncio.run(key_for(anthropic()))
    released.set()


def test_the_catalogue_lists_what_there_is_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-here")
    mine = ProviderSettings("mine", "openai", "http://localhost:9999/v1", models=("small", "large"))
    registry = AgentRegistry(settings_for=lambda _cwd: AgentSettings(providers={"mine": mine}))
    listed = {info.id: info for info in registry.models()}
    assert listed["mine:small"].missing is None
    assert listed["openai:gpt-6.1-sol"].missing is None
    missing = listed["anthropic:claude-sonnet-5-5"].missing
    assert missing is not None
    assert "ANTHROPIC_API_KEY" in missing
    assert listed["anthropic:claude-sonnet-5-5"].context_window == 1_000_000
    assert "sk-here" not in repr(listed)


def test_the_curated_models_are_those_that_the_library_knows() -> None:
    from pydantic_ai.models import infer_model_profile, known_model_names

    from meerkat_rpc.agents.llm.catalogue import CURATED

    known = set(known_model_names())
    for name, models in CURATED.items():
        library = name.removesuffix("-responses")
        for model in models:
            assert f"{library}:{model.id}" in known
            assert infer_model_profile(f"{library}:{model.id}").get("context_window") == model.context_window


def test_a_session_s_provider_is_filled_in_and_goes_with_its_model() -> None:
    registry = AgentRegistry("echo")
    assert registry.complete(AgentConfig(model="claude-opus-5-5")).provider == "anthropic"
    session = registry.complete(AgentConfig(model="ollama:qwen3:4b"))
    assert session.provider == "ollama"
    assert session.overlaid(AgentConfig(model="gpt-6-luna")).provider is None
    assert session.overlaid(AgentConfig(max_tokens=5)).provider == "ollama"


def test_settings_are_those_of_the_session_s_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def settings(cwd: str | None) -> AgentSettings:
        unknown = ProviderSettings("mine", "telepathy")
        return AgentSettings(providers={"mine": unknown} if cwd == "/project" else {})

    registry = AgentRegistry(settings_for=settings)
    config = AgentConfig(model="mine:model")
    for cwd, said in (("/project", "expected one of"), ("/elsewhere", "no provider 'mine'")):
        with pytest.raises(ProviderError, match=said):
            asyncio.run(registry.build(config).run(RecordedTurn("hi", config, cwd=cwd)))


def test_a_model_that_nobody_has_is_told_with_those_there_are() -> None:
    with pytest.raises(ProviderError, match=r"there is no model 'llama'; installed agents: .*provider:model"):
        AgentRegistry().build(AgentConfig(model="llama"))
