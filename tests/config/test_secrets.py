import tomllib
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.config_file import ConfigFile
from meerkat_rpc.config_secrets import masked
from meerkat_rpc.errors import InvalidArgument

FILE = """\
[providers.lab]
base_url = "https://me:hunter2@lab.example/v1"
api_key_env = "LAB_API_KEY"
headers = { X-Team = "hunter2" }

[providers.monkey]
base_url = "https://monkey.example/?api_key=hunter2"

[mcp.servers.issues]
command = "issues"
args = ["--read-only", "--api-key", "hunter2", "--token=hunter2", "https://u:hunter2@h/", "--password", "--plain", "x"]

[mcp.servers.issues.env]
ISSUES_TOKEN = "hunter2"
ISSUES_HOME = "/issues"

[mcp.servers.web]
url = "https://mcp.example/"
headers = { Authorization = "Bearer hunter2" }

[approvals]
allow = ["get_token:x", "run_command:key=1"]
"""


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    (tmp_path / "config.toml").write_text(FILE)
    return ConfigFile(str(tmp_path / "config.toml"))


def test_secrets_are_hidden_at_any_depth_and_nothing_else_is(file: ConfigFile) -> None:
    assert file.read()[0] == {
        "providers": {
            "lab": {"base_url": "***", "api_key_env": "LAB_API_KEY", "headers": {"X-Team": "***"}},
            "monkey": {"base_url": "***"},
        },
        "mcp": {
            "servers": {
                "issues": {
                    "command": "issues",
                    "args": ["--read-only", "--api-key", "***", "***", "***", "--password", "--plain", "x"],
                    "env": {"ISSUES_TOKEN": "***", "ISSUES_HOME": "/issues"},
                },
                "web": {"url": "https://mcp.example/", "headers": {"Authorization": "***"}},
            }
        },
        "approvals": {"allow": ["get_token:x", "run_command:key=1"]},
    }


@pytest.mark.parametrize("way", ["write", "patch"])
def test_what_was_shown_can_be_written_back(file: ConfigFile, way: str) -> None:
    shown, generation = file.read()
    assert getattr(file, way)(shown, generation) == (shown, generation)
    assert Path(file.path).read_text() == FILE


def test_a_shown_server_can_be_changed_around_its_secrets(file: ConfigFile) -> None:
    shown = file.read()[0]["mcp"]["servers"]["issues"]
    shown["args"].remove("--read-only")
    shown["args"].append("--verbose")
    file.patch({"mcp": {"servers": {"issues": shown}}}, None)
    args = tomllib.loads(Path(file.path).read_text())["mcp"]["servers"]["issues"]["args"]
    secrets = ["--api-key", "hunter2", "--token=hunter2", "https://u:hunter2@h/"]
    assert args == [*secrets, "--password", "--plain", "x", "--verbose"]


def test_a_list_from_which_a_mask_is_missing_is_refused(file: ConfigFile) -> None:
    with pytest.raises(InvalidArgument, match=r'params.patch.mcp.servers.issues.args: has 1 times "\*\*\*", and 3'):
        file.patch({"mcp": {"servers": {"issues": {"args": ["--api-key", "***"]}}}}, None)


@pytest.mark.parametrize(
    "patch",
    [
        {"providers": {"new": {"headers": {"A": "***"}}}},
        {"mcp": {"servers": {"new": {"url": "https://x/", "headers": {"A": "***"}}}}},
        {"mcp": {"servers": {"issues": {"env": {"OTHER_TOKEN": "***"}}}}},
    ],
)
def test_a_mask_where_no_secret_is_is_refused_by_its_path(file: ConfigFile, patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=r'^params\.patch\..*: "\*\*\*" stands for the value that is there'):
        file.patch(patch, None)


@pytest.mark.parametrize("value", [{}, [], "", 1, None, [[]], [{}], {"a": [None]}, True])
def test_whatever_is_shown_is_masked_without_failing(value: Any) -> None:
    assert masked(value) == value
