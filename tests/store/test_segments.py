"""The format of stored records."""

from __future__ import annotations

import zlib

import pytest

from meerkat_rpc.errors import StoreCorrupt, StoreError
from meerkat_rpc.store.envelope import COMPRESS_MAX, seal, unseal
from meerkat_rpc.store.segments import EVENTS, Segment, decode, filled
from tests.store.sessions import events


@pytest.mark.parametrize("payload", [b"", b"x", b"x" * 10_000, b"x" * (COMPRESS_MAX + 1), bytes(range(256))])
@pytest.mark.parametrize("compress", [False, True])
def test_what_was_sealed_is_unsealed(payload: bytes, compress: bool) -> None:
    assert unseal("key", seal("key", payload, compress=compress)) == payload


def test_compression_is_left_out_where_it_saves_nothing() -> None:
    assert len(seal("key", b"abc", compress=True)) == len(seal("key", b"abc"))
    assert len(seal("key", b"a" * 1000, compress=True)) < 100


@pytest.mark.parametrize("at", range(len(seal("key", b"payload"))))
def test_no_flipped_bit_goes_unnoticed(at: int) -> None:
    row = bytearray(seal("key", b"payload", compress=True))
    row[at] ^= 1
    with pytest.raises(StoreError) as refused:
        unseal("key", bytes(row))
    assert refused.value.data["row"] == "key"


def test_a_row_that_unfolds_to_more_than_any_of_ours_is_refused() -> None:
    bomb = zlib.compress(bytes(2 * COMPRESS_MAX))
    head = b"mk\x01\x01"
    checksum = zlib.crc32(bomb, zlib.crc32(head, zlib.crc32(b"key")))
    with pytest.raises(StoreCorrupt, match="larger"):
        unseal("key", head + checksum.to_bytes(4) + bomb)


def test_a_row_that_was_cut_short_is_noticed() -> None:
    row = seal("key", b"payload")
    for length in range(len(row)):
        with pytest.raises(StoreCorrupt):
            unseal("key", row[:length])


def test_a_segment_is_decoded_as_it_was_encoded() -> None:
    log = [*events(1, 3, "a"), *events(4, 2, "b"), *events(6, 1, "a")]
    log[2] = log[2]._replace(timestamp_ms=5)
    log[4] = log[4]._replace(body=b"x" * 10_000)
    ((segment, spills),) = filled(None, EVENTS, log)
    assert spills == {5: b"x" * 10_000}
    assert decode("key", segment.encode()) == segment


def test_records_fill_one_segment_after_the_other() -> None:
    begun = Segment(65)
    for event in events(65, 60):
        begun.add(event)
    found = [(segment.first, segment.end) for segment, _ in filled(begun, EVENTS, events(125, 140))]
    assert found == [(65, 129), (129, 193), (193, 257), (257, 265)]


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}\n{}", b'[1,[1],[["t",1]],[]]', b'[1,[1],[["t",2]],[]]\n{}', b"\xff\n{}"]
)
def test_a_payload_that_is_no_segment_is_refused(payload: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        decode("key", payload)


def test_a_small_turn_takes_little_room() -> None:
    ((segment, _),) = filled(None, EVENTS, events(1, 64, "019a0000-0000-7000-8000-00000000000a"))
    assert len(seal("key", segment.encode(), compress=True)) < 64 * 20
