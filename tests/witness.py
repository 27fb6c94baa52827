"""Watches a rig and holds it to its promises, moment by moment and over its whole story."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.app.rig import Rig
from quantum_trader.core.events import (
    Fact,
    IntentApplied,
    IntentRefused,
    IntentSkipped,
    OrderCommanded,
    TradeClosed,
)
from quantum_trader.core.venue import VenueAccount


class Witness:
    """Is shown everything the trader says; ``check`` looks at books and venue."""

    def __init__(self) -> None:
        self.said: list[Fact] = []

    def __call__(self, cause: Fact, said: Sequence[Fact]) -> None:
        self.said += said

    async def check(self, rig: Rig) -> None:
        """Covered by stops at the venue, and books that agree with it to the last digit."""
        state, venue = rig.trader.state, await rig.venue.account()
        held = {one.symbol: one.qty for one in venue.positions}
        assert {symbol: one.qty for symbol, one in state.positions.items()} == held
        check_covered(venue)
        unrealized = sum((one.unrealized_usd for one in venue.positions), Decimal(0))
        assert state.ledger.total_usd() == 0
        assert state.ledger.wallet_usd == venue.wallet_usd
        assert state.exposure.unrealized_usd == unrealized

    def check_story(self) -> None:
        """Exits only reduce, stops only tighten, and nothing was answered or entered twice."""
        commands = [fact for fact in self.said if isinstance(fact, OrderCommanded)]
        assert all(one.order.reduce_only == (one.role != "entry") for one in commands)
        stops = defaultdict(list)
        for one in commands:
            if one.role == "stop" and one.order.trigger_price is not None:
                sign = 1 if one.order.side == "SELL" else -1
                stops[one.plan_id].append(one.order.trigger_price * sign)
        assert all(prices == sorted(prices) for prices in stops.values()), "a stop loosened"
        assert set(self.answers().values()) <= {1}
        entries = Counter(one.plan_id for one in commands if one.role == "entry")
        assert set(entries.values()) <= {1}

    def answers(self) -> Counter[str]:
        """How many answers every intent got."""
        answers = IntentApplied | IntentRefused | IntentSkipped
        return Counter(fact.plan_id for fact in self.said if isinstance(fact, answers))

    def trades(self) -> list[TradeClosed]:
        """Everything that was closed."""
        return [fact for fact in self.said if isinstance(fact, TradeClosed)]


def check_covered(venue: VenueAccount) -> None:
    """Every position has resting stops for all of it, and no order could open anything."""
    stops: dict[str, Decimal] = defaultdict(Decimal)
    for order in venue.open_orders:
        assert order.reduce_only
        if order.kind == "STOP_MARKET":
            stops[order.symbol] += order.qty
    for one in venue.positions:
        assert stops[one.symbol] >= abs(one.qty), f"{one.symbol} is naked"
        assert one.isolated_wallet_usd >= 0
