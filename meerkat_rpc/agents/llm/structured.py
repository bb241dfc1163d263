"""Answers that have to fit a JSON schema.

The provider enforces it where it can; elsewhere the model is told. Either way the answer is checked here, and the
model is given another try with what was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import orjson
from pydantic_ai import ModelRetry, NativeOutput, PromptedOutput, StructuredDict, TextOutput
from pydantic_ai.exceptions import UserError

from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import ProviderError

if TYPE_CHECKING:
    from meerkat_rpc.agents.llm.connecting import Connection

OUTPUT_RETRIES = 2
"""How often a model may try again: what it doesn't get right in three tries, it doesn't get right."""

SHOWN_PROBLEMS = 10
"""How many of the places that are wrong are told."""

_ANSWER_ONLY_JSON = (
    "Answer with JSON only, without an explanation and without a code block, that fits this JSON schema:\n{}"
)


class Structured:
    """What came of a structured answer so far.

    ``output``: the last one that was JSON. ``warnings``: None if it fits. ``instructions``: what the model is told of
    the schema, where pydantic-ai doesn't; known once ``output_type`` was asked for.
    """

    def __init__(self, schema: JSON) -> None:
        self._validator = _validator(schema)
        self.schema = schema
        self.output: JSON = None
        self.instructions: str | None = None
        self.warnings: list[str] | None = ["there was no answer"]

    def output_type(self, connection: Connection) -> Any:
        """Return how pydantic-ai is to ask for the answer."""
        wanted = _dict_type(self.schema)
        if wanted is None:
            self.instructions = _ANSWER_ONLY_JSON.format(orjson.dumps(self.schema).decode())
            return TextOutput(self.parsed)
        native = connection.provider.own and _is_enforced(self.schema, connection.model.profile)
        return NativeOutput(wanted) if native else PromptedOutput(wanted)

    def parsed(self, text: str) -> Any:
        """Return the JSON in ``text``.

        Raises:
            ModelRetry: there is none.
        """
        try:
            return orjson.loads(_unfenced(text))
        except orjson.JSONDecodeError as error:
            self.warnings = [f"the answer is not JSON: {error}"]
            raise ModelRetry(self.warnings[0]) from None

    def check(self, output: JSON) -> JSON:
        """Return ``output`` if it fits.

        Raises:
            ModelRetry: it doesn't.
        """
        self.output = output
        problems = [f"{_place(error.absolute_path)}: {error.message}" for error in self._validator.iter_errors(output)]
        self.warnings = problems[:SHOWN_PROBLEMS] or None
        if problems:
            raise ModelRetry("The answer doesn't fit the schema:\n" + "\n".join(problems[:SHOWN_PROBLEMS]))
        return output

    def unparsed(self, text: str) -> None:
        """Note that the last answer, ``text``, never came as far as ``check``."""
        try:
            self.check(orjson.loads(_unfenced(text)))
        except orjson.JSONDecodeError as error:
            self.output, self.warnings = None, [f"the answer is not JSON: {error}"]
        except ModelRetry:
            pass


def _dict_type(schema: JSON) -> Any:
    """Return ``schema`` as pydantic-ai has it; None for one that isn't an object's, or that refers to itself."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return None
    try:
        return StructuredDict(dict(schema))
    except UserError:
        return None


def _is_enforced(schema: Mapping[str, Any], profile: Mapping[str, Any]) -> bool:
    """Return whether the vendor holds a model of this ``profile`` to ``schema``, and lets it have tools besides."""
    if not profile.get("supports_json_schema_output", False):
        return False
    if not profile.get("google_supports_tool_combination", True):
        return False
    transformer = profile.get("json_schema_transformer")
    try:
        if transformer is not None:
            transformer(deepcopy(dict(schema)), strict=True).walk()
    except (UserError, ValueError):  # the vendor takes a subset of the standard
        return False
    return True


def _validator(schema: JSON) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ProviderError(f"output_schema{_place(error.absolute_path)[1:]}: {error.message}") from None
    return Draft202012Validator(schema)


def _place(path: Any) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _unfenced(text: str) -> str:
    """Return ``text`` without the code block that models like to put around JSON."""
    lines = text.strip().splitlines()
    fenced = len(lines) > 1 and lines[0].startswith("```") and lines[-1].startswith("```")
    return "\n".join(lines[1:-1]) if fenced else text
