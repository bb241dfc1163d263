"""Writing and editing files: what is shown, what happens, and that it is the same."""

from __future__ import annotations

import os
import stat
import threading
import time

import pytest

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.builtin.diffs import MAX_DIFF_CHARS, diff
from meerkat_rpc.tools.builtin.text_files import MAX_TEXT_BYTES
from tests.tools.folders import Folder, Run


def test_a_new_file_is_shown_and_then_written(folder: Folder, run: Run) -> None:
    shown = run(folder.preview("write_file", path="new/dir/ä.txt", content="eins\nzwei"))
    assert not (folder.path / "new").exists()
    assert (shown.summary, shown.rule) == ("create new/dir/ä.txt (+2 -0)", "write_file")
    assert shown.details["diff"].splitlines() == [
        "--- /dev/null", "+++ b/new/dir/ä.txt", "@@ -0,0 +1,2 @@", "+eins", "+zwei", "\\ No newline at end of file",
    ]  # fmt: skip
    written = run(folder.result("write_file", path="new/dir/ä.txt", content="eins\nzwei"))
    assert (written["created"], written["bytes"], written["diff"]) == (True, 9, shown.details["diff"])
    assert (folder.path / "new/dir/ä.txt").read_text(encoding="utf-8") == "eins\nzwei"


def test_a_file_is_replaced_and_keeps_its_mode(folder: Folder, run: Run) -> None:
    path = folder.file("run.sh", "old\n")
    path.chmod(0o755)
    written = run(folder.result("write_file", path="run.sh", content="new\n"))
    assert (written["created"], written["added"], written["removed"]) == (False, 1, 1)
    assert (path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode)) == ("new\n", 0o755)
    assert os.listdir(folder.path) == ["run.sh"]


def test_line_ends_and_emptiness_are_written_as_given(folder: Folder, run: Run) -> None:
    run(folder.result("write_file", path="x", content="a\r\nb\r\n"))
    assert (folder.path / "x").read_bytes() == b"a\r\nb\r\n"
    run(folder.result("write_file", path="x", content=""))
    assert (folder.path / "x").read_bytes() == b""


def test_readers_see_the_old_file_or_the_new_one(folder: Folder, run: Run) -> None:
    path = folder.file("x", "a" * 1_000_000)
    seen, stop = set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            content = path.read_text(encoding="utf-8")
            seen.add((len(content), content[:1], content[-1:]))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for letter in "bcdefgh":
            run(folder.result("write_file", path="x", content=letter * 1_000_000))
    finally:
        stop.set()
        thread.join()
    assert {(size, first == last) for size, first, last in seen} == {(1_000_000, True)}


def test_a_link_inside_the_folder_stays_a_link(folder: Folder, run: Run) -> None:
    folder.file("real.txt", "old")
    (folder.path / "link").symlink_to("real.txt")
    assert run(folder.result("write_file", path="link", content="new"))["path"] == "real.txt"
    assert (folder.path / "link").is_symlink()
    assert (folder.path / "real.txt").read_text(encoding="utf-8") == "new"


def test_what_changed_while_the_user_was_asked_is_not_written_over(folder: Folder, run: Run) -> None:
    path = folder.file("x", "shown\n")
    run(folder.preview("write_file", "one", path="x", content="mine\n"))
    path.write_text("somebody else's\n", encoding="utf-8")
    outcome = run(folder.call("write_file", "one", path="x", content="mine\n"))
    assert outcome.is_error
    assert "was changed while the user was asked" in outcome.result
    assert path.read_text(encoding="utf-8") == "somebody else's\n"
    assert not run(folder.call("write_file", "two", path="x", content="mine\n")).is_error


def test_a_file_that_appears_while_the_user_is_asked_is_not_written_over(folder: Folder, run: Run) -> None:
    run(folder.preview("write_file", "one", path="x", content="mine\n"))
    folder.file("x", "there now")
    assert run(folder.call("write_file", "one", path="x", content="mine\n")).is_error


@pytest.mark.parametrize("content", ["\ud800", "x" * (MAX_TEXT_BYTES + 1)])
def test_what_no_file_can_hold_is_refused(folder: Folder, run: Run, content: str) -> None:
    assert run(folder.error("write_file", path="x", content=content)).startswith("content: ")
    assert os.listdir(folder.path) == []


def test_read_only_binary_and_odd_files_are_left_alone(folder: Folder, run: Run) -> None:
    folder.file("ro", "x").chmod(0o444)
    folder.file("bin", b"\xff\xfe")
    (folder.path / "dir").mkdir()
    assert "read-only" in run(folder.error("write_file", path="ro", content="y"))
    assert "isn't UTF-8" in run(folder.error("write_file", path="bin", content="y"))
    assert "is a folder" in run(folder.error("write_file", path="dir", content="y"))
    assert "Not a directory" in run(folder.error("write_file", path="ro/x", content="y"))


def test_a_piece_is_replaced(folder: Folder, run: Run) -> None:
    path = folder.file("x.py", "one\ntwo\nthree\n")
    shown = run(folder.preview("edit_file", path="x.py", old_text="two", new_text="2"))
    assert (shown.summary, shown.rule) == ("change x.py (+1 -1)", "edit_file")
    assert path.read_text(encoding="utf-8") == "one\ntwo\nthree\n"
    edited = run(folder.result("edit_file", path="x.py", old_text="two", new_text="2"))
    assert edited["diff"].splitlines()[2:] == ["@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"]
    assert path.read_text(encoding="utf-8") == "one\n2\nthree\n"


def test_a_piece_that_is_there_twice_needs_more_text_or_leave(folder: Folder, run: Run) -> None:
    path = folder.file("x", "a\nb\na\n")
    assert "2 times in the file, at line 1, 3" in run(folder.error("edit_file", path="x", old_text="a", new_text="c"))
    run(folder.result("edit_file", path="x", old_text="a", new_text="c", replace_all=True))
    assert path.read_text(encoding="utf-8") == "c\nb\nc\n"


def test_a_piece_that_is_not_there_is_answered_with_the_nearest(folder: Folder, run: Run) -> None:
    folder.file("x.py", "def f():\n    return compute(1)\n\n\ndef g():\n    return 2\n")
    error = run(folder.error("edit_file", path="x.py", old_text="def f():\n    return compute(2)\n", new_text=""))
    assert error.endswith("The nearest is at line 1:\ndef f():\n    return compute(1)")
    nothing = run(folder.error("edit_file", path="x.py", old_text="@@@@@@@@@@", new_text=""))
    assert "Nothing in it is like that" in nothing


def test_the_nearest_is_found_fast_in_a_large_file(folder: Folder, run: Run) -> None:
    folder.file("x", "".join(f"value_{n} = compute({n}) + other_thing[{n}]\n" for n in range(60_000)))
    began = time.monotonic()
    run(folder.error("edit_file", path="x", old_text="value_100 = compute(100) + other_thing[101]", new_text=""))
    assert time.monotonic() - began < 5


def test_windows_line_ends_are_kept(folder: Folder, run: Run) -> None:
    path = folder.file("x", "one\r\ntwo\r\nthree\r\n")
    run(folder.result("edit_file", path="x", old_text="one\ntwo\n", new_text="1\n2\n"))
    assert path.read_bytes() == b"1\r\n2\r\nthree\r\n"


def test_edits_that_change_nothing_or_have_no_place_are_refused(folder: Folder, run: Run) -> None:
    folder.file("x", "a")
    assert "nothing would change" in run(folder.error("edit_file", path="x", old_text="a", new_text="a"))
    assert "old_text: empty" in run(folder.error("edit_file", path="x", old_text="", new_text="a"))
    assert "write_file makes one" in run(folder.error("edit_file", path="y", old_text="b", new_text="a"))
    with pytest.raises(InvalidArgument, match="not in the file"):
        run(folder.preview("edit_file", path="x", old_text="b", new_text="a"))


def test_a_diff_counts_lines_from_the_beginning() -> None:
    before = "".join(f"{n}\n" for n in range(1, 101))
    change = diff("x", before, before.replace("\n50\n", "\nfifty\n").replace("\n90\n", "\n"))
    assert [line for line in change.text.splitlines() if line.startswith("@@")] == [
        "@@ -47,7 +47,7 @@",
        "@@ -87,7 +87,6 @@",
    ]
    assert (change.added, change.removed) == (1, 2)


def test_a_large_diff_is_cut_and_costs_little() -> None:
    began = time.monotonic()
    change = diff("x", "a\n" * 100_000, "b\n" * 100_000)
    assert time.monotonic() - began < 2
    assert len(change.text) < MAX_DIFF_CHARS + 100
    assert change.text.endswith("more lines")
    assert (change.added, change.removed) == (100_000, 100_000)


def test_no_change_has_no_diff() -> None:
    assert diff("x", "a\n", "a\n") == ("", 0, 0)
    assert diff("x", "a", "a\n").text.splitlines()[3:] == ["-a", "\\ No newline at end of file", "+a"]


def test_patch_takes_what_we_call_a_diff(folder: Folder, run: Run) -> None:
    path = folder.file("x", "".join(f"line {n}\n" for n in range(40)))
    text = path.read_text(encoding="utf-8")
    after = text.replace("line 7\n", "").replace("line 30\n", "thirty\nand more\n")
    (folder.path / "p").write_text(diff("x", text, after).text + "\n", encoding="utf-8")
    assert run(folder.result("run_command", command="git apply p"))["exit_code"] == 0
    assert path.read_text(encoding="utf-8") == after
