"""Every sweep, in the order of the table: a module that is imported here registers its own."""

from tests.faults.sweep import SWEEPS

__all__ = ["SWEEPS"]
