"""A door to the paper venue that is slow, forgetful and capricious, as real ones are.

Nothing here breaks a rule of ``ports.Exchange``: every order is carried out once or not at all,
and every report comes sooner or later, in order.
"""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import msgspec

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.core.errors import InDoubt
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.venue import (
    AnyVenueUpdate,
    Capabilities,
    Placement,
    Rejected,
    VenueAccount,
    VenueFill,
    VenueOrder,
)
from tests.meddling_hand import MeddlingHand

STOP_REFUSALS = (-2021, -1008, -2022, -4045)
EXIT_REFUSALS = (-1008, -2022)
ASLEEP_MAX = 4
LATE_FROM, LATE_TO = 5, 45
"""After how many waits a request that everybody gave up may still arrive."""


class UnrulyVenue:
    """``ports.Exchange`` in front of a paper venue; ``calm`` ends all caprice.

    * reports are held back, for everyone alike, while it is ``asleep``, and some come twice;
    * the fills of an entry come in up to three parts;
    * stops, targets and exits are refused for no reason, and stops and targets at rest expire;
    * replies get lost: of orders that arrived, that never did, and that arrive much later;
    * a hand trades there, too.
    """

    def __init__(self, venue: PaperExchange, random: Random) -> None:
        self.venue = venue
        self.random = random
        self.hand = MeddlingHand(venue, random)
        self.meddling = random.choice((0.02, 0.06))
        self.calm = False
        self.loses_accounts = False
        self.counts: dict[str, int] = {}
        self._asleep = 0
        self._seen = 0
        self._reports: list[AnyVenueUpdate] = []
        self._shown = 0
        self._entries: set[str] = set()
        self._late: list[tuple[int, OrderRequest]] = []
        self.came_late: set[str] = set()
        self._waits = 0

    def _chance(self, name: str, share: float) -> bool:
        happens = not self.calm and self.random.random() < share
        if happens:
            self.counts[name] = self.counts.get(name, 0) + 1
        return happens

    async def wait(self, prices: dict[str, float]) -> None:
        """One step of time: sleep or wake, let late requests in, let orders at rest expire.

        ``prices`` are where the market is, for the hand that may trade in it.
        """
        self._waits += 1
        self._asleep -= 1
        if self._asleep < 0 and self._chance("slept", 0.1):
            self._asleep = self.random.randint(1, ASLEEP_MAX)
        due = [one for at, one in self._late if at <= self._waits]
        self._late = [(at, one) for at, one in self._late if at > self._waits]
        for order in due:
            self.came_late.add(order.client_order_id)
            await self.venue.place(order)
        for one in (await self.venue.account()).open_orders:
            order = one.order
            name = "stop expired" if order.kind == "STOP_MARKET" else "target expired"
            if self._chance(name, 0.01):
                await self.venue.cancel(order.symbol, order.client_order_id)
        if self._chance("meddled", self.meddling):
            await self.hand.meddle(prices)

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Set the leverage."""
        return await self.venue.configure(symbol, leverage)

    async def place(self, order: OrderRequest) -> Placement:
        """Take an order, or refuse it, or lose it, or lose the answer."""
        if not order.reduce_only:
            self._entries.add(order.client_order_id)
        codes = STOP_REFUSALS if order.kind == "STOP_MARKET" else EXIT_REFUSALS
        if order.reduce_only and self._chance(f"{order.kind} refused", 0.15):
            return Rejected(order.client_order_id, self.random.choice(codes), "no")
        if self._chance("never arrived", 0.05):
            raise InDoubt("lost on the way there")
        if self._chance("arrives late", 0.05):
            at = self._waits + self.random.randint(LATE_FROM, LATE_TO)
            self._late.append((at, order))
            raise InDoubt("lost, it seems")
        answer = await self.venue.place(order)
        if self._chance("answer lost", 0.1):
            raise InDoubt("lost on the way back")
        return answer

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel an order, or not, or say nothing."""
        if self._chance("cancel lost", 0.2):
            raise InDoubt("lost on the way there")
        answer = await self.venue.cancel(symbol, client_order_id)
        if self._chance("cancel unsaid", 0.1):
            raise InDoubt("lost on the way back")
        return answer

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order, or no answer."""
        if self._chance("find lost", 0.2):
            raise InDoubt("lost")
        return await self.venue.find(symbol, client_order_id)

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports in their order, some of them twice, none while it is asleep."""
        await self._take_in()
        if self.calm or self._asleep <= 0:
            self._shown = len(self._reports)
        return self._reports[after : self._shown]

    async def account(self) -> VenueAccount:
        """The truth, or no answer."""
        if self.loses_accounts and self._chance("account lost", 0.1):
            raise InDoubt("lost")
        return await self.venue.account()

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """The truth, in the pieces in which it is reported, whether or not that was shown."""
        await self._take_in()
        pieces = {
            one.trade_id: one
            for one in self._reports
            if isinstance(one, VenueFill) and one.symbol == symbol and one.at_ms >= since_ms
        }
        return list(pieces.values())

    async def capabilities(self) -> Capabilities:
        """What the venue behind it allows."""
        return await self.venue.capabilities()

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def has_news(self) -> bool:
        """Whether something happened that nobody was told."""
        return self.venue.reported_seq() > self._seen or self._shown < len(self._reports)

    async def _take_in(self) -> None:
        """Hear what the venue behind says, and cut it to pieces."""
        for report in await self.venue.updates(self._seen, 0):
            self._seen = report.seq
            for part in self._parts(report):
                self._report(part)
                if self._chance("repeated", 0.1):
                    self._report(part)

    def _report(self, report: AnyVenueUpdate) -> None:
        self._reports.append(msgspec.structs.replace(report, seq=len(self._reports) + 1))

    def _parts(self, report: AnyVenueUpdate) -> list[AnyVenueUpdate]:
        """A fill of an entry as several trades of a tenth of it and the rest."""
        if not isinstance(report, VenueFill) or report.client_order_id not in self._entries:
            return [report]
        parts: list[AnyVenueUpdate] = []
        left = report
        for number in range(self.random.randint(0, 2)):
            qty = left.qty // 10 if left.qty >= 10 else (left.qty / 10).quantize(Decimal("0.001"))
            if not 0 < qty < left.qty or not self._chance("split", 1.0):
                break
            trade_id = f"{report.trade_id}.{number}"
            part = msgspec.structs.replace(
                left, qty=qty, fee_usd=Decimal(0), trade_id=trade_id, done=False
            )
            parts.append(part)
            left = msgspec.structs.replace(left, qty=left.qty - qty)
        return [*parts, left]
