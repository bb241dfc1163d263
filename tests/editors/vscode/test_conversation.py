from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.editors.vscode.workbench import Chat, Workbench
from tests.editors.workplace import Step, Workplace

pytestmark = pytest.mark.slow

MARKDOWN = """# Title

Some **bold** and `code`.

- one
- two

```python
def meerkat() -> None:
    return None
```

| a | b |
|---|--:|
| 1 | 2 |
"""

INJECTION = """<script>window.pwned = 1</script>
<img src=x onerror="window.pwned = 2">

[click](javascript:window.pwned=3) [data](data:text/html,<script>window.pwned=4</script>)
[run](command:workbench.action.quit)

![picture](https://tracker.invalid/a.png) <iframe src="https://tracker.invalid/b"></iframe>
<style>body{display:none}</style>

```html"onmouseover="window.pwned=5
</code></pre><img src=x onerror="window.pwned = 6">
```
"""

REMOTE = "tracker.invalid"


def test_an_answer_appears_below_its_prompt(chat: Chat) -> None:
    chat.ask_and_wait("good morning, meerkats")

    expect(chat.prompts.last).to_contain_text("You")
    expect(chat.answers.last).to_contain_text("good morning, meerkats")
    expect(chat.box).to_have_value("")


def test_an_empty_session_says_how_to_ask_and_who_answers(chat: Chat) -> None:
    expect(chat.frame.locator(".welcome")).to_contain_text("echo answers")
    expect(chat.frame.locator(".welcome")).to_contain_text("Shift+Enter")


def test_an_answer_is_seen_while_it_comes(workbench: Workbench, place: Workplace) -> None:
    place.session(title="slow words", script=[{"text": "word ", "repeat": 1000, "delay_ms": 20}])
    chat = workbench.resume("slow words")
    chat.ask("go on")

    expect(chat.answers.last).to_contain_text("word word word")
    expect(chat.root).to_have_attribute("data-state", "busy")
    chat.box.press("Escape")
    chat.wait_idle()


def test_markdown_is_rendered_and_code_has_colours(chat: Chat) -> None:
    chat.ask_and_wait(MARKDOWN)

    answer = chat.answers.last
    expect(answer.locator("h1")).to_have_text("Title")
    expect(answer.locator("li")).to_have_count(2)
    expect(answer.locator("td").last).to_have_css("text-align", "right")
    expect(answer.locator("code .hljs-keyword").first).to_have_text("def")
    expect(answer.locator(".code-head .language")).to_have_text("python")


def test_what_a_model_says_is_never_run_and_loads_nothing(workbench: Workbench, chat: Chat) -> None:
    requested: list[str] = []
    workbench.context.on("request", lambda request: requested.append(request.url))
    chat.ask_and_wait(INJECTION)

    answer = chat.answers.last
    expect(answer).to_contain_text("<script>")
    expect(answer.locator("script, img, iframe, style, form")).to_have_count(0)
    expect(answer.locator("a", has_text="picture")).to_be_visible()
    hrefs = answer.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert all(href.startswith("https://tracker.invalid/") for href in hrefs)
    handlers = (
        "root => [...root.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    )
    assert answer.evaluate(handlers) == []
    assert chat.evaluate("() => window.pwned ?? null") is None
    assert not [url for url in requested if REMOTE in url]


def test_text_of_every_script_is_shown_in_its_direction(chat: Chat) -> None:
    chat.ask_and_wait("你好，狐獴 😀👨‍👩‍👧\n\nשלום עליכם\n\nHello")  # noqa: RUF001

    paragraphs = chat.answers.last.locator("p")
    expect(paragraphs.nth(0)).to_have_text("你好，狐獴 😀👨‍👩‍👧")  # noqa: RUF001
    expect(paragraphs.nth(1)).to_have_css("direction", "rtl")
    expect(paragraphs.nth(2)).to_have_css("direction", "ltr")


def test_code_is_copied_and_put_into_an_editor(workbench: Workbench, chat: Chat) -> None:
    chat.ask_and_wait("```python\nprint('meerkat')\n```")

    chat.answers.last.hover()
    chat.answers.last.get_by_role("button", name="Copy", exact=True).click()
    expect(chat.answers.last.locator(".icon-done")).to_be_visible()
    workbench.wait_copied("print('meerkat')")
    chat.answers.last.get_by_role("button", name="Insert at the cursor").click()
    expect(workbench.editor_text).to_contain_text("print('meerkat')")


def test_code_takes_the_place_of_what_is_selected(workbench: Workbench, chat: Chat, place: Workplace) -> None:
    (place.folder / "old.py").write_text("old = 1\n")
    chat.ask_and_wait("[open](old.py)\n\n```python\nnew = 2\n```")
    chat.answers.last.locator("a").click()
    expect(workbench.editor_text).to_contain_text("old = 1")
    workbench.editor_text.click()
    workbench.page.keyboard.press("Control+A")

    chat.answers.last.get_by_role("button", name="Replace the selection").click()

    expect(workbench.editor_text).to_contain_text("new = 2")
    expect(workbench.editor_text).not_to_contain_text("old")


def test_a_link_to_a_line_opens_it_in_an_editor(workbench: Workbench, chat: Chat, place: Workplace) -> None:
    (place.folder / "lines.txt").write_text("".join(f"line {number}\n" for number in range(1, 201)))
    chat.ask_and_wait("see [the line](lines.txt#L150)")
    chat.answers.last.locator("a").click()

    expect(workbench.page.locator(".statusbar-item", has_text="Ln 150")).to_be_visible()
    expect(workbench.editor_text).to_contain_text("line 150")


def test_thoughts_and_tools_are_one_line_until_they_are_opened(workbench: Workbench, place: Workplace) -> None:
    script: list[Step] = [
        {"reasoning": "I should look first."},
        {"tool": {"name": "look", "args": {"path": "burrow.txt"}, "result": "nobody there", "ms": 20}},
        {"tool": {"name": "dig", "args": {"depth": 3}, "result": "too hard", "is_error": True}},
        {"text": "Nobody is there."},
    ]
    place.session(title="tools", script=script)
    chat = workbench.resume("tools")
    chat.ask_and_wait("who is there?")

    thought, look, dig = chat.frame.locator(".item.reasoning"), chat.tools.first, chat.tools.last
    expect(thought).not_to_contain_text("I should look first.")
    thought.locator("summary").click()
    expect(thought).to_contain_text("I should look first.")
    expect(look).to_contain_text("burrow.txt")
    expect(look.get_by_role("img")).to_have_text("✓")
    expect(dig.get_by_role("img")).to_have_text("✗")
    expect(look).not_to_contain_text("nobody there")
    look.locator("summary").click()
    expect(look).to_contain_text("nobody there")


def test_why_a_turn_failed_is_said_where_its_answer_would_be(workbench: Workbench, place: Workplace) -> None:
    place.session(
        title="failing", script=[{"text": "Let me see"}, {"fail": "set MEERKAT_KEY first", "code": "PROVIDER_ERROR"}]
    )
    chat = workbench.resume("failing")
    chat.ask_and_wait("hello?")

    expect(chat.answers.last).to_contain_text("Let me see")
    expect(chat.notes.last).to_contain_text("set MEERKAT_KEY first")


def test_one_stays_where_one_reads_while_an_answer_comes(workbench: Workbench, place: Workplace) -> None:
    script = [{"text": "line\n\n", "repeat": 80}, {"text": "more\n\n", "repeat": 1000, "delay_ms": 20}]
    place.session(title="long answer", script=script)
    chat = workbench.resume("long answer")
    chat.ask("go on")
    expect(chat.answers.last).to_contain_text("more")
    scroller = chat.frame.locator(".scroller")
    jump = chat.button("To the end")
    expect(jump).to_be_hidden()

    scroller.evaluate("e => e.scrollTop = 100")
    expect(jump).to_be_visible()
    said = chat.answers.last.locator("p").count()
    chat.frame.locator(f".item.answer p:nth-of-type({said + 20})").wait_for(state="attached")
    assert scroller.evaluate("e => e.scrollTop") == 100
    jump.click()
    expect(jump).to_be_hidden()
    chat.button("Stop").click()
    chat.wait_idle()


def test_a_message_is_copied_and_a_session_goes_on_from_it(workbench: Workbench, chat: Chat) -> None:
    chat.ask_and_wait("first question")
    chat.ask_and_wait("second question")

    chat.answers.first.hover()
    chat.answers.first.get_by_role("button", name="Copy the message").click()
    expect(chat.answers.first.locator(".icon-done")).to_be_visible()
    workbench.wait_copied("first question")
    chat.answers.first.get_by_role("button", name="Go on from here").click()
    expect(chat.prompts).to_have_count(1)
    chat.ask_and_wait("another second question")
    expect(chat.prompts).to_have_count(2)


def test_another_question_is_asked_in_place_of_an_earlier_one(chat: Chat) -> None:
    chat.ask_and_wait("one")
    chat.ask_and_wait("twoo")

    chat.prompts.last.hover()
    chat.prompts.last.get_by_role("button", name="Ask something else here").click()
    expect(chat.prompts).to_have_count(1)
    expect(chat.box).to_have_value("twoo")


def test_a_prompt_is_told_apart_from_its_answer_without_seeing(workbench: Workbench, chat: Chat) -> None:
    chat.ask_and_wait("hear me")

    expect(chat.frame.get_by_role("log", name="Conversation")).to_be_visible()
    expect(chat.frame.get_by_role("heading", name="You")).to_be_visible()
    expect(chat.frame.locator("[aria-live=polite]").first).to_have_text("hear me")
    expect(chat.frame.get_by_role("combobox", name="Prompt")).to_be_focused()
    assert not workbench.complaints
