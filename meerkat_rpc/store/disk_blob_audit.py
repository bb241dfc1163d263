"""Reads every blob that a store holds and tells what doesn't hold together: contents, and who refers to them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from attrs import define

from meerkat_rpc.domain import SessionHead
from meerkat_rpc.errors import StoreError
from meerkat_rpc.store.disk_blobs import PART_BYTES, blob_key, part_key
from meerkat_rpc.store.disk_parts import Parts
from meerkat_rpc.store.disk_rows import Rows
from meerkat_rpc.store.envelope import corrupt
from meerkat_rpc.store.rules import is_digest


@define
class BlobAudit:
    """What there is to say about the blobs.

    Args:
        parts: the store.
        keys: those of all rows, at their slashes.
        heads: the session ids that there are; None for a head that can't be read.
        attached: the digests that each session names, as far as it can be read.
    """

    parts: Parts
    keys: Sequence[Sequence[str]]
    heads: Mapping[str, SessionHead | None]
    attached: Mapping[str, set[str]]

    def findings(self) -> Iterator[str]:
        """Yield a sentence for each thing that is wrong."""
        blobs = {key[1] for key in self.keys if key[0] == "b" and len(key) == 2}  # noqa: PLR2004
        references = {(key[1], key[2]) for key in self.keys if key[0] == "r" and len(key) == 3}  # noqa: PLR2004
        numbers = self._numbers()
        try:
            waiting = self.parts.blobs.unreferenced()
        except StoreError as error:
            yield error.message
            return
        yield from self._strays(blobs, {digest for digest, _ in waiting.contents})
        yield from self._references(references, blobs, numbers, {str(number) for number in waiting.numbers})
        for digest in sorted(blobs - {digest for _, digest in references}):
            yield f"The blob {digest} belongs to no session."
        for digest in sorted(blobs):
            yield from self._content(digest)

    def _numbers(self) -> dict[str, str]:
        """Return the id of each session whose head can be read, by its number."""
        numbers = {}
        for session_id in self.heads:
            with contextlib.suppress(StoreError):  # told already
                if (row := self.parts.heads.row(session_id)) is not None:
                    numbers[str(self.parts.heads.line(session_id, row).number)] = session_id
        return numbers

    def _strays(self, blobs: set[str], leaving: set[str]) -> Iterator[str]:
        for key in self.keys:
            match key:
                case ["b", _] | ["r", _, _]:
                    pass
                case ["b", digest, _] if digest in blobs or digest in leaving:
                    pass
                case ["b", *_] | ["r", *_]:
                    yield f"The row {'/'.join(key)} belongs to a blob that isn't there."
                case _:
                    pass

    def _references(
        self, references: set[tuple[str, str]], blobs: set[str], numbers: Mapping[str, str], leaving: set[str]
    ) -> Iterator[str]:
        known_all = None not in self.heads.values()  # a session whose head is damaged has its references still
        for number, digest in sorted(references):
            yield from self._reference(number, digest)
            if number in numbers and digest not in blobs:
                yield f"The blob {digest} is missing, which session {numbers[number]} refers to."
            elif known_all and number not in numbers and number not in leaving:
                yield f"The row r/{number}/{digest} belongs to a session that isn't there."
        for number, session_id in numbers.items():
            for digest in sorted(self.attached.get(session_id, set())):
                if (number, digest) not in references:
                    yield f"Session {session_id} names the blob {digest}, and has no reference to it."

    def _reference(self, number: str, digest: str) -> Iterator[str]:
        try:
            self.parts.rows.get(f"r/{number}/{digest}")
        except StoreError as error:
            yield error.message

    def _content(self, digest: str) -> Iterator[str]:
        try:
            size = self.parts.blobs.size(digest)
            if sum(map(len, blob_parts(self.parts.rows, digest))) != size:
                yield f"The blob {digest} hasn't the {size} bytes that it should."
        except StoreError as error:
            yield error.message


def blob_parts(rows: Rows, digest: str) -> Iterator[bytes]:
    """Yield the parts of a blob's content, and see whether it is what it should be.

    The row that says how many parts there are is not needed, for it may be what is lost: the last one is short, or the
    content is complete before there is another.

    Raises:
        StoreCorrupt: a part is missing; or, after the last, that they aren't the content with that digest.
    """
    found = hashlib.sha256()
    for number in count():
        if number and found.hexdigest() == digest:
            return
        key = part_key(digest, number)
        if not is_digest(digest) or (part := rows.get(key)) is None:
            raise corrupt(key, "it is missing")
        found.update(part)
        yield part
        if len(part) < PART_BYTES:
            break
    if found.hexdigest() != digest:
        raise corrupt(blob_key(digest), "its parts aren't what was put together under that digest")
