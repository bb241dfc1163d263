"""Tools that an agent runs, and what it asks before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from meerkat_rpc.domain import ToolCallRequested, ToolExecutionCompleted, ToolExecutionStarted, Usage
from tests.agents.acp.talking import AskedTurn, Talk, until

READ = {"toolCallId": "c1", "title": "Read a.txt", "kind": "read", "status": "pending"}
ALLOW_ONCE = {"optionId": "o1", "name": "Allow once", "kind": "allow_once"}
ALLOW_ALWAYS = {"optionId": "o2", "name": "Always", "kind": "allow_always"}
REJECT = {"optionId": "o3", "name": "No", "kind": "reject_once"}
OPTIONS = [ALLOW_ONCE, ALLOW_ALWAYS, REJECT]


def _content(text: str) -> list[dict[str, Any]]:
    return [{"type": "content", "content": {"type": "text", "text": text}}]


def _roles(turn: AskedTurn) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in turn.messages[1:]]


def test_a_tool_between_two_texts_makes_two_model_calls(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say(
            {"say": "Let me look."},
            {"tool": {**READ, "locations": [{"path": "/p/a.txt"}]}},
            {"told": {"toolCallId": "c1", "status": "in_progress", "rawInput": {"path": "/p/a.txt"}}},
            {"told": {"toolCallId": "c1", "status": "completed", "content": _content("hello\n")}},
            {"say": "It says hello."},
            {"count": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}},
        )
        assert turn.kinds == [
            "turn_started", "text_delta", "tool_call_requested", "tool_execution_started", "tool_execution_completed",
            "text_complete", "turn_completed", "tool_result_received", "turn_started", "text_delta", "text_complete",
            "turn_completed",
        ]  # fmt: skip
        args = {"title": "Read a.txt", "paths": ["/p/a.txt"], "input": {"path": "/p/a.txt"}}
        assert turn.of(ToolCallRequested) == [ToolCallRequested("c1", "read", args)]
        assert _roles(turn) == [("assistant", "Let me look."), ("tool", "hello\n"), ("assistant", "It says hello.")]
        assert turn.usage == Usage(5, 2)

    talk_with(held)


def test_tools_side_by_side_belong_to_one_model_call_however_they_end(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say(
            {"tool": {**READ, "toolCallId": "a", "rawInput": {"n": 1}}},
            {"tool": {**READ, "toolCallId": "b", "rawInput": {"n": 2}, "status": "in_progress"}},
            {"told": {"toolCallId": "b", "status": "completed", "content": _content("second")}},
            {"say": "While I wait"},
            {"told": {"toolCallId": "a", "status": "failed", "content": _content("first")}},
            {"say": "Done."},
        )
        assistant, *results, last = turn.messages[1:]
        assert (assistant.content, [call.id for call in assistant.tool_calls]) == ("While I wait", ["a", "b"])
        assert [(result.content, result.tool_result and result.tool_result.is_error) for result in results] == [
            ("first", True),
            ("second", False),
        ]
        assert last.content == "Done."

    talk_with(held)


def test_a_tool_that_is_told_of_only_once_it_has_ended_is_whole(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say({"told": {"toolCallId": "x", "status": "completed", "rawOutput": {"lines": 3}}})
        assert turn.of(ToolCallRequested) == [ToolCallRequested("x", "other", {"title": "other"})]
        (ended,) = turn.of(ToolExecutionCompleted)
        assert isinstance(ended, ToolExecutionCompleted)
        assert (ended.result, ended.is_error) == ({"lines": 3}, False)
        assert len(turn.of(ToolExecutionStarted)) == 1
        assert turn.kinds[-2:] == ["turn_started", "turn_completed"]

    talk_with(held)


def test_a_tool_that_the_agent_forgets_is_closed_as_failed(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say({"tool": READ}, {"say": "Bye"})
        (ended,) = turn.of(ToolExecutionCompleted)
        assert isinstance(ended, ToolExecutionCompleted)
        assert (ended.is_error, ended.result) == (True, "the agent did not say what came of it")
        assert [message.role for message in turn.messages[1:]] == ["assistant", "tool"]

    talk_with(held)


def test_a_changed_file_is_shown_as_a_diff(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        diff = {"type": "diff", "path": "/p/a.txt", "oldText": "one\ntwo\n", "newText": "one\nzwei\n"}
        turn = await talk.say(
            {"tool": {**READ, "kind": "edit", "title": "edit", "rawInput": {"f": 1}}},
            {"told": {"toolCallId": "c1", "status": "completed", "content": [*_content("ok"), diff]}},
        )
        (ended,) = turn.of(ToolExecutionCompleted)
        assert isinstance(ended, ToolExecutionCompleted)
        assert ended.result == [
            {"type": "text", "text": "ok"},
            {
                "type": "diff",
                "path": "/p/a.txt",
                "diff": "--- a/p/a.txt\n+++ b/p/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+zwei",
            },
        ]

    talk_with(held)


def test_huge_results_are_cut_and_pictures_named(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        picture = {"type": "content", "content": {"type": "image", "mimeType": "image/png", "data": "A" * 1_000_000}}
        diff = {"type": "diff", "path": "/p/a", "oldText": "x" * 300_000, "newText": "y"}
        turn = await talk.say(
            {"tool": {**READ, "rawInput": {"x": "y" * 1_000_000}}},
            {
                "told": {
                    "toolCallId": "c1",
                    "status": "completed",
                    "content": [*_content("z" * 1_000_000), picture, diff],
                }
            },
        )
        assert len(orjson.dumps([event.result for event in turn.of(ToolExecutionCompleted)])) < 300_000  # type: ignore[attr-defined]
        assert len(orjson.dumps([event.args for event in turn.of(ToolCallRequested)])) < 300_000  # type: ignore[attr-defined]
        (ended,) = turn.of(ToolExecutionCompleted)
        assert isinstance(ended, ToolExecutionCompleted)
        assert ended.result[1] == {"type": "image", "media_type": "image/png", "bytes": 750_000}
        assert ended.result[2]["diff"].startswith("--- a/p/a\n+++ b/p/a\n")

    talk_with(held)


def test_an_id_that_is_used_again_is_another_call(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        call = {**READ, "status": "completed", "content": _content("x")}
        turn = await talk.say({"tool": call}, {"tool": call})
        assert [message.role for message in turn.messages[1:]] == ["assistant", "tool", "assistant", "tool"]

    talk_with(held)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("Allow once", {"outcome": "selected", "optionId": "o1"}),
        ("No", {"outcome": "selected", "optionId": "o3"}),
    ],
)
def test_a_person_decides_what_the_agent_asks(talk_with: Any, answer: str, outcome: dict[str, str]) -> None:
    async def held(talk: Talk) -> None:
        call = {"toolCallId": "c1", "title": "Run make", "kind": "execute", "rawInput": {"command": "make"}}
        turn = await talk.say({"permission": {"toolCall": call, "options": OPTIONS}}, answers=[answer])
        assert orjson.loads(turn.text) == outcome
        (question,) = turn.questions
        assert (question["kind"], question["summary"]) == ("acp_permission", "Run make")
        assert question["choices"] == ["Allow once", "Always", "No"]
        assert question["details"]["input"] == {"command": "make"}
        assert question["details"]["options"][0] == {"choice": "Allow once", "id": "o1", "kind": "allow_once"}
        assert question["key"] == "c1"
        assert turn.kinds[1] == "tool_call_requested"

    talk_with(held)


def test_options_of_the_same_name_are_told_apart_by_their_ids(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        options = [{**ALLOW_ONCE, "name": "Yes"}, {**ALLOW_ALWAYS, "name": "Yes"}]
        turn = await talk.say({"permission": {"toolCall": READ, "options": options}}, answers=["o2"])
        assert orjson.loads(turn.text)["optionId"] == "o2"

    talk_with(held)


def test_a_permission_without_options_can_only_be_cancelled(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say({"permission": {"toolCall": READ, "options": []}})
        assert orjson.loads(turn.text) == {"outcome": "cancelled"}
        assert turn.questions == []

    talk_with(held)


def test_questions_wait_side_by_side_and_under_keys_of_their_own(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        ask = {"permission": {"toolCall": READ, "options": OPTIONS}}
        turn = await talk.say({"together": [ask, ask, {"say": "meanwhile"}]}, answers=["No", "No"])
        assert sorted(question["key"] for question in turn.questions) == ["c1", "c1#2"]

    talk_with(held)


def test_while_a_question_waits_the_agent_goes_on(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        ask = {"permission": {"toolCall": READ, "options": OPTIONS}}
        turn = talk.turn({"together": [ask, {"say": "meanwhile"}]})
        async with talk.running(turn) as running:
            await until(lambda: turn.asked.is_set() and turn.text == "meanwhile")
            assert not running.done()

    talk_with(held)


def test_files_of_the_project_are_read_and_no_others(talk_with: Any, project: Path) -> None:
    (project / "a.txt").write_text("eins\nzwei\ndrei\n")
    (project / "data").write_bytes(b"\xff\xfe")
    (project.parent / "secret").write_text("secret")
    (project / "out").symlink_to(project.parent / "secret")

    async def held(talk: Talk) -> None:
        async def read(**params: Any) -> str:
            return (await talk.say({"read": params})).text

        assert orjson.loads(await read(path=f"{project}/a.txt"))["content"] == "eins\nzwei\ndrei\n"
        assert orjson.loads(await read(path=f"{project}/a.txt", line=2, limit=1))["content"] == "zwei\n"
        assert orjson.loads(await read(path=f"{project}/a.txt", line=9))["content"] == ""
        for path, why in {
            f"{project}/../secret": "outside of the session's folder",
            f"{project}/out": "outside of the session's folder",
            "a.txt": "expected an absolute path",
            f"{project}/none": "Resource not found",
            f"{project}/data": "not UTF-8 text",
            f"{project}": "s a directory",
        }.items():
            assert why in await read(path=path)

    talk_with(held)


def test_a_session_without_a_folder_lends_no_files(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        talk.cwd = None
        assert (await talk.facts("client"))["fs"] == {"readTextFile": False, "writeTextFile": False}
        assert "Method not found" in (await talk.say({"read": {"path": "/etc/passwd"}})).text

    talk_with(held)


def test_a_file_is_written_when_a_person_allows_it(talk_with: Any, project: Path) -> None:
    path = project / "new" / "ä.txt"

    async def held(talk: Talk) -> None:
        write = {"write": {"path": str(path), "content": "hällo\r\n"}}
        refused = await talk.say(write, answers=["deny"])
        assert "the user did not allow it" in refused.text
        assert not path.exists()
        turn = await talk.say(write, answers=["allow"])
        assert path.read_bytes() == "hällo\r\n".encode()
        (question,) = turn.questions
        assert (question["kind"], question["choices"]) == ("acp_write", ["allow", "deny"])
        assert "+hällo" in question["details"]["diff"]

    talk_with(held)


def test_nothing_is_written_outside_of_the_folder_and_nobody_asked(talk_with: Any, project: Path) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say({"write": {"path": str(project.parent / "x"), "content": "x"}}, answers=["allow"])
        assert "outside of the session's folder" in turn.text
        assert turn.questions == []

    talk_with(held)


def test_what_was_allowed_to_the_agent_is_not_asked_again_while_the_call_lasts(talk_with: Any, project: Path) -> None:
    path = str(project / "a.txt")
    call = {**READ, "kind": "edit", "locations": [{"path": path}], "rawInput": {"x": 1}}

    async def held(talk: Talk) -> None:
        turn = await talk.say(
            {"permission": {"toolCall": call, "options": OPTIONS}},
            {"write": {"path": path, "content": "1"}},
            {"told": {"toolCallId": "c1", "status": "completed"}},
            {"write": {"path": path, "content": "2"}},
            answers=["Allow once", "deny"],
        )
        assert [question["kind"] for question in turn.questions] == ["acp_permission", "acp_write"]
        assert Path(path).read_text() == "1"

    talk_with(held)


def test_an_agent_that_may_always_edit_is_not_asked_for_its_files(talk_with: Any, project: Path) -> None:
    path = str(project / "a.txt")

    async def held(talk: Talk) -> None:
        call = {**READ, "kind": "edit", "rawInput": {"x": 1}}
        await talk.say({"permission": {"toolCall": call, "options": OPTIONS}}, answers=["Always"])
        turn = await talk.say({"write": {"path": path, "content": "later"}})
        assert turn.questions == []
        assert Path(path).read_text() == "later"

    talk_with(held)


def test_a_question_that_cant_be_kept_fails_the_turn(talk_with: Any) -> None:
    class Unkept(AskedTurn):
        async def ask(self, *_: Any, **__: Any) -> str:
            raise OSError("the disk is full")

    async def held(talk: Talk) -> None:
        given = talk.turn({"permission": {"toolCall": READ, "options": OPTIONS}}, {"hang": None})
        turn = Unkept(given.prompt, given.config, session_id=given.session_id, cwd=given.cwd)
        with pytest.raises(OSError, match="the disk is full"):
            await talk.run(turn)

    talk_with(held)


def test_between_turns_nothing_can_be_asked_or_written(talk_with: Any, project: Path, tmp_path: Path) -> None:
    async def held(talk: Talk) -> None:
        asked = tmp_path / "asked"
        step = {"toolCall": READ, "options": OPTIONS, "path": str(asked), "content": "x"}
        turn = await talk.say({"later": step})
        await until(asked.exists)
        assert await talk.facts("later") == [{"outcome": {"outcome": "cancelled"}}, "Method not found"]
        assert turn.questions == []

    talk_with(held)


def test_input_that_is_nested_too_deeply_is_not_kept(talk_with: Any) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]

    async def held(talk: Talk) -> None:
        call = {"sessionUpdate": "tool_call", **READ, "rawInput": deep, "status": "completed"}
        message = {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "SESSION", "update": call}}
        turn = await talk.say({"print": json.dumps(message)})
        (asked,) = turn.of(ToolCallRequested)
        assert isinstance(asked, ToolCallRequested)
        assert asked.args["input"] == "(nested too deeply to be kept)"

    talk_with(held)


def test_an_interrupted_question_is_cancelled_for_the_agent(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        pid = await talk.facts("pid")
        turn = talk.turn({"permission": {"toolCall": READ, "options": OPTIONS}})
        async with talk.running(turn):
            await turn.asked.wait()
        assert await talk.facts("pid") == pid

    talk_with(held)
