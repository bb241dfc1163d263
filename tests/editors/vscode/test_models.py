from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.editors.measures import DELTAS, SCRIPT
from tests.editors.vscode.workbench import Workbench
from tests.editors.workplace import Workplace

pytestmark = pytest.mark.slow


def test_a_language_model_answers(workbench: Workbench, place: Workplace) -> None:
    pytest.importorskip("xllamacpp")
    place.session(title="SmolLM")
    chat = workbench.resume("SmolLM")
    workbench.command("Meerkat: Choose Model")
    workbench.pick("smollm2")
    expect(chat.frame.locator(".footer .model")).to_have_text("smollm2")
    chat.ask_and_wait("Say hello.")

    assert len(chat.answers.last.locator(".markdown").inner_text()) > 1


def test_twenty_thousand_deltas_arrive_whole_and_the_chat_can_be_used_meanwhile(
    workbench: Workbench, place: Workplace
) -> None:
    place.session(title="fast words", script=SCRIPT)
    chat = workbench.resume("fast words")
    chat.ask("go on")
    expect(chat.prompts).to_have_count(1)
    chat.box.press_sequentially("typed meanwhile")

    chat.wait_idle()
    count = "answer => answer.textContent.split('word').length - 1"
    assert chat.answers.last.locator(".markdown").evaluate(count) == DELTAS
    expect(chat.box).to_have_value("typed meanwhile")
