"""The vendors' own services at their own addresses, as most people use them: nothing is configured but a key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.provider import MODELS, Provider
from tests.providers.script import Answer, Call, Fail, Reasoning, Text, Tokens, reply
from tests.providers.talking import Talk, environment, model_of
from tests.providers.test_turns import PLACE
from tests.providers.vendors import Vendors

BASE_URLS = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL")
HOST_OF = {
    "openai": "api.openai.com",
    "openai-responses": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "google": "generativelanguage.googleapis.com",
}


@pytest.fixture(scope="module")
def vendors(serving: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendors]:
    with Vendors(serving, tmp_path_factory.mktemp("vendors")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def talking(serving: Provider, vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("talk")
    env = {name: value for name, value in environment(folder, serving).items() if name not in BASE_URLS}
    with Talk(folder, serving, env=env | dict(vendors.environ)) as server:
        yield server


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("claude-sonnet-4-6", "anthropic"), ("gemini-2.5-flash", "google"), ("gpt-4o-mini", "openai")],
)
def test_a_bare_name_finds_its_vendor(
    talk: Talk, provider: Provider, vendors: Vendors, name: str, protocol: str
) -> None:
    provider.say(Text("hello"))
    assert talk.once(model=name).result["text"] == "hello"
    assert provider.requests[0].protocol.startswith(protocol)
    assert vendors.asked[-1] == HOST_OF[protocol]


def test_everything_arrives_over_the_vendors_own_address(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    session_id = talk.create(kind, provider_params={"thinking": "low"})
    for _ in range(2):
        provider.answer(
            reply(Reasoning("hm"), Text("Adding. "), Call("add", {"a": 1, "b": 2}), tokens=Tokens(100, 9, 60)),
            reply(Text("3", chunks=2)),
        )
        turn = talk.turn(session_id)
        assert "".join(turn.deltas("reasoning_delta")) == "hm"
        assert turn.of("tool_execution_completed")[0]["result"] == 3
        assert turn.result["turn_usage"]["cache_read_tokens"] == 60


def test_a_schema_is_enforced_by_the_vendor(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Answer({"city": "Bern", "inhabitants": 134_000}))
    model = model_of(kind, "gemini-3-pro-preview" if kind == "google" else None)  # earlier ones do without tools then
    result = talk.once(model=model, output_schema=PLACE).result
    assert result["structured_output"] == {"city": "Bern", "inhabitants": 134_000}
    body = provider.bodies[0]
    native = {
        "openai": lambda: body["response_format"]["json_schema"]["schema"],
        "openai-responses": lambda: body["text"]["format"]["schema"],
        "anthropic": lambda: body["output_config"]["format"]["schema"],
        "google": lambda: body["generationConfig"]["responseJsonSchema"],
    }
    assert native[kind]()["required"] == ["city", "inhabitants"]


def test_a_schema_that_the_vendor_cannot_enforce_still_gets_an_answer(
    talk: Talk, provider: Provider, kind: str
) -> None:
    loose = {"type": "object", "properties": {"tags": {"type": "array", "items": {}}, "n": {"type": "integer"}}}
    provider.say(Answer({"tags": ["a", 1]}))
    assert talk.once(kind, output_schema=loose).result["structured_output"] == {"tags": ["a", 1]}


def test_a_schema_and_tools_go_together(talk: Talk, provider: Provider, kind: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(Call("add", {"a": 1, "b": 2}))
    provider.say(Answer({"city": "Bern", "inhabitants": 3}))
    assert talk.once(kind, output_schema=PLACE).result["structured_output"]["inhabitants"] == 3


def test_sampling_parameters_are_given_to_who_takes_them(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("ok"))
    params = {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"]}
    assert talk.once(kind, provider_params=params).result["text"] == "ok"
    assert ("temperature" in str(provider.bodies[0])) == (kind != "openai-responses")


@pytest.mark.parametrize("name", ["gpt-5-mini", "gpt-5.2", "o3", "o4-mini"])
def test_models_that_only_reason_are_given_no_sampling(talk: Talk, provider: Provider, name: str) -> None:
    provider.say(Text("ok"))
    for protocol in ("openai", "openai-responses"):
        provider.say(Text("ok"))
        model = model_of(protocol, name)
        assert talk.once(model=model, provider_params={"thinking": "high"}, max_tokens=500).result["text"] == "ok"


@pytest.mark.parametrize("name", ["claude-opus-5", "claude-haiku-4-5", "claude-sonnet-5", "claude-opus-4-7"])
def test_every_claude_thinks_in_its_own_way(talk: Talk, provider: Provider, name: str) -> None:
    talk.lend("add", lambda a, b: a + b)
    provider.say(Reasoning("hm"), Call("add", {"a": 1, "b": 2}))
    provider.say(Text("3"))
    assert talk.once(model=f"anthropic:{name}", provider_params={"thinking": "high"}).result["text"] == "3"


def test_a_vendor_that_is_overloaded_is_asked_again(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Fail(529 if kind == "anthropic" else 503, "overloaded"))
    provider.say(Text("hello"))
    turn = talk.once(kind)
    assert turn.result["text"] == "hello"
    assert len(turn.of("retrying")) == 1


def test_nobody_else_was_asked(talk: Talk, vendors: Vendors) -> None:
    assert set(vendors.asked) <= set(HOST_OF.values())
    assert set(MODELS) == set(HOST_OF)
