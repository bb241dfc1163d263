"""Reading a session through its journal."""

from __future__ import annotations

from meerkat_rpc.domain import History, Message, SessionHead
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.sessions.journal import Journal
from meerkat_rpc.sessions.listing import summary_of_head
from meerkat_rpc.sessions.service import HistoryPage, SessionView

LAST_TEXT_MESSAGES = 16
"""How far back ``read`` looks for the last thing the assistant said."""

MESSAGE_PAGE = 1000
"""Messages read at a time where all of them are wanted."""


def check_cursor(after: int, last_seq: int) -> None:
    """Raise ``InvalidArgument`` when ``after`` is ahead of the log."""
    if after > last_seq:
        raise InvalidArgument(f"params.cursor: ahead of the log, which ends at {last_seq}")


async def view(head: SessionHead, journal: Journal) -> SessionView:
    """Return the session of ``head``, with the last thing its assistant said."""
    start = max(0, head.message_count - LAST_TEXT_MESSAGES)
    latest = await journal.messages(start, LAST_TEXT_MESSAGES)
    said = [message.content for message in latest if message.role == "assistant" and message.content]
    return SessionView(summary_of_head(head), head, said[-1] if said else None)


def page_bounds(message_count: int, offset: int, limit: int, before: int | None) -> tuple[int, int]:
    """Return the index of the first message of a page, and how many it may have. See ``SessionService.history``."""
    if before is None:
        return offset, limit
    end = min(before, message_count)
    start = max(end - limit, 0)
    return start, end - start


def history_page(history: History) -> HistoryPage:
    """Return messages as a page.

    A running turn's prompt is a message already, and nothing else of it: its events are wanted from the one behind
    ``run_started`` on. What comes between turns is committed together with its event.
    """
    head, last_seq, start, messages = history
    told = last_seq if head.running is None else head.running.first_seq
    return HistoryPage(
        session_id=head.session_id,
        message_count=head.message_count,
        offset=start,
        messages=messages,
        next_seq=told + 1,
        running_turn_id=None if head.running is None else head.running.turn_id,
        compaction=head.compaction,
    )


async def read_messages(journal: Journal, count: int, start: int = 0) -> list[Message]:
    """Return ``count`` messages from index ``start``, or what there is of them."""
    messages: list[Message] = []
    while len(messages) < count:
        page = await journal.messages(start + len(messages), min(MESSAGE_PAGE, count - len(messages)))
        if not page:
            break
        messages += page
    return messages


def found(blob: bytes | None) -> bytes:
    """Return the content of an attachment. Raises ``InvalidArgument`` when there is none."""
    if blob is None:
        raise InvalidArgument("params.digest: no attachment has this digest")
    return blob
