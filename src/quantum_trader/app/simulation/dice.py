"""Seeded chance: one stream of it for every purpose, so that dropping one leaves the others."""

from random import Random


def dice(seed: int, purpose: str) -> Random:
    """The chance of one purpose in the world of one seed; the same in any process."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - a world, not a secret
