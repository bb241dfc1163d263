"""The options of ``meerkat-rpc serve`` (contract section 5), with those that the meerkat SDKs pass."""

from __future__ import annotations

import argparse

from meerkat_rpc.config_keys import FRAMINGS, LOG_LEVELS


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add every option that ``config.resolve`` knows, each with None as its default: "not given"."""
    parser.add_argument("rpc", nargs="?", choices=["rpc"], metavar="rpc", help=argparse.SUPPRESS)
    which = parser.add_mutually_exclusive_group()
    _add_stored(parser, which)
    which.add_argument("--ephemeral", action="store_true", default=None, help="keep sessions in memory only")
    which.add_argument("--isolated", action="store_true", default=None, help="a store of its own, removed at exit")
    add = parser.add_argument
    add("--max-sessions", type=int, metavar="N", help="live sessions at most")
    add("--model", metavar="M", help="model of sessions that name none")
    add("--framing", choices=FRAMINGS, help="how messages are framed; auto looks at the first byte")
    add("--contract", metavar="V", help="contract version to speak when the client asks for none")
    add("--drain-timeout", type=float, metavar="S", help="seconds that requests in flight get at the end of input")
    add("--max-frame-bytes", type=int, metavar="N", help="largest inbound message")
    add("--fold-after", metavar="D", help="fold deltas of turns that ended as long ago as 12h, 7d, …, or never")
    add("--log-level", choices=LOG_LEVELS, help="least severe message to log")
    add("--log-file", metavar="F", help="log to this file instead of stderr")
    _add_sdk_options(parser)


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which stored sessions are meant, for commands that work on them."""
    _add_stored(parser, parser.add_mutually_exclusive_group())


def _add_stored(parser: argparse.ArgumentParser, which: argparse._MutuallyExclusiveGroup) -> None:
    which.add_argument("--store", metavar="DIR", help="directory of the session store")
    which.add_argument("--realm", metavar="X", help="a store by name, under the state root")
    parser.add_argument("--state-root", metavar="P", help="directory that holds the default store and the named ones")


def _add_sdk_options(parser: argparse.ArgumentParser) -> None:
    sdk = parser.add_argument_group("accepted for the meerkat SDKs")
    sdk.add_argument("--context-root", metavar="P", help="folder of sessions that name none")
    sdk.add_argument("--user-config-root", metavar="P", help="directory of config.toml")
    for name, metavar in (("--instance", "ID"), ("--realm-backend", "B"), ("--live-ws", "ADDR")):
        sdk.add_argument(name, metavar=metavar, help="ignored")
    sdk.add_argument("--live-webrtc", nargs="?", const=True, help="ignored")
