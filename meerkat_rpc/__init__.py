"""meerkat-rpc: durable agent sessions for editors and agent hosts, as JSON-RPC over stdio.

This module stays empty of imports on purpose: every millisecond here is paid before the first reply.
"""

__version__ = "0.1.0"
