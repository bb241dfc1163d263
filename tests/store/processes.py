"""What the tests of several processes run: ``python -m tests.store.processes FUNCTION STORE …``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from attrs import evolve

from meerkat_rpc.domain import SessionChange
from meerkat_rpc.errors import RevisionConflict
from tests.store.conftest import open_disk
from tests.store.sessions import create, events, message, new_head, next_head

CONTENTIONS = 25
"""How many commits each of the contending processes makes."""


def say(what: object) -> None:
    """Tell the test."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def append_for_ever(path: str, session_id: str, batch: str) -> None:
    """Append batches to a new session, and print the last sequence number of each."""
    async with open_disk(Path(path)) as store:
        await store.commit(SessionChange(new_head(session_id=session_id)))
        seq = 1
        while True:
            await store.append(session_id, events(seq, int(batch)))
            seq += int(batch)
            say(seq - 1)


async def commit_for_ever(path: str, session_id: str) -> None:
    """Commit to a new session, and print each revision."""
    async with open_disk(Path(path)) as store:
        head = new_head(session_id=session_id)
        await store.commit(SessionChange(head))
        while True:
            head = next_head(head, message_count=head.message_count + 1)
            log = events(2 * head.revision - 3, 2)
            await store.commit(SessionChange(head, [message(f"revision {head.revision}")], log))
            say(head.revision)


async def contend(path: str, session_id: str, name: str) -> None:
    """Commit ``CONTENTIONS`` messages to a session that others commit to as well, and one session more."""
    async with open_disk(Path(path)) as store:
        await create(store, title=name)
        number = 0
        while number < CONTENTIONS:
            head = await store.head(session_id)
            assert head is not None
            following = evolve(head, revision=head.revision + 1, message_count=head.message_count + 1)
            try:
                await store.commit(SessionChange(following, [message(f"{name} {number}")]))
            except RevisionConflict:
                continue
            number += 1


async def create_one(path: str) -> None:
    """Create a session in a store that may have to be created."""
    async with open_disk(Path(path)) as store:
        await create(store)


def main(function: str, *arguments: str) -> None:
    """Run one of these."""
    asyncio.run(globals()[function](*arguments))
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
