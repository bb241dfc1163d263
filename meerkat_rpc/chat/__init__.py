"""The terminal chat: a person's view of sessions, on the client library."""
