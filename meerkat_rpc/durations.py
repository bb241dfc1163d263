"""Lengths of time as people write them: ``90s``, ``30min``, ``12h``, ``30d``, ``2w``."""

from __future__ import annotations

import re

from meerkat_rpc.errors import InvalidArgument

UNITS_MS = {"s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
"""Milliseconds in each unit. No month or year: they have no fixed length."""

_FORM = re.compile(r"([0-9]{1,9})(s|min|h|d|w)", re.ASCII)


def duration_ms(text: str, path: str) -> int:
    """Return the milliseconds that ``text`` stands for.

    Args:
        text: a whole number and a unit.
        path: what the text was given for, for the message: ``--older-than``.

    Raises:
        InvalidArgument: it isn't one.
    """
    if (form := _FORM.fullmatch(text.strip())) is None:
        raise InvalidArgument(f'{path}: expected a duration such as 90s, 30min, 12h, 30d or 2w, got "{text[:60]}"')
    return int(form[1]) * UNITS_MS[form[2]]
