"""A venue that takes every order and fills market orders at once: the least a venue can do.

It has none of a real venue's limits (no account may hold hundreds of stops), so that a benchmark
measures our path and not the rules of the place where it ends.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

from quantum_trader.app.bench.crowd import NOW_MS, PLENTY_USD, PRICE
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.units import decimal_of, money
from quantum_trader.core.venue import (
    Accepted,
    AnyVenueUpdate,
    Placement,
    Rejected,
    VenueAccount,
    VenueCancel,
    VenueFill,
    VenueOrder,
)

FEE_FRAC = Decimal("0.0004")


class InstantVenue:
    """Implements ``ports.Exchange``; what rests, rests for ever."""

    def __init__(self) -> None:
        self._reports: list[AnyVenueUpdate] = []
        self._placed: dict[str, OrderRequest] = {}
        self._news = asyncio.Event()

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Every leverage is right."""
        return None

    async def place(self, order: OrderRequest) -> Placement:
        """Take an order; a market order is filled before the answer."""
        self._placed[order.client_order_id] = order
        if order.kind == "MARKET":
            self._fill(order)
        return Accepted(order.client_order_id, str(len(self._placed)))

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel an order, whatever became of it."""
        self._reports.append(
            VenueCancel(
                seq=len(self._reports) + 1,
                at_ms=NOW_MS,
                symbol=symbol,
                client_order_id=client_order_id,
                reason="canceled by request",
            )
        )
        return Accepted(client_order_id, "")

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """An order that was placed."""
        order = self._placed.get(client_order_id)
        if order is None:
            return None
        filled = order.kind == "MARKET"
        return VenueOrder(
            client_order_id=client_order_id,
            venue_order_id="",
            state="filled" if filled else "open",
            filled_qty=order.qty if filled else Decimal(0),
        )

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports after ``after``; waits at most ``wait_ms`` for the first."""
        if wait_ms and len(self._reports) <= after:
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait_ms / 1000)
        return self._reports[after:]

    async def account(self) -> VenueAccount:
        """More than enough money."""
        return VenueAccount(wallet_usd=PLENTY_USD, positions=(), open_orders=())

    async def close(self) -> None:
        """Nothing to let go of."""

    def _fill(self, order: OrderRequest) -> None:
        price = decimal_of(PRICE)
        self._news.set()
        self._reports.append(
            VenueFill(
                seq=len(self._reports) + 1,
                at_ms=NOW_MS,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                trade_id=str(len(self._reports) + 1),
                side=order.side,
                qty=order.qty,
                price=price,
                fee_usd=money(order.qty * price * FEE_FRAC),
                liquidity="taker",
                cause="order",
                done=True,
            )
        )
