"""The rules that a world trades by: how positions are left is drawn, and long times are short."""

from decimal import Decimal
from random import Random

import msgspec

from quantum_trader.app.simulation.market import FIRST_PRICE
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.rules import ExitRules, Fees, Protect, Rules

ACCOUNT = "simulated"
POLICIES = (
    "adaptive",
    "dynamic",
    "profile:TREND_DEFAULT",
    "profile:CHALLENGE_100",
    "static_0.5_1",
    "hints",
)
PROTECT: tuple[Protect, ...] = ("after_fill", "before_entry")


def rules_of(chance: Random) -> Rules:
    """The rules of one world."""
    change = msgspec.structs.replace
    exits = ExitRules()
    exits = change(
        exits,
        policy=chance.choice(POLICIES),
        kill=change(exits.kill, hold_min_ms=20_000),
        hold_max_ms=chance.choice((60_000, 120_000, exits.hold_max_ms)),
        protect=chance.choice(PROTECT),
    )
    return Rules(
        account=ACCOUNT,
        deposit_usd=Decimal(10_000),
        limits=msgspec.structs.replace(
            RiskLimits(), cooldown_close_ms=0, cooldown_open_ms=0, leverage_max=50
        ),
        fees=Fees(),
        exits=exits,
        instruments={symbol: DEFAULT_INSTRUMENTS[symbol] for symbol in FIRST_PRICE},
    )
