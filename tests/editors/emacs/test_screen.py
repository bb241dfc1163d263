"""What is on the screen: every script, light and dark, long lines; and one answer of a real language model."""

from __future__ import annotations

import os
import re

import pyte
import pytest

from meerkat_rpc.agents.smollm2 import SmolLM2Builder
from tests.editors.emacs.terminal import ESCAPE, Emacs
from tests.editors.pictures import terminal_picture
from tests.editors.workplace import Workplace

ANSWER = """\
`parse_port` accepts **any** text, so `"http"` raises a `ValueError` that nobody catches.

1. Check the text *before* converting it.
2. Say which setting is wrong, as [the guide](https://example.org/errors) asks.

```python
def parse_port(text: str) -> int:
    if not text.isdigit():
        raise ConfigError(f"port: {text!r} is no number")
    return int(text)  # 0 is refused below
```

The last line keeps its meaning. I can write it into `settings.py` now.
"""

CONVERSATION = [
    {"text": "It reads `settings.py` and starts the server; nothing else depends on it.\n", "for_turn": 1},
    {"reasoning": "The text may be anything. Where is it caught? Nowhere.", "for_turn": 2},
    {"tool": {"name": "read_file", "args": {"path": "settings.py"}, "result": "…", "ms": 120}, "for_turn": 2},
    {"tool": {"name": "grep", "args": {"pattern": "parse_port"}, "result": "3 places", "ms": 40}, "for_turn": 2},
    {"text": ANSWER, "for_turn": 2},
    {
        "approval": {"summary": "edit_file settings.py: parse_port checks its text", "choices": ["allow", "deny"]},
        "for_turn": 2,
    },
]

SCRIPTS = {
    "CJK": ("日本語の返事です。中文也行。한국어도", "日本語の返事です。中文也行。한국어도"),
    "emoji": ("fine 🎉 thanks 👍", "🎉"),
    "right-to-left": ("مرحبا يا عالم", "ملاع"),
    "combining": ("cafe\u0301 nai\u0308ve", "caf"),
}
"""What is asked, and what of it a terminal shows: Emacs turns right-to-left text itself."""


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_shown(emacs: Emacs, place: Workplace, script: str) -> None:
    asked, shown = SCRIPTS[script]
    session_id = place.session()
    emacs.open(session_id)
    emacs.see("›")  # noqa: RUF001
    emacs.type(f"{asked}\r")
    emacs.see(lambda text: _without_gaps(text).count(shown) >= 2 and "idle" in text)
    assert place.prompts(session_id) == [asked]


def _without_gaps(text: str) -> str:
    """Return a screen's text without the cells behind wide characters, which the terminal has as blanks."""
    return text.replace(" ", "") if any(ord(sign) > 0x1100 for sign in text) else text


def test_a_line_of_a_hundred_thousand_characters_freezes_nothing(emacs: Emacs, place: Workplace) -> None:
    emacs.open(place.session(script=[{"text": "word ", "repeat": 20000, "chunks": 1}, {"text": "the end"}]))
    emacs.type("go\r")
    emacs.see(lambda text: "the end" in text and "idle" in text)
    emacs.type("typed at once")
    emacs.see("› typed at once")  # noqa: RUF001


def _colour(screen: pyte.Screen, text: str) -> tuple[str, str]:
    """Return the colours of the first character of a text on the screen."""
    for row, line in enumerate(screen.display):
        if text in line:
            cell = screen.buffer[row][line.index(text)]
            return cell.fg, cell.bg
    raise AssertionError(f"{text!r} is not on the screen")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_conversation_in_light_and_in_dark(workplace: Workplace, *, dark: bool) -> None:
    session_id = workplace.session(
        script=CONVERSATION, prompts=["What does main.py do?"], title="A port that is no number"
    )
    with Emacs(
        workplace, rows=44, columns=96, dark=dark, init=["(menu-bar-mode -1)"], HOME=str(workplace.folder.parent)
    ) as emacs:
        emacs.open(session_id)
        emacs.see("nothing else depends on it")
        emacs.type("Why does the server crash when the port is a word?\r")
        emacs.see("[1 allow]  [2 deny]")
        emacs.see(lambda _: _colour(emacs.screen, "def parse_port") != _colour(emacs.screen, "parse_port(text"))
        emacs.settle()
        assert _colour(emacs.screen, "You")[0] == ("7fc1ff" if dark else "00539c")
        assert _colour(emacs.screen, "any text")[1] == "default"
        assert "**" not in emacs.text
        terminal_picture(emacs.screen, "emacs-dark" if dark else "emacs-light", dark=dark)


def test_a_real_language_model_answers(workplace: Workplace) -> None:
    missing = SmolLM2Builder().models()[0].missing
    if missing is not None:
        assert os.environ.get("CI") != "true", missing
        pytest.skip(missing)
    with Emacs(workplace, MEERKAT_MODEL="smollm2") as emacs:
        emacs.command("meerkat")
        emacs.see("Ask smollm2 something.")
        emacs.type("Say hello.\r")
        emacs.see(lambda text: re.search(r"\nsmollm2  \d\d:\d\d\n\S", text) is not None and "idle" in text)
        emacs.type(f"{ESCAPE}<")
        emacs.settle()
    (session,) = workplace.ask("session/list")["sessions"]
    (asked, answer) = workplace.ask("session/history", session_id=session["session_id"])["messages"]
    assert asked["content"] == "Say hello."
    assert answer["role"] == "assistant"
    assert answer["content"].strip()


def test_who_is_elsewhere_is_told_and_who_looks_on_is_not(emacs: Emacs, place: Workplace) -> None:
    session_id = place.session(script=[{"text": "word ", "repeat": 60, "delay_ms": 5}], title="Told")
    emacs.open(session_id)
    emacs.type("go\r")
    emacs.see(lambda text: text.count("word") > 20 and "idle" in text)
    assert "Told — answered" not in emacs.settle()
    emacs.type(f"go\r{ESCAPE}[O")  # what a terminal sends when its window loses the focus
    emacs.see("Told — answered")
    emacs.type(f"{ESCAPE}[I")
