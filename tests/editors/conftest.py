from __future__ import annotations

from pathlib import Path

import pytest

from tests.editors.workplace import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """A person's machine for one test. Make one of ``tmp_path_factory`` where several tests share an editor."""
    return Workplace(tmp_path)
