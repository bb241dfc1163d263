"""The extension's build: types, lint, the package, and what breaks it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.editors.programs import ROOT, require
from tests.editors.vscode.extension import FOLDER, install_packages, npm

MOST_BYTES = 500_000
"""The .vsix is fetched by everybody who installs it: what makes it grow beyond this has to be worth it."""

MOST_HOST_BYTES = 200_000
"""What is read when the extension starts."""


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    require("node")
    install_packages()


def test_types_and_lint_are_clean() -> None:
    npm("run", "typecheck")
    npm("run", "lint")


def test_the_package_has_what_it_needs_and_no_more(vsix: Path) -> None:
    with zipfile.ZipFile(vsix) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        manifest = json.loads(archive.read("extension/package.json"))
    assert vsix.stat().st_size < MOST_BYTES
    assert sizes["extension/dist/extension.js"] < MOST_HOST_BYTES
    for name in ("dist/webview.js", "dist/webview.css", "media/meerkat.svg", "readme.md", "LICENSE-MIT"):
        assert f"extension/{name}" in sizes
    for name in sizes:
        assert not name.endswith((".ts", ".map"))
        assert "node_modules" not in name
    assert manifest["main"] == "./dist/extension.js"
    assert f"extension/{manifest['icon']}" in sizes


def test_every_command_is_declared_and_registered(vsix: Path) -> None:
    with zipfile.ZipFile(vsix) as archive:
        manifest = json.loads(archive.read("extension/package.json"))
        code = archive.read("extension/dist/extension.js").decode()
    contributed = manifest["contributes"]
    declared = {command["command"] for command in contributed["commands"]}
    used = {item["command"] for menu in contributed["menus"].values() for item in menu}
    used |= {key["command"] for key in contributed["keybindings"]}
    assert used <= declared
    for name in declared:
        assert f'"{name}"' in code, f"{name} is declared, but nothing registers it"
    assert all(command["category"] == "Meerkat" for command in contributed["commands"])


def test_every_setting_says_what_it_is_for_and_the_dangerous_ones_are_not_a_folders_to_set(vsix: Path) -> None:
    with zipfile.ZipFile(vsix) as archive:
        manifest = json.loads(archive.read("extension/package.json"))
    settings = manifest["contributes"]["configuration"]["properties"]
    restricted = manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    for name, setting in settings.items():
        assert len(setting["markdownDescription"]) > 40, name
        if name.startswith("meerkat.server."):
            assert setting["scope"] == "machine"
            assert name in restricted
    assert "meerkat.model" in restricted


def test_nothing_but_what_is_used_starts_the_extension() -> None:
    manifest = json.loads((FOLDER / "package.json").read_text())
    assert set(manifest["activationEvents"]) <= {"onWebviewPanel:meerkat.session"}


def copy_with_schema(target: Path, schema: str) -> Path:
    """Copy the extension's sources to where the build finds another schema."""
    copy = target / "editors" / "vscode"
    left_out = shutil.ignore_patterns("node_modules", "dist", "out", "*.vsix")
    shutil.copytree(FOLDER, copy, ignore=left_out)
    (copy / "node_modules").symlink_to(FOLDER / "node_modules")
    for name in ("LICENSE", "LICENSE-MIT", "LICENSE-APACHE"):
        shutil.copy(ROOT / name, target / name)
    (target / "schema").mkdir()
    (target / "schema" / "meerkat-rpc.ts").write_text(schema)
    return copy


CHANGES = {
    '"turn/enqueue": {': '"turn/queue": {',
    "  running_turn_id?: Uuid;": "  running_turn?: Uuid;",
    'type: "text_delta";': 'type: "text_piece";',
}
"""A method, a field and an event that are called otherwise."""


def test_a_change_of_the_contract_breaks_the_build(tmp_path: Path) -> None:
    schema = (ROOT / "schema" / "meerkat-rpc.ts").read_text()
    for was, becomes in CHANGES.items():
        assert was in schema
        schema = schema.replace(was, becomes)
    copy = copy_with_schema(tmp_path, schema)
    build = "node scripts/gather.mjs && node_modules/.bin/tsc -p ."
    done = subprocess.run(["sh", "-c", build], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    for name in ("turn/enqueue", "running_turn_id", "text_delta"):
        assert re.search(rf"error TS.*{name}", done.stdout), done.stdout + done.stderr
