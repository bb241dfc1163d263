"""What the repository holds, and what it does not."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from meerkat_rpc import __version__
from meerkat_rpc.commands import serve_options
from meerkat_rpc.config_keys import KEYS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "meerkat_rpc"
MODULES = sorted(PACKAGE.rglob("*.py"))
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "stuff"}
MODULE_LINES = 350
"""A module is about one thing; one that grows beyond this is about two."""
DEFINITIONS = {"domain.py", "types.py"}
"""Modules that only define values, one after the other."""


@pytest.mark.parametrize(
    "name",
    [
        ".ci/run", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "Makefile",
        "README.md", "SECURITY.md", "editors/README.md", "meerkat_rpc/py.typed", "schema",
    ],
)  # fmt: skip
def test_the_top_level_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in [*MODULES, *(ROOT / "tests").rglob("*.py")] if path.stem in EMPTY_NAMES] == []


def test_no_module_is_about_too_much() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name for name, length in lengths.items() if length > MODULE_LINES} <= DEFINITIONS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_nothing_left_to_do_is_written_into_the_code() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    assert [path for path in MODULES if marks.search(path.read_text(encoding="utf-8"))] == []


def test_the_generated_schema_is_what_the_types_say_now() -> None:
    command = [sys.executable, "-m", "meerkat_rpc", "schema", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}mend it with: make schema"


def test_both_licences_are_named_where_they_have_to_be() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "MIT OR Apache-2.0"
    assert "MIT OR Apache-2.0" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_changelog_knows_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## (?:Unreleased|{re.escape(__version__)}\b)", changelog, re.MULTILINE)


def test_continuous_integration_runs_make_test() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert re.search(r"^make test\b", script.read_text(encoding="utf-8"), re.MULTILINE)
    subprocess.run(["bash", "-n", script], check=True)


def test_every_setting_but_tables_is_an_option_of_serve() -> None:
    source = Path(serve_options.__file__).read_text(encoding="utf-8")
    options = {f"--{key.name.replace('_', '-')}" for key in KEYS.values() if key.kind != "table"}
    assert [option for option in options if f'"{option}"' not in source] == []


@pytest.mark.parametrize("target", ["help", "chat", "test", "fast", "lint", "schema", "bench", "faults"])
def test_make_knows_the_target(target: str) -> None:
    command = ["make", "--dry-run", target]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
