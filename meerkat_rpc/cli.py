"""The command line: finds the command that is asked for and imports no other.

With no command, and standard input not a terminal, it serves: editors and the meerkat SDKs start it like that.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Protocol, cast

from meerkat_rpc import __version__

COMMANDS = {
    "serve": "serve sessions over standard input and output",
    "chat": "chat in the terminal",
    "sessions": "list, show, export, archive, delete, prune, fold and project stored sessions",
    "backup": "copy the store into a file, while servers use it",
    "restore": "make a store out of a backup",
    "doctor": "check the store, the models and the surroundings",
    "schema": "print the schemas of the protocol",
    "transcript": "run or record scripted conversations with a server",
}
"""Every command and what its help says. The command's own module is imported only when it is run."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the signal's number."""


INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells have it: 128 and the signal's number."""


class Command(Protocol):
    """A module of ``meerkat_rpc.commands``."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Run the command; return the exit code."""
        ...


def main(argv: list[str] | None = None) -> int:
    """Run the command that ``argv`` (default: the process's) asks for; return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] in COMMANDS:
        return _run(arguments[0], arguments[1:])
    if arguments in (["--version"], ["-V"]):
        print(f"meerkat-rpc {__version__}")
        return 0
    if arguments in (["--help"], ["-h"], ["help"]):
        _overview().print_help()
        return 0
    if _is_mistake(arguments):
        _overview().print_usage(sys.stderr)
        print(f"meerkat-rpc: {_complaint(arguments)}; try meerkat-rpc --help", file=sys.stderr)
        return 2
    return _run("serve", arguments)


def _is_mistake(arguments: list[str]) -> bool:
    """Return whether a person got the command wrong, rather than a program starting the server."""
    if arguments:
        return not arguments[0].startswith("-") and arguments[0] != "rpc"
    return sys.stdin is not None and sys.stdin.isatty()


def _run(name: str, arguments: list[str]) -> int:
    command = cast("Command", importlib.import_module(f"meerkat_rpc.commands.{name}"))
    parser = argparse.ArgumentParser(
        prog=f"meerkat-rpc {name}", description=command.HELP, allow_abbrev=False, formatter_class=_formatter
    )
    command.add_arguments(parser)
    try:
        code = command.run(parser.parse_args(arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read this has seen enough: `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return a formatter of fixed width. Left to itself, argparse imports shutil for the terminal's, and it makes a
    formatter for each option that is added, whether there is help to print or not."""
    return argparse.HelpFormatter(prog, width=100)


def _overview() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="meerkat-rpc",
        description="Durable agent sessions for editors and agent hosts, as JSON-RPC over standard input and output.",
        epilog="With no command and standard input not a terminal, it serves. meerkat-rpc COMMAND --help says more.",
    )
    parser.add_argument("-V", "--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text)
    return parser


def _complaint(arguments: list[str]) -> str:
    if not arguments:
        return "no command given"
    import difflib

    near = difflib.get_close_matches(arguments[0], COMMANDS, n=1)
    return f"there is no command {arguments[0]!r}" + (f", perhaps you mean {near[0]!r}" if near else "")
