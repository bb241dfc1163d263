"""Every sweep, in the order of the table: each module registers its own as it is imported."""

from importlib import import_module

from tests.faults.sweep import SWEEPS

MODULES = [
    "kills",
    "kills_at_writes",
    "power_loss",
    "io_errors",
    "bad_disks",
    "locked_database",
    "slow_fsync",
    "damage",
    "flips",
    "backups",
    "two_processes",
    "watching",
    "takeover",
    "questions",
    "fuzz",
    "fuzz_process",
    "models",
    "soak",
    "slow_client",
    "ends",
    "secrets",
    "big_store",
    "folding",
    "folding_cost",
]

for module in MODULES:
    import_module(f"tests.faults.{module}")

__all__ = ["SWEEPS"]
