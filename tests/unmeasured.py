"""Processes whose coverage isn't measured.

To measure it costs a Python process half of the time again that it takes to start and to import what it needs. That is
for nothing where it runs none of our code, or where it only repeats what other tests run.
"""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """Return the environment without what makes a Python process measure its coverage."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
