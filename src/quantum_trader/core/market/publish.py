"""Market state, computed when it is due or when a decision asks, and said aloud either way."""

from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.market.state import compute
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState


def publish_state(state: TraderState, symbol: str, out: Out) -> MarketStateComputed | None:
    """The state of a symbol's market from its closed bars; None while there are too few.

    It became true when its newest bar closed, so a market that fell silent has an old state.
    """
    view = state.markets.get(symbol)
    numbers = None if view is None else compute(view.window)
    if numbers is None:
        return None
    stamp = out.stamp("")
    stamp["at_ms"] = numbers.last_bar_ms + numbers.interval_ms
    fact = MarketStateComputed(**stamp, symbol=symbol, **numbers.fields())
    state.market_states[symbol] = fact
    out.say(fact)
    return fact


def known_state(state: TraderState, symbol: str) -> MarketStateComputed | None:
    """What was last said of a market, if that is still of its newest bar."""
    known, view = state.market_states.get(symbol), state.markets.get(symbol)
    if known is None or view is None or known.last_bar_ms != view.window.last_open_ms:
        return None
    return known


def newest_state(state: TraderState, symbol: str, out: Out) -> MarketStateComputed | None:
    """The state as of the newest bar: what was said of it already, or what is said now."""
    return known_state(state, symbol) or publish_state(state, symbol, out)
