"""Pure: what can happen, what is known, what is decided. No clock, randomness, I/O or await."""
