"""The subcommands of ``meerkat-rpc``, one module each, imported only when asked for."""
