"""A position as a picture: where it is left, at which price, and with how much."""
