"""Which contract a connection speaks. On the path to the first reply: light imports only."""

from __future__ import annotations

from meerkat_rpc.wire.catalog import CONTRACT_VERSION

FIRST_ENVELOPE = (0, 4, 1)
"""The first contract whose events come in an envelope."""

PARTS = 3

MAX_DIGITS = 9
"""Digits of one number of a version. With more of them it is none, and int() refuses thousands in its own words."""


def parse_contract(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a version such as "0.8" or "0.4.1", filled up with zeros; None when it is no version."""
    numbers = text.split(".")
    if not 1 <= len(numbers) <= PARTS or not all(map(_is_number, numbers)):
        return None
    return tuple(int(number) for number in numbers) + (0,) * (PARTS - len(numbers))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def choose_contract(asked: str | None, default: str | None) -> str:
    """Return the contract to speak: what the client asked for, else the server's default, else 0.3.0."""
    for candidate in (asked, default):
        version = parse_contract(candidate) if candidate else None
        if version is not None:
            return ".".join(str(number) for number in version)
    return CONTRACT_VERSION


def is_envelope(contract_version: str) -> bool:
    """Return whether events come in an envelope in that contract."""
    version = parse_contract(contract_version)
    return version is not None and version >= FIRST_ENVELOPE
