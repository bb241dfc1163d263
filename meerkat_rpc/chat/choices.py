"""The keys that answer a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from meerkat_rpc.chat.approvals import Remember
from meerkat_rpc.chat.keyboard import ESCAPE
from meerkat_rpc.chat.text import one_line, revealed

if TYPE_CHECKING:
    from meerkat_rpc.client.results import PendingApproval

ALLOW, DENY = "allow", "deny"

NUMBERS = "123456789abcdefghijklmopqrtuwxz"
"""Keys of the choices of a question that is no yes or no: digits, then letters that mean nothing else here."""


class Answer(NamedTuple):
    """What a key stands for. ``told``: what is said once it was pressed."""

    choice: str
    remember: Remember
    told: str


class Keys(NamedTuple):
    """The answers by their keys, and the line that names the keys."""

    answers: Mapping[str, Answer]
    line: str


def keys_for(question: PendingApproval) -> Keys:
    """Return the keys that answer ``question``."""
    if question["choices"] == [ALLOW, DENY]:
        return _yes_or_no(question.get("rule"))
    return _numbered(question)


def _yes_or_no(rule: str | None) -> Keys:
    once, deny = Answer(ALLOW, "once", "allowed once"), Answer(DENY, "once", "denied")
    answers = {"y": once, "1": once, "n": deny, "4": deny, ESCAPE: deny}
    if rule is None:
        return Keys(answers, "y allow · n deny")
    shown = one_line(revealed(rule))
    session = Answer(ALLOW, "session", f"allowed for this session: {shown}")
    always = Answer(ALLOW, "always", f"allowed from now on: {shown} is in the configuration; /allowed takes it out")
    answers |= {"s": session, "2": session, "a": always, "3": always}
    line = f"y allow once · s for this session · a always: {shown} becomes a rule in your configuration · n deny"
    return Keys(answers, line)


def _numbered(question: PendingApproval) -> Keys:
    names = dict(zip(NUMBERS, question["choices"], strict=False))
    answers = {key: Answer(choice, "once", one_line(revealed(choice))) for key, choice in names.items()}
    refusal = _refusal(question)
    refused = next((answer for answer in answers.values() if answer.choice == refusal), None)
    if refused is not None:
        answers |= {"n": refused, ESCAPE: refused}
    line = " · ".join(f"{key} {answer.told}" for key, answer in answers.items() if key in names)
    return Keys(answers, line + (" · Esc refuses" if refused is not None else ""))


def _refusal(question: PendingApproval) -> str | None:
    """Return the choice that refuses and no more, where the agent says which that is, or its name does."""
    details = question["details"]
    options = details.get("options") if isinstance(details, dict) else None
    for option in options if isinstance(options, list) else ():
        if isinstance(option, dict) and option.get("kind") == "reject_once":
            return str(option.get("choice"))
    return DENY if DENY in question["choices"] else None
