"""What surrounds every stored value: a format version and a checksum.

    offset  bytes  meaning
    0       2      the letters "mk"
    2       1      format version
    3       1      flags: 1 = the payload is compressed (zlib)
    4       4      CRC-32 of the row's key, the first four bytes and the payload as stored
    8       …      payload

The key is part of the checksum, so a row that turns up in another's place (a damaged index does that) is noticed.
"""

from __future__ import annotations

import struct
import zlib

from meerkat_rpc.errors import StoreCorrupt, StoreError

FORMAT = 1
"""The format version of the store, and of the rows in it but for those that say something version 1 couldn't."""

SPARSE = 2
"""The format version of a log, and of its segments, whose deltas were folded: version 1 knows of no absent records."""

AGENTS = 3
"""The format version of what agents with tools leave behind: a head with what waits, messages with attachments, and
the blobs. Version 1 has no place for these. Of such a session the head is in this version from then on, so that an
older program refuses the session as a whole rather than go on with it, or delete it and leave its blobs behind."""

NEWEST = AGENTS
"""The newest format version this program reads."""

COMPRESS_MAX = 1 << 20
"""Bytes; larger payloads are stored as they are: zlib takes 15 ms a megabyte, and a commit would wait for it."""

_MAGIC = b"mk"
_COMPRESSED = 1
_HEADER = struct.Struct(">2sBBI")
_CHECKED = 4
"""How many bytes of the header the checksum covers."""


def seal(key: str, payload: bytes, *, compress: bool = False, version: int = FORMAT) -> bytes:
    """Return the row that keeps ``payload``, in the format ``version``, under ``key``.

    ``compress`` asks for compression; it is left out where it would not save anything.
    """
    flags = 0
    if compress and len(payload) <= COMPRESS_MAX and len(smaller := zlib.compress(payload, 1)) < len(payload):
        payload, flags = smaller, _COMPRESSED
    head = _HEADER.pack(_MAGIC, version, flags, 0)
    return _HEADER.pack(_MAGIC, version, flags, _checksum(key, head, payload)) + payload


def unseal(key: str, row: bytes) -> bytes:
    """Return the payload of ``row``, found under ``key``.

    Raises:
        StoreError: a newer version of the program wrote it.
        StoreCorrupt: it isn't what was written.
    """
    if len(row) < _HEADER.size or row[:2] != _MAGIC:
        raise corrupt(key, "it isn't one of this program's")
    _, version, flags, checksum = _HEADER.unpack_from(row)
    if version > NEWEST:
        raise newer(f"Row {key}", version, row=key)
    payload = row[_HEADER.size :]
    if checksum != _checksum(key, row, payload):
        raise corrupt(key, "its checksum doesn't match")
    return _decompress(key, payload) if flags & _COMPRESSED else payload


def corrupt(key: str, why: str) -> StoreCorrupt:
    """Return the error that names the row under ``key``; ``why`` ends its sentence."""
    parts = key.split("/")
    session = {"session_id": parts[1]} if parts[0] == "s" and len(parts) > 1 else {}
    return StoreCorrupt(f"The store's row {key} can't be trusted: {why}. It was left as it is.", row=key, **session)


def newer(what: str, version: int, **data: str) -> StoreError:
    """Return the error for ``what``, in a format that only a later version of this program reads."""
    return StoreError(
        f"{what} was written by a newer version of this program (format {version}; this one reads up to {NEWEST}). "
        "Nothing was changed; use the newer version.",
        format=version,
        **data,
    )


def _checksum(key: str, head: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(head[:_CHECKED], zlib.crc32(key.encode())))


def _decompress(key: str, payload: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(payload, COMPRESS_MAX + 1)  # no row of ours unfolds to more
    except zlib.error as error:
        raise corrupt(key, "it can't be decompressed") from error
    if not stream.eof:
        raise corrupt(key, "it is larger, or shorter, than what is compressed")
    return content
