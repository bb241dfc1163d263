"""A session's log cut into its turns, and what each must have left in the history."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from tests.faults.witness import Message, terminal

OUTCOMES = {"cancelled": "interrupted", "host_exit": "interrupted", "error": "failed", "budget": "failed"}
"""The outcome of a turn by the reason in its ``run_failed``."""


@define
class Run:
    """One turn's events, from ``run_started`` to the terminal one."""

    turn_id: str
    events: list[Message] = field(factory=list)

    @property
    def prompt(self) -> str:
        """What it was asked."""
        prompt: str = self.events[0]["prompt"]
        return prompt

    @property
    def outcome(self) -> str:
        """How it ended."""
        return OUTCOMES[self.events[-1]["reason"]] if self.events[-1]["type"] == "run_failed" else "completed"

    @property
    def was_cut(self) -> bool:
        """Whether the end of its process ended it."""
        return self.events[-1].get("reason") == "host_exit"

    @property
    def text(self) -> str:
        """What it said."""
        return "".join(event["delta"] for event in self.events if event["type"] == "text_delta")

    @property
    def tokens(self) -> int:
        """What its model calls used."""
        calls = [event["usage"] for event in self.events if event["type"] == "turn_completed"]
        return sum(usage["input_tokens"] + usage["output_tokens"] for usage in calls)

    def check_history(self, messages: Sequence[Message]) -> None:
        """Raise unless ``messages`` are what this turn has to have left."""
        assert messages, f"turn {self.turn_id} is not in the history"
        assert messages[0]["role"] == "user", messages[0]
        assert messages[0]["content"] == self.prompt
        said = [message for message in messages if message["role"] == "assistant"]
        assert "".join(message["content"] for message in said) == self.text, f"turn {self.turn_id}: its text differs"
        calls = [event["id"] for event in self.events if event["type"] == "tool_call_requested"]
        assert [message["tool_result"]["id"] for message in messages if message["role"] == "tool"] == calls
        partial = [message.get("partial", False) for message in said]
        assert partial == [False] * (len(said) - 1) + [self._was_speaking] * bool(said), f"turn {self.turn_id}"

    def check_answer(self, answer: Message) -> None:
        """Raise unless ``answer`` is what this turn has to be answered with, result or error."""
        if "code" not in answer:
            assert (self.outcome, answer["text"]) == ("completed", self.text), f"turn {self.turn_id}"
            assert answer["turn_usage"]["total_tokens"] == self.tokens, f"turn {self.turn_id}"
        elif answer["code"] == -32005:
            assert (self.outcome, answer["data"]["text"]) == ("interrupted", self.text), f"turn {self.turn_id}"
        else:
            assert self.outcome == "failed", f"turn {self.turn_id} {self.outcome}, and was answered {answer}"

    @property
    def _was_speaking(self) -> bool:
        """Whether its end cut a message short."""
        for event in reversed(self.events):
            if event["type"] in {"text_delta", "reasoning_delta"}:
                return True
            if event["type"] in {"turn_completed", "tool_result_received"}:
                return False
        return False


def cut(events: Sequence[Message]) -> list[Run]:
    """Return the turns that ``events``, a session's at rest, consist of; raise unless each is whole."""
    runs: list[Run] = []
    is_open = False
    for params in events:
        event = params["event"]
        if event["type"] == "run_started":
            assert not is_open, f"turn {runs[-1].turn_id} has no end"
            runs.append(Run(params["turn_id"]))
            is_open = True
        assert is_open, f"event {params['seq']} is outside of any turn"
        assert params["turn_id"] == runs[-1].turn_id, f"event {params['seq']} is another turn's"
        runs[-1].events.append(event)
        is_open = not terminal(event)
    assert not is_open, f"turn {runs[-1].turn_id} has no end"
    return runs
