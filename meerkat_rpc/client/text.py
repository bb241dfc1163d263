"""The text of a turn out of its events, as it comes, whether its deltas were folded or not."""

from __future__ import annotations

from meerkat_rpc.client.events import Event


class TurnText:
    """Tells what each event adds to the text. Takes a turn's events in order."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, int]] = []  # sequence number and length, of this model call
        self._incomplete = False

    def added(self, event: Event) -> str:
        """Return the text that ``event`` adds to what was there before it; "" for most."""
        if event.type == "text_delta":
            return self._piece(event.seq, event["delta"])
        if event.type == "deltas_folded" and event["kind"] == "text":
            return self._folded(event)
        if event.type == "text_complete":
            had, rest = sum(length for _, length in self._pieces), self._incomplete
            self._pieces, self._incomplete = [], False
            return str(event["content"])[had:] if rest else ""
        return ""

    def _piece(self, seq: int, text: str) -> str:
        self._pieces.append((seq, len(text)))
        return text

    def _folded(self, event: Event) -> str:
        """Take an event that stands for deltas of which some may have come before they were folded."""
        if event["content"] is None:
            self._incomplete = True
            return ""
        had = sum(length for seq, length in self._pieces if seq >= event.first_seq)
        return self._piece(event.seq, event["content"][had:])
