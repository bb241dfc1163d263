"""Which command runs an agent, and what it is told: read out of a session's configuration."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from meerkat_rpc.agents.acp.known import install_hint
from meerkat_rpc.domain import AgentConfig
from meerkat_rpc.errors import CapabilityUnavailable, InvalidArgument, ProviderError, cut

PREFIX = "acp"

_PATH = "params.provider_params"


@frozen
class AcpCommand:
    """What is started. Two sessions' commands are the same process' worth of work only if all of it is equal."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """The command as messages name it; arguments given apart from the model's name may hold secrets."""
        return f"{PREFIX}:{cut(self.argv[0])}"

    def environment(self) -> dict[str, str]:
        """Return the process' variables: ours, for the agent is the user's own program, and what the session adds."""
        return {**os.environ, **dict(self.env)}

    def program(self) -> str:
        """Return the program's path.

        Raises:
            ProviderError: there is none; the message says how to install it where that is known.
        """
        name = os.path.expanduser(self.argv[0])
        found = shutil.which(name, path=self.environment().get("PATH"))
        if found is None:
            hint = install_hint(self.argv[0]) or "install it, or give the path of the program"
            raise ProviderError(f"{self.shown}: there is no program {cut(self.argv[0])!r} on PATH: {hint}")
        return os.path.abspath(found)


@frozen
class AcpSettings:
    """What a session wants of its agent.

    ``mode`` and ``model`` are the agent's own names; ``options`` are further ones of its session options, by id.
    """

    command: AcpCommand
    system_prompt: str | None = None
    mode: str | None = None
    model: str | None = None
    options: tuple[tuple[str, str | bool], ...] = ()


def settings_of(config: AgentConfig) -> AcpSettings:
    """Return what ``config`` says.

    Raises:
        ProviderError: the model's name has no command in it.
        InvalidArgument: a parameter is of the wrong type; names it.
        CapabilityUnavailable: an output schema was given, which ACP has no place for.
    """
    if config.output_schema is not None:
        raise CapabilityUnavailable("an ACP agent can't be given an output_schema; leave it out, or use another model")
    params = config.provider_params or {}
    return AcpSettings(
        AcpCommand((*_words(config.model or ""), *_arguments(params)), tuple(sorted(_variables(params).items()))),
        config.system_prompt,
        _text(params, "mode"),
        _text(params, "model"),
        tuple(sorted(_options(params).items())),
    )


def _words(model: str) -> list[str]:
    _, _, line = model.partition(":")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ProviderError(f"{cut(model)}: the command can't be read: {error}") from None
    if not words or "\0" in line:
        raise ProviderError(f"name the agent's command after {PREFIX}: such as {PREFIX}:opencode acp")
    return words


def _text(params: Mapping[str, Any], name: str) -> str | None:
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{_PATH}.{name}: expected a string")
    return value


def _arguments(params: Mapping[str, Any]) -> list[str]:
    values = params.get("args") or []
    if not isinstance(values, list) or not all(isinstance(value, str) and "\0" not in value for value in values):
        raise InvalidArgument(f"{_PATH}.args: expected a list of strings")
    return values


def _variables(params: Mapping[str, Any]) -> dict[str, str]:
    values = params.get("env") or {}
    if not isinstance(values, Mapping) or not all(_is_variable(name, value) for name, value in values.items()):
        raise InvalidArgument(f"{_PATH}.env: expected an object of strings, whose keys are variables' names")
    return dict(values)


def _is_variable(name: str, value: Any) -> bool:
    return bool(name) and "=" not in name and isinstance(value, str) and "\0" not in name + value


def _options(params: Mapping[str, Any]) -> dict[str, str | bool]:
    values = params.get("options") or {}
    if not isinstance(values, Mapping) or not all(isinstance(value, str | bool) for value in values.values()):
        raise InvalidArgument(f"{_PATH}.options: expected an object of strings and booleans")
    return dict(values)
