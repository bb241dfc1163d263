"""Transcripts: conversations with a server, written down so that they can be held again.

``docs/transcripts.md`` describes the files.
"""
