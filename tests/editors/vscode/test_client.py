"""The Node client, and the parts of the extension that need no editor: their own suites, over the real server."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.editors.programs import require
from tests.editors.vscode.extension import FOLDER, install_packages, npm
from tests.editors.workplace import Workplace

BOUND_S = 300
"""Far beyond what a loaded machine needs for the suites, each wait of which has a bound of its own."""


@pytest.fixture(scope="module", autouse=True)
def client_package() -> None:
    """The client as it is published: compiled, with its types."""
    require("node")
    install_packages()
    npm("run", "build:client")


def run_suites(workplace: Workplace, folder: str) -> str:
    suites = sorted(f"{folder}/{path.name}" for path in (FOLDER / folder).glob("*.test.ts"))
    assert suites
    done = subprocess.run(
        [require("node"), "scripts/test.mjs", *suites],
        cwd=FOLDER,
        env=workplace.environment(),
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_client_finds_follows_and_outlives_its_server(workplace: Workplace) -> None:
    output = run_suites(workplace, "client/test")
    passed = re.search(r"^# pass (\d+)$", output, re.MULTILINE)
    assert passed is not None, output
    assert int(passed[1]) > len(list((FOLDER / "client" / "test").glob("*.test.ts")))
    assert workplace.server_pids() == []


def test_transcripts_mentions_and_the_doctor_are_as_their_suites_say(workplace: Workplace) -> None:
    run_suites(workplace, "test")


def test_the_client_depends_on_one_package_and_brings_its_types() -> None:
    packed = npm("pack", "--dry-run", "--json", "--workspace", "client", "--ignore-scripts")
    for name in ("dist/index.js", "dist/index.d.ts", "dist/contract.d.ts", "README.md", "package.json"):
        assert f'"path": "{name}"' in packed
    assert ".test." not in packed
    assert npm("pkg", "get", "dependencies", "--workspace", "client").count(":") <= 2, "one, beside the package's name"


def test_node_18_is_new_enough_for_the_client() -> None:
    """What is compiled has nothing that Node 18 doesn't know: esbuild would have to rewrite it."""
    script = (
        "const {readdirSync,readFileSync}=require('fs');const {transformSync}=require('esbuild');"
        "for(const f of readdirSync('client/dist').filter(f=>f.endsWith('.js'))){"
        "const s=readFileSync('client/dist/'+f,'utf8');"
        "const [a,b]=['esnext','node18'].map(target=>transformSync(s,{target,format:'esm'}).code);"
        "if(a!==b)throw new Error(f)}"
    )
    subprocess.run([require("node"), "-e", script], cwd=FOLDER, check=True, env=os.environ, timeout=BOUND_S)
