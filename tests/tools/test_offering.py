"""Which built-in tools are offered to whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from meerkat_rpc.agent_settings import AgentSettings, ProviderSettings
from meerkat_rpc.tools.base import ToolScope
from meerkat_rpc.tools.builtin.source import NAMES, BuiltinTools, expanded
from meerkat_rpc.tools.environment import without_secrets
from tests.tools.folders import Folder, Run


async def _names(settings: AgentSettings, cwd: str | None) -> list[str]:
    tools = await BuiltinTools(lambda _cwd: settings).tools(ToolScope("s", "t", cwd))
    return [tool.definition.name for tool in tools]


def test_nothing_is_offered_unless_asked_for(tmp_path: Path, run: Run) -> None:
    assert run(_names(AgentSettings(), str(tmp_path))) == []


@pytest.mark.parametrize("cwd", [None, "/nowhere/at/all", "relative"])
def test_nothing_is_offered_without_a_folder(cwd: str | None, run: Run) -> None:
    assert run(_names(AgentSettings(builtin_tools=("all",)), cwd)) == []


def test_what_is_named_is_offered(tmp_path: Path, run: Run) -> None:
    assert run(_names(AgentSettings(builtin_tools=("run", "search", "search")), str(tmp_path))) == [
        "search",
        "run_command",
    ]


def test_groups_stand_for_tools_and_unknown_names_for_none() -> None:
    assert expanded(["read"]) == ("read_file", "list_files", "search")
    assert expanded(["write"]) == ("write_file", "edit_file")
    assert expanded(["all"]) == NAMES
    assert expanded(["no such tool"]) == ()


def test_only_what_changes_something_asks(folder: Folder, run: Run) -> None:
    async def asking() -> set[str]:
        tools = await folder.source.tools(folder.scope)
        return {tool.definition.name for tool in tools if tool.definition.requires_approval}

    assert run(asking()) == {"write_file", "edit_file", "run_command"}


def test_settings_that_cannot_be_read_offer_nothing(tmp_path: Path, run: Run) -> None:
    def broken(_cwd: str | None) -> AgentSettings:
        raise RuntimeError("no settings")

    async def offered() -> int:
        return len(await BuiltinTools(broken).tools(ToolScope("s", "t", str(tmp_path))))

    assert run(offered()) == 0


def test_unknown_and_wrong_arguments_are_named(folder: Folder, run: Run) -> None:
    assert "no such argument" in run(folder.error("read_file", file="x"))
    assert run(folder.error("read_file")) == "path: missing"
    assert run(folder.error("read_file", path=3)) == "path: expected a string"
    assert "limit: expected an integer" in run(folder.error("read_file", path="x", limit=True))
    assert "recursive: expected true or false" in run(folder.error("list_files", recursive="yes"))


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "github_token", "MY_SECRET", "DB_PASSWORD", "AWS_CREDENTIALS", "SESSION_COOKIE"]
)
def test_variables_that_look_secret_are_kept_back(name: str) -> None:
    assert without_secrets({name: "x", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_addresses_with_passwords_and_named_variables_are_kept_back() -> None:
    given = {"DATABASE_URL": "postgres://me:pw@db/x", "HOMEPAGE": "https://example.org/a:b@c", "MINE": "x"}
    assert without_secrets(given, also={"MINE"}) == {"HOMEPAGE": "https://example.org/a:b@c"}


def test_the_variables_that_providers_keys_are_in_are_kept_from_commands(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_ACCESS", "hush")
    providers = {"mine": ProviderSettings("mine", "openai", api_key_env="LLM_ACCESS")}
    folder = Folder(tmp_path, AgentSettings(builtin_tools=("run",), providers=providers))
    assert "hush" not in run(folder.result("run_command", command="env"))["output"]
