"""The table of limits in SECURITY.md, made from the constants: ``python -m tests.repository.limits --write``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parents[2] / "SECURITY.md"

BEGIN = "<!-- limits: made by `python -m tests.repository.limits --write` -->\n"
END = "<!-- end of limits -->\n"


class Limit(NamedTuple):
    """A limit that a user can meet: ``constant`` is its module and name in the package, ``unit`` what it counts."""

    what: str
    constant: str
    unit: str = ""


LIMITS = (
    Limit("one message from the client (`--max-frame-bytes`)", "wire.framing.MAX_FRAME_BYTES", "bytes"),
    Limit("a `Content-Length` beyond which the stream is taken for broken", "wire.headers.MAX_CONTENT_LENGTH", "bytes"),
    Limit("one header section", "wire.headers.MAX_HEADER_BYTES", "bytes"),
    Limit("nesting of JSON", "wire.strict_json.MAX_DEPTH"),
    Limit("a configuration file", "config.MAX_CONFIG_BYTES", "bytes"),
    Limit("dots on one line of a configuration file", "config.MAX_DOTS"),
    Limit("projects whose configuration is kept parsed", "config_live.KEPT_PROJECTS"),
    Limit("live sessions (`--max-sessions`; idle ones are put to rest in the store first)", "config_keys.MAX_SESSIONS"),
    Limit("requests in flight at the end of input (`--drain-timeout`)", "config_keys.DRAIN_TIMEOUT_S", "s"),
    Limit("running turns to be saved after a signal", "rpc.server.END_S", "s"),
    Limit("unread output after which events wait in the log", "rpc.channel.EVENTS_HIGH_WATER", "bytes"),
    Limit("unread output after which no further request is read", "rpc.channel.RESPONSES_HIGH_WATER", "bytes"),
    Limit("stderr that nobody reads", "rpc.stderr_relay.KEPT_BYTES", "bytes"),
    Limit("events that an agent may emit before it waits for the log", "sessions.emitter.BATCH_EVENTS"),
    Limit(
        "an interrupted agent's time to stop before its turn ends without it", "sessions.turn.INTERRUPT_GRACE_S", "s"
    ),
    Limit("entries in a page of a list, a history or a log", "wire.types.marks.MAX_PAGE"),
    Limit("sequence numbers that one `deltas_folded` stands for", "store.rules.FOLD_BLOCK"),
    Limit("how long after its start a server begins to fold old deltas", "sessions.folding.START_S", "s"),
    Limit("an ephemeral session's log", "sessions.journal.MEMORY_LOG_BYTES", "bytes"),
    Limit("how long a dead neighbour in another container is waited for", "sessions.lease.LEASE_MS", "ms"),
    Limit("waiting for another process' transaction", "store.disk_cache.BUSY_TIMEOUT", "s"),
    Limit("what is kept of a write-ahead log that a long reader held up", "store.disk_cache.WAL_KEPT_BYTES", "bytes"),
    Limit("a log file, before it is put aside for a new one", "commands.log_file.LOG_FILE_BYTES", "bytes"),
    Limit("log files that were put aside and are kept", "commands.log_file.OLD_LOG_FILES"),
    Limit("a session's tokens of one kind; what is counted beyond is cut", "domain.MAX_TOKENS", "tokens"),
    Limit("how much of a wrong name a message repeats", "errors.SHOWN_CHARS", "characters"),
    Limit("a title made from the first prompt", "domain.TITLE_CHARS", "characters"),
    Limit("how much of the first prompt is searched", "domain.FIRST_PROMPT_CHARS", "characters"),
    Limit("one attachment of a prompt", "rpc.prompt_content.MAX_ATTACHMENT_BYTES", "bytes"),
    Limit("all attachments of one prompt together", "rpc.prompt_content.MAX_PROMPT_BYTES", "bytes"),
    Limit("attachments of one prompt", "rpc.prompt_content.MAX_ATTACHMENTS"),
    Limit(
        "what is kept of a tool's result: beginning and end of a longer one",
        "sessions.turn_tools.MAX_RESULT_BYTES",
        "bytes",
    ),
    Limit("a tool's time, unless whoever lends it says otherwise", "tools.base.DEFAULT_TIMEOUT_S", "s"),
    Limit("the making of a summary", "sessions.compacting.SUMMARY_TIMEOUT_S", "s"),
    Limit("the part of a model's window at which its history is summarised", "sessions.compaction.WINDOW_PART"),
    Limit("how late an answer that another process took can be", "sessions.asking.LOOK_S", "s"),
    Limit(
        "how late another process' interrupt, or its change of a list, is noticed", "sessions.neighbours.LOOK_S", "s"
    ),
    Limit("what lies between two notifications that sessions changed", "rpc.changes.PAUSE_S", "s"),
    Limit("sessions that such a notification names; of more it says only that the list changed", "rpc.changes.MAX_IDS"),
    Limit("how long another process may take to interrupt a turn", "sessions.remote_interrupts.PATIENCE_S", "s"),
    Limit("`acp:…`: agents that run at once; one that waits makes room", "agents.acp.pool.MAX_AGENTS"),
    Limit("`acp:…`: how long an agent is kept after a turn", "agents.acp.pool.IDLE_S", "s"),
    Limit("`acp:…`: an agent's time to answer `initialize`", "agents.acp.peer.INITIALIZE_S", "s"),
    Limit("`acp:…`: an agent's time to open a session", "agents.acp.peer.OPEN_SESSION_S", "s"),
    Limit("`acp:…`: an interrupted agent's time to stop before it is killed", "agents.acp.conversation.CANCEL_S", "s"),
    Limit("`acp:…`: one message from an agent", "agents.acp.lines.MAX_LINE_BYTES", "bytes"),
    Limit("`acp:…`: a file that an agent reads or writes through us", "agents.acp.files.MAX_FILE_BYTES", "bytes"),
    Limit("`acp:…`: one text in a tool's result or arguments", "agents.acp.content.MAX_TEXT_CHARS", "characters"),
    Limit("`acp:…`: what is told of a conversation before it", "agents.acp.replay.MAX_TRANSCRIPT_CHARS", "characters"),
    Limit("`smollm2`: context", "agents.smollm2.CONTEXT_TOKENS", "tokens"),
    Limit("`smollm2`: answer, unless `max_tokens` says otherwise", "agents.smollm2.DEFAULT_MAX_TOKENS", "tokens"),
)


def table() -> str:
    """Return the table as it should be."""
    rows = [f"| {limit.what} | {shown(value_of(limit), limit.unit)} | `{limit.constant}` |" for limit in LIMITS]
    return "\n".join(["| what | limit | constant |", "|---|---|---|", *rows]) + "\n"


def value_of(limit: Limit) -> float:
    """Return what the code says."""
    module, _, name = limit.constant.rpartition(".")
    value: float = getattr(importlib.import_module(f"meerkat_rpc.{module}"), name)
    return value


def shown(value: float, unit: str) -> str:
    """Return a value for people: bytes in the largest unit that divides them."""
    if unit == "bytes":
        power = max(power for power in range(4) if value % 1024**power == 0)
        value, unit = value // 1024**power, ("bytes", "KiB", "MiB", "GiB")[power]
    return f"{int(value) if value == int(value) else value:,} {unit}".rstrip()


def written(document: str) -> str:
    """Return ``document`` with the table in its place."""
    before, begin, rest = document.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} has no place for the table: {BEGIN}…{END}")
    return before + begin + "\n" + table() + "\n" + end + after


def main() -> int:
    """Write the table, or check the one that is there."""
    parser = argparse.ArgumentParser(prog="python -m tests.repository.limits", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="put the table into SECURITY.md")
    what.add_argument("--check", action="store_true", help="exit with 1 when another one is there")
    args = parser.parse_args()
    document = DOCUMENT.read_text(encoding="utf-8")
    if args.write:
        DOCUMENT.write_text(written(document), encoding="utf-8")
        return 0
    return int(written(document) != document)


if __name__ == "__main__":
    sys.exit(main())
