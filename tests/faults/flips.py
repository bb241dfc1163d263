"""Bits flipped in a store, many more than real servers could be started for: its store is opened in this process."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_check import check_store
from tests.faults import damages
from tests.faults.damage import write_store
from tests.faults.damages import Damage
from tests.faults.sweep import Report, sweep

MOST = 1000
"""Messages and events of a session: more than any has."""

Content = dict[str, Any]
"""What was read, or the error that was raised, by session; the rows of the catalogue under ""."""


@sweep(short=60, full=20_000)
def flips(report: Report, size: int) -> None:
    """A bit flipped or a page overwritten: everything reads back as it was or is refused, and the doctor names it."""
    with tempfile.TemporaryDirectory() as scratch, _without_warnings():
        sound = Path(scratch, "sound")
        write_store(sound)
        original = asyncio.run(_read(sound, list(asyncio.run(_listed(sound)))))
        verdicts: Counter[str] = Counter()
        for number, one in enumerate(islice(_damages(sound, report.seed), size)):
            with report.case(f"{one.name} (seed {report.seed})"):
                verdicts[_inflict(Path(scratch, str(number)), sound, one, original)] += 1
    for kind, count in verdicts.most_common():
        report.figure(kind, f"{count:,}")


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep the store from telling, thousands of times, that it makes an index anew."""
    logger = logging.getLogger("meerkat_rpc.store")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _damages(sound: Path, seed: int) -> Iterator[Damage]:
    random = Random(seed)
    pages = list(damages.page_damages(sound, seed))
    random.shuffle(pages)
    flipped = damages.flips(sound, damages.DATABASE, random)
    for page in pages:
        yield page
        yield from islice(flipped, 9)
    yield from flipped


def _inflict(path: Path, sound: Path, one: Damage, original: Content) -> str:
    """Damage a copy, and return what came of it in a word."""
    shutil.copytree(sound, path)
    try:
        one.inflict(path)
        before = (path / damages.DATABASE).read_bytes()
        named = check_store(str(path)).problems
        assert (path / damages.DATABASE).read_bytes() == before, "the doctor changed the database"
        try:
            found = asyncio.run(_read(path, list(original)[1:]))
        except StoreError:
            assert named, "refused, and the doctor found nothing"
            return "refused"
        return _compare(found, original, named=bool(named))
    finally:
        shutil.rmtree(path)


def _compare(found: Content, original: Content, *, named: bool) -> str:
    refused = {key for key, value in found.items() if isinstance(value, StoreError)}
    for key, value in found.items():
        assert key in refused or value == original[key], f"{key or 'the catalogue'} reads back differently"
    assert named or not refused, f"the doctor found nothing, and {refused} can't be read"
    if refused:
        return "refused" if refused == original.keys() else "confined"
    return "mended or unused, and named" if named else "harmless"


async def _listed(path: Path) -> list[str]:
    store = DiskStore(path)
    await store.open()
    try:
        return sorted((await store.catalogue())[1])
    finally:
        await store.close()


async def _read(path: Path, session_ids: list[str]) -> Content:
    """Read everything, from a store that is opened for it."""
    store = DiskStore(path)
    await store.open()
    try:
        content: Content = {"": await _told(_catalogue(store))}
        for session_id in session_ids:
            content[session_id] = await _told(_session(store, session_id))
        return content
    finally:
        await store.close()


async def _told(reading: Any) -> Any:
    try:
        return await reading
    except StoreError as error:
        return error


async def _catalogue(store: DiskStore) -> Any:
    return dict((await store.catalogue())[1])


async def _session(store: DiskStore, session_id: str) -> Any:
    head = await store.head(session_id)
    messages = await store.messages(session_id, 0, MOST)
    events = await store.events(session_id, 0, MOST)
    last = head and head.last_turn and await store.turn(session_id, head.last_turn.turn_id)
    blobs = [await store.blob(one.digest) for message in messages for one in message.attachments]
    return head, messages, events, last, blobs
