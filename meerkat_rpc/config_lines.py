"""On which line of a TOML file a setting stands. tomllib doesn't say, and a message without it makes people search."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:"((?:\\.|[^"\\\n])*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[\[{]|[\]}]|\n|[^"'#\[\]{}\n]+''',
    re.DOTALL,
)


def line_of(keys: tuple[str, ...], text: str) -> int:
    """Return the line, counted from 1, of the setting that ``keys`` lead to, or of what it stands in.

    ``text`` must be valid TOML.
    """
    best, line = 0, 1
    for found, number in _statements(text.replace("\r\n", "\n")):
        common = next(
            (i for i, (a, b) in enumerate(zip(found, keys, strict=False)) if a != b), min(len(found), len(keys))
        )
        if common > best and (common == len(keys) or common == len(found)):
            best, line = common, number
    return line


def _statements(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the whole key of each table header and each assignment, with its line."""
    table: tuple[str, ...] = ()
    position, line = 0, 1
    while (start := _after_blank(text, position)) < len(text):
        line += text.count("\n", position, start)
        header = text[start] == "["
        key, position = _key(text, start + (2 if text.startswith("[[", start) else 1 if header else 0))
        if header:
            table = key
        yield key if header else (*table, *key), line
        end = _end_of_line(text, position) if header else _end_of_value(text, position)
        line += text.count("\n", start, end)
        position = end


def _after_blank(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return position if blank is None else blank.end()


def _key(text: str, position: int) -> tuple[tuple[str, ...], int]:
    parts: list[str] = []
    while (part := _KEY.match(text, position)) is not None:
        basic, literal, bare = part.groups()
        parts.append(_unescaped(basic) if basic is not None else literal if literal is not None else bare)
        position = part.end()
        if not text.startswith(".", position):
            break
        position += 1
    return tuple(parts), position


def _unescaped(text: str) -> str:
    import tomllib

    return str(tomllib.loads(f'key = "{text}"')["key"]) if "\\" in text else text


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _end_of_value(text: str, position: int) -> int:
    """Return where the value that follows ``position`` ends: at the line's end, unless brackets or quotes are open."""
    depth = 0
    for token in _TOKEN.finditer(text, position):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth == 0:
                return token.start()
    return len(text)
