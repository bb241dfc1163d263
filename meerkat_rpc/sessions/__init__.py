"""The session services. ``service`` is the boundary that everything above sees; it knows neither JSON nor disk."""
