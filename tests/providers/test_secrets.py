"""A key goes to its provider and nowhere else, whatever the provider does with it. ``Talk`` looks at each message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.providers.provider import KEY, Provider
from tests.providers.script import Drop, Fail, Garbage, Reply, Text, Trouble
from tests.providers.talking import Talk, content, environment

pytestmark = pytest.mark.usefixtures("starts_unmeasured")

ECHOES = [
    Fail(401, f"the key {KEY} is no good"),
    Fail(400, f"Authorization: Bearer {KEY}"),
    Fail(500, body=f"<html>{KEY}</html>".encode()),
    Fail(429, f"{KEY} is too fast"),
]


def test_a_provider_that_repeats_the_key_is_not_repeated(talk: Talk, provider: Provider, kind: str) -> None:
    for echo in ECHOES:
        provider.always(Reply([echo]))
        assert talk.once(kind).error["data"]["code"] == "PROVIDER_ERROR"
    provider.always(Reply([Trouble(f"{KEY} is overloaded", 503)]))
    assert talk.once(kind).error["data"]["code"] == "PROVIDER_ERROR"
    provider.always(Reply([Garbage(f"data: {KEY}\n\n".encode()), Drop("close")]))
    assert talk.once(kind).error["data"]["code"] == "PROVIDER_ERROR"
    talk.call("models/catalog")
    talk.call("config/get")
    talk.call("capabilities/get")
    assert KEY not in content(talk.stderr)  # and neither in its files nor here once it has ended, says the fixture


def test_prompts_and_answers_are_in_no_log(talk: Talk, provider: Provider, kind: str) -> None:
    provider.say(Text("a confidential answer"))
    provider.say(Fail(400, "no"))
    provider.say(Text("half"), Drop("close"))
    session_id = talk.create(kind)
    for _ in range(3):
        talk.turn(session_id, "a confidential question")
    assert "confidential" not in content(talk.stderr)


def test_a_key_of_one_provider_does_not_go_to_another(folder: Path, provider: Provider, kind: str) -> None:
    env = environment(folder, provider, f'[providers.mine]\nkind = "{kind}"\nbase_url = "{provider.base_url(kind)}"\n')
    with Talk(folder, provider, env=env) as talk:
        talk.once(kind, model="mine:some-model")
    assert all(KEY not in str(dict(asked.headers)) for asked in provider.requests)


def test_a_configured_provider_gets_its_own_key_and_headers(folder: Path, provider: Provider, kind: str) -> None:
    config = (
        f'[providers.mine]\nkind = "{kind}"\nbase_url = "{provider.base_url(kind)}"\napi_key_env = "MY_OWN_KEY"\n'
        'headers = { "x-team" = "blue" }\nmodels = ["some-model"]\n'
    )
    env = environment(folder, provider, config) | {"MY_OWN_KEY": KEY}
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        del env[name]
    provider.say(Text("hello"))
    with Talk(folder, provider, env=env) as talk:
        assert talk.once(kind, model="mine:some-model").result["text"] == "hello"
        listed = {model["id"]: model for model in talk.call("models/catalog")["models"]}
    assert provider.requests[0].headers["x-team"] == "blue"
    assert listed["mine:some-model"].get("missing") is None
