"""Everything a gate may look at when an entry is judged: one consistent moment of the world."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events import IntentProposed, Leg, MarketStateComputed
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.events.ops import Blocked, KillLevel
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import Side


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The trade an intent would become: size, leverage, stop and ladder, before any gate.

    ``asked_stop`` is the proposer's own stop price where it was taken over ours.
    """

    side: Side
    leverage: int
    reference_price: Decimal
    qty: Decimal
    notional_usd: Decimal
    margin_usd: Decimal
    fee_usd: Decimal
    stop_price: Decimal
    asked_stop: Decimal | None
    legs: tuple[Leg, ...]
    risk_usd: Decimal
    liquidation_price: Decimal | None
    adaptive: LevelSet
    effective: LevelSet
    bounds: tuple[Bound, ...]
    exit_plan: ExitPlan


class EntryCase(msgspec.Struct, frozen=True, kw_only=True):
    """One intent and the world it meets. None is missing: a gate that needs it says no.

    ``draft`` is None when no trade can be drafted; ``draft_problem`` then says why. ``open_plan``
    is the plan that holds the symbol. ``quarantine`` is why nobody knows how the symbol stands at
    the venue, ``alert`` what somebody changed there; None when all is as agreed. Ages are against
    ``now_ms``. ``kill_score`` is how little speaks for being in this market; it is only asked for
    where the symbol is free.
    """

    intent: IntentProposed
    plan_id: str
    now_ms: int
    instrument: Instrument | None
    mark: Decimal | None
    mark_age_ms: int | None
    state: MarketStateComputed | None
    duplicate: bool
    open_plan: str | None
    open_positions: int
    last_open_ms: int | None
    last_close_ms: int | None
    equity_usd: Decimal
    available_usd: Decimal
    gross_notional_usd: Decimal
    quarantine: str | None
    alert: str | None
    safe_drain: bool
    kill_level: KillLevel
    blocked: tuple[Blocked, ...]
    kill_score: float | None
    kill_score_max: float
    draft: Draft | None
    draft_problem: str | None
