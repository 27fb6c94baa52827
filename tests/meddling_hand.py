"""A hand that trades at the venue beside us, with market orders that are not ours."""

from decimal import Decimal
from random import Random

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.units import ZERO, OrderSide
from quantum_trader.core.venue import Accepted

OPENED_USD = 1_500
HELD_MAX_USD = 6_000
"""A hand adds to nothing larger than this."""

MEDDLES = 0.7
"""How often it trades where somebody is rather than anywhere."""


class MeddlingHand:
    """Opens where nobody is, adds, reduces, closes and flips; never with an order at rest."""

    def __init__(self, venue: PaperExchange, random: Random) -> None:
        self._venue = venue
        self._random = random
        self._orders = 0
        self.counts: dict[str, int] = {}

    async def meddle(self, prices: dict[str, float]) -> None:
        """Trade once in any of these symbols, mostly where something is held."""
        positions = {one.symbol: one.qty for one in (await self._venue.account()).positions}
        crowded = bool(positions) and self._random.random() < MEDDLES
        symbol = self._random.choice(list(positions if crowded else prices))
        held = positions.get(symbol, ZERO)
        what = self._random.choice(("add", "reduce", "close", "flip")) if held else "open"
        price = Decimal(str(prices[symbol]))
        if what == "add" and abs(held) * price > HELD_MAX_USD:
            what = "reduce"
        side, qty = self._order(what, held, price)
        await self._trade(what, symbol, side, DEFAULT_INSTRUMENTS[symbol].floor_qty(qty))

    def _order(self, what: str, held: Decimal, price: Decimal) -> tuple[OrderSide, Decimal]:
        share = Decimal(self._random.randint(1, 9)) / 10
        against: OrderSide = "SELL" if held > 0 else "BUY"
        with_it: OrderSide = "BUY" if held > 0 else "SELL"
        match what:
            case "open":
                return self._random.choice((with_it, against)), share * OPENED_USD / price
            case "add":
                return with_it, abs(held) * share
            case "reduce":
                return against, abs(held) * share
            case "close":
                return against, abs(held)
            case _:
                return against, abs(held) * (1 + share)

    async def _trade(self, what: str, symbol: str, side: OrderSide, qty: Decimal) -> None:
        if not qty:
            return
        self._orders += 1
        answer = await self._venue.place(
            OrderRequest(
                client_order_id=f"hand-{self._orders}",
                symbol=symbol,
                side=side,
                kind="MARKET",
                qty=qty,
                price=None,
                trigger_price=None,
                reduce_only=False,
            )
        )
        if isinstance(answer, Accepted):
            self.counts[what] = self.counts.get(what, 0) + 1
