"""The hard caps: each can pass, each can block, and what is not known blocks."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.caps import (
    MINUTE_MS,
    SEEN_AGE_MAX_MS,
    Caps,
    Door,
    adds_risk,
    equity_usd,
    note_account,
    note_sent,
    refusals,
)
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.venue import RestingOrder, VenueAccount, VenuePosition

NOW = 1_700_000_000_000
CAPS = Caps(
    order_usd_max=Decimal(1_000),
    gross_usd_max=Decimal(2_500),
    loss_usd_max=Decimal(100),
    orders_per_minute_max=3,
    open_orders_max=2,
    leverage_max=5,
    symbols=("BTCUSDT", "ETHUSDT"),
)
PRICE = Decimal(50_000)


def order(qty: str = "0.01", symbol: str = "BTCUSDT", **more: Any) -> OrderRequest:
    """A market entry; 0.01 BTC at 50,000 is worth 500."""
    about: dict[str, Any] = {
        "client_order_id": "q1E1",
        "symbol": symbol,
        "side": "BUY",
        "kind": "MARKET",
        "qty": Decimal(qty),
        "price": None,
        "trigger_price": None,
        "reduce_only": False,
    }
    return OrderRequest(**(about | more))


def position(usd: int, unrealized: int = 0) -> VenuePosition:
    """So much of ETH at 2,000."""
    return VenuePosition(
        symbol="ETHUSDT",
        qty=Decimal(usd) / 2_000,
        entry_price=Decimal(2_000),
        mark=Decimal(2_000),
        unrealized_usd=Decimal(unrealized),
        isolated_wallet_usd=Decimal(100),
        liquidation_price=None,
        leverage=5,
        isolated=True,
    )


def account(wallet: int = 10_000, *positions: VenuePosition, resting: int = 0) -> VenueAccount:
    """An account with so many resting stops."""
    stop = order(kind="STOP_MARKET", trigger_price=PRICE, reduce_only=True)
    one = RestingOrder(order=stop, venue_order_id="1", filled_qty=Decimal(0))
    return VenueAccount(
        at_ms=NOW,
        wallet_usd=Decimal(wallet),
        positions=positions,
        open_orders=(one,) * resting,
        hedge_mode=False,
    )


def door(seen: VenueAccount | None = None, **more: Any) -> Door:
    """A door that saw an account just now, and knows a leverage."""
    made = Door(leverages={"BTCUSDT": 5, "ETHUSDT": 5})
    note_account(made, seen or account(), NOW)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_an_order_within_every_cap_passes() -> None:
    assert refusals(CAPS, door(), order("0.02"), PRICE, NOW) == ()


BLOCKED = [
    ("an order", door(), order("0.0201"), PRICE),
    ("all together", door(account(10_000, position(1_600))), order("0.02"), PRICE),
    ("not among", door(), order(symbol="DOGEUSDT"), PRICE),
    ("leverage of BTCUSDT is not known", door(leverages={}), order(), PRICE),
    ("leverage 6", door(leverages={"BTCUSDT": 6}), order(), PRICE),
    ("orders are open", door(account(resting=2)), order(), PRICE),
    ("was lost", door(account(9_899), equity_from_usd=Decimal(10_000)), order(), PRICE),
    ("not known", door(equity_from_usd=None), order(), PRICE),
    ("no price", door(), order(), None),
    ("no price", door(), order(), Decimal(0)),
    ("not seen lately", Door(), order(), PRICE),
    ("not seen lately", door(seen_ms=NOW - SEEN_AGE_MAX_MS - 1), order(), PRICE),
]


@pytest.mark.parametrize(("why", "at", "wanted", "price"), BLOCKED, ids=lambda each: str(each)[:20])
def test_each_cap_blocks(why: str, at: Door, wanted: OrderRequest, price: Decimal | None) -> None:
    assert any(why in reason for reason in refusals(CAPS, at, wanted, price, NOW))


def test_the_fourth_order_of_a_minute_waits() -> None:
    at = door()
    for moment in range(3):
        note_sent(at, order("0.0001"), PRICE, NOW - moment)
    assert "within a minute" in refusals(CAPS, at, order(), PRICE, NOW)[0]
    assert refusals(CAPS, at, order(), PRICE, NOW + MINUTE_MS) == (
        "the account was not seen lately, so what it holds is not known",
    )
    note_account(at, account(), NOW + MINUTE_MS)
    assert refusals(CAPS, at, order(), PRICE, NOW + MINUTE_MS) == ()


def test_what_left_counts_until_the_account_was_seen_after_it() -> None:
    at = door()
    note_sent(at, order("0.02"), PRICE, NOW + 1)
    note_sent(at, order("0.02"), PRICE, NOW + 1)
    assert "all together 3,000.00" in refusals(CAPS, at, order("0.02"), PRICE, NOW + 1)[0]
    note_account(at, account(), NOW + 2)
    assert refusals(CAPS, at, order("0.02"), PRICE, NOW + 2) == ()


def test_entries_at_rest_count_with_what_is_not_filled_yet() -> None:
    bid = order("0.04", kind="LIMIT", price=PRICE)
    half = RestingOrder(order=bid, venue_order_id="1", filled_qty=Decimal("0.01"))
    seen = msgspec.structs.replace(account(), open_orders=(half,))
    found = refusals(CAPS, door(seen), order("0.021"), PRICE, NOW)
    assert "all together 2,550.00 USDT" in found[1]


def test_a_gain_is_no_loss_and_equity_counts_what_is_open() -> None:
    seen = account(9_950, position(1_000, unrealized=-60))
    assert equity_usd(seen) == 9_890
    assert (
        "110.00 USDT was lost"
        in refusals(CAPS, door(seen, equity_from_usd=Decimal(10_000)), order(), PRICE, NOW)[0]
    )
    rich = door(account(20_000), equity_from_usd=Decimal(10_000))
    assert refusals(CAPS, rich, order(), PRICE, NOW) == ()


def test_only_orders_that_cannot_add_risk_are_never_asked() -> None:
    assert adds_risk(order())
    assert not adds_risk(order(reduce_only=True))
    assert not adds_risk(order(close_position=True))


@given(st.decimals("0.0001", "1", places=4), st.decimals("0.0001", "1", places=4))
def test_a_larger_order_is_never_less_refused(small: Decimal, more: Decimal) -> None:
    held = door(account(10_000, position(1_000)))
    if refusals(CAPS, held, order(str(small)), PRICE, NOW):
        assert refusals(CAPS, held, order(str(small + more)), PRICE, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"order_usd_max": Decimal("Infinity")},
        {"gross_usd_max": Decimal("NaN")},
        {"loss_usd_max": Decimal(0)},
        {"orders_per_minute_max": 0},
        {"order_usd_max": Decimal(3_000)},
    ],
    ids=str,
)
def test_a_cap_that_caps_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="caps"):
        msgspec.structs.replace(CAPS, **change)


def test_caps_can_be_lowered_and_never_lifted() -> None:
    lower = msgspec.structs.replace(CAPS, order_usd_max=Decimal(10), symbols=("BTCUSDT",))
    assert CAPS.exceeded_by(lower) == ()
    assert CAPS.exceeded_by(CAPS) == ()
    higher = msgspec.structs.replace(CAPS, leverage_max=6, symbols=None)
    assert CAPS.exceeded_by(higher) == ("leverage_max", "symbols")
