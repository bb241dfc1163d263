"""JSON-RPC over stdio: the only home of pygls, and of file descriptors 0 and 1."""
