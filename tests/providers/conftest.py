"""A provider for each test; ``kind`` goes through the protocols it speaks. ``talk`` is a real server that asks it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.providers.provider import DIALECTS, KEY, Provider
from tests.providers.talking import Talk, content

collect_ignore_glob = ["test_*.py"] if find_spec("pydantic_ai") is None else []
"""Without the extra there are no language models. Continuous integration has it."""
assert not (collect_ignore_glob and os.environ.get("CI") == "true"), "the extra llm is not installed"


@pytest.fixture(scope="module")
def serving() -> Iterator[Provider]:
    """The provider of a module's tests."""
    with Provider() as provider:
        yield provider


@pytest.fixture
def provider(serving: Provider) -> Provider:
    """A provider that says what the test tells it, and nothing else."""
    serving.forget()
    return serving


@pytest.fixture(params=list(DIALECTS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each protocol, by the name that the configuration has for it."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def talking(serving: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """The server of a module's tests, which leaves no key behind wherever it writes."""
    folder = tmp_path_factory.mktemp("talk")
    with tempfile.TemporaryFile() as stderr:
        with Talk(folder, serving, "--log-level", "debug", "--drain-timeout", "1", stderr=stderr) as server:
            yield server
            server.end_input()
            server.wait()
        assert KEY not in content(stderr)
    assert not [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.fixture
def talk(talking: Talk, provider: Provider) -> Iterator[Talk]:
    """A server whose requests the provider takes, each of them."""
    talking.tools.clear()
    talking.call("tools/unregister")
    yield talking
    assert provider.refusals == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test's own server keeps its store and its configuration."""
    return tmp_path
