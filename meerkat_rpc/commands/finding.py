"""What ``meerkat-rpc doctor`` finds: a level, what it is about, and what there is to say of it."""

from __future__ import annotations

from typing import NamedTuple

OK, NOTE, PROBLEM = "ok", "note", "problem"


class Finding(NamedTuple):
    """One line of the report."""

    level: str
    what: str
    detail: str
