"""What sessions run. ``base`` has the protocols, ``registry`` finds agents by model name."""
