"""Instruments to begin with: ten liquid perpetuals, by our own careful numbers.

The steps suit the venue's grids; leverage and maintenance are stricter than what the venue
usually grants. They serve replay and paper trading. The venue's own answer replaces them.
"""

from decimal import Decimal

from quantum_trader.core.instrument import Instrument, Tier
from quantum_trader.core.units import ZERO

_MAJOR = "100000:50:0.01 500000:25:0.02 2000000:10:0.05 5000000:5:0.1 20000000:2:0.25"
_LARGE = "50000:25:0.02 250000:10:0.05 1000000:5:0.1 5000000:2:0.25"
_OTHER = "25000:20:0.025 100000:10:0.05 500000:5:0.1 2000000:2:0.25"
"""Margin tiers: cap of the notional in USDT, largest leverage, maintenance as a fraction."""

_TABLE = """
BTCUSDT   0.1      0.001   100       100000   50   1000     1000000
ETHUSDT   0.01     0.001   2000      20000    20   10       100000
SOLUSDT   0.01     0.01    50000     500000   5    0.1      10000
BNBUSDT   0.01     0.01    2000      20000    5    1        50000
XRPUSDT   0.0001   0.1     1000000   5000000  5    0.001    1000
DOGEUSDT  0.00001  1       10000000  50000000 5    0.0001   100
ADAUSDT   0.0001   1       1000000   5000000  5    0.001    1000
AVAXUSDT  0.001    1       50000     200000   5    0.01     5000
LINKUSDT  0.001    0.01    50000     200000   20   0.01     5000
TRXUSDT   0.00001  1       5000000   20000000 5    0.0001   100
"""
"""Symbol, tick, step (also the smallest quantity), largest market and limit quantity, smallest
notional in USDT, lowest and highest price."""

_TIERS = {"BTCUSDT": _MAJOR, "ETHUSDT": _MAJOR, "SOLUSDT": _LARGE, "BNBUSDT": _LARGE}


def tiers_from(text: str) -> tuple[Tier, ...]:
    """Tiers from ``cap:leverage:maintenance`` words, lowest first.

    ``cum_usd`` follows from the others: maintenance is continuous where two tiers meet.
    """
    tiers: list[Tier] = []
    floor_usd = cum_usd = maint_frac = ZERO
    for word in text.split():
        cap, leverage, maint = word.split(":")
        cum_usd += floor_usd * (Decimal(maint) - maint_frac)
        maint_frac = Decimal(maint)
        tiers.append(
            Tier(
                floor_usd=floor_usd,
                cap_usd=Decimal(cap),
                leverage_max=int(leverage),
                maint_frac=maint_frac,
                cum_usd=cum_usd,
            )
        )
        floor_usd = Decimal(cap)
    return tuple(tiers)


def _instrument(row: str) -> Instrument:
    symbol, *words = row.split()
    tick, step, market_max, limit_max, notional_min, low, high = map(Decimal, words)
    return Instrument(
        symbol=symbol,
        status="TRADING",
        tick=tick,
        step=step,
        qty_min=step,
        qty_max=limit_max,
        market_step=step,
        market_qty_min=step,
        market_qty_max=market_max,
        notional_min_usd=notional_min,
        price_min=low,
        price_max=high,
        price_up_frac=Decimal("1.05"),
        price_down_frac=Decimal("0.95"),
        liquidation_fee_frac=Decimal("0.02"),
        trigger_protect_frac=Decimal("0.05"),
        tiers=tiers_from(_TIERS.get(symbol, _OTHER)),
    )


DEFAULT_INSTRUMENTS: dict[str, Instrument] = {
    each.symbol: each for each in map(_instrument, _TABLE.strip().splitlines())
}


def unknown_symbol(symbol: str) -> str:
    """What to tell a person who asks for a symbol we have no rules for."""
    return (
        f"{symbol}: no tick, step or margin tiers are known for this symbol. "
        f"Known without files: {', '.join(DEFAULT_INSTRUMENTS)}. "
        "For others give the venue's own answers: --instruments FILE (a response of "
        "/fapi/v1/exchangeInfo) and --brackets FILE (a response of /fapi/v1/leverageBracket), "
        "plain JSON or .zst."
    )
