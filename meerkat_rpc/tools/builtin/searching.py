"""``search``: which lines of which files match. A process of its own does it; ``search_process`` says why."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any, ClassVar

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.base import ToolCallContext, ToolOutcome
from meerkat_rpc.tools.builtin.args import Args
from meerkat_rpc.tools.builtin.definition import BuiltinTool, JsonObject, Properties
from meerkat_rpc.tools.builtin.folder import Place, open_file, open_folder, place
from meerkat_rpc.tools.builtin.listing import glob_of, prefix_of, printable
from meerkat_rpc.tools.builtin.search_process import finder

DEFAULT_MATCHES = 100
MAX_MATCHES = 1_000
"""How many matches one call returns: what a model can read. More matches call for a narrower pattern."""

MAX_SEARCH_S = 20.0
"""How long a search may take. What was found until then is returned."""

MAX_PATTERN_CHARS = 2_000

_LINE_BYTES = 64 << 10
"""Longest line of the searching process: a path, and the shown part of a line as ASCII."""

_PACKAGES = str(Path(__file__).parents[3])

_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from meerkat_rpc.tools.builtin.search_process import main; main()"
)


class Search(BuiltinTool):
    """Searches files."""

    NAME = "search"
    DESCRIPTION = (
        "Search text files in the working folder, line by line, for a regular expression (Python's syntax) or a "
        "literal text. Binary files, files over 16 MiB and folders such as .git and node_modules are left out."
    )
    PROPERTIES: ClassVar[Properties] = {
        "pattern": {"type": "string", "description": "Regular expression, or the text itself if literal is true"},
        "literal": {"type": "boolean", "description": "Whether the pattern is a plain text; default false"},
        "ignore_case": {"type": "boolean", "description": "Whether case doesn't count; default false"},
        "path": {"type": "string", "description": "Folder or file to search; default: the working folder"},
        "glob": {"type": "string", "description": "Only files that match, such as *.py or src/**/*.ts"},
        "everything": {"type": "boolean", "description": "Whether folders that are usually left out are searched too"},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_MATCHES, "description": "How many matches at most"},
    }
    REQUIRED = ("pattern",)

    async def _run(self, call: ToolCallContext, args: Args) -> ToolOutcome:
        limit = args.integer("limit", DEFAULT_MATCHES, 1, MAX_MATCHES)
        wanted = await asyncio.to_thread(_wanted, args)
        prefix, folder, name = await asyncio.to_thread(_opened, self._cwd, args.text("path", "."))
        try:
            found = await _search(wanted | {"folder": folder, "file": name, "prefix": prefix}, folder, limit)
        finally:
            os.close(folder)
        return ToolOutcome(found)


def _wanted(args: Args) -> JsonObject:
    """Return what the process is told. Raises ``InvalidArgument``."""
    pattern, literal, ignore_case = args.text("pattern"), args.flag("literal"), args.flag("ignore_case")
    if not 0 < len(pattern) <= MAX_PATTERN_CHARS:
        raise InvalidArgument(f"pattern: expected 1 to {MAX_PATTERN_CHARS} characters")
    try:
        finder(pattern, literal=literal, ignore_case=ignore_case)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidArgument(f"pattern: not a regular expression: {error}; literal: true takes it as it is") from None
    glob = args.maybe_text("glob")
    glob_of(glob, "glob")
    everything = args.flag("everything")
    return {"pattern": pattern, "literal": literal, "ignore_case": ignore_case, "glob": glob, "everything": everything}


def _opened(cwd: str, path: str) -> tuple[str, int, str]:
    """Return what the paths in it begin with, an open descriptor of the folder to search, and the one file's name or
    nothing."""
    with place(cwd, path) as at:
        try:
            return prefix_of(at.parts), open_folder(at), ""
        except NotADirectoryError:
            os.close(open_file(at))
            return prefix_of(at.parts[:-1]), open_folder(Place(at.folder, "", at.parts)), at.name


async def _search(wanted: JsonObject, folder: int, limit: int) -> JsonObject:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _PROGRAM, _PACKAGES,
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL, pass_fds=(folder,), env={}, limit=_LINE_BYTES, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(wanted).encode())
        process.stdin.close()
        return await _collected(process, limit)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


async def _collected(process: asyncio.subprocess.Process, limit: int) -> JsonObject:
    """Read matches until the end, one too many, or the time is up."""
    assert process.stdout is not None
    matches: list[JsonObject] = []
    try:
        async with asyncio.timeout(MAX_SEARCH_S):
            async for line in process.stdout:
                said: Any = json.loads(line)
                if isinstance(said, int):
                    return {"matches": matches, "files_searched": said}
                if len(matches) == limit:
                    return {"matches": matches, "truncated": f"there are more than {limit} matches"}
                matches.append({"path": printable(said[0]), "line": said[1], "text": said[2]})
    except TimeoutError:
        return {"matches": matches, "truncated": f"not everything was searched within {MAX_SEARCH_S:.0f} s"}
    return {"matches": matches, "truncated": "the search ended early; try a simpler pattern"}
