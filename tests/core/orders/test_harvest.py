"""The ladder of what was really filled, on the grid that the venue has now."""

from decimal import Decimal

import msgspec

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from tests.support import Desk, a_candle, an_intent, some_rules


def test_an_entry_that_was_filled_in_part_and_canceled_is_harvested_by_its_own_ladder() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.fill(entry, 60_000, "0.020", done=False)
    desk.accept(desk.commands("stop")[0])
    desk.cancel(entry, "the rest expired")
    targets = [(target.leg, target.order.qty) for target in desk.commands("target")]
    # 30 %, 30 % and the rest of 0.020, and not of the 0.050 that were ordered.
    assert targets == [(1, Decimal("0.006")), (2, Decimal("0.006")), (3, Decimal("0.008"))]


def test_targets_follow_an_instrument_whose_steps_have_become_coarser() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    btc = DEFAULT_INSTRUMENTS["BTCUSDT"]
    step = Decimal("0.010")
    coarser = msgspec.structs.replace(btc, step=step, market_step=step)
    desk.adopt(msgspec.structs.replace(some_rules(), instruments={"BTCUSDT": coarser}))
    desk.accept(desk.commands("stop")[0])
    quantities = [target.order.qty for target in desk.commands("target")]
    assert sum(quantities) == Decimal("0.050")
    assert all(qty % step == 0 for qty in quantities)
