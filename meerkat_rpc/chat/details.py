"""What a question is about, as lines: a change with its colours, a command as it is, anything else as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.text import Text

from meerkat_rpc.chat.text import revealed, short_path

MAX_LINES = 30
"""Lines of a question that are shown unasked: less than a window, so that it is seen together with the keys."""

MAX_LINE_CHARS = 400
"""How much of one line is: some lines of a window."""

MAX_RESULT_LINES = 8
"""Lines of a change that are shown once it was made."""

_STYLES = {"+": "green", "-": "red", "@": "cyan", "\\": "dim", "…": "dim"}


class Shown(NamedTuple):
    """Lines, and whether they are all there is."""

    lines: Sequence[Text]
    whole: bool


def described(details: Any) -> list[Text]:
    """Return everything that the details of a question say, a line each."""
    return [*_described(details)]


def shortened(lines: Sequence[Text], most: int = MAX_LINES) -> Shown:
    """Return as much of ``lines`` as is shown unasked, with a line that says what isn't."""
    cut = [_cut(line) for line in lines[:most]]
    whole = len(lines) <= most and all(len(line.plain) <= MAX_LINE_CHARS for line in lines)
    if len(lines) > most:
        cut.append(Text(f"… {len(lines) - most} more lines", style="dim"))
    return Shown(cut, whole)


def changed(result: Any) -> Sequence[Text]:
    """Return the beginning of the change that a tool's result tells of; nothing where it tells of none."""
    diff = result.get("diff") if isinstance(result, Mapping) else None
    if not isinstance(diff, str):
        return ()
    lines = [line for line in _diff(diff) if not line.plain.startswith(("--- ", "+++ "))]
    return shortened(lines, MAX_RESULT_LINES).lines


def call_id(details: Any) -> str | None:
    """Return the tool call that a question is about."""
    found = details.get("call_id") if isinstance(details, Mapping) else None
    return found if isinstance(found, str) else None


def _described(details: Any) -> Iterator[Text]:
    match details:
        case None:
            return
        case {"tool": str(tool), "source": str(source), "args": args, "details": inner}:
            if source != "builtin":
                yield Text(revealed(f"{tool}, a tool of {source}").replace("\n", " "), style="dim")
            yield from _preview(args if inner is None else inner, args)
        case _:
            yield from _preview(details, details)


def _preview(details: Any, args: Any) -> Iterator[Text]:
    """Show what is known of a call; where that is nothing special, its arguments."""
    match details:
        case {"diff": str(diff)}:
            yield from _diff(diff)
        case {"command": str() | list() as command}:
            yield from _command(command, details.get("cwd"))
        case {"content": content} | {"input": content}:
            yield from _content(content)
        case str(text):
            yield from _lines(text)
        case {"options": _} if len(details) == 1:
            return
        case _:
            yield from _json(args)


def _content(content: Any) -> Iterator[Text]:
    """Show what an agent says of its call: its text, or a list of texts and changes."""
    for item in content if isinstance(content, list) else [content]:
        match item:
            case {"type": "text", "text": str(text)}:
                yield from _lines(text)
            case _:
                yield from _preview(item, item)


def _diff(diff: str) -> Iterator[Text]:
    for line in revealed(diff).split("\n"):
        headline = line.startswith(("--- ", "+++ "))
        yield Text(line, style="bold" if headline else _STYLES.get(line[:1], ""))


def _command(command: str | list[Any], cwd: Any) -> Iterator[Text]:
    text = command if isinstance(command, str) else shlex.join(str(word) for word in command)
    first, *rest = revealed(text).split("\n")
    yield Text(f"$ {first}")
    yield from (Text(f"  {line}") for line in rest)
    if isinstance(cwd, str):
        yield Text(f"in {revealed(short_path(cwd))}", style="dim")


def _lines(text: str) -> Iterator[Text]:
    yield from map(Text, revealed(text).split("\n"))


def _json(value: Any) -> Iterator[Text]:
    yield from _lines(json.dumps(value, ensure_ascii=False, indent=2))


def _cut(line: Text) -> Text:
    if len(line.plain) <= MAX_LINE_CHARS:
        return line
    left = len(line.plain) - MAX_LINE_CHARS
    return line[:MAX_LINE_CHARS].append(f" … {left} more characters", style="dim")
