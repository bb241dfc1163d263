from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.editors.nvim.editor import Editor
from tests.editors.workplace import Workplace


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A machine that the tests of a module share."""
    return Workplace(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def shared(place: Workplace) -> Iterator[Editor]:
    """A Neovim that the tests of a module share: they open sessions of their own in it."""
    with Editor(place) as editor:
        yield editor


@pytest.fixture
def editor(shared: Editor) -> Editor:
    """The shared Neovim, its chat closed, in normal mode, with nothing told yet."""
    shared.type("<Esc><Esc>")
    shared.lua(
        "_G.told, _G.fired, _G.offered = {}, {}, nil require('meerkat.chat.window').close() vim.cmd('silent! only')"
    )
    return shared
