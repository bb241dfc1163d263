"""The agent for models that are asked over a provider's API: Anthropic, OpenAI, Google, and whatever speaks likewise.

``builder`` is what the registry loads; pydantic-ai is imported when the first turn needs it.
"""
