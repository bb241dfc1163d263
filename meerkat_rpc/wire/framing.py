r"""Bytes to frames, sans-IO: ``feed`` takes bytes however they were split and returns the frames they complete.

A frame is the text of one message, still unparsed. Two framings carry them, told apart by the first byte that is not
white space (contract section 1):

- ``jsonl``: a line is a frame. Lines end in ``\n``; white space around one, so the ``\r`` of ``\r\n`` too, is not
  part of it, and lines of nothing else are skipped. What comes without a newline before the end of input is a frame.
- ``content-length``: header lines, an empty line, then as many bytes as ``Content-Length`` says. Other headers are
  ignored. ``headers.py`` reads them.

``C`` and ``c`` begin a header; everything else is taken for a line, so that garbage gets an answer a line.

    state       what moves it                        where to      what is returned
    ----------  -----------------------------------  ------------  -----------------------------
    DECIDE      white space                          DECIDE
                "C", "c"                             HEADER
                any other byte                       LINE
    LINE        "\n"                                 LINE          the frame, unless blank
                more than the limit without "\n"     SKIP_LINE     FrameTooLarge
    SKIP_LINE   "\n"                                 LINE
    HEADER      empty line, length within the limit  BODY
                empty line, length above the limit   SKIP_BODY     FrameTooLarge
                anything unreadable                  BROKEN        FramingError is raised
    BODY        the last of the announced bytes      HEADER        the frame
    SKIP_BODY   the last of the announced bytes      HEADER
    BROKEN      any byte                             BROKEN        FramingError is raised

A state is the method of that name, lower-case. What is skipped is never held, and every byte is looked at a fixed
number of times: the cost is linear in the input even when it comes a byte at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

from meerkat_rpc.wire.headers import HeaderError, HeaderSection

Style = Literal["jsonl", "content-length"]

Framing = Literal["auto", "jsonl", "content-length"]

MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
"""Largest frame taken by default: room for a prompt with a large file in it, and a bound on what a message can cost."""

_WHITE_SPACE: Final = b" \t\r\n"  # JSON's, not Python's: a form feed is garbage and gets its answer


class FrameTooLarge(NamedTuple):
    """Stands in place of a frame above the limit; its bytes are skipped.

    ``limit`` and ``size`` count bytes. ``size`` is None for a line: nobody knows how long it will be.
    """

    limit: int
    size: int | None


class FramingError(Exception):
    """The input can't be understood from here on: where the next frame begins is unknown.

    Args:
        message: one sentence for a person, without any of the input in it.
        frames: what was complete before the fault and has not been returned.
    """

    def __init__(self, message: str, frames: Sequence[bytes | FrameTooLarge] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.frames = frames


def encode(body: bytes, style: Style) -> bytes:
    """Return ``body``, JSON without a raw newline in it, framed for the wire."""
    if style == "jsonl":
        return body + b"\n"
    return header(len(body)) + body


def header(size: int) -> bytes:
    """Return the header section before a body of ``size`` bytes."""
    return b"Content-Length: %d\r\n\r\n" % size


class Framer:
    """Takes bytes, returns frames. One for each direction of each connection.

    Args:
        max_frame: largest frame returned, in bytes; a line is measured without its newline.
        framing: "auto" lets the first byte decide.
    """

    def __init__(self, max_frame: int = MAX_FRAME_BYTES, framing: Framing = "auto") -> None:
        self._max_frame = max_frame
        self._style: Style | None = None
        self._state: Callable[[bytes, int], int] = self._decide
        self._held = bytearray()  # what has come of an unfinished line, header line or body
        self._remaining = 0  # bytes of the body that are still to come
        self._headers = HeaderSection()
        self._complete: list[bytes | FrameTooLarge] = []
        if framing != "auto":
            self._adopt(framing)

    @property
    def style(self) -> Style | None:
        """Return the framing in use; None until a byte has decided."""
        return self._style

    def feed(self, data: bytes) -> list[bytes | FrameTooLarge]:
        """Return the frames that ``data`` completes, in order.

        Raises:
            FramingError: the input can't be understood from here on, and neither can anything fed later.
        """
        position, size = 0, len(data)
        try:
            while position < size:
                position = self._state(data, position)
        except HeaderError as error:
            self._state = self._broken
            raise FramingError(str(error), self._take()) from None
        return self._take()

    def end(self) -> list[bytes | FrameTooLarge]:
        """Return what the end of input completes: a last line without newline, or a body cut short.

        A body cut short is handed on like such a line, because a prefix of a JSON object never parses: the reader
        answers that it is no message, and nothing half-said is done.

        Raises:
            FramingError: the input ended inside a header section.
        """
        if self._state == self._header and (self._held or self._headers.lines):
            self._state = self._broken
            raise FramingError("the input ended inside a header section")
        if rest := bytes(self._held).strip(_WHITE_SPACE):
            self._complete.append(rest)
        self._held.clear()
        return self._take()

    def _take(self) -> list[bytes | FrameTooLarge]:
        frames, self._complete = self._complete, []
        return frames

    def _adopt(self, style: Style) -> None:
        self._style = style
        self._state = self._line if style == "jsonl" else self._header

    # The states. Each takes the input from ``position`` on, which is never nothing, and returns where it stopped.

    def _decide(self, data: bytes, position: int) -> int:
        text = data[position:].lstrip(_WHITE_SPACE)
        if text:
            self._adopt("content-length" if text[0] in b"Cc" else "jsonl")
        return len(data) - len(text)

    def _line(self, data: bytes, position: int) -> int:
        lines = data[position:].split(b"\n")
        tail = lines.pop()
        if lines and self._held:
            lines[0] = self._release(lines[0])
        for line in lines:
            if len(line) > self._max_frame:
                self._complete.append(FrameTooLarge(self._max_frame, None))
            elif text := line.strip(_WHITE_SPACE):
                self._complete.append(text)
        if len(self._held) + len(tail) > self._max_frame:
            self._held.clear()
            self._complete.append(FrameTooLarge(self._max_frame, None))
            self._state = self._skip_line
        else:
            self._held += tail
        return len(data)

    def _skip_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position)
        if end < 0:
            return len(data)
        self._state = self._line
        return end + 1

    def _header(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position)
        stop = len(data) if end < 0 else end + 1
        self._headers.count(stop - position)
        if end < 0:
            self._held += data[position:]
        else:
            self._header_line(self._release(data[position:end]))
        return stop

    def _header_line(self, line: bytes) -> None:
        # A bare "\n" ends a line as "\r\n" does: no header value can hold one, so it can mean nothing else, and
        # what people pipe in by hand has it. (In HTTP that is a risk because two readers in a row might disagree;
        # a pipe has one.)
        line = line.removesuffix(b"\r")
        if line:
            self._headers.add(line)
            return
        headers, self._headers = self._headers, HeaderSection()
        if headers.lines:
            self._begin_body(headers.finish())
        # else an empty line between messages: some writers end a body with one (RFC 9112 section 2.2)

    def _begin_body(self, size: int) -> None:
        self._remaining = size
        if size > self._max_frame:
            self._complete.append(FrameTooLarge(self._max_frame, size))
            self._state = self._skip_body
        elif size:
            self._state = self._body
        else:
            self._complete.append(b"")  # no message, but announced: its writer is owed an answer

    def _body(self, data: bytes, position: int) -> int:
        piece = data[position : position + self._remaining]
        self._remaining -= len(piece)
        if self._remaining:
            self._held += piece
        else:
            self._complete.append(self._release(piece))
            self._state = self._header
        return position + len(piece)

    def _skip_body(self, data: bytes, position: int) -> int:
        skipped = min(self._remaining, len(data) - position)
        self._remaining -= skipped
        if not self._remaining:
            self._state = self._header
        return position + skipped

    def _broken(self, data: bytes, position: int) -> int:
        raise HeaderError("the input became unreadable earlier")

    def _release(self, last: bytes) -> bytes:
        """Return what was held with ``last`` after it, and hold nothing."""
        if not self._held:
            return last
        self._held += last
        whole = bytes(self._held)
        self._held.clear()
        return whole
