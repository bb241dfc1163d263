"""``meerkat-rpc serve``: the server. Light imports only, until the greeting is in place."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time

from meerkat_rpc.commands.serve_options import add_serve_options
from meerkat_rpc.config import Settings, resolve
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.rpc.greeting import Greeting, Identity
from meerkat_rpc.rpc.input import InputThread
from meerkat_rpc.rpc.stdio import claim
from meerkat_rpc.wire.framing import Framer

HELP = "serve sessions over standard input and output"

SWITCH_INTERVAL_S = 0.0005
"""How soon the thread that greets gets its turn while modules are imported beside it; Python's own is 5 ms."""

USAGE_ERROR = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serve``."""
    add_serve_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve. Ends the process itself, so that nothing slow stands between the last byte and the end."""
    started = time.monotonic()
    try:
        settings = resolve(vars(args), os.environ)
    except InvalidArgument as error:
        print(f"meerkat-rpc: {error.message}", file=sys.stderr)
        return USAGE_ERROR
    stdio = claim()
    greeting = Greeting(_identity(settings), Framer(settings.max_frame_bytes, settings.framing), stdio.output_fd)
    reader = InputThread(stdio.input_fd, greeting.receive)
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    reader.start()
    from meerkat_rpc.commands import serving

    gc.freeze()
    sys.setswitchinterval(switch_interval)
    serving.run(settings, stdio, reader, greeting, started)
    return 0


def _identity(settings: Settings) -> Identity:
    if settings.ephemeral:
        return Identity("memory", None, settings.contract)
    return Identity("diskcache", settings.store, settings.contract)
