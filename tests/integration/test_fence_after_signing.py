"""A process that stands still between the check of its lease and the signature sends nothing."""

from collections.abc import Callable

import pytest

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.exchanges.binance import endpoints
from quantum_trader.adapters.exchanges.binance.identity import Identity
from quantum_trader.adapters.exchanges.binance.orders import Orders
from quantum_trader.adapters.exchanges.binance.rest import Rest
from quantum_trader.adapters.exchanges.binance.wire import Wire
from quantum_trader.core.errors import Unreachable
from quantum_trader.core.lease import LeaseRules
from quantum_trader.core.venue import Accepted
from tests.integration.test_binance_wire import ALGO, ALGO_ROW, BUY, ORDER, PLACED, STOP
from tests.integration.test_leadership import House
from tests.scripted_venue import NOW_MS, Reply, ScriptedVenue, credentials, serving

RULES = LeaseRules()


class Freezing:
    """Stands still for ``pause_ms`` by ``clock`` whenever a request is about to be signed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
        self.pause_ms = 0
        sign: Callable[..., dict[str, object]] = Wire.sign

        def later(wire: Wire, *args: object, **kwargs: object) -> dict[str, object]:
            clock.move_to(clock.now_ms() + self.pause_ms)
            return sign(wire, *args, **kwargs)

        monkeypatch.setattr(Wire, "sign", later)


async def test_an_order_that_is_signed_after_a_freeze_does_not_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house, venue = House(), ScriptedVenue()
    freezing = Freezing(monkeypatch, house.clock)
    ann = house.instance("ann")
    await ann.take()
    venue.say(ORDER, Reply(PLACED))
    venue.say(ALGO, Reply(ALGO_ROW))
    async with serving(venue) as hosts:
        rest = Rest(hosts, *credentials(), lambda: NOW_MS)
        await rest.sync_clock()
        rest.fence(ann.refusal)
        orders = Orders(rest, Identity())
        assert isinstance(await orders.place(BUY), Accepted)
        freezing.pause_ms = RULES.ttl_ms - RULES.left_ms_min
        assert isinstance(await orders.place(STOP), Accepted), "just enough is left"
        assert ann.refusal() is None, "a check before the signature lets the next one pass"
        freezing.pause_ms = 1
        arrived = len(venue.asked)
        for order in (BUY, STOP):
            with pytest.raises(Unreachable, match="not sent: the lease"):
                await orders.place(order)
        with pytest.raises(Unreachable, match="not sent: the lease"):
            await orders.cancel(BUY.symbol, BUY.client_order_id)
        assert len(venue.asked) == arrived
        assert await rest.call(endpoints.LISTEN_KEY), "reports are read by whoever does not lead"
        assert len(venue.asked) == arrived + 1
        await rest.close()
