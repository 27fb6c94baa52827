"""What the control API takes, route by route. Numbers are text, so that none becomes a float."""

from typing import Annotated, Any, Literal

import msgspec

from quantum_trader.app.venue.faults import Fault

Number = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,12})?$")]
Symbol = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,30}$")]
Name = Annotated[str, msgspec.Meta(max_length=64)]
OFFSET_MAX_MS = 366 * 86_400_000


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What all of them have in common: fields nobody knows are refused."""


class Nothing(Body, kw_only=True, forbid_unknown_fields=True):
    """An empty object."""


class Page(Body, kw_only=True, forbid_unknown_fields=True):
    """The truth after an input, so many lines of it."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000


class Clear(Body, kw_only=True, forbid_unknown_fields=True):
    """The fault to take away, or all."""

    id: int | None = None


class ClockOffset(Body, kw_only=True, forbid_unknown_fields=True):
    """How far ahead of the true time the venue's clock is."""

    offset_ms: Annotated[int, msgspec.Meta(ge=-OFFSET_MAX_MS, le=OFFSET_MAX_MS)]


class Jump(Body, kw_only=True, forbid_unknown_fields=True):
    """A price to jump to, or by which fraction; with the mark price unless ``mark`` is false."""

    symbol: Symbol
    price: Number | None = None
    fraction: Number | None = None
    qty: Number | None = None
    mark: bool = True


class Mark(Body, kw_only=True, forbid_unknown_fields=True):
    """A mark price."""

    symbol: Symbol
    price: Number


class Fund(Body, kw_only=True, forbid_unknown_fields=True):
    """A rate of funding to settle now."""

    symbol: Symbol
    rate: Number


class Halt(Body, kw_only=True, forbid_unknown_fields=True):
    """A symbol, and whether it stops."""

    symbol: Symbol
    halted: bool


class Filter(Body, kw_only=True, forbid_unknown_fields=True):
    """One field of one filter."""

    symbol: Symbol
    filter: Name
    field: Name
    value: Number


class Brackets(Body, kw_only=True, forbid_unknown_fields=True):
    """Other margin tiers, as leverageBracket lists them."""

    symbol: Symbol
    brackets: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=50)]


class Whose(Body, kw_only=True, forbid_unknown_fields=True):
    """An account; the first one unless given."""

    account: Name | None = None


class Deposit(Whose, kw_only=True, forbid_unknown_fields=True):
    """Money that comes in, or goes out when negative."""

    amount: Number


class Adl(Body, kw_only=True, forbid_unknown_fields=True):
    """What the winners have to close, and at which price."""

    symbol: Symbol
    side: Literal["BUY", "SELL"]
    quantity: Number
    price: Number


class Insurance(Body, kw_only=True, forbid_unknown_fields=True):
    """What the insurance fund has."""

    amount: Number


BODIES: dict[str, type[msgspec.Struct]] = {
    "faults": Fault,
    "faults/clear": Clear,
    "clock": ClockOffset,
    "disconnect": Nothing,
    "jump": Jump,
    "mark": Mark,
    "fund": Fund,
    "halt": Halt,
    "filter": Filter,
    "brackets": Brackets,
    "expire_key": Whose,
    "deposit": Deposit,
    "adl": Adl,
    "insurance": Insurance,
}
