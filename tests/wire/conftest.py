"""Property tests here are quick, and neither judge a busy machine's speed nor leave files behind."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("wire", deadline=None, database=None, max_examples=60)
settings.load_profile("wire")
