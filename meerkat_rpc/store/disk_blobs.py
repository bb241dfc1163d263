"""The contents of attachments, each kept once however many sessions refer to it. Belongs to the store thread.

    b/<digest>            a blob: how many bytes it has
    b/<digest>/<n>        the n-th part of its content, all but the last ``PART_BYTES`` long; tagged with "b/<digest>"
    r/<number>/<digest>   the session with that number refers to the blob; empty, tagged with the digest
    unreferenced          [[number, …], [[digest, bytes], …]]: the deleted sessions whose references are still to be
                          removed, and the blobs, gone already, whose contents are

A reference is a row of its own, so that nothing is counted: a blob that no row's tag names any more goes. References
are not tagged with the session's number as its other rows are, for those are removed without a look at what they are,
by older versions of the program too. A reference stays as long as its session: a message may be far back, and looking
for the last one that names a blob would cost what the history is long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from attrs import define

from meerkat_rpc.errors import StoreCorrupt
from meerkat_rpc.store.codec import dump, read
from meerkat_rpc.store.disk_rows import STEP_BYTES, STEP_ROWS, Rows
from meerkat_rpc.store.envelope import AGENTS, corrupt
from meerkat_rpc.store.rules import is_digest, missing_blobs

UNREFERENCED = "unreferenced"

PART_BYTES = 1 << 20
"""The longest part: it is read or removed at once, while others wait. A megabyte takes a millisecond or two."""

COMPRESSED_MAX = 1 << 18
"""Bytes; larger blobs are stored as they are. They are mostly images and archives, which don't get smaller, and trying
takes 20 ms a megabyte, which every process would wait for."""


def blob_key(digest: str) -> str:
    """Return the key of a blob; its parts' begin with it."""
    return f"b/{digest}"


def part_key(digest: str, number: int) -> str:
    """Return the key of a part of a blob's content."""
    return f"b/{digest}/{number}"


def reference_key(number: int, digest: str) -> str:
    """Return the key of the reference of the session with that number."""
    return f"r/{number}/{digest}"


def part_count(size: int) -> int:
    """Return in how many parts a content of ``size`` bytes lies."""
    return max(1, -(-size // PART_BYTES))


class BlobPart(NamedTuple):
    """A part of a blob's content, and whether it is the last."""

    content: bytes
    last: bool


@define
class _Unreferenced:
    """The row of that name."""

    numbers: list[int]
    contents: list[tuple[str, int]]


@define
class Blobs:
    """The blobs of a store."""

    _rows: Rows

    def size(self, digest: str) -> int | None:
        """Return how many bytes the blob has, None when there is none. Raises ``StoreCorrupt`` when it is missing."""
        key = blob_key(digest)
        if not is_digest(digest):
            return None
        if (payload := self._rows.get(key)) is not None:
            return read(key, payload, int)
        if self._rows.has_tag(digest):
            raise corrupt(key, "it is missing")
        return None

    def part(self, digest: str, number: int) -> BlobPart | None:
        """Return a part of the blob's content; None when there is no such blob.

        Raises:
            StoreCorrupt: the blob is there, and the part isn't.
        """
        if (size := self.size(digest)) is None:
            return None
        key = part_key(digest, number)
        if (content := self._rows.get(key)) is None:
            raise corrupt(key, "it is missing")
        return BlobPart(content, last=number + 1 >= part_count(size))

    def known(self, digests: Iterable[str]) -> set[str]:
        """Return those of ``digests`` of which there is a blob."""
        return {digest for digest in digests if is_digest(digest) and self._rows.has(blob_key(digest))}

    def refer(self, number: int, session_id: str, digests: Collection[str], brought: Mapping[str, bytes]) -> None:
        """Let a session refer to the blobs, in the caller's transaction; write those that aren't there.

        What it refers to already isn't looked for: that a blob was lost keeps nobody from going on.

        Raises:
            StoreCorrupt: a blob that others refer to is missing.
            ValueError: there is no such blob, and it isn't ``brought``.
        """
        new = [digest for digest in digests if not self._rows.has(reference_key(number, digest))]
        if missing := {digest for digest in new if digest not in brought and self.size(digest) is None}:
            raise missing_blobs(session_id, missing)
        for digest in brought.keys() - self.known(brought):
            self._write(digest, brought[digest])
        for digest in new:
            self._rows.put(reference_key(number, digest), b"", tag=digest, version=AGENTS)

    def _write(self, digest: str, content: bytes) -> None:
        waiting = self.unreferenced()
        if any(known == digest for known, _ in waiting.contents):  # what is left of it must not go once it is back
            self._note(waiting.numbers, [entry for entry in waiting.contents if entry[0] != digest])
        compress = len(content) <= COMPRESSED_MAX
        for number in range(part_count(len(content))):
            part = content[number * PART_BYTES : (number + 1) * PART_BYTES]
            key = part_key(digest, number)
            self._rows.put(key, part, tag=blob_key(digest), compress=compress, version=AGENTS)
        self._rows.put(blob_key(digest), dump(len(content)), version=AGENTS)

    def references(self, number: int, limit: int = -1) -> list[str]:
        """Return the digests of the blobs that the session refers to, at most ``limit`` if that isn't negative."""
        prefix = reference_key(number, "")
        return [key.removeprefix(prefix) for key in self._rows.keys_from(prefix, limit)]

    def let_go(self, number: int) -> None:
        """Remove the references of a session, and what goes with them, in the transaction that deletes the session.

        What would take long is left to ``step``.
        """
        if self.references(number, 1):
            waiting = self.unreferenced()
            self._clear([*waiting.numbers, number], waiting.contents)

    def step(self) -> bool:
        """Remove some of what nothing refers to; return whether there was any.

        Needn't be durable: after a loss of power the step is done again.
        """
        if not self._rows.has(UNREFERENCED):
            return False
        with self._rows.transaction(durable=False):
            waiting = self.unreferenced()  # another process may have been faster
            self._clear(waiting.numbers, waiting.contents)
        return True

    def unreferenced(self) -> _Unreferenced:
        """Return what is still to be removed."""
        if (payload := self._rows.get(UNREFERENCED)) is None:
            return _Unreferenced([], [])
        return read(UNREFERENCED, payload, _unreferenced_of)

    def _clear(self, numbers: list[int], contents: list[tuple[str, int]]) -> None:
        """Do a step: contents go before references, whose removal makes the list of contents longer."""
        if not contents and numbers:
            contents = self._release(numbers[0])
            numbers = numbers if self.references(numbers[0], 1) else numbers[1:]
        self._note(numbers, self._drop_contents(contents))

    def _release(self, number: int) -> list[tuple[str, int]]:
        """Remove some references of a deleted session; return the blobs that are gone with them."""
        gone = []
        for digest in self.references(number, STEP_ROWS):
            self._rows.drop(reference_key(number, digest))
            if not self._rows.has_tag(digest) and (size := self._said_size(digest)) is not None:
                self._rows.drop(blob_key(digest))
                gone.append((digest, size))
        return gone

    def _said_size(self, digest: str) -> int | None:
        """Return how many bytes the blob has; 0 when that can't be read, None when it is gone."""
        key = blob_key(digest)
        if not self._rows.has(key):
            return None
        try:
            return self.size(digest)
        except StoreCorrupt:
            return 0  # what can't be read can still be removed

    def _drop_contents(self, contents: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Remove contents up to what a step may take; return those that are left, or partly left."""
        removed = 0
        for done, (digest, size) in enumerate(contents):
            if removed >= STEP_BYTES or self._rows.drop_some(blob_key(digest)):
                return list(contents[done:])
            removed += size
        return []

    def _note(self, numbers: Sequence[int], contents: Sequence[tuple[str, int]]) -> None:
        if numbers or contents:
            self._rows.put(UNREFERENCED, dump([numbers, contents]), version=AGENTS)
        else:
            self._rows.drop(UNREFERENCED)


def _unreferenced_of(found: Sequence[Sequence[Any]]) -> _Unreferenced:
    numbers, contents = found
    return _Unreferenced([int(number) for number in numbers], [(str(digest), int(size)) for digest, size in contents])
