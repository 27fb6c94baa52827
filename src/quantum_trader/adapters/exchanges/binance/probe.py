"""Whether stops may rest before there is a position: found out by placing one far away."""

from collections.abc import Mapping
from decimal import Decimal

import structlog

from quantum_trader.adapters.exchanges.binance.orders import Orders
from quantum_trader.adapters.exchanges.binance.standing import Standing
from quantum_trader.core.errors import InDoubt, Unreachable
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import ONE
from quantum_trader.core.venue import Accepted

PROBE = "quantum-probe"
"""One name for ever: a probe that a crash left behind is found by the next one."""
AWAY_FRAC = Decimal("0.5")

_log = structlog.get_logger()


async def may_stop_before_entry(
    orders: Orders, standing: Standing, instruments: Mapping[str, Instrument]
) -> bool:
    """Place a reduce-only stop far from the market in a flat symbol, cancel it, and tell.

    It can only reduce, and there is nothing to reduce. Without a clear yes the answer is no.
    Raises ``Locked``.
    """
    try:
        symbol, mark = await standing.flat_symbol()
        await orders.cancel(symbol, PROBE)
        placed = await orders.place(_probe(instruments[symbol], mark * (ONE - AWAY_FRAC)))
        if not isinstance(placed, Accepted):
            _log.info("stops have to wait for their position here", reason=placed.reason)
            return False
        await orders.cancel(symbol, PROBE)
    except (Unreachable, InDoubt, LookupError) as error:
        _log.warning("whether stops may rest first could not be found out", reason=str(error))
        return False
    return True


def _probe(instrument: Instrument, trigger_price: Decimal) -> OrderRequest:
    """The smallest stop there is."""
    return OrderRequest(
        client_order_id=PROBE,
        symbol=instrument.symbol,
        side="SELL",
        kind="STOP_MARKET",
        qty=instrument.order_qty_min,
        price=None,
        trigger_price=max(instrument.floor_price(trigger_price), instrument.price_min),
        reduce_only=True,
    )
