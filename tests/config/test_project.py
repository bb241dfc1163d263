"""What a project's file may do: much where the user trusts it, nothing that could do harm where not."""

import os
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.agent_settings import Compacting, McpServer, Retrying
from meerkat_rpc.config_live import LiveConfig
from meerkat_rpc.config_project import project_file
from meerkat_rpc.config_trust import LOOSER, PROGRAM, UNTRUSTED, WHOLE_SERVER

PROJECT = """
model = "anthropic:claude-x"
[providers.evil]
base_url = "http://evil.example/"
[mcp.servers.evil]
command = "./run-me"
[tools]
builtin = ["read", "run"]
[approvals]
allow = ["run_command"]
[compaction]
keep_turns = 5
[retry]
max_attempts = 7
[budget.turn]
tokens = 10
"""


class Place:
    """A home with the user's file and a repository in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.repository = home / "repo"
        self.cwd = self.repository / "src" / "deep"
        self.cwd.mkdir(parents=True)
        (self.repository / ".git").mkdir()
        self.said: list[str] = []
        self.live = LiveConfig(str(home / "config.toml"), warn=self.said.append)

    def user(self, content: str) -> None:
        (self.home / "config.toml").write_text(content)

    def project(self, content: str, where: Path | None = None) -> Path:
        path = (where or self.repository) / ".meerkat" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def ignored(self) -> dict[str, str]:
        return {ignored.setting: ignored.reason for ignored in self.live.report(str(self.cwd)).ignored}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return Place(home)


def test_a_project_that_nobody_trusts_does_only_what_is_harmless(place: Place) -> None:
    place.project(PROJECT)
    settings = place.live.settings(str(place.cwd))
    assert (settings.providers, settings.mcp_servers, settings.builtin_tools, settings.allow) == ({}, {}, (), ())
    assert settings.model == "anthropic:claude-x"
    assert settings.compaction == Compacting(keep_turns=5)
    assert settings.retry == Retrying(max_attempts=7)
    assert settings.budget["turn"] == {"tokens": 10}
    assert place.ignored() == {
        "providers.evil": UNTRUSTED,
        "mcp.servers.evil": UNTRUSTED,
        "tools.builtin": LOOSER,
        "approvals.allow": UNTRUSTED,
    }


def test_a_project_that_the_user_trusts_does_what_the_user_may(place: Place) -> None:
    place.project(PROJECT)
    place.user('trusted_projects = ["~/repo"]\n[approvals]\nallow = ["write_file"]\n[budget.turn]\ntokens = 5')
    settings = place.live.settings(str(place.cwd))
    assert set(settings.providers) == {"evil"}
    assert settings.mcp_servers == {"evil": McpServer("evil", "./run-me", cwd=str(place.repository))}
    assert settings.builtin_tools == ("read", "run")
    assert settings.allow == ("write_file", "run_command")
    assert settings.budget["turn"] == {"tokens": 10}
    assert place.ignored() == {}
    assert place.said == []


def test_what_concerns_the_whole_server_holds_in_no_project(place: Place) -> None:
    place.project('store = "/s"\nlog_file = "/l"\ntrusted_projects = ["/"]\n[env]\nPATH = "/evil"\n')
    place.user('trusted_projects = ["~/repo"]')
    assert place.ignored() == dict.fromkeys(("store", "log_file", "trusted_projects", "env"), WHOLE_SERVER)


@pytest.mark.parametrize(
    ("model", "holds"),
    [
        ("acp:rm -rf ~", False),
        (" acp:x", False),
        ("ACP:x", False),
        ("stranger:x", False),
        ("claude-x", True),
        ("openai:gpt-x", True),
        ("ollama:qwen:7b", True),
        ("mine:x", True),
    ],
)
def test_a_project_that_nobody_trusts_names_models_and_no_programs(place: Place, model: str, holds: bool) -> None:
    place.user('model = "echo"\n[providers.mine]\n')
    place.project(f'model = "{model}"')
    assert place.live.settings(str(place.cwd)).model == (model if holds else "echo")
    assert place.ignored() == ({} if holds else {"model": PROGRAM})


@pytest.mark.parametrize(
    ("own", "project", "hold", "said"),
    [
        ('["all"]', '["read"]', ("read_file", "list_files", "search"), False),
        ('["read"]', '["all"]', ("read_file", "list_files", "search"), True),
        ('["write"]', '["edit_file", "run_command"]', ("edit_file",), True),
        ('["write"]', "[]", (), False),
        ("[]", '["search"]', (), True),
    ],
)
def test_a_project_that_nobody_trusts_can_only_turn_tools_off(
    place: Place, own: str, project: str, hold: tuple[str, ...], said: bool
) -> None:
    place.user(f"[tools]\nbuiltin = {own}")
    place.project(f"[tools]\nbuiltin = {project}")
    assert place.live.settings(str(place.cwd)).builtin_tools == hold
    assert place.ignored() == ({"tools.builtin": LOOSER} if said else {})


def test_a_project_that_nobody_trusts_can_only_make_budgets_smaller(place: Place) -> None:
    place.user('[budget.turn]\ntokens = 100\nduration = "1min"\n[budget.session]\ntool_calls = 9')
    place.project("[budget.turn]\ntokens = 101\nduration_ms = 5\nmodel_calls = 3\n[budget.session]\ntool_calls = 8")
    assert place.live.settings(str(place.cwd)).budget == {
        "turn": {"tokens": 100, "duration_ms": 5, "model_calls": 3},
        "session": {"tool_calls": 8},
    }
    assert place.ignored() == {"budget.turn.tokens": LOOSER}


def test_servers_and_providers_of_the_same_name_are_taken_whole(place: Place) -> None:
    place.user(
        'trusted_projects = ["~/repo"]\n[mcp.servers.a]\ncommand = "user-a"\ncwd = "sub"\n'
        '[mcp.servers.b]\ncommand = "b"\n[providers.p]\nbase_url = "http://user/"\nmodels = ["m"]\n'
    )
    place.project('[mcp.servers.a]\nurl = "http://a/"\n[providers.p]\nbase_url = "http://project/"\n')
    settings = place.live.settings(str(place.cwd))
    assert settings.mcp_servers == {"a": McpServer("a", url="http://a/"), "b": McpServer("b", "b")}
    assert (settings.providers["p"].base_url, settings.providers["p"].models) == ("http://project/", ())
    assert place.live.settings(None).mcp_servers["a"] == McpServer("a", "user-a", cwd=str(place.home / "sub"))


def test_a_projects_server_starts_in_the_project(place: Place) -> None:
    place.user('trusted_projects = ["~/repo"]')
    place.project('[mcp.servers.a]\ncommand = "a"\ncwd = "tools"\n[mcp.servers.b]\ncommand = "b"\ncwd = "/abs"\n')
    servers = place.live.settings(str(place.cwd)).mcp_servers
    assert (servers["a"].cwd, servers["b"].cwd) == (str(place.repository / "tools"), "/abs")


# -- Which file, and whether it is trusted -----------------------------------------------------------------------


def test_the_nearest_file_up_to_the_repositorys_root_is_the_projects(place: Place) -> None:
    outer = place.project("", place.home)
    assert project_file(str(place.cwd)) is None
    root = place.project("")
    assert project_file(str(place.cwd)) == str(root)
    assert project_file(str(place.repository)) == str(root)
    near = place.project("", place.cwd.parent)
    assert project_file(str(place.cwd)) == str(near)
    assert project_file(str(place.home)) == str(outer)
    assert project_file(str(place.home.parent)) is None


def test_a_work_tree_whose_git_is_a_file_is_a_root_too(place: Place) -> None:
    place.project("", place.repository)
    tree = place.repository / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / ".git").write_text("gitdir: elsewhere")
    assert project_file(str(tree / "src")) is None


def test_outside_of_repositories_and_home_only_the_folder_itself_counts(place: Place, tmp_path: Path) -> None:
    anybodys = tmp_path / "anybodys"
    (anybodys / "mine").mkdir(parents=True)
    found = place.project("", anybodys)
    assert project_file(str(anybodys / "mine")) is None
    assert project_file(str(anybodys)) == str(found)


@pytest.mark.parametrize("cwd", ["/nonexistent/folder", "/", "a\0b"])
def test_a_folder_without_a_file_has_none(cwd: str) -> None:
    assert project_file(cwd) is None


def test_trust_is_for_one_folder_and_none_below(place: Place) -> None:
    inner = place.repository / "vendored"
    (inner / ".git").mkdir(parents=True)
    place.project(PROJECT, inner)
    place.user('trusted_projects = ["~/repo", "~/repo/vendor"]')
    assert not place.live.report(str(inner)).trusted
    assert place.live.settings(str(inner)).mcp_servers == {}


def test_a_link_into_a_trusted_project_does_not_make_what_it_leads_to_trusted(place: Place, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    (stranger / ".git").mkdir(parents=True)
    place.project(PROJECT, stranger)
    place.user('trusted_projects = ["~/repo"]')
    (place.repository / "link").symlink_to(stranger)
    assert not place.live.report(str(place.repository / "link")).trusted


def test_a_trusted_folder_may_be_named_and_entered_by_links(place: Place) -> None:
    place.project(PROJECT)
    (place.home / "shortcut").symlink_to(place.repository)
    for named in ("~/shortcut", "~/repo/", f"{place.home}/./repo/../repo"):
        place.user(f'trusted_projects = ["{named}"]')
        assert place.live.report(str(place.home / "shortcut" / "src")).trusted


def test_trust_that_is_withdrawn_is_gone_at_once(place: Place) -> None:
    place.project(PROJECT)
    place.user('trusted_projects = ["~/repo"]')
    assert place.live.settings(str(place.cwd)).allow == ("run_command",)
    place.user("")
    assert place.live.settings(str(place.cwd)).allow == ()


def test_a_trusted_name_that_becomes_a_link_elsewhere_is_followed(place: Place, tmp_path: Path) -> None:
    place.project(PROJECT)
    place.user('trusted_projects = ["~/repo"]')
    assert place.live.report(str(place.cwd)).trusted
    moved = tmp_path / "moved"
    place.repository.rename(moved)
    place.repository.symlink_to(tmp_path)
    assert not place.live.report(str(moved)).trusted


@pytest.mark.parametrize("kind", ["folder", "fifo", "device"])
def test_what_is_no_file_is_no_configuration(place: Place, kind: str) -> None:
    path = place.repository / ".meerkat" / "config.toml"
    path.parent.mkdir()
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case _:
            path.symlink_to("/dev/zero")
    assert place.live.report(str(place.cwd)).project is None


def test_a_file_that_is_far_too_large_is_said_and_ignored(place: Place) -> None:
    place.project("#" * 200_000)
    assert place.live.settings(str(place.cwd)).allow == ()
    assert len(place.said) == 1
    assert "larger than 128 KiB" in place.said[0]


def test_the_users_own_file_is_no_projects(place: Place) -> None:
    path = place.project('[approvals]\nallow = ["a"]', place.home)
    live = LiveConfig(str(path))
    assert live.report(str(place.home)).project is None
    assert live.settings(str(place.home)).allow == ("a",)


def test_every_setting_says_whether_a_project_may_have_it() -> None:
    from meerkat_rpc.config_keys import Key
    from meerkat_rpc.config_schema import walk

    harmless: list[Any] = [keys for keys, node in walk() if isinstance(node, Key) and node.project == "any"]
    assert {keys[0] for keys in harmless} == {"model", "tools", "compaction", "retry", "budget"}
