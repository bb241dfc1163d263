"""Nothing leads out of the session's folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.builtin.folder import open_file, place
from tests.tools.folders import Folder, Run

OUT = [
    "../secret.txt",
    "a/../../secret.txt",
    "/etc/passwd",
    "{outside}/secret.txt",
    "link/secret.txt",
    "file-link",
    "link-up/secret.txt",
    "chain",
    "a/up",
]


def _with_links(folder: Folder) -> Folder:
    outside = folder.path.parent
    folder.file("a/inner.txt", "inner")
    (folder.path / "link").symlink_to(outside)
    (folder.path / "file-link").symlink_to(outside / "secret.txt")
    (folder.path / "link-up").symlink_to("..")
    (folder.path / "chain").symlink_to("file-link")
    (folder.path / "a/up").symlink_to("../../secret.txt")
    (folder.path / "loop").symlink_to("loop")
    (folder.path / "inward").symlink_to("a/inner.txt")
    (folder.path / "absolute-inward").symlink_to(folder.path / "a")
    return folder


@pytest.mark.parametrize("path", OUT)
def test_what_lies_outside_is_not_read(folder: Folder, run: Run, path: str) -> None:
    _with_links(folder)
    assert "leads out of" in run(folder.error("read_file", path=path.format(outside=folder.path.parent)))


@pytest.mark.parametrize("path", OUT)
def test_what_lies_outside_is_not_written(folder: Folder, run: Run, path: str) -> None:
    _with_links(folder)
    written = folder.error("write_file", path=path.format(outside=folder.path.parent), content="gone")
    assert "leads out of" in run(written)
    assert (folder.path.parent / "secret.txt").read_text(encoding="utf-8") == "hidden"


@pytest.mark.parametrize("path", ["link", "..", "/", "/etc"])
def test_what_lies_outside_is_neither_listed_nor_searched(folder: Folder, run: Run, path: str) -> None:
    _with_links(folder)
    assert "leads out of" in run(folder.error("list_files", path=path))
    assert "leads out of" in run(folder.error("search", path=path, pattern="hidden"))


def test_links_are_not_followed_while_listing_and_searching(folder: Folder, run: Run) -> None:
    _with_links(folder)
    assert run(folder.result("search", pattern="hidden"))["matches"] == []
    entries = run(folder.result("list_files", recursive=True))["entries"]
    assert "link@" in entries
    assert not [entry for entry in entries if entry.startswith("link/")]


@pytest.mark.parametrize(
    "path", ["a/inner.txt", "inward", "absolute-inward/inner.txt", "a/../a/./inner.txt", "{here}/inward"]
)
def test_what_leads_back_in_is_read(folder: Folder, run: Run, path: str) -> None:
    _with_links(folder)
    shown = run(folder.result("read_file", path=path.format(here=folder.path)))
    assert (shown["path"], shown["content"]) == ("a/inner.txt", "inner")


def test_a_link_to_itself_is_an_error(folder: Folder, run: Run) -> None:
    _with_links(folder)
    assert "symbolic links" in run(folder.error("read_file", path="loop"))


def test_a_folder_that_is_named_through_a_link_is_the_same_folder(folder: Folder, run: Run) -> None:
    folder.file("x.txt", "here")
    link = folder.path.parent / "shortcut"
    link.symlink_to(folder.path)
    other = Folder(link)
    assert run(other.result("read_file", path=f"{link}/x.txt"))["content"] == "here"


def test_a_pipe_does_not_hang_and_a_device_is_not_read(folder: Folder, run: Run) -> None:
    os.mkfifo(folder.path / "pipe")
    assert run(folder.error("read_file", path="pipe")) == "path: pipe is a pipe, not a file"
    assert "is a pipe" in run(folder.error("write_file", path="pipe", content="x"))
    assert run(folder.result("search", pattern="x"))["matches"] == []


@pytest.mark.parametrize(
    "path",
    [
        ".git/hooks/pre-commit",
        ".git/config",
        "sub/.git/config",
        ".GIT/config",
        ".git",
        ".meerkat/config.toml",
        "g/config",
    ],
)
def test_what_decides_over_commands_and_rules_is_not_written(folder: Folder, run: Run, path: str) -> None:
    folder.file(".git/config", "[core]")
    (folder.path / "g").symlink_to(".git")
    assert "can't be written by a tool" in run(folder.error("write_file", path=path, content="x"))
    with pytest.raises(InvalidArgument, match="can't be written"):
        run(folder.preview("write_file", path=path, content="x"))
    assert (folder.path / ".git/config").read_text(encoding="utf-8") == "[core]"


def test_other_files_beside_them_are_written(folder: Folder, run: Run) -> None:
    for path in (".gitignore", ".meerkat/notes.md", ".github/workflows/x.yml"):
        run(folder.result("write_file", path=path, content="x"))
        assert (folder.path / path).read_text(encoding="utf-8") == "x"


def test_a_folder_that_is_exchanged_for_a_link_all_the_time_never_leads_out(folder: Folder) -> None:
    """The race that a look at ``realpath`` loses: between the look and the opening the folder becomes a link."""
    folder.file("real/secret.txt", "inside")
    _, swap, link = folder.path / "real", folder.path / "door", folder.path / "away"
    link.symlink_to(folder.path.parent)
    (folder.path / "real").rename(swap)
    stop = threading.Event()
    thread = threading.Thread(target=_exchange, args=(swap, link, folder.path / "spare", stop))
    thread.start()
    seen = set()
    try:
        for _ in range(3000):
            seen.add(_content(str(folder.path)))
    finally:
        stop.set()
        thread.join()
    assert b"hidden" not in seen
    assert b"inside" in seen


def _content(root: str) -> bytes | None:
    try:
        with place(root, "door/secret.txt") as at:
            descriptor = open_file(at)
    except InvalidArgument:
        return None
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def _exchange(door: Path, away: Path, spare: Path, stop: threading.Event) -> None:
    while not stop.is_set():
        door.rename(spare)
        away.rename(door)
        door.rename(away)
        spare.rename(door)


def test_no_descriptor_is_left_open(folder: Folder, run: Run) -> None:
    _with_links(folder)
    run(folder.result("list_files"))
    before = len(os.listdir("/proc/self/fd"))
    for path in ("a/inner.txt", "link/secret.txt", "loop", "nowhere/x", "a"):
        run(folder.call("read_file", path=path))
        run(folder.call("list_files", path=path))
        run(folder.call("search", path=path, pattern="x"))
        run(folder.call("write_file", path=path, content="x"))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_paths_that_are_none_are_refused(folder: Folder, run: Run, path: str) -> None:
    assert "expected the path" in run(folder.error("read_file", path=path))
