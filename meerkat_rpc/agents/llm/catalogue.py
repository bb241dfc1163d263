"""The models that the vendors offer at present, as far as the catalogue lists them. Any other can be asked for by name.

Identifiers and windows are those that pydantic-ai 2.68 knows. They are repeated here because importing it takes most
of a second, and a catalogue is asked for before anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Curated(NamedTuple):
    """A model. ``context_window`` in tokens; None where it isn't sure."""

    id: str
    description: str
    context_window: int | None


_OPENAI = (
    Curated("gpt-6.1-sol", "OpenAI, the newest large one", 1_050_000),
    Curated("gpt-6.1-terra", "OpenAI, the newest balanced one", 1_050_000),
    Curated("gpt-6-luna", "OpenAI, small and fast", 1_050_000),
    Curated("gpt-5.6-sol", "OpenAI, the generation before", 1_050_000),
)

CURATED: Mapping[str, tuple[Curated, ...]] = {
    "anthropic": (
        Curated("claude-opus-5-5", "Anthropic, the most able", 1_000_000),
        Curated("claude-sonnet-5-5", "Anthropic, balanced", 1_000_000),
        Curated("claude-haiku-5-5", "Anthropic, small and fast", 1_000_000),
        Curated("claude-haiku-4-5", "Anthropic, small, the generation before", 200_000),
    ),
    "openai": _OPENAI,
    "openai-responses": _OPENAI,
    "google": (
        Curated("gemini-4-argon", "Google, the most able", 1_048_576),
        Curated("gemini-3.8-flash", "Google, balanced", 1_000_000),
        Curated("gemini-3.5-flash-lite", "Google, small and fast", 1_000_000),
    ),
}
"""By provider. Others' models depend on what is installed there, or change daily."""
