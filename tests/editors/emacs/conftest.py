from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.editors.emacs.batch import Result, run_tests
from tests.editors.workplace import Workplace


@pytest.fixture(scope="session")
def ert_results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Result]:
    """What became of each ERT test. One Emacs runs them all, against one server."""
    return run_tests(Workplace(Path(tmp_path_factory.mktemp("ert"))))
