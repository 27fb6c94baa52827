"""Watches a rig and holds it to its promises, moment by moment and over its whole story."""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from decimal import Decimal

from quantum_trader.app.rig import Rig
from quantum_trader.core.events import (
    Fact,
    IntentApplied,
    IntentRefused,
    IntentSkipped,
    OrderAccepted,
    OrderCommanded,
    TradeClosed,
)
from quantum_trader.core.venue import VenueAccount


class Witness:
    """Is shown everything the trader says; ``check`` looks at books and venue."""

    def __init__(self) -> None:
        self.said: list[Fact] = []
        self._stops: list[OrderCommanded | OrderAccepted] = []

    def __call__(self, cause: Fact, said: Sequence[Fact]) -> None:
        self.said += said
        self._stops += [
            fact
            for fact in (cause, *said)
            if isinstance(fact, OrderCommanded | OrderAccepted) and fact.role == "stop"
        ]

    async def check(self, rig: Rig, came_late: Set[str] = frozenset()) -> None:
        """Covered by stops at the venue, and books that agree with it to the last digit.

        Targets that ``came_late``, after they had been proved dead, are nobody's fault.
        """
        state, venue = rig.trader.state, await rig.venue.account()
        held = {one.symbol: one.qty for one in venue.positions}
        assert {symbol: one.qty for symbol, one in state.positions.items()} == held
        known = {name for plan in state.plans.values() for name in plan.targets}
        check_covered(venue, came_late - known)
        unrealized = sum((one.unrealized_usd for one in venue.positions), Decimal(0))
        assert state.ledger.total_usd() == 0
        assert state.ledger.wallet_usd == venue.wallet_usd
        assert state.exposure.unrealized_usd == unrealized

    def check_story(self) -> None:
        """Exits only reduce, stops only tighten, and nothing was answered or entered twice.

        Acceptances that led to nothing are not shown to us; what was commanded later is compared
        with what is known to have been in force.
        """
        commands = [fact for fact in self.said if isinstance(fact, OrderCommanded)]
        assert all(one.order.reduce_only == (one.role != "entry") for one in commands)
        self._check_tightening()
        assert set(self.answers().values()) <= {1}
        entries = Counter(one.plan_id for one in commands if one.role == "entry")
        assert set(entries.values()) <= {1}

    def _check_tightening(self) -> None:
        """No stop is commanded behind one that was confirmed before."""
        commanded: dict[str, Decimal] = {}
        tightest: dict[str, Decimal] = {}
        for one in self._stops:
            if isinstance(one, OrderCommanded):
                assert one.order.trigger_price is not None
                price = one.order.trigger_price * (1 if one.order.side == "SELL" else -1)
                assert price >= tightest.get(one.plan_id, price), "a stop loosened"
                commanded[one.order.client_order_id] = price
            else:
                price = commanded[one.client_order_id]
                tightest[one.plan_id] = max(price, tightest.get(one.plan_id, price))

    def answers(self) -> Counter[str]:
        """How many answers every intent got."""
        answers = IntentApplied | IntentRefused | IntentSkipped
        return Counter(fact.plan_id for fact in self.said if isinstance(fact, answers))

    def trades(self) -> list[TradeClosed]:
        """Everything that was closed."""
        return [fact for fact in self.said if isinstance(fact, TradeClosed)]


def check_covered(venue: VenueAccount, unforeseen: Set[str] = frozenset()) -> None:
    """Every position has resting stops for all of it, and no order could open anything.

    Nor do targets ask for more than there is, but for those of these names.
    """
    stops: dict[str, Decimal] = defaultdict(Decimal)
    targets: dict[str, Decimal] = defaultdict(Decimal)
    for one in venue.open_orders:
        order = one.order
        assert order.reduce_only
        if order.kind == "STOP_MARKET":
            stops[order.symbol] += order.qty
        elif order.client_order_id not in unforeseen:
            targets[order.symbol] += order.qty
    for held in venue.positions:
        assert stops[held.symbol] >= abs(held.qty), f"{held.symbol} is naked"
        assert targets[held.symbol] <= abs(held.qty), f"{held.symbol} has too many targets"
        assert held.isolated_wallet_usd >= 0
