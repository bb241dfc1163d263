from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.editors.pictures import picture_path
from tests.editors.vscode.workbench import Chat, Workbench
from tests.editors.workplace import Step, Workplace

pytestmark = [pytest.mark.slow, pytest.mark.picture]

PARSER = '''"""Reads the log of the burrow."""

import re
from collections.abc import Iterator
from pathlib import Path

ENTRY = re.compile(r"(?P<time>\\S+) (?P<who>\\w+): (?P<what>.*)")


def entries(path: Path) -> Iterator[dict[str, str]]:
    """Yield what each line says."""
    for line in path.read_text().split("\\n"):
        found = ENTRY.match(line)
        if found:
            yield found.groupdict()


def sightings(path: Path, who: str) -> int:
    """Count how often somebody was seen."""
    return sum(entry["who"] == who for entry in entries(path))
'''

OLD = '    for line in path.read_text().split("\\n"):'
NEW = "    with path.open() as lines:\n        for line in lines:"

ANSWER = """`entries` reads the **whole file** into memory and splits it, before the first entry is yielded.
An open file gives its lines one by one:

```python
with path.open() as lines:
    for line in lines:  # one at a time
        if found := ENTRY.match(line):
            yield found.groupdict()
```

| log | before | after |
|---|--:|--:|
| 2 GB | 6.1 GB | 11 MB |
"""

SCRIPT: Sequence[Step] = [
    {"reasoning": "The file is read as a whole."},
    {"tool": {"name": "read_file", "args": {"path": "burrow.py"}}},
    {"text": ANSWER},
    {"tool": {"name": "edit_file", "args": {"path": "burrow.py", "old_text": OLD, "new_text": NEW}}},
    {"text": "Done."},
]

OTHERS = ["Explain the sentry's rota", "Why does the second test fail?", "Translate the notes 日本語へ"]

LARGEST_PICTURE = 150_000
THEMES = {"light": "Default Light Modern", "dark": "Default Dark Modern"}
HIGH_CONTRAST = ["Default High Contrast", "Default High Contrast Light"]

SIDE_BAR_PX = 590
SIZE: ViewportSize = {"width": 1280, "height": 960}


@pytest.fixture(scope="module", autouse=True)
def project(place: Workplace) -> None:
    """What is there before the window opens, which isn't told of files that come later."""
    folder = place.home / ".config" / "meerkat-rpc"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[tools]\nbuiltin = ["read", "edit_file"]\n')
    (place.folder / "burrow.py").write_text(PARSER)
    for title in OTHERS:
        place.session(title=title, prompts=["?"])
    place.session(title="Memory of the log reader", script=SCRIPT)


@pytest.fixture(scope="module")
def conversation(workbench: Workbench) -> Workbench:
    """A conversation about a file that is open beside it, with a change that waits to be allowed."""
    arrange(workbench)
    chat = workbench.resume("Memory of the log reader")
    chat.ask("Why does this need so much memory? @burrow.py")
    expect(chat.question).to_be_visible()
    return workbench


def arrange(workbench: Workbench) -> None:
    """Open the file and make the side bar as wide as people have it who talk there."""
    workbench.page.set_viewport_size(SIZE)
    workbench.page.keyboard.press("Control+Shift+E")
    workbench.page.locator(".explorer-folders-view .monaco-list-row", has_text="burrow.py").dblclick()
    expect(workbench.editor_text).to_contain_text("Reads the log")
    workbench.open_chat()
    bar = workbench.page.locator(".part.sidebar").bounding_box()
    assert bar is not None
    workbench.page.mouse.move(bar["x"] + bar["width"], 300)
    workbench.page.mouse.down()
    workbench.page.mouse.move(bar["x"] + SIDE_BAR_PX, 300, steps=4)
    workbench.page.mouse.up()


@pytest.mark.parametrize("name", THEMES)
def test_a_conversation_in_light_and_dark(conversation: Workbench, name: str) -> None:
    chat = themed(conversation, THEMES[name])

    path = picture_path(f"vscode-{name}")
    conversation.page.screenshot(path=path)
    assert path.stat().st_size <= LARGEST_PICTURE
    assert readable(chat)


@pytest.mark.parametrize("theme", HIGH_CONTRAST)
def test_a_conversation_in_high_contrast(conversation: Workbench, theme: str, tmp_path: Path) -> None:
    chat = themed(conversation, theme)

    conversation.page.screenshot(path=tmp_path / "high-contrast.png")  # to be looked at; no page shows it
    assert readable(chat)
    expect(chat.question).not_to_have_css("border-top-color", "rgba(0, 0, 0, 0)")


def themed(workbench: Workbench, theme: str) -> Chat:
    """Show the conversation in another theme."""
    workbench.server.write_settings(**{"workbench.colorTheme": theme})
    workbench.reload()
    chat = workbench.open_chat()
    expect(chat.question).to_be_in_viewport()
    expect(workbench.tree).to_have_count(len(OTHERS) + 1)
    expect(workbench.editor_text).to_contain_text("Reads the log")
    return chat


READABLE = """(root) => {
  const sample = document.createElement("p");
  sample.style.color = "var(--vscode-sideBar-background)";
  root.append(sample);
  const behind = getComputedStyle(sample).color.match(/[\\d.]+/g).map(Number);
  sample.remove();
  const shade = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).map(Number);
      if ((colour[3] ?? 1) > 0.5) return colour;
    }
    return behind;
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const poor = [];
  for (const e of root.querySelectorAll("p, h2, summary, code, li, td, button, .plain, .name, .time")) {
    if (!e.checkVisibility() || !e.textContent.trim()) continue;
    const [a, b] = [light(getComputedStyle(e).color.match(/[\\d.]+/g).map(Number)), light(shade(e))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 3) poor.push([e.className || e.tagName, contrast, e.textContent.slice(0, 30)]);
  }
  return poor;
}"""


def readable(chat: Chat) -> bool:
    """Whether every text stands out from what is behind it."""
    poor = chat.evaluate(READABLE)
    assert poor == []
    return True
