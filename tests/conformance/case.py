"""A case of conformance: a statement about the venue, and how to see whether it holds."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

Look = Callable[[Any], Awaitable[None]]

OPENS = "it opens a position"
MOVES = "it needs a hand on the market"
BREAKS = "it needs a venue that misbehaves"
SETS = "it changes settings of the whole account"
LIMITS = "it uses up what an address may ask"
OURS = "it is about this program, not about the venue"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """``number`` begins with its sub-section. ``look`` raises ``AssertionError`` where it fails.

    ``kept`` says why it is not run at the demo environment; None where it may be. What ``spoils``
    its symbol leaves that another than it was.
    """

    number: str
    holds: str
    asked: str
    look: Look
    kept: str | None = None
    spoils: bool = False


class Cases:
    """The cases of one sub-section, in the order in which they are written."""

    def __init__(self, section: str, title: str) -> None:
        self.section = section
        self.title = title
        self.all: list[Case] = []

    def case(
        self, holds: str, asked: str, kept: str | None = None, *, spoils: bool = False
    ) -> Callable[[Look], Look]:
        """One more, with the next number."""

        def register(look: Look) -> Look:
            number = f"{self.section}.{len(self.all) + 1}"
            self.all.append(
                Case(
                    number=number,
                    holds=holds,
                    asked=asked,
                    look=look,
                    kept=kept,
                    spoils=spoils,
                )
            )
            return look

        return register
