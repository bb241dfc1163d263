"""How the suite is shared out among processes, with ``pytest -n 2 --dist loadgroup``, as ``make test`` runs it."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a module's tests in one process: they may share a server, an editor or a model.

    A test with a group of its own is one that takes long and shares nothing.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
