"""Who pays when a position was closed at its bankruptcy price and the market is beyond it."""

from decimal import Decimal

from quantum_trader.app.venue.hall import Hall
from quantum_trader.core.matching.adl import deleverage
from quantum_trader.core.matching.sides import symbol_of
from quantum_trader.core.units import ZERO, OrderSide, decimal_of, money
from quantum_trader.core.venue import VenueFill


def cover_losses(hall: Hall, symbol: str) -> None:
    """The fund takes over what was liquidated, at the price paid, and sells it at the last price.

    What it cannot pay for is closed against the winners instead, at the price paid. Fees of
    liquidations go to the fund.
    """
    for account in hall.accounts.values():
        taken = [one for one in account.desk.updates if _is_takeover(one, symbol)]
        for fill in taken:
            if isinstance(fill, VenueFill):
                _cover(hall, fill)


def _is_takeover(update: object, symbol: str) -> bool:
    return (
        isinstance(update, VenueFill)
        and update.cause == "liquidation"
        and symbol_of(update.symbol) == symbol
    )


def _cover(hall: Hall, fill: VenueFill) -> None:
    symbol = symbol_of(fill.symbol)
    last = hall.boards[symbol].last
    market = fill.price if last is None else decimal_of(last)
    sign = 1 if fill.side == "SELL" else -1
    result_usd = money(fill.qty * (market - fill.price) * sign) + fill.fee_usd
    if hall.counters.insurance_usd + result_usd >= ZERO:
        hall.counters.insurance_usd += result_usd
        return
    # The fund bought what the bankrupt sold; the winners take it off its hands.
    other: OrderSide = "BUY" if fill.side == "SELL" else "SELL"
    desks = [one.desk for one in hall.accounts.values()]
    left_qty: Decimal = deleverage(desks, symbol, other, fill.qty, fill.price)
    left_usd = money(left_qty * (market - fill.price) * sign)
    hall.counters.insurance_usd = max(hall.counters.insurance_usd + left_usd, ZERO)
