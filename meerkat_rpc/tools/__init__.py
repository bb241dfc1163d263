"""What agents may call: tools that the host lends, those of MCP servers, and our own."""
