"""A real fill after fills of its symbol were inferred: what it corrects, and what it adds."""

from decimal import Decimal

import msgspec

from quantum_trader.core.books.told import Inferred, replacing
from quantum_trader.core.events import FillCorrected, OrderFilled
from quantum_trader.core.units import ZERO, OrderSide
from tests.support import ACCOUNT, NOON_MS


def real(side: OrderSide, qty: str) -> OrderFilled:
    """A trade that the venue tells late, with a fee."""
    return OrderFilled(
        id=f"{ACCOUNT}:BTCUSDT:t9",
        at_ms=NOON_MS,
        trace_id="",
        account=ACCOUNT,
        plan_id="",
        role="exit",
        symbol="BTCUSDT",
        client_order_id="hand-9",
        trade_id="9",
        side=side,
        qty=Decimal(qty),
        price=Decimal(60_100),
        fee_usd=Decimal("0.5"),
        liquidity="taker",
        cause="order",
        done=True,
    )


def assumed(name: str, qty: str) -> Inferred:
    return Inferred(f"inferred-{name}", Decimal(qty), Decimal(60_000))


def test_a_fill_the_other_way_corrects_nothing_and_is_booked_as_it_is() -> None:
    fill = real("BUY", "0.3")
    assert replacing(fill, [assumed("a", "-0.3")]) == [fill]
    assert replacing(fill, []) == [fill]


def test_a_fill_passes_over_what_was_inferred_the_other_way() -> None:
    fill = real("BUY", "0.3")
    (corrected,) = replacing(fill, [assumed("a", "-0.3"), assumed("b", "0.3")])
    assert isinstance(corrected, FillCorrected)
    assert (corrected.id, corrected.replaces, corrected.qty) == (fill.id, "inferred-b", fill.qty)
    assert corrected.fee_usd == fill.fee_usd


def test_a_fill_is_split_over_what_it_explains_and_pays_its_fee_once() -> None:
    fill = real("SELL", "0.5")
    first, second, rest = replacing(fill, [assumed("a", "-0.1"), assumed("b", "-0.2")])
    assert isinstance(first, FillCorrected)
    assert isinstance(second, FillCorrected)
    assert [(one.id, one.qty, one.fee_usd) for one in (first, second)] == [
        (fill.id, Decimal("0.1"), Decimal("0.5")),
        (f"{fill.id}:1", Decimal("0.2"), ZERO),
    ]
    left = msgspec.structs.replace(fill, id=f"{fill.id}:rest", qty=Decimal("0.2"), fee_usd=ZERO)
    assert rest == left


def test_a_fill_that_is_used_up_leaves_the_next_inference_alone() -> None:
    pieces = replacing(real("SELL", "0.1"), [assumed("a", "-0.1"), assumed("b", "-0.2")])
    assert [one.replaces for one in pieces if isinstance(one, FillCorrected)] == ["inferred-a"]
    assert len(pieces) == 1
