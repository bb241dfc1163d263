"""What a client names stays where it belongs: sessions' keys have their prefix, and no file is made elsewhere."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from tests.rpc.driver import Server
from tests.store.damage import keys
from tests.wire.test_ids import LEAVING

OURS = re.compile(
    r"identity|changes|pages|leases|stops|c/\d+"
    r"|s/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/(head|config|log|t/[0-9a-f-]{36}|[em]\+?/\d+)|t/[0-9a-f-]{36}"
)


def test_ids_that_lead_elsewhere_lead_nowhere(tmp_path: Path) -> None:
    with Server("--store", str(tmp_path / "store"), cwd=tmp_path) as server:
        session_id = server.session({"text": "here"}, title="../../title", labels={"../label": "/etc"}, cwd="../..")
        for text in LEAVING:
            for method, params in (
                ("session/create", {"session_id": text, "prompt": "go", "model": "echo"}),
                ("session/create", {"turn_id": text, "prompt": "go", "model": "echo"}),
                ("turn/start", {"session_id": session_id, "prompt": "go", "turn_id": text}),
                ("turn/start", {"session_id": text, "prompt": "go"}),
                ("session/delete", {"session_id": text}),
                ("session/export", {"session_id": text}),
                ("events/list_since", {"scope": {"type": "session", "session_id": text}}),
            ):
                assert server.answer(server.send(method, None, **params))["error"]["code"] == -32602
            scope = {"type": "session", "session_id": session_id}
            assert server.error("events/list_since", scope=scope, cursor=f"{text}:1")["code"] == -32602
            assert not server.call("session/stream_close", stream_id=text)["closed"]
        server.call("turn/start", session_id=session_id, prompt="/../%2e%2e")
        assert [key for key in keys(tmp_path / "store") if not OURS.fullmatch(key)] == []
    assert {path.name for path in tmp_path.rglob("*")} == {
        "store", "store.json", "cache.db", "cache.db-wal", "cache.db-shm",
    }  # fmt: skip


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_a_running_server_s_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    store, log = tmp_path / "state" / "store", tmp_path / "log"
    with Server("--store", str(store), "--log-file", str(log), preexec_fn=lambda: os.umask(umask)) as server:
        server.call("session/create", prompt="go", model="echo")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (store.parent, *store.parent.rglob("*"), log)}
    assert modes.pop("state") == modes.pop("store") == 0o700
    assert set(modes) == {"store.json", "cache.db", "cache.db-wal", "cache.db-shm", "log"}
    assert set(modes.values()) == {0o600}
