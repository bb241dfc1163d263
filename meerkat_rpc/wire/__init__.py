"""What goes over the pipe, sans-IO: framing, the types of every message, the catalogue of methods, their schemas."""
