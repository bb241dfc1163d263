"""What a model is told of a session's past."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from meerkat_rpc.agents.prompt import ChatMessage, Prompt, chat, prompt_of, told_call, told_result

Exchange = list[ChatMessage]


def exchange(asked: str, answered: str) -> Exchange:
    return [chat("user", asked), chat("assistant", answered)]


def exchanges(count: int, content_bytes: int) -> list[Exchange]:
    contents = [str(number).ljust(content_bytes, "x") for number in range(count)]
    return [exchange(content, content) for content in contents]


def asking(past: Sequence[Exchange], user: str = "c", system: str | None = None) -> Prompt:
    return prompt_of(system, [*past, [chat("user", user)]])


def test_the_system_prompt_comes_first_and_the_new_prompt_last() -> None:
    prompt = asking([exchange("a", "b")], "c", "be kind")
    assert [(said["role"], said["content"]) for said in prompt.messages()] == [
        ("system", "be kind"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]


def test_without_a_system_prompt_the_model_s_own_holds() -> None:
    assert [said["role"] for said in asking([]).messages()] == ["user"]


def test_tool_traffic_is_told_in_words() -> None:
    assert told_call("read", {"path": "a.txt"}) == '[called read with {"path":"a.txt"}]'
    assert told_result("read", "42") == "[read returned]\n42"


def test_an_answer_that_was_interrupted_before_its_first_word_is_left_out() -> None:
    assert len(asking([exchange("a", "")]).messages()) == 2


def test_a_history_that_fits_is_kept_whole() -> None:
    prompt = asking(exchanges(5, 30))
    assert prompt.fitted(1000).messages() == prompt.messages()


def test_whole_exchanges_go_oldest_first() -> None:
    kept = asking(exchanges(50, 300)).fitted(2000)
    assert 0 < len(kept.exchanges) < 50
    assert kept.messages()[0]["role"] == "user"
    assert kept.messages()[-2]["content"].startswith("49")


def test_the_cut_stays_where_it_is_for_several_turns() -> None:
    oldest = [asking(exchanges(count, 300)).fitted(4000).exchanges[0][0] for count in range(30, 60)]
    moves = sum(before != after for before, after in itertools.pairwise(oldest))
    assert 1 < moves <= 4


def test_a_large_exchange_that_fits_is_not_dropped_to_make_the_cut_round() -> None:
    past = [*exchanges(1, 1500), exchange("y" * 8000, "z")]
    assert asking(past).fitted(3000).messages()[0]["content"][0] == "y"


@pytest.mark.parametrize("room", [0, 10, 40])
def test_where_nothing_fits_nothing_is_kept_but_the_prompt_itself(room: int) -> None:
    assert asking(exchanges(3, 3000), system="s").fitted(room).exchanges == []


def test_the_model_s_own_count_corrects_the_guess_and_always_makes_the_next_try_smaller() -> None:
    prompt = asking(exchanges(50, 300)).fitted(2000)
    assert fits(prompt.counted(6000), 2000) < fits(prompt, 2000)
    assert fits(prompt.counted(2001), 2000) <= fits(prompt, 2000)
    assert prompt.counted(2001).bytes_per_token < prompt.bytes_per_token


def fits(prompt: Prompt, room: int) -> int:
    return len(prompt.fitted(room).exchanges)
