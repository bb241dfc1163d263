"""Agents that speak the Agent Client Protocol (ACP), each a subprocess of ours that we are the client of."""
