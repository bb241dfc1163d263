"""The session's folder, as agents see it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meerkat_rpc.agents.acp.files import MAX_FILE_BYTES, FileMissing, FileRefused, Folder


@pytest.fixture
def folder(project: Path) -> Folder:
    return Folder(str(project))


def test_a_file_that_is_too_large_is_neither_read_nor_written(folder: Folder, project: Path) -> None:
    path = project / "large"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(FileRefused, match="more than"):
        folder.read(str(path))
    with pytest.raises(FileRefused, match="more than"):
        folder.write(path, "x" * (MAX_FILE_BYTES + 1))


def test_what_is_no_file_is_left_alone(folder: Folder, project: Path) -> None:
    os.mkfifo(project / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(FileRefused):
            folder.read(str(project / name))
        with pytest.raises(FileRefused, match="not a file"):
            folder.write(project / name, "x")


def test_a_folder_that_is_a_file_can_have_no_files(folder: Folder, project: Path) -> None:
    (project / "file").write_text("")
    with pytest.raises(FileRefused):
        folder.write(project / "file" / "below", "x")


def test_a_link_that_was_put_there_meanwhile_does_not_lead_out(folder: Folder, project: Path) -> None:
    path = folder.locate(str(project / "a.txt"))
    (project.parent / "outside").write_text("untouched")
    path.symlink_to(project.parent / "outside")
    with pytest.raises(FileRefused, match="outside of the session's folder"):
        folder.write(path, "x")
    assert (project.parent / "outside").read_text() == "untouched"


def test_a_folder_reached_by_a_link_is_the_same_folder(project: Path) -> None:
    link = project.parent / "link"
    link.symlink_to(project)
    (project / "a.txt").write_text("x")
    assert Folder(str(link)).read(str(link / "a.txt")) == "x"
    assert Folder(str(link)).read(str(project / "a.txt")) == "x"
    with pytest.raises(FileRefused):
        Folder(str(project)).read(f"{project}-beside/a.txt")


def test_the_text_before_is_empty_where_there_is_none(folder: Folder, project: Path) -> None:
    assert folder.before(project / "none") == ""
    with pytest.raises(FileMissing):
        folder.read(str(project / "none"))
    (project / "binary").write_bytes(b"\xff")
    assert folder.before(project / "binary") == ""


def test_lines_are_those_of_the_file(folder: Folder, project: Path) -> None:
    (project / "a").write_bytes("1\r\n2\x0c\u2028\n3".encode())
    assert folder.read(str(project / "a"), 2, 1) == "2\x0c\u2028\n"
    assert folder.read(str(project / "a"), 0, 1) == "1\r\n"
    assert folder.read(str(project / "a"), 3, 0) == ""
