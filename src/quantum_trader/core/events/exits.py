"""What the exit brain computed."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events.base import Fact
from quantum_trader.core.exits.decision import DecisionKind
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.units import Side


class LevelSet(msgspec.Struct, frozen=True, gc=False):
    """Take-profit and stop distances as fractions of the entry price, and the harvest shares.

    Shares are of the initial quantity; what they leave of one whole runs on behind a trailing stop.
    """

    lsf: float
    tp_frac: tuple[float, ...]
    sl_frac: float
    harvest: tuple[float, ...]


class Bound(msgspec.Struct, frozen=True, gc=False):
    """A bound that was asked: its value as a fraction of price and whether it acted."""

    name: str
    frac: float
    acted: bool
    why: str


class LevelsComputed(Fact, frozen=True, kw_only=True, tag="levels.computed", gc=False):
    """Adaptive levels (the formula) and effective levels (after the bounds) of a filled entry."""

    plan_id: str
    symbol: str
    side: Side
    leverage: int
    entry_price: Decimal
    adaptive: LevelSet
    effective: LevelSet
    bounds: tuple[Bound, ...]
    stop_price: Decimal
    target_prices: tuple[Decimal, ...]


class ExitPlanned(Fact, frozen=True, kw_only=True, tag="exit.planned", gc=False):
    """How a position is meant to be left. An adopted one says what had to be assumed."""

    plan_id: str
    symbol: str
    plan: ExitPlan


class ExitDecided(Fact, frozen=True, kw_only=True, tag="exit.decided", gc=False):
    """The exit brain asked for something: which rule, why, and what it looked at.

    ``mark``, ``r_net`` and ``pnl_usd`` are the moment: price, net R and unrealised money then, each
    None when there was no mark. ``done`` is False for what was decided and could not be begun (an
    order on its way, no room under the venue's smallest order); ``note`` then says why.
    """

    plan_id: str
    symbol: str
    kind: DecisionKind
    rule: str
    reason: str
    frac: float | None
    stage: int
    price: Decimal | None
    qty: Decimal | None
    mark: float | None
    r_net: float | None
    pnl_usd: Decimal | None
    values: dict[str, float]
    done: bool
    note: str


class KillScored(Fact, frozen=True, kw_only=True, tag="kill.scored", gc=False):
    """The kill score of an open position: as it was always computed, and as it acts.

    ``components`` are those of the acting score; ``streak`` counts evaluations in a row at or above
    ``threshold``.
    """

    plan_id: str
    symbol: str
    recorded: float
    acting: float
    components: dict[str, float]
    threshold: float
    streak: int


class HarvestProposed(Fact, frozen=True, kw_only=True, tag="harvest.proposed", gc=False):
    """A step of the ladder by R was reached: this part of the initial quantity should leave."""

    plan_id: str
    symbol: str
    stage: int
    frac: float
    r_net: float
    threshold_r: float
    heat: float | None
