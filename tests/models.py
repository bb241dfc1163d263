"""Runs a state machine of hypothesis: always the same sequences for the same seed, nothing remembered."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

STEPS = 20
"""Longest sequence. What goes wrong between two stores goes wrong within a few steps of the cause."""


def run_model(machine: type[RuleBasedStateMachine], sequences: int, random_seed: int) -> None:
    """Run so many sequences. What fails is made as short as can be, and raised with its steps in a note."""
    chosen = settings(
        max_examples=sequences,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(random_seed)(machine), settings=chosen)
