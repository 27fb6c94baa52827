"""One request to the venue, and what the table of endpoints says about its kind."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params

Access = Literal["none", "key", "signed"]


class Call(msgspec.Struct, frozen=True):
    """A request that may be answered. ``wall_ms`` is the server's clock."""

    hall: Hall
    account: Account
    params: Params
    wall_ms: int


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """``weight`` is what a request costs of the limit per minute; it may depend on parameters.

    ``orders`` is what it adds to the order counters. ``operation`` names what changes the hall and
    has to be in its journal; without one the request only looks.
    """

    look: Callable[[Call], Any] | None = None
    operation: str = ""
    access: Access = "signed"
    weight: Callable[[Params], int] | int = 1
    orders: int = 0

    def weight_of(self, params: Params) -> int:
        """The weight of one request."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)
