"""Heads in rows: how they are written and read back. Belongs to the store thread.

    s/<session id>/head           a line [number, head] or [number, head, 3], a line with the configuration, then the
                                  tail of the messages
    s/<session id>/config         the configuration if it is large (its line is empty then); written when it changes
    s/<session id>/head+/<part>   a part of the head that is large, such as the prompts that wait or the summary that
                                  stands for old messages; null in the head's line

Each commit writes the head's row, so what may be large and stays as it is from one commit to the next lies beside it. A
part of its own for each: what waits changes often and is mostly small, a summary is large and seldom changes.

The 3 in the line is for ever: the session has had something that only this version knows (``envelope.AGENTS``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from attrs import define

from meerkat_rpc.domain import AgentConfig, SessionHead
from meerkat_rpc.store.codec import (
    LARGE_PARTS,
    config_json,
    config_of,
    config_version,
    dump,
    head_document,
    head_of,
    head_version,
    read,
)
from meerkat_rpc.store.disk_lanes import head_key
from meerkat_rpc.store.disk_rows import Rows
from meerkat_rpc.store.envelope import AGENTS, FORMAT, corrupt
from meerkat_rpc.store.rules import Stored
from meerkat_rpc.store.segments import SPILL_BYTES


class HeadRow(NamedTuple):
    """The three parts of a head's row."""

    head: bytes
    config: bytes
    tail: bytes


class HeadLine(NamedTuple):
    """The first line of a head's row: the session's number, the head's document, and the row's format version.

    ``stored`` is what a change is compared with.
    """

    number: int
    document: dict[str, Any]
    version: int
    stored: Stored

    @property
    def beside(self) -> set[str]:
        """The parts of the head that lie in rows of their own."""
        return _beside(self.document)


def config_key(session_id: str) -> str:
    """Return the key of a session's configuration, if it is large."""
    return f"s/{session_id}/config"


def part_key(session_id: str, part: str) -> str:
    """Return the key of a part of a head, if it is large."""
    return f"s/{session_id}/head+/{part}"


@define
class Heads:
    """The heads of a store's sessions."""

    _rows: Rows

    def row(self, session_id: str) -> HeadRow | None:
        """Return the row of a head, None where there is no such session."""
        key = head_key(session_id)
        if (payload := self._rows.get(key)) is None:
            return None
        try:
            return HeadRow(*payload.split(b"\n", 2))
        except TypeError:
            raise corrupt(key, "it isn't in three parts") from None

    def line(self, session_id: str, found: HeadRow, last_seq: int = 0) -> HeadLine:
        """Return the first line of a head's row, read. ``last_seq``: the log's, for what a change is compared with."""
        return read(head_key(session_id), found.head, lambda parts: _line_of(parts, last_seq))

    def numbered(self, session_id: str) -> tuple[int, SessionHead] | None:
        """Return a session's number and head, None where there is no such session."""
        if (found := self.row(session_id)) is None:
            return None
        config = read(head_key(session_id), found.config or self._beside(config_key(session_id)), config_of)
        line = self.line(session_id, found)
        for part in line.beside:
            key = part_key(session_id, part)
            line.document[part] = read(key, self._beside(key), lambda content: content)
        return line.number, read(head_key(session_id), found.head, lambda _: head_of(line.document, config))

    def remnant(self, session_id: str) -> SessionHead | None:
        """Return what a head's own row says: without what lies beside it, for that may be what is lost."""
        if (found := self.row(session_id)) is None:
            return None
        line = self.line(session_id, found)
        document = {name: value for name, value in line.document.items() if name not in line.beside}
        return read(head_key(session_id), found.head, lambda _: head_of(document, AgentConfig()))

    def write(self, head: SessionHead, number: int, tail: bytes, before: HeadLine | None, least: int) -> None:
        """Write ``head``, in the caller's transaction.

        Args:
            head: the head.
            number: its session's number.
            tail: the payload of the messages' tail.
            before: the line of the head that is stored, if there is one.
            least: the format version that the messages in ``tail`` need.
        """
        document = head_document(head)
        version = max(head_version(document, head.config), least, before.version if before else FORMAT)
        if version != FORMAT:
            self._put_parts_beside(head.session_id, document, number, before)
        line = dump([number, document] if version == FORMAT else [number, document, version])
        payload = b"\n".join((line, self._config_line(head, number), tail))
        self._rows.put(head_key(head.session_id), payload, tag=number, version=version)

    def _put_parts_beside(
        self, session_id: str, document: dict[str, Any], number: int, before: HeadLine | None
    ) -> None:
        """Put what is large in ``document`` into rows of its own, and remove those that it has no use for any more."""
        for part in LARGE_PARTS:
            if part in document and len(data := dump(document[part])) > SPILL_BYTES:
                self._put_beside(part_key(session_id, part), data, number, AGENTS)
                document[part] = None
        for part in before.beside - _beside(document) if before else ():
            self._rows.drop(part_key(session_id, part))

    def _config_line(self, head: SessionHead, number: int) -> bytes:
        config = config_json(head.config)
        if len(config) <= SPILL_BYTES:
            return config
        self._put_beside(config_key(head.session_id), config, number, config_version(head.config))
        return b""

    def _put_beside(self, key: str, payload: bytes, number: int, version: int) -> None:
        if self._rows.get(key) != payload:
            self._rows.put(key, payload, tag=number, compress=True, version=version)

    def _beside(self, key: str) -> bytes:
        if (payload := self._rows.get(key)) is None:
            raise corrupt(key, "it is missing")
        return payload


def _line_of(parts: list[Any], last_seq: int) -> HeadLine:
    number, head = parts[:2]
    version = int(parts[2]) if parts[2:] else FORMAT
    stored = Stored(int(head["revision"]), int(head["created_ms"]), int(head.get("message_count", 0)), last_seq)
    return HeadLine(int(number), head, version, stored)


def _beside(document: dict[str, Any]) -> set[str]:
    return {part for part in LARGE_PARTS if part in document and document[part] is None}
