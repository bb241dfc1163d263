"""Files that prompts name with ``@``."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from meerkat_rpc.chat.attaching import attachments, content
from meerkat_rpc.chat.completing import MAX_OFFERED, ChatCompleter
from meerkat_rpc.client import Client
from tests.chat.terminal import Terminal
from tests.chat.test_pipe import ask

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files of all kinds of names."""
    (tmp_path / "src").mkdir()
    for name in ("a.txt", "my file.png", "photo.PNG", "src/main.py", ".hidden", "ünï.md", "b"):
        (tmp_path / name).write_bytes(b"12345")
    return tmp_path


@pytest.mark.parametrize(
    ("prompt", "kind", "name"),
    [
        ("what is in @a.txt", "file", "a.txt"),
        ("@a.txt: what is that?", "file", "a.txt"),
        ("(see @a.txt)", "file", "a.txt"),
        ("is it @src/main.py?!", "file", "main.py"),
        ("@./src/../a.txt", "file", "a.txt"),
        ('look at @"my file.png", please', "image", "my file.png"),
        ("@photo.PNG", "image", "photo.PNG"),
        ("@.hidden", "file", ".hidden"),
        ("über @ünï.md\n", "file", "ünï.md"),
        ("@~/a.txt", "file", "a.txt"),
    ],
)
def test_a_file_that_is_there_is_attached(
    folder: Path, monkeypatch: pytest.MonkeyPatch, prompt: str, kind: str, name: str
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (file,) = attachments(prompt, str(folder))
    assert (file.kind, file.name, file.size) == (kind, name, 5)
    assert Path(file.path).is_absolute()
    assert content(prompt, [file]) == [
        {"type": "text", "text": prompt},
        {"type": kind, "path": file.path, "name": name},
    ]


@pytest.mark.parametrize(
    "prompt",
    [
        "mail me: a@b",
        "@pytest.mark.slow",
        "@missing.txt",
        "@src",
        "@",
        "@ a.txt",
        '@""',
        '@"a.txt',
        "a.txt",
        "@\x00",
        f"@{'x' * 5000}",
        "",
    ],
)
def test_what_is_no_file_stays_text(folder: Path, prompt: str) -> None:
    assert attachments(prompt, str(folder)) == []
    assert content(prompt, []) == prompt


def test_a_file_named_twice_is_attached_once(folder: Path) -> None:
    assert [file.name for file in attachments("@a.txt @b and @./a.txt again", str(folder))] == ["a.txt", "b"]


def complete(typed: str) -> list[str]:
    """Return what the line would become with each completion."""
    found = ChatCompleter(["/model", "/tools"]).get_completions(Document(typed), CompleteEvent())
    return [typed[: len(typed) + item.start_position] + item.text for item in found]


def test_tab_completes_paths_behind_an_at_sign(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert complete("see @a") == ["see @a.txt"]
    assert complete("see @s") == ["see @src/"]
    assert complete("see @src/") == ["see @src/main.py"]
    assert complete("@m") == ['@"my file.png"']
    assert complete('@"my ') == ['@"my file.png"']
    assert complete("@.h") == ["@.hidden"]
    assert "@.hidden" not in complete("@")
    assert complete("mail a") == complete("mail me@a") == complete("@nowhere/") == []
    assert complete("/mo") == ["/model"]


def test_a_folder_of_many_files_offers_some_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(MAX_OFFERED + 50):
        (tmp_path / f"file{number}").touch()
    assert len(complete("@f")) == MAX_OFFERED


@pytest.mark.slow
def test_an_attachment_is_told_kept_and_shown_in_the_history(tmp_path: Path, store: str) -> None:
    (tmp_path / "dot.png").write_bytes(PIXEL)
    with Terminal(tmp_path, "--store", store, "--model", "echo") as chat:
        chat.see_prompt()
        chat.type("what is @do\t")
        chat.see("@dot.png")
        chat.enter(" like?")
        chat.see(f"attached: dot.png (image, {len(PIXEL)} bytes)")
        chat.see("4 tokens")
        chat.see_prompt()
        chat.enter("/resume")
        chat.see(lambda text: text.count("attached: dot.png") == 2)


def test_a_prompt_on_the_command_line_attaches_and_one_out_of_a_pipe_does_not(tmp_path: Path, store: str) -> None:
    (tmp_path / "a.txt").write_text("one")

    async def attached() -> list[str]:
        async with Client.spawn(store=store) as client:
            (session,) = (await client.list())["sessions"]
            messages = (await client.history(session["session_id"]))["messages"]
            return [item["name"] for message in messages for item in message.get("attachments", [])]

    ask(tmp_path, "--store", store, "--model", "echo", stdin=b"read @a.txt")
    assert asyncio.run(attached()) == []
    assert ask(tmp_path, "--store", store, "--resume", "read @a.txt").stdout == b"read @a.txt\n"
    assert asyncio.run(attached()) == ["a.txt"]
