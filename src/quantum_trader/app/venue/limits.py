"""Request weights per address and orders per account: 429 at the limit, 418 for who goes on."""

import msgspec

from quantum_trader.app.venue.refusals import Refused

MINUTE_MS, TEN_SECONDS_MS = 60_000, 10_000
WEIGHT_MAX = 2_400
ORDERS_A_MINUTE_MAX = 1_200
ORDERS_IN_TEN_SECONDS_MAX = 300
PATIENCE = 20
"""So many requests beyond the limit within one minute, and the address is banned."""
BANS_MS = (120_000, 600_000, 3_600_000, 86_400_000, 259_200_000)
"""How long, the first time and then: from two minutes to three days."""


class Window(msgspec.Struct):
    """A count that begins anew with every stretch of the clock."""

    length_ms: int
    began_ms: int = 0
    count: int = 0

    def now(self, at_ms: int) -> int:
        """What was counted in the current stretch."""
        began_ms = at_ms // self.length_ms * self.length_ms
        if began_ms != self.began_ms:
            self.began_ms, self.count = began_ms, 0
        return self.count

    def add(self, at_ms: int, amount: int) -> int:
        """Count in; the new count."""
        self.count = self.now(at_ms) + amount
        return self.count

    def left_s(self, at_ms: int) -> int:
        """Seconds until it begins anew, one at least."""
        return max(1, -(-(self.began_ms + self.length_ms - at_ms) // 1000))


class Address(msgspec.Struct):
    """What one address used and whether it is banned."""

    weight: Window
    beyond: int = 0
    bans: int = 0
    banned_until_ms: int = 0


class OrderCount(msgspec.Struct):
    """What one account ordered."""

    minute: Window
    ten_seconds: Window


class TooMany(Refused):
    """The limit of requests is reached; ``wait_s`` is for the header Retry-After."""

    def __init__(self, code: int, msg: str, status: int, wait_s: int) -> None:
        super().__init__(code, msg, status)
        self.wait_s = wait_s


class Limits:
    """``enforced`` false counts and tells, and refuses nobody."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced
        self._addresses: dict[str, Address] = {}
        self._orders: dict[str, OrderCount] = {}

    def use(self, address: str, weight: int, at_ms: int) -> int:
        """Count a request; the weight used this minute. Refuses with 429, then 418."""
        one = self._addresses.get(address)
        if one is None:
            one = self._addresses[address] = Address(Window(MINUTE_MS))
        if self.enforced and at_ms < one.banned_until_ms:
            raise _banned(one, at_ms)
        if one.weight.now(at_ms) == 0:
            one.beyond = 0
        used = one.weight.add(at_ms, weight)
        if self.enforced and used > WEIGHT_MAX:
            self._refuse(one, at_ms)
        return used

    def _refuse(self, one: Address, at_ms: int) -> None:
        one.beyond += 1
        if one.beyond > PATIENCE:
            one.banned_until_ms = at_ms + BANS_MS[min(one.bans, len(BANS_MS) - 1)]
            one.bans += 1
            raise _banned(one, at_ms)
        text = f"Too many requests; current limit is {WEIGHT_MAX} requests per minute."
        raise TooMany(-1003, text, 429, one.weight.left_s(at_ms))

    def order(self, account: str, orders: int, at_ms: int) -> tuple[int, int]:
        """Count orders; those of ten seconds and of a minute. Refuses with -1015."""
        one = self._orders.get(account)
        if one is None:
            one = OrderCount(Window(MINUTE_MS), Window(TEN_SECONDS_MS))
            self._orders[account] = one
        counts = one.ten_seconds.add(at_ms, orders), one.minute.add(at_ms, orders)
        limits = (
            (one.ten_seconds, counts[0], ORDERS_IN_TEN_SECONDS_MAX, "10 SECOND"),
            (one.minute, counts[1], ORDERS_A_MINUTE_MAX, "1 MINUTE"),
        )
        for window, count, most, name in limits:
            if self.enforced and count > most:
                text = f"Too many new orders; current limit is {most} orders per {name}."
                raise TooMany(-1015, text, 429, window.left_s(at_ms))
        return counts


def _banned(one: Address, at_ms: int) -> TooMany:
    until_ms = one.banned_until_ms
    text = f"Way too many requests; IP banned until {until_ms}."
    return TooMany(-1003, text, 418, max(1, -(-(until_ms - at_ms) // 1000)))
