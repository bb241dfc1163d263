"""Questions to people: asked, answered from anywhere, remembered, outliving the process that asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.domain import AgentConfig, TextDelta, ToolCallRequested, TurnCompleted, TurnStarted, Usage
from meerkat_rpc.errors import InvalidArgument, SessionBusy, StoreError, TurnInterrupted
from meerkat_rpc.sessions.surroundings import Surroundings
from meerkat_rpc.tools.base import ApprovalPreview, ToolCallContext, ToolDefinition, ToolOutcome, ToolScope
from tests.sessions.services import Services, asking, event_of, log, make, script, start, types, until
from tests.sessions.test_sharing import elsewhere

Run = Callable[[Coroutine[Any, Any, Any]], Any]

ASKS = script({"text": "a"}, {"approval": {"summary": "ok?", "details": {"n": 1}}}, {"text": "b"})


class Edit:
    """A tool that wants to be asked about, and counts its calls."""

    definition = ToolDefinition("edit", "", {"type": "object"}, "host", requires_approval=True)

    def __init__(self) -> None:
        self.calls: list[Any] = []

    async def preview(self, call: ToolCallContext, args: Any) -> ApprovalPreview:
        return ApprovalPreview("edit it", None, f"edit:{args['path']}")

    async def run(self, call: ToolCallContext, args: Any) -> ToolOutcome:
        self.calls.append(args)
        return ToolOutcome("edited")

    async def tools(self, scope: ToolScope) -> list[Edit]:
        return [self]


def edits(*paths: str) -> AgentConfig:
    return script(*({"tool": {"name": "edit", "args": {"path": path}}} for path in paths), {"text": "done"})


def test_a_turn_waits_for_its_answer_and_goes_on_with_it(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, ASKS)
            waiting = await service.waiting()
            assert [item.approval.approval_id for item in waiting] == [approval_id]
            assert waiting == await service.waiting(turn.session_id)
            assert waiting[0].approval.details == {"n": 1}
            assert (await service.read(turn.session_id)).summary.state == "running"
            assert (await service.respond(approval_id, "allow")).choice == "allow"
            assert (await turn.result()).text == "ab"
            assert await service.waiting() == []
            told = types(await log(service, turn.session_id))
            assert told.index("approval_requested") + 1 == told.index("approval_resolved")

    run(scenario())


def test_of_two_answers_at_once_one_stands_and_both_hear_which(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, ASKS)
            answers = await asyncio.gather(service.respond(approval_id, "deny"), service.respond(approval_id, "allow"))
            assert {answer.choice for answer in answers} == {"deny"}
            assert (await turn.result()).text == "a[denied]b"

    run(scenario())


def test_answers_that_were_not_offered_and_questions_that_nobody_asks_are_refused(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, ASKS)
            for answer in ("maybe", ""):
                with pytest.raises(InvalidArgument, match="allow, deny"):
                    await service.respond(approval_id, answer)
            with pytest.raises(InvalidArgument, match="remember"):
                await service.respond(approval_id, "allow", "session")
            for wrong in ("", "x", f"{turn.session_id}/", f"{turn.session_id}/x", f"{turn.turn_id}/x"):
                with pytest.raises(InvalidArgument, match="nothing of this id"):
                    await service.respond(wrong, "allow")
            await service.respond(approval_id, "allow")
            await turn.result()
            with pytest.raises(InvalidArgument, match="nothing of this id"):
                await service.respond(approval_id, "allow")

    run(scenario())


def test_a_turn_that_waits_can_be_interrupted_and_its_question_is_gone(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, ASKS)
            assert await service.interrupt(turn.session_id, turn.turn_id)
            with pytest.raises(TurnInterrupted) as caught:
                await turn.result()
            assert caught.value.data["text"] == "a"
            assert await service.waiting() == []
            with pytest.raises(InvalidArgument):
                await service.respond(approval_id, "allow")

    run(scenario())


def test_a_session_that_waits_can_be_deleted(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, ASKS)
            await service.delete(turn.session_id)
            assert await service.waiting() == []
            with pytest.raises(InvalidArgument):
                await service.respond(approval_id, "allow")

    run(scenario())


def test_a_turn_that_waits_outlives_its_service_and_goes_on_where_it_is_answered(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(owner=elsewhere()) as service:
            turn, approval_id = await asking(service, ASKS)
        with pytest.raises(SessionBusy, match="goes on where the approval is answered"):
            await turn.result()
        async with stored.open() as service:
            assert (await service.read(turn.session_id)).summary.state == "running"
            with pytest.raises(SessionBusy, match="waits for an approval"):
                await start(service, turn.session_id)
            begun: list[str] = []
            service.watch_started(lambda handle: begun.append(handle.turn_id))
            await service.respond(approval_id, "allow")
            assert (await (await start(service, turn.session_id, "begin", turn_id=turn.turn_id)).result()).text == "ab"
            assert begun == [turn.turn_id]
            told = types(await log(service, turn.session_id))
            assert told.count("run_started") == told.count("approval_requested") == told.count("run_completed") == 1

    run(scenario())


def test_an_abandoned_question_can_be_interrupted_and_deleted(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open(owner=elsewhere()) as service:
            first, _ = await asking(service, ASKS)
            second, _ = await asking(service, ASKS)
        async with stored.open() as service:
            assert await service.interrupt(first.session_id, first.turn_id)
            view = await service.read(first.session_id)
            assert view.head.last_turn is not None
            assert view.head.last_turn.outcome.value == "interrupted"
            assert view.last_assistant_text == "a"
            await service.delete(second.session_id)
            assert await service.waiting() == []

    run(scenario())


def test_an_agent_that_cannot_take_turns_up_loses_its_question_with_its_process(stored: Services, run: Run) -> None:
    async def ask(turn: AgentTurn) -> AgentResult:
        await turn.ask("question", "ok?", None, ["yes", "no"], key="1")
        return AgentResult()

    async def scenario() -> None:
        stored.behave("asks", ask)
        async with stored.open(owner=elsewhere()) as service:
            turn, approval_id = await asking(service, AgentConfig(model="asks"))
        async with stored.open() as service:
            assert await service.waiting() == []
            with pytest.raises(InvalidArgument):
                await service.respond(approval_id, "yes")
            assert (await service.read(turn.session_id)).summary.state == "idle"

    run(scenario())


def test_a_question_is_answered_through_another_service_while_its_turn_waits(stored: Services, run: Run) -> None:
    async def scenario() -> None:
        async with stored.open() as here, stored.open() as there:
            turn, approval_id = await asking(here, ASKS)
            assert [item.approval.approval_id for item in await there.waiting()] == [approval_id]
            await there.respond(approval_id, "allow")
            assert (await turn.result()).text == "ab"

    run(scenario())


def test_several_questions_wait_at_once_and_are_answered_in_any_order(services: Services, run: Run) -> None:
    async def ask(turn: AgentTurn) -> AgentResult:
        await turn.emit(TurnStarted(1))
        questions = (turn.ask("question", str(n), None, ["yes", "no"], key=str(n)) for n in range(3))
        await turn.emit(TextDelta(",".join(await asyncio.gather(*questions))))
        await turn.emit(TurnCompleted("end_turn", Usage()))
        return AgentResult()

    async def scenario() -> None:
        services.behave("asks", ask)
        async with services.open() as service:
            turn, _ = await asking(service, AgentConfig(model="asks"))

            async def three() -> bool:
                return len(await service.waiting()) == 3

            await until(three)
            for item in reversed(await service.waiting()):
                await service.respond(item.approval.approval_id, "no" if item.approval.summary == "1" else "yes")
            assert (await turn.result()).text == "yes,no,yes"

    run(scenario())


def test_a_refused_call_is_told_to_the_model_and_not_made(services: Services, run: Run) -> None:
    async def scenario() -> None:
        tool = Edit()
        services.surroundings = Surroundings([tool])
        async with services.open() as service:
            turn, approval_id = await asking(service, edits("a.py"))
            await service.respond(approval_id, "deny")
            assert (await turn.result()).text == "done"
            messages = (await service.history(turn.session_id, 0, 10)).messages
            assert messages[2].content == "the user refused this call"
            assert messages[2].tool_result is not None
            assert messages[2].tool_result.is_error
            assert tool.calls == []

    run(scenario())


@pytest.mark.parametrize("answered_by", ["here", "there"])
def test_what_is_allowed_for_the_session_is_not_asked_again(services: Services, run: Run, answered_by: str) -> None:
    async def scenario() -> None:
        tool = Edit()
        services.surroundings = Surroundings([tool])
        async with services.open() as here, services.open() as there:
            answering = here if services.kind == "ephemeral" or answered_by == "here" else there
            turn, approval_id = await asking(here, edits("a.py", "a.py", "b.py"))
            await answering.respond(approval_id, "allow", "session")

            async def other_file() -> bool:
                return [item.approval.rule for item in await here.waiting()] == ["edit:b.py"]

            await until(other_file)
            await here.respond((await here.waiting())[0].approval.approval_id, "deny")
            await turn.result()
            assert [call["path"] for call in tool.calls] == ["a.py", "a.py"]
            assert (await here.read(turn.session_id)).head.allowed == ("edit:a.py",)

    run(scenario())


def test_what_is_always_allowed_is_kept_outside_and_holds_at_once(services: Services, run: Run) -> None:
    async def scenario() -> None:
        tool, rules = Edit(), list[str]()

        async def remember(rule: str) -> None:
            rules.append(rule)

        def settings(cwd: str | None) -> Any:
            return Surroundings().settings_for(cwd)._replace(allow=tuple(rules))

        services.surroundings = Surroundings([tool], settings, remember)
        async with services.open() as service:
            turn, approval_id = await asking(service, edits("a.py", "a.py"))
            await service.respond(approval_id, "allow", "always")
            await turn.result()
            assert rules == ["edit:a.py"]
            assert len(tool.calls) == 2

    run(scenario())


def test_where_nothing_can_keep_a_rule_the_answer_is_refused_and_the_question_stays(
    services: Services, run: Run
) -> None:
    async def scenario() -> None:
        services.surroundings = Surroundings([Edit()])
        async with services.open() as service:
            turn, approval_id = await asking(service, edits("a.py"))
            with pytest.raises(StoreError, match="session"):
                await service.respond(approval_id, "allow", "always")
            await service.respond(approval_id, "allow", "session")
            await turn.result()

    run(scenario())


def test_a_call_that_had_begun_when_its_process_went_is_not_made_again(stored: Services, run: Run) -> None:
    """Two calls at once: one runs, one waits for a person, and the process ends."""
    began = asyncio.Event()

    class Slow(Edit):
        definition = ToolDefinition("slow", "", {"type": "object"}, "host")

        async def run(self, call: ToolCallContext, args: Any) -> ToolOutcome:
            self.calls.append(args)
            began.set()
            await asyncio.sleep(600)
            raise AssertionError

    async def both(turn: AgentTurn) -> AgentResult:
        if not turn.resumed:
            await turn.emit(TurnStarted(1))
            for call_id, name in (("1", "slow"), ("2", "edit")):
                await turn.emit(ToolCallRequested(call_id, name, {"path": "x"}))
            await turn.emit(TurnCompleted("tool_use", Usage()))
        slow = asyncio.ensure_future(turn.run_tool("1", "slow", {}))
        try:
            if not turn.resumed:
                await began.wait()
            edited = await turn.run_tool("2", "edit", {"path": "x"})
            outcome = await slow
        finally:
            slow.cancel()
        await turn.emit(TurnStarted(2))
        await turn.emit(TextDelta(f"{outcome.result}, {edited.result}"))
        await turn.emit(TurnCompleted("end_turn", Usage()))
        return AgentResult()

    async def scenario() -> None:
        slow, edit = Slow(), Edit()
        stored.surroundings = Surroundings([slow, edit])
        stored.behave("both", both, resumes=True)
        async with stored.open(owner=elsewhere()) as service:
            turn, approval_id = await asking(service, AgentConfig(model="both"))
        async with stored.open() as service:
            await service.respond(approval_id, "allow")
            repeated = await start(service, turn.session_id, "begin", turn_id=turn.turn_id)
            assert (await repeated.result()).text == "interrupted, edited"
            assert len(slow.calls) == len(edit.calls) == 1

    run(scenario())


def test_archiving_waits_for_the_answer(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            turn, approval_id = await asking(service, ASKS)
            archiving = asyncio.create_task(service.archive(turn.session_id))
            await service.respond(approval_id, "allow")
            await archiving
            assert (await service.read(turn.session_id)).summary.archived

    run(scenario())


def test_a_repeat_of_a_turn_that_waits_waits_with_it(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            session_id = await make(service, config=ASKS)
            first = await start(service, session_id, "x", turn_id="0192f3a0-1111-7000-8000-000000000001")
            asked = await event_of(first, "approval_requested")
            again = await start(service, session_id, "x", turn_id=first.turn_id)
            assert again.replayed
            await service.respond(asked["approval_id"], "allow")
            assert (await again.result()).text == "ab"

    run(scenario())
