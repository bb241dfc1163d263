"""``run_command``: a command in the session's folder, of which nothing is left when the call ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from subprocess import DEVNULL
from typing import ClassVar

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.base import ApprovalPreview, ToolCallContext, ToolOutcome
from meerkat_rpc.tools.builtin.args import Args
from meerkat_rpc.tools.builtin.commands import Command, rule_detail, shown
from meerkat_rpc.tools.builtin.definition import BuiltinTool, JsonObject, Properties
from meerkat_rpc.tools.environment import without_secrets
from meerkat_rpc.tools.output import Output
from meerkat_rpc.tools.process_group import KILL_GRACE_S, ProcessGroup

DEFAULT_S = 120
MAX_S = 3_600
"""How long a command may take, in seconds: by default a build or a test run; up to an hour where that is asked for."""

ENDING_S = 30.0
"""What the tool's own deadline is longer by: the time to end a group that doesn't want to."""

LAST_OUTPUT_S = 1.0
"""How long is read on when everything is gone. Only what left the group can still hold the pipe."""

SHELL = "/bin/sh"

MAX_SUMMARY_CHARS = 200


class RunCommand(BuiltinTool):
    """Runs a command."""

    NAME = "run_command"
    DESCRIPTION = (
        "Run a command in the working folder and return its exit code and output (stdout and stderr together). A "
        "string goes through sh, a list is a program with its arguments. There is no stdin. What it leaves running in "
        "the background is ended with it."
    )
    PROPERTIES: ClassVar[Properties] = {
        "command": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
            "description": "The command",
        },
        "timeout_s": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_S,
            "description": f"How many seconds it may take; default {DEFAULT_S}",
        },
    }
    REQUIRED = ("command",)
    ASKS = True
    TIMEOUT_S = MAX_S + ENDING_S

    def __init__(self, cwd: str, secrets: Collection[str]) -> None:
        super().__init__(cwd)
        self._secrets = secrets

    async def _run(self, call: ToolCallContext, args: Args) -> ToolOutcome:
        command, timeout_s = args.command("command"), args.integer("timeout_s", DEFAULT_S, 1, MAX_S)
        output, began = Output(), time.monotonic()
        try:
            ended = await self._ended(command, timeout_s, output)
        finally:
            output.close()
        result: JsonObject = {"output": output.text(), "duration_ms": round((time.monotonic() - began) * 1000)}
        if output.dropped:
            result["truncated"] = f"{output.dropped} bytes of the output were left out"
        return ToolOutcome(ended | result, is_error=ended.get("timed_out", False))

    async def _ended(self, command: Command, timeout_s: int, output: Output) -> JsonObject:
        """Run it to its end, or to the end of its time, and say which."""
        group = await self._started(command, output)
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                await group.leader.wait()
        except TimeoutError:
            timed_out = True
        except asyncio.CancelledError:
            await group.end(grace_s=0)
            raise
        await group.end(grace_s=KILL_GRACE_S if timed_out else 0)
        await output.ended(LAST_OUTPUT_S)
        return _end(group.leader.returncode, timeout_s, timed_out=timed_out)

    async def _started(self, command: Command, output: Output) -> ProcessGroup:
        argv = [SHELL, "-c", command] if isinstance(command, str) else command
        environment = await asyncio.to_thread(without_secrets, also=self._secrets)
        try:
            return await ProcessGroup.start(
                argv, cwd=self._cwd, env=environment, stdin=DEVNULL, stdout=output.write_end, stderr=output.write_end
            )
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"command: {argv[0][:MAX_SUMMARY_CHARS]} can't be run: {error}") from error
        finally:
            output.started()

    async def _preview(self, call: ToolCallContext, args: Args) -> ApprovalPreview:
        command = args.command("command")
        timeout_s = args.integer("timeout_s", DEFAULT_S, 1, MAX_S)
        line = " ".join(shown(command).split())
        summary = f"run: {line if len(line) <= MAX_SUMMARY_CHARS else line[: MAX_SUMMARY_CHARS - 1] + '…'}"
        details = {"command": command, "cwd": self._cwd, "timeout_s": timeout_s}
        return ApprovalPreview(summary, details, f"{self.NAME}:{rule_detail(command)}")


def _end(code: int | None, timeout_s: int, *, timed_out: bool) -> JsonObject:
    """Return how it ended. A process that a signal ended has its number instead of an exit code."""
    if timed_out:
        return {"exit_code": None, "timed_out": True, "note": f"ended after {timeout_s} s, with all it had started"}
    if code is not None and code < 0:
        return {"exit_code": None, "signal": -code}
    return {"exit_code": code}
