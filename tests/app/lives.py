"""A whole life of an intent on memory, for tests that look at it from outside."""

from quantum_trader.app.rig import Rig
from tests.support import MINUTE_MS, NOON_MS, a_candle, an_intent, some_rules


async def a_harvested_long() -> Rig:
    """A BTCUSDT long from 60,000 that reaches every target; the intent was sent twice.

    A second intent, too old, was refused. Their trace ids are "kept" and "stale".
    """
    rig = Rig(some_rules(mark_age_ms_max=2 * MINUTE_MS), [], lambda fact, said: None)
    await rig.start(NOON_MS)
    for minute in range(1, 4):
        await rig.show([a_candle(60_000.0, NOON_MS + minute * MINUTE_MS)])
    now_ms = NOON_MS + 3 * MINUTE_MS
    wanted = an_intent(symbol="BTCUSDT", signal_id="kept", trace_id="kept", at_ms=now_ms)
    await rig.propose(wanted)
    old_ms = now_ms - 10**7
    await rig.propose(an_intent(symbol="ETHUSDT", signal_id="old", trace_id="stale", at_ms=old_ms))
    await rig.propose(wanted)
    for minute in range(4, 20):
        close = 60_000.0 + 100 * (minute - 3)
        bar = a_candle(close, NOON_MS + minute * MINUTE_MS, high=close + 10, low=close - 110)
        await rig.show([bar])
    return rig
