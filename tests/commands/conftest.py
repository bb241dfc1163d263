from pathlib import Path

import pytest

from tests.commands.stores import Past, make_past


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return make_past(str(tmp_path / "store"))
