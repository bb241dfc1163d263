"""Tools of MCP servers.

The connections are made with the client of the official SDK, on which pydantic-ai's own support stands as well.
pydantic-ai's ``MCPToolset`` belongs to one run of one of its agents: it opens a connection for the run's time, takes a
run's context for a call, turns an error into a request to retry, and keeps no hold of the process. Here connections are
shared by sessions and outlive turns, agents of other kinds use them, and who started a process must see to its end.
"""

from meerkat_rpc.tools.mcp.source import McpTools
from meerkat_rpc.tools.mcp.status import McpStatus

__all__ = ["McpStatus", "McpTools"]
