"""The package's ERT tests, each as one of pytest's."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.editors.emacs.batch import Result, names


@pytest.mark.timeout(400)  # the first one waits for all of them
@pytest.mark.parametrize("name", names())
def test_ert(ert_results: Mapping[str, Result], name: str) -> None:
    result = ert_results[name]
    assert result.outcome == "passed", result.reason
