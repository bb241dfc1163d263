"""Where sessions are kept. ``base`` says what a store promises; ``memory`` and ``disk`` keep the promise."""
