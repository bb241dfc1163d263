"""Why a connection failed, in words for people."""

from __future__ import annotations

MAX_REASON_CHARS = 500


def reason(error: BaseException) -> str:
    """Return what went wrong: of a group of exceptions, what the first one in it says."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.strerror}: {error.filename!r}"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARS else text[: MAX_REASON_CHARS - 1] + "…"
