"""pygls' core is loaded without the language server, leaves nothing behind, and serves the same either way."""

from __future__ import annotations

import subprocess
import sys

import pytest

REQUESTS = "".join(
    f"{line}\n"
    for line in (
        '{"jsonrpc":"2.0","id":1,"method":"session/create","params":{"prompt":"hi","model":"echo"}}',
        '{"jsonrpc":"2.0","id":2,"method":"no/such"}',
        '{"jsonrpc":"2.0","method":"initialized"}',
    )
)


def python(code: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_language_server_half_is_left_out() -> None:
    python("import sys, meerkat_rpc.rpc.protocol; assert 'lsprotocol.types' not in sys.modules")


def test_whoever_imports_pygls_afterwards_gets_all_of_it() -> None:
    python(
        "import meerkat_rpc.rpc.protocol as ours\n"
        "from pygls.lsp.server import LanguageServer\n"
        "from pygls.protocol import JsonRPCProtocol\n"
        "from lsprotocol import types\n"
        "import pygls.lsp, pygls.protocol\n"
        "assert issubclass(ours.SessionProtocol, JsonRPCProtocol)\n"
        "LanguageServer('name', 'v1')\n"
        "types.Position(line=1, character=2)\n"
    )


@pytest.mark.parametrize("before", ["", "import pygls.lsp.server\n"], ids=["core alone", "the ordinary import"])
def test_the_server_works_on_either_import(before: str) -> None:
    output = python(f"{before}from meerkat_rpc.cli import main\nmain(['serve', '--ephemeral'])", REQUESTS)
    assert '"text":"hi"' in output
    assert '"code":-32601' in output


def test_a_core_that_needs_more_than_the_stand_ins_is_imported_in_the_ordinary_way() -> None:
    python(
        "import sys\n"
        "from meerkat_rpc.rpc import pygls_core\n"
        "pygls_core._stand_ins = lambda stand_ins=pygls_core._stand_ins: stand_ins()[:1]\n"
        "assert pygls_core.load_core().__name__ == 'JsonRPCProtocol'\n"
        "assert 'lsprotocol.types' in sys.modules\n"
    )
