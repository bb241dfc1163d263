"""What a session asks of a model reaches the provider; what makes no sense is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from meerkat_rpc.errors import ProviderError
from tests.agents.llm.configured import Configured
from tests.providers.provider import Provider
from tests.providers.script import Text

GIVEN = {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"]}


def asked(agents: Configured, provider: Provider, **given: Any) -> dict[str, Any]:
    """Return the body of the request that a session with such a configuration makes."""
    provider.say(Text("Five."))
    agents.complete(agents.turn(config=agents.config(**given)))
    assert provider.refusals == []
    return dict(provider.bodies[-1])


def test_the_system_prompt_and_the_limit_are_sent(agents: Configured, provider: Provider) -> None:
    body = asked(agents, provider, system_prompt="Be kind.", max_tokens=77)
    assert "Be kind." in str(body)
    assert "77" in str(body)


def test_sampling_parameters_are_sent(chat: Configured, provider: Provider) -> None:
    body = asked(chat, provider, provider_params={**GIVEN, "seed": 7, "presence_penalty": 1, "script": []})
    assert {name: body[name] for name in ("temperature", "top_p", "seed", "stop", "presence_penalty")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END"],
        "presence_penalty": 1,
    }


def test_headers_of_the_configuration_and_of_the_session_are_sent(agents: Configured, provider: Provider) -> None:
    agents.changes = {"headers": {"x-team": "meerkats", "x-both": "configured"}}
    asked(agents, provider, provider_params={"extra_headers": {"x-both": "session"}})
    headers = provider.requests[-1].headers
    assert (headers["x-team"], headers["x-both"]) == ("meerkats", "session")


def test_whatever_else_a_server_understands_can_be_put_into_the_body(chat: Configured, provider: Provider) -> None:
    assert asked(chat, provider, provider_params={"extra_body": {"user": "kiki"}})["user"] == "kiki"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("temperature", "hot", 'expected a number ≥ 0, got "hot"'),
        ("temperature", True, "got true"),
        ("top_p", 1.5, "expected a number from 0 to 1, got 1.5"),
        ("top_k", 2.5, "expected an integer ≥ 0, got 2.5"),
        ("seed", [1], "got [1]"),
        ("stop_sequences", "END", "expected a list of strings"),
        ("parallel_tool_calls", "yes", "expected true or false"),
        ("timeout", 0, "expected a number of seconds > 0, got 0"),
        ("reasoning_effort", "brutal", "one of minimal, low"),
        ("extra_body", [], "expected an object"),
        ("extra_headers", {"x": 1}, "expected an object of strings"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name_before_anybody_is_asked(
    chat: Configured, provider: Provider, name: str, value: object, shown: str
) -> None:
    with pytest.raises(ProviderError, match=f"^provider_params.{name}: ") as refused:
        chat.registry.build(chat.config(provider_params={name: value}))
    assert shown in refused.value.message
    assert provider.requests == []
