"""What the venue's account showed, in a sentence."""

from quantum_trader.core.events import AccountSeen, SeenPosition


def seen_text(fact: AccountSeen) -> str:
    """Positions and orders as two looks saw them, and of what nothing was known."""
    held = ", ".join(_position(one) for one in fact.positions) or "no position"
    parts = [f"the venue shows {held} and {_orders(fact)} at rest"]
    for symbol, count in sorted(fact.found.items()):
        parts.append(f"{count} trades of {symbol} came to light by asking")
    if fact.unsettled:
        parts.append(f"not settled: {', '.join(fact.unsettled)}")
    if fact.doubted:
        parts.append(f"long in doubt: {', '.join(fact.doubted)}")
    if fact.hedge_mode:
        parts.append("hedge mode is on")
    return "; ".join(parts)


def symbols_in(fact: AccountSeen) -> set[str | None]:
    """Every symbol of which it says anything."""
    held = {one.symbol for one in fact.positions} | {one.symbol for one in fact.orders}
    return {*held, *fact.unsettled, *fact.doubted, *fact.found}


def _position(one: SeenPosition) -> str:
    margin = "isolated" if one.isolated else "cross"
    return f"{one.qty:+f} {one.symbol} at {one.entry_price:f} ({one.leverage}x {margin})"


def _orders(fact: AccountSeen) -> str:
    return "1 order" if len(fact.orders) == 1 else f"{len(fact.orders)} orders"
