"""Answers that fit a schema, in every protocol and on servers that can't enforce one."""

from __future__ import annotations

from typing import Any

import pytest

from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import ProviderError
from meerkat_rpc.tools.base import ToolOutcome
from tests.agents.llm.configured import Configured
from tests.providers.provider import Provider
from tests.providers.script import Call, Text, reply

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"age": {"type": "integer", "maximum": 99}, "names": {"type": "array", "items": {"type": "string"}}},
    "required": ["age"],
}


def test_an_answer_that_fits_is_returned_and_streamed(agents: Configured, provider: Provider) -> None:
    provider.say(Text('{"age": 7, "names": ["Kiki"]}', chunks=5))
    turn = agents.turn(config=agents.config(output_schema=SCHEMA))
    result = agents.complete(turn)
    assert (result.structured_output, result.schema_warnings) == ({"age": 7, "names": ["Kiki"]}, None)
    assert len(turn.deltas) == 5
    assert "age" in str(provider.bodies[0])


def test_an_answer_that_does_not_fit_is_asked_for_again_with_what_is_wrong(
    agents: Configured, provider: Provider
) -> None:
    provider.say(Text('{"age": 700}'))
    provider.say(Text('{"age": 7}'))
    turn = agents.turn(config=agents.config(output_schema=SCHEMA))
    result = agents.complete(turn)
    assert (result.structured_output, result.schema_warnings) == ({"age": 7}, None)
    assert "$.age" in str(provider.bodies[1])
    assert turn.kinds.count("turn_started") == turn.kinds.count("turn_completed") == 2
    assert provider.refusals == []


def test_an_answer_that_never_fits_is_kept_with_the_places_that_are_wrong(
    agents: Configured, provider: Provider
) -> None:
    provider.always(reply(Text('{"age": 7, "names": ["Kiki", 5]}')))
    turn = agents.turn(config=agents.config(output_schema=SCHEMA))
    result = agents.complete(turn)
    assert result.structured_output == {"age": 7, "names": ["Kiki", 5]}
    assert result.schema_warnings == ["$.names[1]: 5 is not of type 'string'"]
    assert len(provider.requests) == 3


def test_an_answer_that_is_no_json_is_no_failure(agents: Configured, provider: Provider) -> None:
    provider.always(reply(Text("About seven, I think.")))
    turn = agents.turn(config=agents.config(output_schema=SCHEMA))
    result = agents.complete(turn)
    assert result.structured_output is None
    assert result.schema_warnings is not None
    assert result.schema_warnings[0].startswith("the answer is not JSON")
    assert turn.text.startswith("About seven, I think.")


def test_an_answer_in_a_code_block_counts(chat: Configured, provider: Provider) -> None:
    provider.say(Text('```json\n{"age": 7}\n```'))
    result = chat.complete(chat.turn(config=chat.config(output_schema=SCHEMA)))
    assert result.structured_output == {"age": 7}


def test_an_answer_that_was_cut_off_is_warned_of(chat: Configured, provider: Provider) -> None:
    provider.always(reply(Text('{"age": 7, "na'), stop="max_tokens"))
    result = chat.complete(chat.turn(config=chat.config(output_schema=SCHEMA, max_tokens=16)))
    assert result.structured_output is None
    assert result.schema_warnings
    assert result.stop_reason == "max_tokens"


@pytest.mark.parametrize(
    ("schema", "answer", "value"),
    [
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"type": "string", "enum": ["yes", "no"]}, '"yes"', "yes"),
        ({"anyOf": [{"type": "object"}, {"type": "null"}]}, "null", None),
        (
            {
                "type": "object",
                "properties": {"child": {"$ref": "#/$defs/node"}},
                "$defs": {"node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}}},
            },
            '{"child": {"child": {}}}',
            {"child": {"child": {}}},
        ),
        ({"type": "object"}, '{"anything": [1]}', {"anything": [1]}),
    ],
)
def test_any_schema_may_be_asked_for(
    agents: Configured, provider: Provider, schema: JSON, answer: str, value: JSON
) -> None:
    provider.say(Text(answer))
    result = agents.complete(agents.turn(config=agents.config(output_schema=schema)))
    assert (result.structured_output, result.schema_warnings) == (value, None)
    assert provider.refusals == []


def test_tools_run_before_the_structured_answer(agents: Configured, provider: Provider) -> None:
    async def look(_args: JSON) -> ToolOutcome:
        return ToolOutcome("seven")

    provider.say(Call("look", {}))
    provider.say(Text('{"age": 7}'))
    turn = agents.turn(config=agents.config(output_schema=SCHEMA), functions={"look": look})
    assert agents.complete(turn).structured_output == {"age": 7}
    assert provider.refusals == []


def test_a_schema_that_makes_no_sense_is_refused_before_anybody_is_asked(chat: Configured, provider: Provider) -> None:
    with pytest.raises(ProviderError, match=r"^output_schema\.properties\.age\.type: 'nonsense'"):
        chat.complete(
            chat.turn(config=chat.config(output_schema={"type": "object", "properties": {"age": {"type": "nonsense"}}}))
        )
    assert provider.requests == []
