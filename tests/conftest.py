"""How the suite is shared out among processes, and which of those that it starts are measured."""

from __future__ import annotations

import os

import pytest

from tests.unmeasured import unmeasured


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a module's tests in one process of ``pytest --dist loadgroup``: they may share a server, an editor, a model.

    A test with a group of its own is one that takes long and shares nothing.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture
def starts_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no coverage measured of processes that the test starts, only of its own."""
    for name in os.environ.keys() - unmeasured().keys():
        monkeypatch.delenv(name)
