"""What of a command a person's "always" covers.

A command of plain words is named by its program and the first argument, ``run_command:git status``: arguments behind
may differ. Where that would allow much more than was seen, the whole command is the name and nothing else is covered:
anything that a shell would interpret, an option before the first argument (``git -C /elsewhere …``), and programs whose
argument is itself a program.
"""

from __future__ import annotations

import os.path
import re
import shlex

Command = str | list[str]
"""A line for the shell, or a program and its arguments."""

_PLAIN = re.compile(r"[\w@%+:,./ -]+", re.ASCII)
"""A line in which a shell finds words and nothing to interpret."""

RUNNERS = frozenset({
    "ash", "awk", "bash", "bun", "bunx", "busybox", "chroot", "cmd", "command", "dash", "deno", "doas", "docker",
    "env", "eval", "exec", "find", "fish", "gawk", "ksh", "kubectl", "nice", "node", "nohup", "npx", "parallel",
    "perl", "php", "pipx", "pkexec", "podman", "powershell", "pwsh", "python", "python3", "ruby", "script", "sed",
    "setsid", "sh", "ssh", "stdbuf", "strace", "su", "sudo", "time", "timeout", "unshare", "uvx", "watch", "xargs",
    "zsh",
})  # fmt: skip
"""Programs that run what they are told to: their first argument says nothing of what the rest does."""


def rule_detail(command: Command) -> str:
    """Return the part of the rule behind ``run_command:``."""
    if isinstance(command, list):
        return _named(command) or shlex.join(command)
    if not _PLAIN.fullmatch(command):
        return command
    return _named(command.split()) or command


def shown(command: Command) -> str:
    """Return the command as a person reads it."""
    return command if isinstance(command, str) else shlex.join(command)


def _named(words: list[str]) -> str | None:
    """Return program and first argument, None where they don't say enough."""
    program = os.path.basename(words[0]).lower()
    if re.sub(r"[\d.]+$", "", program) in RUNNERS or program in RUNNERS:
        return None
    if len(words) == 1 or words[1].startswith("-"):
        return None
    return shlex.join(words[:2])
