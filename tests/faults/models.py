"""Random sequences of calls, made to two implementations of the same promise: they must not differ."""

from __future__ import annotations

from tests.faults.sweep import Report, sweep
from tests.models import run_model
from tests.sessions.model import ServiceMachine
from tests.store.model import StoreMachine


@sweep(short=40, full=5_000)
def model_store(report: Report, size: int) -> None:
    """Commits, appends, deletes, foldings, reads and conflicts: the disk store, reopened, says what memory says."""
    _compare(report, StoreMachine, size)


@sweep(short=40, full=5_000)
def model_service(report: Report, size: int) -> None:
    """Sessions created, run, interrupted, repeated, forked, put away: the persistent service does as the ephemeral."""
    _compare(report, ServiceMachine, size)


def _compare(report: Report, machine: type[StoreMachine | ServiceMachine], size: int) -> None:
    made, steps = machine.made, machine.steps
    try:
        run_model(machine, size, report.seed)
    except Exception as error:  # noqa: BLE001 - whatever a sequence comes upon is what the sweep looks for
        steps_taken = "\n".join(getattr(error, "__notes__", ()))
        report.defect(f"seed {report.seed}: {type(error).__name__}: {error}\n{steps_taken}")
    report.cases += machine.made - made
    report.figure("steps", f"{machine.steps - steps:,}")
