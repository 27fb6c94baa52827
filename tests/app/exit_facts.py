"""What the exit brain may say of a position, for tests of those who tell it to people."""

from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.core import events as ev
from quantum_trader.core.exits.plan import ExitLeg, ExitPlan, TrailSpec
from tests.support import ACCOUNT, NOON_MS

ABOUT: dict[str, Any] = {
    "at_ms": NOON_MS,
    "trace_id": "t",
    "account": ACCOUNT,
    "plan_id": "plan-1",
    "symbol": "BTCUSDT",
}


def a_leg(kind: str, **changes: Any) -> ExitLeg:
    """A target at half an R that takes a quarter."""
    leg = ExitLeg(
        kind="TP",
        size_frac=0.25,
        trigger_frac=0.01,
        r_multiple=0.5,
        priority=0,
        condition="STAGED",
        reason="target 1 of 3",
    )
    return msgspec.structs.replace(leg, kind=kind, **changes)


STOP = a_leg(
    "SL", size_frac=1.0, trigger_frac=-0.02, r_multiple=-1.0, condition="IMMEDIATE", reason="stop"
)
RUNNER = a_leg(
    "TRAIL",
    size_frac=0.35,
    trigger_frac=None,
    r_multiple=1.5,
    reason="the rest runs",
    trail=TrailSpec(0.02, 1.5, ((3.0, 0.015), (5.0, 0.01))),
)


def a_plan(**changes: Any) -> ExitPlan:
    """A long at 60,000 that is left by a profile with a runner."""
    plan = ExitPlan(
        symbol="BTCUSDT",
        position_id="plan-1",
        side="LONG",
        entry_price=60_000.0,
        strategy="STANDARD_LADDER",
        profile="TREND_DEFAULT",
        risk_mode="NORMAL",
        regime="RANGE_BOUND",
        source="profile",
        reason="it fits",
        confidence=0.7,
        tp_frac=0.03,
        sl_frac=0.02,
        legs=(STOP, a_leg("TP"), RUNNER),
        created_ms=NOON_MS,
        expires_ms=NOON_MS + 86_400_000,
    )
    return msgspec.structs.replace(plan, **changes)


def planned(**changes: Any) -> ev.ExitPlanned:
    """The position is meant to be left like this."""
    return ev.ExitPlanned(id="c/0", plan=a_plan(**changes), **ABOUT)


def decided(kind: str = "MOVE_STOP", **changes: Any) -> ev.ExitDecided:
    """The stop moves to break-even, at half an R."""
    fact = ev.ExitDecided(
        id="c/1",
        kind="MOVE_STOP",
        rule="break_even",
        reason="break-even after stage 1",
        frac=None,
        stage=0,
        price=Decimal("60054.0"),
        qty=None,
        mark=60_600.5,
        r_net=0.4567,
        pnl_usd=Decimal("12.355"),
        values={},
        done=True,
        note="",
        **ABOUT,
    )
    return msgspec.structs.replace(fact, kind=kind, **changes)


def scored(streak: int = 0) -> ev.KillScored:
    """The kill score of a lively market."""
    return ev.KillScored(
        id="c/2",
        recorded=0.712,
        acting=0.634,
        components={"regime_flip": 1.0, "sigma_spike": 0.25},
        threshold=0.6,
        streak=streak,
        **ABOUT,
    )


def proposed(heat: float | None = None) -> ev.HarvestProposed:
    """The second step of the ladder by R was reached."""
    return ev.HarvestProposed(
        id="c/3", stage=2, frac=0.25, r_net=4.02, threshold_r=4.0, heat=heat, **ABOUT
    )
