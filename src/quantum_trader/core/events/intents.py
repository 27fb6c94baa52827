"""What was asked, and what became of the asking."""

from decimal import Decimal
from typing import Literal, TypedDict

import msgspec

from quantum_trader.core.events.base import Fact

IntentSide = Literal["LONG", "SHORT", "FLAT", "HOLD"]
SkipKind = Literal["hold", "duplicate", "safe_drain", "nothing_to_close"]
ResultStatus = Literal["opened", "failed", "closing"]


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """One gate's no: which gate, and the reason as a sentence with its numbers."""

    gate: str
    reason: str


class IntentProposed(Fact, frozen=True, kw_only=True, tag="intent.proposed", gc=False):
    """Somebody proposes an entry (LONG, SHORT), a close (FLAT) or nothing (HOLD).

    ``at_ms`` is the proposer's own time. At most one of ``notional_usd``, ``margin_usd`` and
    ``qty`` is set; none means: size by risk. ``None`` is missing, never a neutral value.
    """

    symbol: str
    side: IntentSide
    signal_id: str
    strategy: str
    source: str
    confidence: float | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    notional_usd: Decimal | None
    margin_usd: Decimal | None
    qty: Decimal | None
    leverage: int | None
    atr_price: float | None
    volatility_factor: float | None
    exchange_divergence: float | None
    funding_rate_frac: float | None
    regime: str | None
    reason: str | None


class Unsaid(TypedDict):
    """What most of our own proposals leave open: the fields are missing, by name."""

    stop_loss: None
    take_profit: None
    margin_usd: None
    qty: None
    atr_price: None
    volatility_factor: None
    exchange_divergence: None
    funding_rate_frac: None
    regime: None


UNSAID: Unsaid = {
    "stop_loss": None,
    "take_profit": None,
    "margin_usd": None,
    "qty": None,
    "atr_price": None,
    "volatility_factor": None,
    "exchange_divergence": None,
    "funding_rate_frac": None,
    "regime": None,
}
"""Saying that nothing was said. The fact itself has no defaults: who forgets a field is told."""


class IntentRefused(Fact, frozen=True, kw_only=True, tag="intent.refused", gc=False):
    """The entry may not be taken; every gate that said no is listed."""

    plan_id: str
    symbol: str
    side: IntentSide
    refusals: tuple[Refusal, ...]


class IntentSkipped(Fact, frozen=True, kw_only=True, tag="intent.skipped", gc=False):
    """The intent needed no action: HOLD, a repeat, nothing to close, or safe-drain is on.

    Under safe-drain ``refusals`` tells what the gates would have said.
    """

    plan_id: str
    symbol: str
    side: IntentSide
    kind: SkipKind
    refusals: tuple[Refusal, ...]


class IntentApplied(Fact, frozen=True, kw_only=True, tag="intent.applied", gc=False):
    """The one outcome of an intent that passed the gates.

    ``opened``: filled and protected by a confirmed stop. ``failed``: no position resulted or the
    position was closed at once, for ``reason``. ``closing``: a FLAT intent's close was commanded.
    """

    plan_id: str
    symbol: str
    side: IntentSide
    status: ResultStatus
    reason: str
    filled_qty: Decimal
    entry_price: Decimal | None
    stop_price: Decimal | None
