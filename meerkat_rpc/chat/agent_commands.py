"""The chat's commands about what answers: its model, its tools, what they may do, what it knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.chat.attaching import attachments, content
from meerkat_rpc.chat.screen import attached
from meerkat_rpc.chat.text import one_line, revealed, short_path

if TYPE_CHECKING:
    from meerkat_rpc.chat.conversation import Conversation
    from meerkat_rpc.chat.screen import Screen
    from meerkat_rpc.client.results import Model

NOTHING_SAID = "nothing has been said yet"

REMOVE = "remove"

BARE_NAMES = ("claude-", "gpt-", "chatgpt-", "gemini-", "o1", "o3", "o4")
"""How vendors' own names of models begin: those need no provider before them."""

PROMPT_CHARS = 100
"""How much of a prompt that waits is listed."""


async def model(conversation: Conversation, screen: Screen, argument: str) -> None:
    """List the models, or choose one."""
    catalogue = await conversation.client.models()
    if argument:
        _refuse_unusable(argument, catalogue["models"])
        await conversation.choose(argument)
        screen.note(f"from now on: {argument}")
        return
    session_id = conversation.session_id
    current = (await conversation.client.read(session_id))["model"] if session_id else conversation.model
    usable = [item for item in catalogue["models"] if item["available"]]
    screen.models(usable, _by_missing(catalogue["models"]), current or catalogue["default_model"])
    screen.note("/model NAME chooses; any provider:model will do, listed or not")


def _by_missing(models: Sequence[Model]) -> Mapping[str, Sequence[Model]]:
    found: dict[str, list[Model]] = {}
    for item in models:
        if not item["available"]:
            found.setdefault(item.get("missing", "not usable"), []).append(item)
    return found


def _refuse_unusable(wanted: str, models: Sequence[Model]) -> None:
    """Raise ``LookupError`` for a model that is known not to run. Of one that isn't listed, its provider decides."""
    known = {item["id"]: item for item in models}
    provider, colon, _ = wanted.partition(":")
    kin = [item for item in models if item["provider"] == provider and ":" in item["id"]]
    item = known.get(wanted) or known.get(provider) or (kin[0] if kin else None)
    if item is not None and (missing := item.get("missing")):
        raise LookupError(missing)
    if item is None and not colon and not wanted.startswith(BARE_NAMES):
        usable = ", ".join(item["id"] for item in models if item["available"])
        raise LookupError(f"there is no model {wanted}; there are {usable}; others are named provider:model")


async def tools(conversation: Conversation, screen: Screen, _: str) -> None:
    """List the tools."""
    found = await conversation.client.tools(conversation.session_id)
    if found:
        screen.tools(found)
    if not any(item["source"] == "builtin" for item in found):
        path = short_path((await conversation.client.config_get())["path"])
        screen.note(f'built-in tools are off: in {path}, under [tools], builtin = ["read"] turns them on')
        screen.note(
            '"read" reads, lists and searches; "write" changes files and "run" runs commands, and both ask first'
        )


async def allowed(conversation: Conversation, screen: Screen, argument: str) -> None:
    """List the rules by which nobody is asked, or take one out of the configuration."""
    config = await conversation.client.config_get()
    rules: list[str] = (config["config"].get("approvals") or {}).get("allow", [])
    word, _, rule = argument.partition(" ")
    if argument:
        if word != REMOVE or not rule.strip():
            raise LookupError("/allowed lists the rules, /allowed remove RULE takes one out")
        await _forget(conversation, rule.strip(), rules, config["generation"])
        screen.note(f"{rule.strip()} is asked for again")
        return
    session = await _session_rules(conversation)
    rows = [(revealed(rule), "until this session ends") for rule in session]
    rows += [(revealed(rule), f"always; /allowed remove {revealed(rule)} takes it out") for rule in rules]
    if rows:
        screen.rows(rows)
    else:
        screen.note("nothing is allowed without asking but the tools that never ask; /tools lists them")
    if session:
        screen.note("what is allowed for a session can't be taken back in it; /new begins another")


async def _session_rules(conversation: Conversation) -> Sequence[str]:
    if conversation.session_id is None:
        return ()
    return (await conversation.client.read(conversation.session_id)).get("allowed", ())


async def _forget(conversation: Conversation, rule: str, rules: Sequence[str], generation: int) -> None:
    if rule not in rules:
        raise LookupError(f"there is no rule {rule} in your configuration")
    kept = [item for item in rules if item != rule]
    await conversation.client.config_patch({"approvals": {"allow": kept}}, expected_generation=generation)


async def context(conversation: Conversation, screen: Screen, argument: str) -> None:
    """Add to what the model knows."""
    if not argument:
        raise LookupError("/context TEXT: what is the model to know?")
    files = await asyncio.to_thread(attachments, argument, conversation.cwd)
    if files:
        screen.note(attached([(file.name, file.kind, file.size) for file in files]))
    added = await conversation.client.inject_context(await conversation.opened(), content(argument, files))
    screen.note("noted" if added["status"] == "applied" else "noted, behind the turn that runs")


async def compact(conversation: Conversation, screen: Screen, _: str) -> None:
    """Summarise the history."""
    if conversation.session_id is None:
        raise LookupError(NOTHING_SAID)
    screen.note("summarising what was said so far")
    done = await conversation.client.compact(conversation.session_id)
    before, after = done["messages_before"], done["messages_after"]
    if before == after:
        screen.note("there is nothing yet that could be summarised: the last turns are kept as they are")
        return
    screen.note(f"{before} messages are {after} for the model, {done['summary_tokens']} tokens of summary")
    screen.note("/resume and /export still show them all")


async def queue(conversation: Conversation, screen: Screen, _: str) -> None:
    """List the prompts that wait."""
    if conversation.session_id is None:
        raise LookupError(NOTHING_SAID)
    waiting = (await conversation.client.read(conversation.session_id)).get("queue", ())
    for number, item in enumerate(waiting, 1):
        when = "for the turn that runs" if item["steer"] else "as a turn of its own"
        screen.say(f"{number}  {one_line(item['prompt'])[:PROMPT_CHARS]} ({when})")
    if not waiting:
        screen.note("no prompt waits")
