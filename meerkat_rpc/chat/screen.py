"""What the chat writes on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from meerkat_rpc.chat.markdown import ChatMarkdown, MarkdownStream, PlainStream
from meerkat_rpc.chat.text import age, one_line, printable, size

if TYPE_CHECKING:
    from meerkat_rpc.client.results import Message, Model, SessionSummary, Tool

NARROWEST = 20
"""Columns below which rendered Markdown is harder to read than plain text."""

LIST_COLUMNS = 100
"""How wide a list of sessions gets: on a wide window a title and its age would be too far apart."""

PROMPT = "› "  # noqa: RUF001 - a prompt, not a comparison


class Screen:
    """A console and the few ways in which the chat uses it."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.console = Console(file=file, highlight=False, markup=False, emoji=False)

    @property
    def rendered(self) -> bool:
        """Whether answers are rendered rather than written as they come."""
        return self.console.is_terminal and not self.console.is_dumb_terminal and self.console.width >= NARROWEST

    def stream(self) -> MarkdownStream | PlainStream:
        """Return where an answer goes."""
        return MarkdownStream(self.console) if self.rendered else PlainStream(self.console)

    def say(self, text: str) -> None:
        """Write a line."""
        self.console.print(printable(text))

    def note(self, text: str) -> None:
        """Write something that is not part of the conversation."""
        self.console.print(printable(text), style="dim")

    def error(self, text: str) -> None:
        """Write what went wrong."""
        self.console.print(printable(text), style="red")

    def question(self, text: str) -> None:
        """Write what is asked."""
        self.console.print(Text("? ", style="bold yellow").append(printable(text), style="bold"))

    def lines(self, lines: Sequence[Text]) -> None:
        """Write lines as they are; the terminal breaks long ones."""
        for line in lines:
            self.console.print(line, soft_wrap=True)

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write names and what they are, in two columns."""
        table = _table("bold", "")
        for name, text in rows:
            table.add_row(one_line(name), one_line(text))
        self.console.print(table)

    def sessions(self, sessions: Sequence[SessionSummary], current: str | None, now: float) -> None:
        """Write a numbered list. ``now``: seconds since the epoch."""
        table = _table("bold", "", "dim", "dim", "yellow")
        table.expand, table.columns[1].ratio = True, 1
        for column in table.columns:
            column.no_wrap = True
        for number, session in enumerate(sessions, 1):
            mark = "*" if session["session_id"] == current else " "
            messages = "1 message" if session["message_count"] == 1 else f"{session['message_count']} messages"
            state = "" if session["state"] == "idle" else session["state"]
            title = one_line(session["title"]) or "(untitled)"
            table.add_row(f"{mark}{number}", title, f"{age(now - session['updated_at'])} ago", messages, state)
        self.console.print(table, width=min(self.console.width, LIST_COLUMNS))

    def models(self, usable: Sequence[Model], unusable: Mapping[str, Sequence[Model]], current: str | None) -> None:
        """Write what there is to choose from, then what could be had, by what is missing for it."""
        table = _table("bold", "", "")
        for model in usable:
            mark = "*" if model["id"] == current else " "
            table.add_row(mark, one_line(model["id"]), one_line(model["description"]))
        self.console.print(table)
        for missing, models in unusable.items():
            names = ", ".join(("* " if model["id"] == current else "") + one_line(model["id"]) for model in models)
            self.console.print(Padding(Text(names), (0, 0, 0, 3)))
            self.console.print(Padding(Text(one_line(missing), style="yellow"), (0, 0, 0, 5)))

    def tools(self, tools: Sequence[Tool]) -> None:
        """Write what tools there are: name, source, whether they ask, and the first sentence of what they do."""
        table = _table("bold", "dim", "yellow", "")
        for tool in tools:
            doc = one_line(tool["description"].partition("\n")[0]).partition(". ")[0]
            asks = "asks" if tool["requires_approval"] else ""
            table.add_row(one_line(tool["name"]), one_line(tool["source"]), asks, doc)
        self.console.print(table)

    def message(self, message: Message) -> None:
        """Write a message of the history."""
        content = message["content"].strip()
        if message["role"] == "user":
            self._user(content, message.get("kind"))
        elif message["role"] == "tool":
            self.note(f"  {one_line(content)[:200]}")
        elif content:
            self.console.print(ChatMarkdown(content) if self.rendered else printable(content))
        if attachments := message.get("attachments"):
            self.note(attached([(item["name"], item["kind"], item["size"]) for item in attachments]))
        if message.get("partial"):
            self.note("(stopped here)")

    def _user(self, content: str, kind: str | None) -> None:
        if kind is None:
            self.console.print(Text(PROMPT, style="bold").append(printable(content), style="not bold"))
        else:
            self.note(f"{'↳' if kind == 'steer' else f'{kind}:'} {content}")


def attached(files: Sequence[tuple[str, str, int]]) -> str:
    """Return the line that tells what came with a prompt: names, kinds, and sizes in bytes."""
    return "attached: " + ", ".join(f"{one_line(name)} ({kind}, {size(count)})" for name, kind, count in files)


def _table(*styles: str) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for style in styles:
        table.add_column(style=style or None, overflow="ellipsis")
    return table
