"""What a model gave as arguments, checked: a model that is told what was wrong mends it with its next call."""

from __future__ import annotations

from collections.abc import Mapping

from meerkat_rpc.domain import JSON
from meerkat_rpc.errors import InvalidArgument


class Args:
    """The arguments of one call.

    Raises:
        InvalidArgument: they are no object, or have a member that the tool doesn't know.
    """

    def __init__(self, args: JSON, known: Mapping[str, JSON]) -> None:
        given = {} if args is None else args
        if not isinstance(given, Mapping):
            raise InvalidArgument("args: expected an object")
        if unknown := sorted(set(given) - set(known)):
            raise InvalidArgument(f"{unknown[0]}: no such argument; there are: {', '.join(known)}")
        self._given = given

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string. Raises ``InvalidArgument`` for anything else, and for a missing one without default."""
        value = self._given.get(name, default)
        if value is None:
            raise InvalidArgument(f"{name}: missing")
        if not isinstance(value, str):
            raise InvalidArgument(f"{name}: expected a string")
        return value

    def maybe_text(self, name: str) -> str | None:
        """Return a string, or None where there is none."""
        return None if self._given.get(name) is None else self.text(name)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``. Raises ``InvalidArgument``."""
        value = self._given.get(name)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InvalidArgument(f"{name}: expected an integer from {low} to {high}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false. Raises ``InvalidArgument``."""
        value = self._given.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise InvalidArgument(f"{name}: expected true or false")
        return value

    def command(self, name: str) -> str | list[str]:
        """Return a string, or a list of strings that isn't empty. Raises ``InvalidArgument``."""
        value = self._given.get(name)
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise InvalidArgument(f"{name}: expected a command, as a string or a list of strings")
        if not texts[0].strip() or any("\0" in text for text in texts):
            raise InvalidArgument(f"{name}: expected a command that isn't empty and has no NUL")
        return value if isinstance(value, str) else texts
