"""``write_file`` and ``edit_file``: change a text file, and show the change before and after.

What a person said yes to is what happens: if the file changed between the question and the answer, nothing is written.
"""

from __future__ import annotations

import asyncio
import hashlib
from abc import abstractmethod
from collections import OrderedDict
from typing import ClassVar

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.base import ApprovalPreview, ToolCallContext, ToolOutcome
from meerkat_rpc.tools.builtin.args import Args
from meerkat_rpc.tools.builtin.definition import BuiltinTool, JsonObject, Properties
from meerkat_rpc.tools.builtin.diffs import Diff, diff
from meerkat_rpc.tools.builtin.edits import edited
from meerkat_rpc.tools.builtin.folder import place, refuse_protected
from meerkat_rpc.tools.builtin.text_files import encoded, load, replace

MAX_SHOWN = 256
"""How many questions are remembered with what was shown; far more than anybody has open."""


class ShownFiles:
    """What files were like when a person was asked about changing them, by session and call."""

    def __init__(self) -> None:
        self._digests: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def remember(self, call: ToolCallContext, before: str | None) -> None:
        """Remember what is about to be shown for ``call``."""
        self._digests[_key(call)] = _digest(before)
        while len(self._digests) > MAX_SHOWN:
            self._digests.popitem(last=False)

    def refuse_changed(self, call: ToolCallContext, path: str, before: str | None) -> None:
        """Raise ``InvalidArgument`` if something else was shown for ``call``. What nobody was shown may be anything."""
        if self._digests.pop(_key(call), None) not in (None, _digest(before)):
            raise InvalidArgument(f"path: {path} was changed while the user was asked; read it again")


def _key(call: ToolCallContext) -> tuple[str, str]:
    return call.scope.session_id, call.call_id


def _digest(text: str | None) -> bytes:
    return b"" if text is None else hashlib.sha256(text.encode()).digest()


class ChangingTool(BuiltinTool):
    """A tool that makes a new text out of a file's present one."""

    ASKS = True

    def __init__(self, cwd: str, shown: ShownFiles) -> None:
        super().__init__(cwd)
        self._shown = shown

    @abstractmethod
    def _changed(self, args: Args, before: str | None) -> str:
        """Return the new text. Raises ``InvalidArgument``."""

    async def _run(self, call: ToolCallContext, args: Args) -> ToolOutcome:
        return ToolOutcome(await asyncio.to_thread(self._change, call, args))

    def _change(self, call: ToolCallContext, args: Args) -> JsonObject:
        with place(self._cwd, args.text("path"), missing="name") as at:
            refuse_protected(at)
            before = load(at)
            self._shown.refuse_changed(call, at.path, before)
            after = self._changed(args, before)
        with place(self._cwd, args.text("path"), missing="make") as at:
            refuse_protected(at)
            replace(at, after)
        change = diff(at.path, before, after)
        return _result(at.path, change) | {"created": before is None, "bytes": len(encoded(after))}

    async def _preview(self, call: ToolCallContext, args: Args) -> ApprovalPreview:
        path, before, after = await asyncio.to_thread(self._planned, args)
        self._shown.remember(call, before)
        change = await asyncio.to_thread(diff, path, before, after)
        summary = f"{'change' if before is not None else 'create'} {path} ({change.counts})"
        return ApprovalPreview(summary, _result(path, change), self.NAME)

    def _planned(self, args: Args) -> tuple[str, str | None, str]:
        with place(self._cwd, args.text("path"), missing="name") as at:
            refuse_protected(at)
            before = load(at)
            return at.path, before, self._changed(args, before)


def _result(path: str, change: Diff) -> JsonObject:
    return {"path": path, "diff": change.text, "added": change.added, "removed": change.removed}


class WriteFile(ChangingTool):
    """Writes a whole file."""

    NAME = "write_file"
    DESCRIPTION = (
        "Write a text file in the working folder, replacing what was in it. Folders on the way are made. For a change "
        "of a part, edit_file is better."
    )
    PROPERTIES: ClassVar[Properties] = {
        "path": {"type": "string", "description": "Path of the file, relative to the working folder"},
        "content": {"type": "string", "description": "The whole new text"},
    }
    REQUIRED = ("path", "content")

    def _changed(self, args: Args, before: str | None) -> str:
        content = args.text("content")
        encoded(content)
        return content


class EditFile(ChangingTool):
    """Replaces a part of a file."""

    NAME = "edit_file"
    DESCRIPTION = (
        "Replace a piece of text in a file of the working folder. old_text must be in the file exactly once, white "
        "space included, unless replace_all is true."
    )
    PROPERTIES: ClassVar[Properties] = {
        "path": {"type": "string", "description": "Path of the file, relative to the working folder"},
        "old_text": {"type": "string", "description": "The text that is to go, exactly as it stands in the file"},
        "new_text": {"type": "string", "description": "The text to put in its place"},
        "replace_all": {"type": "boolean", "description": "Whether every occurrence is replaced; default false"},
    }
    REQUIRED = ("path", "old_text", "new_text")

    def _changed(self, args: Args, before: str | None) -> str:
        if before is None:
            raise InvalidArgument(f"path: there is no file {args.text('path')}; write_file makes one")
        after = edited(before, args.text("old_text"), args.text("new_text"), everywhere=args.flag("replace_all"))
        encoded(after)
        return after
