import os
import re
import stat
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.config_file import ConfigFile
from meerkat_rpc.config_tables import agent_settings
from meerkat_rpc.errors import InvalidArgument, StoreError

WRITTEN_BY_HAND = """\
# My settings.
model = "echo"  # while there is no key

[env]
# from the team's vault
SERVICE_API_KEY = "s3cret"
HF_HOME = "/models"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "config.toml"


@pytest.fixture
def file(path: Path) -> ConfigFile:
    return ConfigFile(str(path))


@pytest.fixture
def by_hand(path: Path, file: ConfigFile) -> ConfigFile:
    path.parent.mkdir()
    path.write_text(WRITTEN_BY_HAND)
    return file


def test_no_file_is_no_settings_and_generation_nought(file: ConfigFile) -> None:
    assert file.read() == ({}, 0)


def test_what_is_written_is_read_back_with_another_generation(file: ConfigFile) -> None:
    config, first = file.write({"model": "echo", "max_sessions": 3}, None)
    assert (config, first) == file.read()
    assert config == {"model": "echo", "max_sessions": 3}
    assert file.write({"model": "scripted"}, first)[1] not in {0, first}


def test_a_generation_fits_a_javascript_number(by_hand: ConfigFile) -> None:
    assert 0 < by_hand.read()[1] < 2**53


def test_a_stale_generation_is_refused_and_nothing_is_written(file: ConfigFile, path: Path) -> None:
    _, first = file.write({"model": "a"}, 0)
    _, second = file.write({"model": "b"}, first)
    for write, stale in ((file.write, first), (file.patch, 0)):
        with pytest.raises(InvalidArgument, match=r"params\.expected_generation") as caught:
            write({"model": "c"}, stale)
        assert caught.value.data["generation"] == second
    assert tomllib.loads(path.read_text()) == {"model": "b"}


def test_an_edit_by_hand_makes_a_generation_stale(by_hand: ConfigFile, path: Path) -> None:
    _, seen = by_hand.read()
    path.write_text(WRITTEN_BY_HAND.replace("echo", "scripted"))
    with pytest.raises(InvalidArgument):
        by_hand.patch({"model": "smollm2"}, seen)


def test_a_patch_keeps_comments_and_order(by_hand: ConfigFile, path: Path) -> None:
    by_hand.patch({"model": "scripted", "max_sessions": 5}, None)
    assert path.read_text() == WRITTEN_BY_HAND.replace('"echo"', '"scripted"').replace(
        "\n\n[env]", "\nmax_sessions = 5\n\n[env]"
    )


# RFC 7396 section 3 and appendix A, in terms of our settings.
@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, {"model": "m", "env": {"A": "1", "B": "2"}}),
        ({"model": "n"}, {"model": "n", "env": {"A": "1", "B": "2"}}),
        ({"model": None}, {"env": {"A": "1", "B": "2"}}),
        ({"log_file": None}, {"model": "m", "env": {"A": "1", "B": "2"}}),
        ({"env": {"A": None, "C": "3"}}, {"model": "m", "env": {"B": "2", "C": "3"}}),
        ({"env": None}, {"model": "m"}),
        ({"env": {"A": None, "B": None}}, {"model": "m", "env": {}}),
    ],
)
def test_a_patch_is_a_merge_patch(file: ConfigFile, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    file.write({"model": "m", "env": {"A": "1", "B": "2"}}, None)
    assert file.patch(patch, None)[0] == expected
    assert file.read()[0] == expected


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model": 3}, "params.config.model: expected text, got 3"),
        ({"model": None}, "params.config.model: expected text, got null"),
        ({"modle": "x"}, "params.config.modle: no such setting; did you mean model?"),
        ({"max-sessions": 3}, "params.config.max-sessions: no such setting; did you mean max_sessions?"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_path(file: ConfigFile, config: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        file.write(config, None)
    assert caught.value.message == message
    assert file.read() == ({}, 0)


def test_a_wrong_patch_is_refused_by_its_path(file: ConfigFile) -> None:
    with pytest.raises(InvalidArgument, match=r"params\.patch\.max_sessions: expected an integer ≥ 1, got 0"):
        file.patch({"max_sessions": 0}, None)


def test_secrets_are_never_shown(by_hand: ConfigFile) -> None:
    shown = {"SERVICE_API_KEY": "***", "HF_HOME": "/models"}
    assert by_hand.read()[0]["env"] == shown
    assert by_hand.patch({"model": "x"}, None)[0]["env"] == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("GH_TOKEN", "x", "***"),
        ("PGPASSFILE", "x", "***"),
        ("AWS_CREDENTIALS", "x", "***"),
        ("PROXY_AUTHORIZATION", "x", "***"),
        ("DATABASE_URL", "postgres://me:word@host/db", "***"),
        ("REMOTE", "https://token@host/", "***"),
        ("HOMEPAGE", "https://host/a@b", "https://host/a@b"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_kept(file: ConfigFile, name: str, value: str, shown: str) -> None:
    config, _ = file.write({"env": {name: value}}, None)
    assert config == {"env": {name: shown}}
    file.write({"model": "m", **config}, None)
    assert value in Path(file.path).read_text()


def test_a_refused_table_is_not_repeated(file: ConfigFile) -> None:
    with pytest.raises(InvalidArgument) as caught:
        file.write({"env": "API_KEY=word"}, None)
    assert "word" not in caught.value.message


@pytest.mark.parametrize("way", ["write", "patch"])
def test_a_mask_written_back_keeps_the_secret(by_hand: ConfigFile, path: Path, way: str) -> None:
    config, generation = by_hand.read()
    getattr(by_hand, way)(config, generation)
    assert path.read_text() == WRITTEN_BY_HAND


def test_a_mask_for_a_secret_that_is_not_there_is_refused(file: ConfigFile) -> None:
    with pytest.raises(InvalidArgument, match=r"params\.config\.env\.API_TOKEN"):
        file.write({"env": {"API_TOKEN": "***"}}, None)


def test_the_file_is_for_its_owner_only(file: ConfigFile, path: Path) -> None:
    file.write({"model": "echo"}, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_symbolic_link_stays_one(file: ConfigFile, path: Path, tmp_path: Path) -> None:
    dotfile = tmp_path / "dotfiles.toml"
    dotfile.write_text('model = "echo"\n')
    path.parent.mkdir()
    path.symlink_to(dotfile)
    ConfigFile(str(path)).patch({"model": "scripted"}, None)
    assert path.is_symlink()
    assert dotfile.read_text() == 'model = "scripted"\n'


def test_a_file_that_is_broken_is_not_written_over(file: ConfigFile, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("model = [\n")
    for attempt in (file.read, lambda: file.write({"model": "echo"}, None), lambda: file.patch({}, None)):
        with pytest.raises(InvalidArgument, match=r"config\.toml"):
            attempt()
    assert path.read_text() == "model = [\n"


def test_a_directory_in_the_files_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="directory"):
        ConfigFile(str(tmp_path)).read()


def test_nothing_is_left_behind_but_the_file_and_its_lock(file: ConfigFile, path: Path) -> None:
    file.write({"model": "echo"}, None)
    assert {entry.name for entry in path.parent.iterdir()} == {"config.toml", "config.toml.lock"}


def test_of_racing_writers_with_the_same_generation_one_wins(file: ConfigFile, path: Path) -> None:
    def write(number: int) -> bool:
        try:
            ConfigFile(str(path)).write({"max_sessions": number}, 0)
        except InvalidArgument:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, range(1, 9)))
    assert outcomes.count(True) == 1
    assert file.read()[0] == {"max_sessions": outcomes.index(True) + 1}


# -- Rules and servers ---------------------------------------------------------------------------------------------


def test_a_rule_is_added_once_and_removed(by_hand: ConfigFile, path: Path) -> None:
    assert by_hand.allow_rule("write_file")
    assert by_hand.allow_rule("run_command:git status")
    assert not by_hand.allow_rule("write_file")
    assert by_hand.rules() == ["write_file", "run_command:git status"]
    assert path.read_text().startswith(WRITTEN_BY_HAND)
    assert by_hand.remove_rule("write_file")
    assert not by_hand.remove_rule("write_file")
    assert by_hand.rules() == ["run_command:git status"]


def test_a_rule_may_hold_any_text(file: ConfigFile) -> None:
    rules = ['run_command:echo "\\ü\n\t\U0001f9a1"', "run_command:'''", "run_command:" + "x" * 10_000]
    assert all(file.allow_rule(rule) for rule in rules)
    assert file.rules() == rules
    with pytest.raises(InvalidArgument, match=r"approvals\.allow: expected a list of texts"):
        file.allow_rule("run_command:\0")


def test_comments_among_the_rules_stay(file: ConfigFile, path: Path) -> None:
    path.parent.mkdir()
    path.write_text('[approvals]\nallow = [\n  "a", # why\n  "b",\n]\n')
    file.allow_rule("c")
    file.remove_rule("b")
    assert path.read_text() == '[approvals]\nallow = [\n  "a", # why\n  "c",\n]\n'


def test_removing_a_rule_where_there_is_no_file_makes_none(file: ConfigFile, path: Path) -> None:
    assert not file.remove_rule("write_file")
    assert not file.remove_mcp_server("x")
    assert file.rules() == []
    assert not path.exists()


def test_a_server_is_added_replaced_and_removed(by_hand: ConfigFile, path: Path) -> None:
    command = McpServer("files", "files-mcp", ("--root", "/"), {"FILES_TOKEN": "t"}, "/work")
    url = McpServer("files", url="https://x/", headers={"Authorization": "Bearer t"}, enabled=False, timeout_s=5.0)
    for server in (command, url):
        assert by_hand.set_mcp_server(server)
        assert not by_hand.set_mcp_server(server)
        assert agent_settings(tomllib.loads(path.read_text())).mcp_servers == {"files": server}
        assert path.read_text().startswith(WRITTEN_BY_HAND)
    assert by_hand.remove_mcp_server("files")
    assert not by_hand.remove_mcp_server("files")


def test_a_server_that_cannot_be_is_refused(file: ConfigFile, path: Path) -> None:
    for server, message in (
        (McpServer("a b", "x"), 'mcp.servers."a b": expected a name'),
        (McpServer("a"), "mcp.servers.a: expected either command or url"),
        (McpServer("a", "x", ("\0",)), "mcp.servers.a.args: expected a list of texts"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            file.set_mcp_server(server)
        assert caught.value.message.startswith(message)
    assert not path.exists()


def test_nested_refusals_name_the_whole_path(file: ConfigFile) -> None:
    for write, path in ((file.write, "config"), (file.patch, "patch")):
        with pytest.raises(InvalidArgument) as caught:
            write({"providers": {"x": {"base_url": "here"}}}, None)
        assert caught.value.message.startswith(f"params.{path}.providers.x.base_url: expected an address")


def test_what_could_not_be_read_again_is_not_written(file: ConfigFile, path: Path) -> None:
    with pytest.raises(InvalidArgument, match="too large"):
        file.write({"approvals": {"allow": ["x" * 1000] * 200}}, None)
    assert not path.exists()


# -- Where it lies -------------------------------------------------------------------------------------------------


def test_a_projects_file_is_for_everybody_and_has_no_other_beside_it(tmp_path: Path) -> None:
    path = tmp_path / ".meerkat" / "config.toml"
    file = ConfigFile(str(path), str(tmp_path))
    file.write({"model": "echo"}, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == ["config.toml"]
    path.chmod(0o640)
    file.write({"model": "scripted"}, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_projects_file_that_leads_elsewhere_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".meerkat").symlink_to(tmp_path)
    with pytest.raises(InvalidArgument, match="leads out of the project"):
        ConfigFile(str(tmp_path / "project/.meerkat/config.toml"), str(tmp_path / "project"))


def test_writing_what_is_there_already_leaves_the_file_alone(by_hand: ConfigFile, path: Path) -> None:
    inode = path.stat().st_ino
    shown, generation = by_hand.read()
    assert by_hand.patch({"model": "echo"}, generation) == (shown, generation)
    assert path.stat().st_ino == inode


def test_windows_line_ends_stay(file: ConfigFile, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'# mine\r\nmodel = "echo"\r\n')
    file.patch({"max_sessions": 3, "retry": {"max_attempts": 2}}, None)
    assert path.read_bytes() == b'# mine\r\nmodel = "echo"\r\nmax_sessions = 3\r\n\r\n[retry]\r\nmax_attempts = 2\r\n'


def test_where_nothing_can_be_written_it_is_said_and_reading_works(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    for path in (tmp_path / "plain" / "config.toml", Path("/proc/none/config.toml")):
        with pytest.raises(StoreError, match=re.escape(str(path))):
            ConfigFile(str(path)).write({"model": "echo"}, None)


READ_ONLY = """
import os, sys
from meerkat_rpc import config_edit
from meerkat_rpc.config_file import ConfigFile
from meerkat_rpc.errors import StoreError

file = ConfigFile(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)
print(file.read()[0])
try:
    file.allow_rule("x")
except StoreError as error:
    print(error.message)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="a read-only folder is POSIX's")
def test_a_read_only_folder_can_be_read_and_is_said() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's are for their owner only
        path = Path(folder) / "config.toml"
        path.write_text('model = "echo"')
        Path(folder).chmod(0o555)
        done = subprocess.run([sys.executable, "-c", READ_ONLY, path], capture_output=True, text=True, check=True)
    assert done.stdout == f"{{'model': 'echo'}}\n{path}: Permission denied\n"


def test_two_processes_that_add_rules_lose_none(path: Path) -> None:
    program = (
        "import sys; from meerkat_rpc.config_file import ConfigFile\n"
        "for number in range(25): ConfigFile(sys.argv[1]).allow_rule(f'{sys.argv[2]}:{number}')"
    )
    names = ("one", "two", "three")
    running = [subprocess.Popen([sys.executable, "-c", program, path, name]) for name in names]
    assert [process.wait() for process in running] == [0, 0, 0]
    rules = ConfigFile(str(path)).rules()
    assert sorted(rules) == sorted(f"{name}:{number}" for name in names for number in range(25))
    for name in names:
        assert [rule for rule in rules if rule.startswith(name)] == [f"{name}:{number}" for number in range(25)]
