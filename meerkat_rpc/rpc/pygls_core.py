"""pygls' JSON-RPC core, without the language server around it.

Importing pygls in its documented ways brings the 554 attrs classes of lsprotocol along: 0.7 s and 15 MB on a machine
where all of this program's own modules take 0.2 s. The core needs four names of them. So while the core is being
imported, small modules stand in for those that would bring the rest; then they are taken away again, and whoever
imports pygls or lsprotocol afterwards gets the real ones. Should a release of pygls need more than they have, the
import is made again in the ordinary way: slower, and otherwise the same (``tests/rpc/test_pygls_core.py`` runs both).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pygls.protocol.json_rpc import JsonRPCProtocol

CORE = "pygls.protocol.json_rpc"


class _Record:
    """Stands in for lsprotocol's ``ResponseError`` and ``ResponseErrorMessage``, which we neither send nor receive."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


def load_core() -> type[JsonRPCProtocol]:
    """Return pygls' ``JsonRPCProtocol``."""
    if CORE not in sys.modules and "lsprotocol.types" not in sys.modules:
        try:
            with _standing_in(_stand_ins()):
                importlib.import_module(CORE)
        except (ImportError, AttributeError):
            _forget("pygls")
    protocol: type[JsonRPCProtocol] = importlib.import_module(CORE).JsonRPCProtocol
    return protocol


def _stand_ins() -> list[ModuleType]:
    types = ModuleType("lsprotocol.types")
    vars(types).update(
        CANCEL_REQUEST="$/cancelRequest", EXIT="exit", ResponseError=_Record, ResponseErrorMessage=_Record
    )
    options = ModuleType("pygls.lsp")
    vars(options).update(get_method_options_type=lambda _method: None, is_instance=lambda *_: True)
    package = ModuleType("pygls.protocol")
    spec = find_spec("pygls")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("pygls is not installed")
    package.__path__ = [f"{location}/protocol" for location in spec.submodule_search_locations]
    return [ModuleType("lsprotocol"), types, options, package]


@contextmanager
def _standing_in(modules: list[ModuleType]) -> Iterator[None]:
    for module in modules:
        sys.modules[module.__name__] = module
    try:
        yield
    finally:
        for module in modules:
            del sys.modules[module.__name__]
            parent, _, name = module.__name__.rpartition(".")
            if parent in sys.modules:
                vars(sys.modules[parent]).pop(name, None)


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
