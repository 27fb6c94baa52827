"""Sides in hedge mode: a symbol then has two positions, and each is a market of its own.

Its name is the symbol with the side behind it. A leg only ever holds its own side, because what
closes it is reduce-only; so everything else in this package knows one position a market.
"""

from typing import Literal

PositionSide = Literal["BOTH", "LONG", "SHORT"]
SIDES: tuple[PositionSide, ...] = ("BOTH", "LONG", "SHORT")


def leg_of(symbol: str, side: PositionSide) -> str:
    """The market in which a position side of a symbol is held; in one-way mode the symbol."""
    return symbol if side == "BOTH" else f"{symbol}:{side}"


def legs_of(symbol: str) -> tuple[str, ...]:
    """All markets that a symbol may have on a desk."""
    return tuple(leg_of(symbol, side) for side in SIDES)


def symbol_of(leg: str) -> str:
    """The symbol of a leg."""
    return leg.partition(":")[0]


def side_of_leg(leg: str) -> PositionSide:
    """The position side of a leg."""
    name = leg.partition(":")[2]
    return "LONG" if name == "LONG" else "SHORT" if name == "SHORT" else "BOTH"
