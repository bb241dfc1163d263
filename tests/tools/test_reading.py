"""Reading, listing and searching files."""

from __future__ import annotations

import asyncio
import os
import time

import psutil
import pytest

from meerkat_rpc.tools.builtin import searching
from meerkat_rpc.tools.builtin.globs import Glob
from meerkat_rpc.tools.builtin.reading import MAX_BYTES
from tests.tools.folders import Folder, Run, until


def test_a_file_is_read_whole(folder: Folder, run: Run) -> None:
    folder.file("ä/🦡.txt", "eins\nzwei é\n")
    shown = run(folder.result("read_file", path="ä/🦡.txt"))
    assert shown == {"path": "ä/🦡.txt", "size": 13, "first_line": 1, "lines": 2, "content": "eins\nzwei é\n"}


def test_lines_are_read_from_an_offset_with_their_numbers(folder: Folder, run: Run) -> None:
    folder.file("x", "".join(f"line {n}\n" for n in range(1, 11)))
    shown = run(folder.result("read_file", path="x", offset=4, limit=2, line_numbers=True))
    assert (shown["content"], shown["next_offset"]) == ("4\tline 4\n5\tline 5\n", 6)
    last = run(folder.result("read_file", path="x", offset=10))
    assert "next_offset" not in last
    assert run(folder.result("read_file", path="x", offset=99))["note"] == "the file ends before that line"


def test_an_empty_file_is_empty(folder: Folder, run: Run) -> None:
    folder.file("x")
    assert run(folder.result("read_file", path="x")) == {
        "path": "x", "size": 0, "first_line": 1, "lines": 0, "content": "",
    }  # fmt: skip


def test_a_large_file_is_read_in_parts_that_make_up_the_whole(folder: Folder, run: Run) -> None:
    text = "".join(f"{n:07} {'x' * 92}\n" for n in range(20_000))
    folder.file("x", text)
    read, offset = "", 1
    while offset:
        shown = run(folder.result("read_file", path="x", offset=offset, limit=100_000))
        assert len(shown["content"]) <= MAX_BYTES
        if "note" in shown:  # the last line was cut: it is read again as a first one
            whole = shown["content"].rpartition("\n")[0] + "\n"
            read, offset = read + whole, offset + whole.count("\n")
            continue
        read, offset = read + shown["content"], shown.get("next_offset", 0)
    assert read == text


def test_a_line_without_end_is_shown_in_part(folder: Folder, run: Run) -> None:
    folder.file("x", "a" * (3 * MAX_BYTES) + "\nnext\n")
    shown = run(folder.result("read_file", path="x"))
    assert len(shown["content"]) == MAX_BYTES
    assert shown["note"] == "line 1 is longer than what is shown of it"
    assert run(folder.result("read_file", path="x", offset=shown["next_offset"]))["content"] == "next\n"


def test_a_binary_file_is_named_and_odd_bytes_are_replaced(folder: Folder, run: Run) -> None:
    folder.file("b", b"PK\0\1")
    folder.file("l", b"caf\xe9\n")
    assert run(folder.result("read_file", path="b"))["binary"] is True
    assert run(folder.result("read_file", path="l"))["content"] == "caf\ufffd\n"


def test_a_missing_file_is_named(folder: Folder, run: Run) -> None:
    assert run(folder.error("read_file", path="no/such")) == "path: no/such: No such file or directory"
    assert run(folder.error("read_file", path=".")) == "path: . is a folder, not a file"


def test_a_folder_is_listed(folder: Folder, run: Run) -> None:
    folder.file("b.txt")
    folder.file("a/c.py")
    (folder.path / "l").symlink_to("b.txt")
    assert run(folder.result("list_files"))["entries"] == ["a/", "b.txt", "l@"]
    assert run(folder.result("list_files", path="a"))["entries"] == ["a/c.py"]
    assert "Not a directory" in run(folder.error("list_files", path="b.txt"))


def test_made_folders_are_left_out_unless_asked_for(folder: Folder, run: Run) -> None:
    folder.file("node_modules/x/index.js", "needle")
    folder.file("src/y.js", "needle")
    assert run(folder.result("list_files", recursive=True))["entries"] == ["node_modules/", "src/", "src/y.js"]
    assert "node_modules/x/index.js" in run(folder.result("list_files", glob="*.js", everything=True))["entries"]
    assert len(run(folder.result("search", pattern="needle"))["matches"]) == 1
    assert len(run(folder.result("search", pattern="needle", everything=True))["matches"]) == 2
    assert len(run(folder.result("search", pattern="needle", path="node_modules"))["matches"]) == 1


def test_a_long_list_is_cut_and_said_to_be(folder: Folder, run: Run) -> None:
    for n in range(12):
        folder.file(f"{n:02}")
    shown = run(folder.result("list_files", limit=10))
    assert (len(shown["entries"]), shown["truncated"]) == (10, "there are more than 10 entries")
    assert "truncated" not in run(folder.result("list_files", limit=12))


def test_a_name_that_is_no_text_is_listed_all_the_same(folder: Folder, run: Run) -> None:
    with open(os.fsencode(folder.path) + b"/caf\xe9", "wb"):
        pass
    assert run(folder.result("list_files"))["entries"] == ["caf\ufffd"]


def test_a_deep_tree_is_listed_to_a_depth(folder: Folder, run: Run) -> None:
    at = os.open(folder.path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=at)
        deeper = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = deeper
    os.close(at)
    assert 30 < len(run(folder.result("list_files", recursive=True))["entries"]) < 60


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.py", "a/b/c.py", True), ("*.py", "a.pyc", False), ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/b/a.py", False), ("src/**/*.py", "src/a.py", True), ("src/**/*.py", "src/a/b/c.py", True),
        ("**", "a/b", True), ("**/b", "b", True), ("a/**", "a/b/c", True), ("a/**", "b/c", False),
        ("?.[ch]", "x/a.h", True), ("*" * 100, "a", True), ("a*a*a*a*a*a*a*a*a*a*b", "a" * 200, False),
    ],
)  # fmt: skip
def test_globs_match_as_people_expect(pattern: str, path: str, expected: bool) -> None:
    assert Glob(pattern).matches(path) is expected


def test_a_search_finds_lines(folder: Folder, run: Run) -> None:
    folder.file("a.py", "import os\nclass Ä:\n    pass\n")
    folder.file("b/c.txt", "class here\n")
    found = run(folder.result("search", pattern=r"^class\s+\w"))
    assert found == {
        "matches": [
            {"path": "a.py", "line": 2, "text": "class Ä:"},
            {"path": "b/c.txt", "line": 1, "text": "class here"},
        ],
        "files_searched": 2,
    }
    assert len(run(folder.result("search", pattern="class", glob="*.py"))["matches"]) == 1
    assert run(folder.result("search", pattern="class", path="b/c.txt"))["matches"][0]["path"] == "b/c.txt"
    assert run(folder.result("search", pattern="CLASS", ignore_case=True, path="b"))["matches"][0]["path"] == "b/c.txt"


def test_a_literal_search_takes_the_pattern_as_it_is(folder: Folder, run: Run) -> None:
    folder.file("x", "a.b(c\naxb\n")
    assert [match["line"] for match in run(folder.result("search", pattern="a.b(", literal=True))["matches"]] == [1]
    assert "not a regular expression" in run(folder.error("search", pattern="a.b("))


def test_a_search_is_bounded_in_matches_and_in_what_it_shows(folder: Folder, run: Run) -> None:
    folder.file("x", "hit\n" * 50)
    folder.file("y", "z" * 100_000 + "needle" + "z" * 100_000)
    found = run(folder.result("search", pattern="hit", limit=10))
    assert (len(found["matches"]), found["truncated"]) == (10, "there are more than 10 matches")
    text = run(folder.result("search", pattern="needle"))["matches"][0]["text"]
    assert "needle" in text
    assert len(text) < 400


def test_a_search_leaves_out_what_is_no_text(folder: Folder, run: Run) -> None:
    folder.file("b", b"\0needle")
    folder.file("l", b"\xff needle\n")
    assert [match["path"] for match in run(folder.result("search", pattern="needle"))["matches"]] == ["l"]


def test_a_regular_expression_that_takes_for_ever_is_ended(
    folder: Folder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MAX_SEARCH_S", 0.5)
    folder.file("1", "aaa\n")
    folder.file("2", "a" * 60 + "!\n")
    found = run(folder.result("search", pattern="(a+)+$"))
    assert found["matches"] == [{"path": "1", "line": 1, "text": "aaa"}]
    assert "not everything was searched" in found["truncated"]


def test_a_cancelled_search_ends_its_process(folder: Folder, run: Run) -> None:
    folder.file("x", "a" * 60 + "!\n")

    async def scenario() -> None:
        task = asyncio.create_task(folder.call("search", pattern="(a+)+$"))
        await until(lambda: bool(psutil.Process().children()))
        (child,) = psutil.Process().children()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not child.is_running()

    run(scenario())


def test_the_event_loop_goes_on_during_a_search(folder: Folder, run: Run) -> None:
    for n in range(50):
        folder.file(f"{n}", "some text\n" * 20_000)

    async def scenario() -> float:
        longest, last = 0.0, time.monotonic()
        task = asyncio.create_task(folder.call("search", pattern="no such thing"))
        while not task.done():
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        return longest

    assert run(scenario()) < 0.5
