"""What an agent is told of a conversation that it was no part of: before its process was started, or while the session
ran on another model.

An agent keeps its sessions in its own way, or not at all; ours outlives it. So whatever it can't know is put before the
prompt as a transcript.
"""

from __future__ import annotations

from collections.abc import Sequence

from meerkat_rpc.domain import Message
from meerkat_rpc.event_json import json_text

MAX_TRANSCRIPT_CHARS = 120_000
"""How much is told, the newest first: some 30,000 tokens, which every model in use has room for."""

MAX_TOOL_CHARS = 2_000
"""How much of a tool's arguments or result: what the agent needs in full it reads again."""

_HEADING = (
    "This conversation began before you. What follows in <conversation> is what was said so far; go on from there."
)
_NEWS = "What follows in <conversation> happened since your last turn, without you."
_CUT = "[the beginning is left out]"


def unseen(history: Sequence[Message], last_turn: str | None) -> Sequence[Message]:
    """Return what is new in ``history`` to an agent whose last turn was ``last_turn`` (None: it has had none).

    Where that turn can't be found, because it was compacted, everything is new.
    """
    if last_turn is None:
        return history
    ended = [index for index, message in enumerate(history) if message.turn_id == last_turn and message.kind is None]
    return history[ended[-1] + 1 :] if ended else history


def preamble(system_prompt: str | None, messages: Sequence[Message], *, first: bool) -> str | None:
    """Return what is to stand before a prompt, None where there is nothing to say.

    Args:
        system_prompt: instructions, which the protocol has no place for.
        messages: what the agent has not seen.
        first: whether this is its first prompt.
    """
    parts = [f"<instructions>\n{system_prompt}\n</instructions>"] if system_prompt and first else []
    if transcript := _transcript(messages):
        parts.append(f"{_HEADING if first else _NEWS}\n<conversation>\n{transcript}\n</conversation>")
    return "\n\n".join(parts) or None


def _transcript(messages: Sequence[Message]) -> str:
    entries: list[str] = []
    room = MAX_TRANSCRIPT_CHARS
    for message in reversed(messages):
        entry = _entry(message)
        if len(entry) > room:
            entries.append(_CUT if entries else f"{_CUT}\n{entry[-room:]}")
            break
        if entry:
            entries.append(entry)
            room -= len(entry)
    return "\n\n".join(reversed(entries))


def _entry(message: Message) -> str:
    if message.tool_result is not None:
        failed = " (failed)" if message.tool_result.is_error else ""
        return f"Tool {message.tool_result.name}{failed}: {_shortened(message.content)}"
    lines = [message.content] if message.content else []
    lines += [f"[called {call.name} with {_shortened(json_text(call.args))}]" for call in message.tool_calls]
    lines += [f"[attached: {item.name}]" for item in message.attachments]
    if message.partial:
        lines.append("[interrupted]")
    return f"{_speaker(message)}: " + "\n".join(lines) if lines else ""


def _speaker(message: Message) -> str:
    match message.kind:
        case "context":
            return "Context"
        case "summary":
            return "Summary of what came before"
        case _:
            return message.role.capitalize()


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TOOL_CHARS else text[:MAX_TOOL_CHARS] + "…"
