"""``python -m tests.providers [FILE]``: a provider on loopback, by hand or for a benchmark.

FILE (``-`` for stdin) has the replies as JSON lines, each a list of steps such as ``[{"text": "hello", "chunks": 2}]``;
the last one is repeated. Without it every answer is a few words. Prints the port, then a line for each request.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterable
from typing import TextIO

import orjson

from tests.providers.provider import KEY, Provider
from tests.providers.script import Reply, Text, reply, reply_of

WORDS = reply(Text("The quick brown fox jumps over the lazy dog.", chunks=9))


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.providers", description=__doc__)
    parser.add_argument("file", metavar="FILE", nargs="?", help="replies as JSON lines; - for stdin")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=KEY, help="the key that is asked for (%(default)s)")
    options = parser.parse_args()
    with Provider(key=options.key, port=options.port) as provider:
        replies = _read(options.file)
        provider.answer(*replies[:-1])
        provider.always(replies[-1])
        _tell(sys.stdout, str(provider.port))
        _follow(provider)
    return 0


def _read(name: str | None) -> list[Reply]:
    if name is None:
        return [WORDS]
    if name == "-":
        return _replies(sys.stdin)
    with open(name, encoding="utf-8") as lines:
        return _replies(lines)


def _replies(lines: Iterable[str]) -> list[Reply]:
    return [reply_of(orjson.loads(line)) for line in lines if line.strip()] or [WORDS]


def _follow(provider: Provider) -> None:
    seen, never = 0, threading.Event()
    try:
        while not never.wait(0.1):
            for asked in provider.requests[seen:]:
                _tell(sys.stderr, f"{asked.protocol} {asked.path} {asked.refused or 'taken'}")
                seen += 1
    except KeyboardInterrupt:
        pass


def _tell(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
