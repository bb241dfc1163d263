"""``meerkat-rpc transcript``: hold written conversations with a server, or write one down."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meerkat_rpc.transcript.format import Transcript
    from meerkat_rpc.transcript.peers import Options
    from meerkat_rpc.wire.framing import Style

OWN_SERVER = (sys.executable, "-P", "-m", "meerkat_rpc", "serve")
"""The server that is meant when none is named."""

HELP = "run a written conversation against a server, or record one"

FORMAT_HELP = """\
A transcript is a file of JSON lines. The first is a header:
  {"transcript": 1, "title": "…", "proves": "the rule it proves", "args": ["--option-of-the-server"]}
then one step a line:
  {"send": {"id": 1, "method": "…", "params": {…}}}       a message; "jsonrpc" is added
  {"send_frame": "text"} {"send_frame_base64": "…"}       any bytes, framed as a message
  {"send_raw": "text"}   {"send_base64": "…"}             any bytes, not framed
  {"expect": {"id": 1, "result": {…}}}                    the next message
  {"expect_any_order": [{…}, {…}]}                        the next messages, in any order
  {"events_until": {…}, "text": "…", "types": […]}        notifications, up to the message that matches
  {"expect_stderr": "text"}                               something on stderr
  {"eof": true} {"signal": "TERM"} {"kill": true}         close its input, signal it, kill it
  {"exit": 0}                                             it ends with this code, saying nothing more
  {"start": true}                                         start it again over the same store
  {"note": "…"}                                           for the reader
Expected values: "$any" "$str" "$int" "$number" "$bool" "$list" "$object" "$uuid" "$contains:TEXT" "$matches:REGEX";
"$name:uuid" binds a name that "$name" or "${name}" then stands for; objects are exact unless they have "...": true.
A step with "on": "b" means a second server over the same store. docs/transcripts.md has it all.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = FORMAT_HELP
    actions = parser.add_subparsers(dest="action", required=True, metavar="run|record")
    run_parser = actions.add_parser(
        "run",
        help="hold written conversations with a server",
        epilog=FORMAT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run_parser.add_argument("files", nargs="+", metavar="FILE", help="the transcripts")
    run_parser.add_argument(
        "--framing", choices=["jsonl", "content-length", "both"], default="both", help="default: both"
    )
    run_parser.add_argument("--timeout", type=float, default=20.0, metavar="S", help="longest wait for a message (20)")
    run_parser.add_argument("--verbose", action="store_true", help="name the transcripts that pass, too")
    run_parser.add_argument(
        "--server", nargs=argparse.REMAINDER, metavar="CMD", help="the server, in place of our own; ends the line"
    )
    record = actions.add_parser("record", help="write down what a client and a server say to each other")
    record.add_argument("-o", "--output", required=True, metavar="FILE", help="the transcript to write")
    record.add_argument("--title", default="recorded", help="its title")
    record.add_argument("server", nargs=argparse.REMAINDER, metavar="-- CMD", help="the server, in place of our own")


def run(args: argparse.Namespace) -> int:
    """Run the subcommand and return the exit code: 1 when a transcript failed, 2 when a file is none."""
    return _record(args) if args.action == "record" else _run(args)


def _run(args: argparse.Namespace) -> int:
    from meerkat_rpc.transcript.format import FormatError
    from meerkat_rpc.transcript.peers import Options

    try:
        transcripts = [(path, _load(path)) for path in args.files]
    except (FormatError, OSError) as error:
        print(f"meerkat-rpc: {error}", file=sys.stderr)
        return 2
    options = Options(args.server or OWN_SERVER, own=not args.server, timeout=args.timeout)
    results = [
        _hold(path, transcript, framing, options, args.verbose)
        for path, transcript, framing in _runs(transcripts, args.framing)
    ]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


def _load(path: str) -> Transcript:
    from meerkat_rpc.transcript.format import FormatError, parse

    with open(path, encoding="utf-8", newline="\n") as file:
        try:
            return parse(file.read())
        except (FormatError, UnicodeDecodeError) as error:
            raise FormatError(f"{path}: {error}") from None


def _runs(transcripts: Sequence[tuple[str, Transcript]], framing: str) -> Iterator[tuple[str, Transcript, Style]]:
    for path, transcript in transcripts:
        for each in transcript.header.framings:
            if framing in (each, "both"):
                yield path, transcript, each


def _hold(path: str, transcript: Transcript, framing: Style, options: Options, verbose: bool) -> bool:  # noqa: FBT001
    from meerkat_rpc.transcript.report import describe
    from meerkat_rpc.transcript.runner import run as hold

    failure = hold(transcript, framing, options)
    if failure is not None:
        print(f"FAILED {path} ({framing}): {transcript.header.title}\n{describe(failure)}", flush=True)
    elif verbose:
        print(f"passed {path} ({framing}): {transcript.header.title}", flush=True)
    return failure is None


def _record(args: argparse.Namespace) -> int:
    from meerkat_rpc.transcript.recorder import record

    server = [*args.server[1:]] if args.server[:1] == ["--"] else [*args.server]
    return record(server or OWN_SERVER, args.output, args.title)
