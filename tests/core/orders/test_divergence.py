"""The disagreement between venues, where decisions look at it: levels, plan and exit rules."""

import pytest

from quantum_trader.core.events import LevelsComputed, VenuesCompared
from quantum_trader.core.orders.evaluation import divergence_now
from quantum_trader.core.state import TraderState, state_hash
from tests.support import NOON_MS, Desk, a_candle, an_intent


def compared(divergence_bps: float | None, at_ms: int = NOON_MS) -> VenuesCompared:
    return VenuesCompared(
        id=f"c{at_ms}",
        at_ms=at_ms,
        symbol="BTCUSDT",
        source="venues",
        average=60_000.0,
        divergence_bps=divergence_bps,
        dispersion_bps=None,
        fresh=2,
        venues=(),
    )


def adaptive_stop_frac(*facts: VenuesCompared, proposed: float | None = None) -> float:
    """The stop of the formula for an entry after these facts."""
    desk = Desk()
    desk.tell(a_candle(60_000.0), *facts)
    desk.tell(an_intent(exchange_divergence=proposed))
    desk.fill(desk.commands("entry")[0], 60_000)
    (levels,) = desk.take(LevelsComputed)
    assert isinstance(levels, LevelsComputed)
    return levels.adaptive.sl_frac


def test_levels_leave_room_for_what_venues_disagree_about() -> None:
    calm = adaptive_stop_frac()
    # 1 + 0.4 * divergence, with 500 basis points as 0.05.
    assert adaptive_stop_frac(compared(-500.0)) == pytest.approx(calm * 1.02)
    assert adaptive_stop_frac(compared(None)) == calm


def test_what_the_proposer_says_of_it_goes_first() -> None:
    assert adaptive_stop_frac(compared(500.0), proposed=0.1) == pytest.approx(
        adaptive_stop_frac() * 1.04
    )


def test_an_old_comparison_is_missing() -> None:
    assert adaptive_stop_frac(compared(500.0, NOON_MS - 10_001)) == adaptive_stop_frac()


def test_a_comparison_of_a_market_nobody_has_seen_is_nothing() -> None:
    desk = Desk()
    before = state_hash(desk.state)
    assert desk.tell(compared(500.0)) == []
    assert state_hash(desk.state) == before
    assert divergence_now(TraderState(), "BTCUSDT") is None
