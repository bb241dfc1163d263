"""Scripts that can't be played: refused as a whole, with the path of what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from meerkat_rpc.agents.scripted import ScriptedBuilder
from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.errors import InvalidArgument


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ({"tool": {"ms": "soon"}}, "tool.ms"),
        ({"tool": {"ms": -1}}, "tool.ms"),
        ({"usage": {"input_tokens": -5}}, "usage.input_tokens"),
        ({"usage": {"output_tokens": 1e300}}, "usage.output_tokens"),
        ({"usage": {"output_tokens": True}}, "usage.output_tokens"),
        ({"fail": "no", "code": ["PROVIDER_ERROR"]}, "code"),
        ({"text": "a", "repeat": -1}, "repeat"),
    ],
)
def test_a_step_with_an_argument_of_the_wrong_kind_is_refused_with_its_path(step: dict[str, Any], path: str) -> None:
    config = AgentConfig(model="scripted", provider_params={"script": [{"text": "good"}, step]})
    with pytest.raises(InvalidArgument) as refused:
        ScriptedBuilder().build(config)
    assert refused.value.message.startswith(f"params.provider_params.script[1].{path}: expected ")
