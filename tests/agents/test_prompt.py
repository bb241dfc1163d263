"""What a model is told of a session's past."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest

from meerkat_rpc.agents.prompt import Prompt, prompt_of
from meerkat_rpc.domain import Message, ToolCall, ToolResult

TURN = "0198c0de-0000-7000-8000-000000000000"


def message(role: Literal["user", "assistant", "tool"], content: str) -> Message:
    return Message(role, content, TURN, 0)


def exchanges(count: int, content_bytes: int) -> list[Message]:
    contents = [str(number).ljust(content_bytes, "x") for number in range(count)]
    return [said for content in contents for said in (message("user", content), message("assistant", content))]


def test_the_system_prompt_comes_first_and_the_new_prompt_last() -> None:
    prompt = prompt_of([message("user", "a"), message("assistant", "b")], "be kind", "c")
    assert [(chat["role"], chat["content"]) for chat in prompt.messages()] == [
        ("system", "be kind"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]


def test_without_a_system_prompt_the_model_s_own_holds() -> None:
    assert [chat["role"] for chat in prompt_of([], None, "c").messages()] == ["user"]


def test_tool_traffic_is_told_in_words() -> None:
    call = Message("assistant", "Let me look.", TURN, 0, tool_calls=(ToolCall("1", "read", {"path": "a.txt"}),))
    answer = Message("tool", "42", TURN, 0, tool_result=ToolResult("1", "read"))
    said = prompt_of([message("user", "a"), call, answer], None, "c").messages()
    assert said[1:3] == [
        {"role": "assistant", "content": 'Let me look.\n[called read with {"path":"a.txt"}]'},
        {"role": "user", "content": "[read returned]\n42"},
    ]


def test_an_answer_that_was_interrupted_before_its_first_word_is_left_out() -> None:
    assert len(prompt_of([message("user", "a"), message("assistant", "")], None, "c").messages()) == 2


def test_a_history_that_fits_is_kept_whole() -> None:
    prompt = prompt_of(exchanges(5, 30), None, "c")
    assert prompt.fitted(1000).messages() == prompt.messages()


def test_whole_exchanges_go_oldest_first() -> None:
    kept = prompt_of(exchanges(50, 300), None, "c").fitted(2000)
    assert 0 < len(kept.exchanges) < 50
    assert kept.messages()[0]["role"] == "user"
    assert kept.messages()[-2]["content"].startswith("49")


def test_the_cut_stays_where_it_is_for_several_turns() -> None:
    oldest = [prompt_of(exchanges(count, 300), None, "c").fitted(4000).exchanges[0][0] for count in range(30, 60)]
    moves = sum(before != after for before, after in itertools.pairwise(oldest))
    assert 1 < moves <= 4


def test_a_large_exchange_that_fits_is_not_dropped_to_make_the_cut_round() -> None:
    past = [*exchanges(1, 1500), message("user", "y" * 8000), message("assistant", "z")]
    assert prompt_of(past, None, "c").fitted(3000).messages()[0]["content"][0] == "y"


@pytest.mark.parametrize("room", [0, 10, 40])
def test_where_nothing_fits_nothing_is_kept_but_the_prompt_itself(room: int) -> None:
    assert prompt_of(exchanges(3, 3000), "s", "c").fitted(room).exchanges == []


def test_the_model_s_own_count_corrects_the_guess_and_always_makes_the_next_try_smaller() -> None:
    prompt = prompt_of(exchanges(50, 300), None, "c").fitted(2000)
    assert fits(prompt.counted(6000), 2000) < fits(prompt, 2000)
    assert fits(prompt.counted(2001), 2000) <= fits(prompt, 2000)
    assert prompt.counted(2001).bytes_per_token < prompt.bytes_per_token


def fits(prompt: Prompt, room: int) -> int:
    return len(prompt.fitted(room).exchanges)
