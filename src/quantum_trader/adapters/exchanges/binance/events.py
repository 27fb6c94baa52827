"""What the user stream says, as structs: only the fields that are used.

``read_event`` answers with an event, with ``Unknown`` for one that nobody here knows, or raises
``Malformed``: never with a guess.
"""

from decimal import Decimal

import msgspec

from quantum_trader.core.errors import Malformed
from quantum_trader.core.units import OrderSide

TEXT_MAX = 120


class OrderState(msgspec.Struct, frozen=True, kw_only=True):
    """A regular order after something happened to it (``x``); ``l`` at ``L`` of it just traded."""

    s: str
    c: str
    S: OrderSide
    x: str
    X: str
    i: int
    q: Decimal
    z: Decimal
    T: int
    l: Decimal = Decimal(0)  # noqa: E741 - the venue's name
    L: Decimal = Decimal(0)
    t: int = 0
    m: bool = False
    N: str | None = None
    n: Decimal | None = None
    er: int | str | None = None


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """ORDER_TRADE_UPDATE."""

    E: int
    o: OrderState


class AlgoState(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional order; ``ai`` is the regular order that its trigger made."""

    caid: str
    aid: int
    s: str
    S: OrderSide
    X: str
    tp: Decimal
    ai: int | str | None = None
    tt: int = 0
    rm: str | None = None


class AlgoEvent(msgspec.Struct, frozen=True, kw_only=True):
    """ALGO_UPDATE."""

    E: int
    T: int
    o: AlgoState


class LiteEvent(msgspec.Struct, frozen=True, kw_only=True):
    """TRADE_LITE: a trade, told early and without its fee."""

    s: str
    t: int


class BalanceChange(msgspec.Struct, frozen=True, kw_only=True):
    """How the wallet changed by something that was no trade."""

    a: str
    bc: Decimal = Decimal(0)


class WalletChange(msgspec.Struct, frozen=True, kw_only=True):
    """Balances, and why they changed (``m``)."""

    m: str
    B: tuple[BalanceChange, ...] = ()


class AccountEvent(msgspec.Struct, frozen=True, kw_only=True):
    """ACCOUNT_UPDATE."""

    E: int
    T: int
    a: WalletChange


class LeverageChange(msgspec.Struct, frozen=True, kw_only=True):
    """The leverage of a symbol."""

    s: str
    l: int  # noqa: E741 - the venue's name


class MultiAssets(msgspec.Struct, frozen=True, kw_only=True):
    """Whether several assets are margin."""

    j: bool


class ConfigEvent(msgspec.Struct, frozen=True, kw_only=True):
    """ACCOUNT_CONFIG_UPDATE."""

    ac: LeverageChange | None = None
    ai: MultiAssets | None = None


class MarginCallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """MARGIN_CALL: liquidation is near."""

    E: int


class KeyExpiredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """listenKeyExpired: this stream has said its last word."""


class Unknown(msgspec.Struct, frozen=True):
    """An event of a name that nobody here knows."""

    name: str


Event = (
    OrderEvent
    | AlgoEvent
    | LiteEvent
    | AccountEvent
    | ConfigEvent
    | MarginCallEvent
    | KeyExpiredEvent
    | Unknown
)


class _Envelope(msgspec.Struct, frozen=True):
    e: str | None = None
    data: msgspec.Raw = msgspec.Raw()


_envelope = msgspec.json.Decoder(_Envelope)
_DECODERS: dict[str, msgspec.json.Decoder[Event]] = {
    name: msgspec.json.Decoder(kind, strict=False)
    for name, kind in {
        "ORDER_TRADE_UPDATE": OrderEvent,
        "ALGO_UPDATE": AlgoEvent,
        "TRADE_LITE": LiteEvent,
        "ACCOUNT_UPDATE": AccountEvent,
        "ACCOUNT_CONFIG_UPDATE": ConfigEvent,
        "MARGIN_CALL": MarginCallEvent,
        "listenKeyExpired": KeyExpiredEvent,
    }.items()
}


def read_event(text: str | bytes) -> Event:
    """One message of the user stream, alone or wrapped in its stream's name.

    Raises ``Malformed`` for a known event that is not as it should be, and for no event at all.
    """
    try:
        envelope = _envelope.decode(text)
        body: bytes | str | msgspec.Raw = text
        if bytes(envelope.data):
            body = envelope.data
            envelope = _envelope.decode(body)
        if envelope.e is None:
            raise Malformed("user stream", _start(text), "an event with a name")
        decoder = _DECODERS.get(envelope.e)
        return Unknown(envelope.e) if decoder is None else decoder.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed("user stream", _start(text), f"an event ({error})") from None


def _start(text: str | bytes) -> str:
    shown = text[:TEXT_MAX]
    return shown if isinstance(shown, str) else shown.decode("utf-8", "replace")
