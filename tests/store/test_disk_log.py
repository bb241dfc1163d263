"""SQLite's write-ahead log: how large it may stay."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from meerkat_rpc.domain import SessionChange
from meerkat_rpc.store.disk_cache import WAL_KEPT_BYTES
from tests.store.conftest import open_disk
from tests.store.sessions import create, message, next_head


def test_a_log_that_grew_behind_a_long_reader_shrinks_when_the_reader_is_gone(tmp_path: Path) -> None:
    log = tmp_path / "store" / "cache.db-wal"

    async def scenario() -> None:
        async with open_disk(tmp_path / "store") as store:
            head = await create(store)
            with closing(sqlite3.connect(tmp_path / "store" / "cache.db", isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM Cache").fetchone()
                while log.stat().st_size <= 1.5 * WAL_KEPT_BYTES:
                    head = next_head(head, message_count=head.message_count + 1)
                    await store.commit(SessionChange(head, [message(os.urandom(1 << 20).hex())]))
            for _ in range(2):  # the first copies the log into the database, the second begins it anew
                head = next_head(head)
                await store.commit(SessionChange(head))
            assert log.stat().st_size <= WAL_KEPT_BYTES

    asyncio.run(scenario())
