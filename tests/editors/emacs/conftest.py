from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.editors.emacs.batch import Result, run_tests
from tests.editors.emacs.terminal import Emacs
from tests.editors.workplace import Workplace


@pytest.fixture(scope="session")
def ert_results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Result]:
    """What became of each ERT test. One Emacs runs them all, against one server."""
    return run_tests(Workplace(Path(tmp_path_factory.mktemp("ert"))))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The machine on which a module's Emacs runs."""
    return Workplace(Path(tmp_path_factory.mktemp("place")))


@pytest.fixture(scope="module")
def emacs(place: Workplace) -> Iterator[Emacs]:
    """An Emacs in a terminal, for all tests of a module."""
    with Emacs(place) as emacs:
        yield emacs
