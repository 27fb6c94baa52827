"""What the venue's error codes and HTTP answers mean for an order, and what is to be done.

The codes are those of Binance USD-M. The table is data: the exchange door acts by ``outcome``,
people read ``meaning`` and ``action``. A code that is not in it is a refusal like any other, when
the venue said so itself; where that is not certain, the order is in doubt.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Outcome = Literal["rejected", "not_sent", "in_doubt", "locked", "done"]
"""What became of the request.

* ``rejected``: the venue refused it for good; there is no such order.
* ``not_sent``: it had no effect, and the refusal was not about the order: it may be sent again.
* ``in_doubt``: nobody knows; ask by name, never send again.
* ``locked``: key or permission; a person must act.
* ``done``: what was asked for is so already.
"""


class VenueCode(msgspec.Struct, frozen=True):
    """One code: the venue's name for it, what it means, what became of the request, what to do."""

    code: int
    name: str
    outcome: Outcome
    meaning: str
    action: str


_BUG = "fix our own rounding or wording; sending it again changes nothing"
_KEY = "halt entries, keep watching, call a person; never try in a loop"
_ASK = "ask for the order by its name until the answer is certain"
_LATER = "back off, and keep what is left for exits"

_ROWS: tuple[tuple[int, str, Outcome, str, str], ...] = (
    (-1000, "UNKNOWN", "in_doubt", "the venue failed and does not say where", _ASK),
    (-1001, "DISCONNECTED", "in_doubt", "the venue failed inside", _ASK),
    (-1002, "UNAUTHORIZED", "locked", "the key may not do this", _KEY),
    (-1003, "TOO_MANY_REQUESTS", "not_sent", "too many requests", "honour Retry-After; " + _LATER),
    (-1005, "IP_NOT_LISTED", "locked", "this address is not on the key's list", _KEY),
    (-1006, "UNEXPECTED_RESPONSE", "in_doubt", "execution status unknown", _ASK),
    (-1007, "TIMEOUT", "in_doubt", "the venue's own time-out; execution status unknown", _ASK),
    (-1008, "OVERLOADED", "not_sent", "the venue is overloaded and did nothing", _LATER),
    (-1011, "IP_REFUSED", "locked", "this address may not use this route", _KEY),
    (-1014, "UNSUPPORTED_COMBINATION", "rejected", "parameters that do not go together", _BUG),
    (
        -1015,
        "TOO_MANY_ORDERS",
        "not_sent",
        "too many new orders in ten seconds or a minute",
        _LATER,
    ),
    (-1016, "SHUTTING_DOWN", "not_sent", "the service is no longer available", _LATER),
    (-1020, "UNSUPPORTED", "rejected", "no such operation", _BUG),
    (
        -1021,
        "TIMESTAMP_OUTSIDE_WINDOW",
        "not_sent",
        "our clock and the venue's differ, or it came late; this says nothing about the order",
        "measure the clock offset anew; an exit is tried again, an entry is not",
    ),
    (-1022, "INVALID_SIGNATURE", "locked", "the signature does not fit the key", _KEY),
    (-1100, "ILLEGAL_CHARS", "rejected", "characters the venue does not take", _BUG),
    (-1101, "TOO_MANY_PARAMETERS", "rejected", "a parameter too many", _BUG),
    (-1102, "PARAMETER_MISSING", "rejected", "a parameter is missing", _BUG),
    (-1103, "UNKNOWN_PARAMETER", "rejected", "a parameter nobody knows", _BUG),
    (-1105, "PARAMETER_EMPTY", "rejected", "an empty parameter", _BUG),
    (-1106, "PARAMETER_NOT_REQUIRED", "rejected", "a parameter that must not be sent", _BUG),
    (-1109, "INVALID_ACCOUNT", "locked", "there is no such account", _KEY),
    (-1111, "BAD_PRECISION", "rejected", "more digits than the symbol has", _BUG),
    (-1116, "INVALID_ORDER_TYPE", "rejected", "no such order type", _BUG),
    (-1117, "INVALID_SIDE", "rejected", "no such side", _BUG),
    (-1121, "BAD_SYMBOL", "rejected", "no such symbol", "read the instruments anew; no entries"),
    (-1125, "NO_SUCH_LISTEN_KEY", "rejected", "the user stream's key has ended", "make a new one"),
    (-1130, "BAD_DATA", "rejected", "a value the venue cannot read", _BUG),
    (-2010, "NEW_ORDER_REJECTED", "rejected", "refused, the reason is in the text", "plan anew"),
    (
        -2011,
        "CANCEL_REJECTED",
        "rejected",
        "no such open order here",
        "ask the regular and the algo service, then look at the position",
    ),
    (
        -2013,
        "NO_SUCH_ORDER",
        "rejected",
        "no such order here; it proves nothing about the other service",
        "ask the regular and the algo service; for a while it means: not yet",
    ),
    (-2014, "BAD_KEY_FORMAT", "locked", "this is no API key", _KEY),
    (-2015, "REJECTED_KEY", "locked", "key, address or permission is refused", _KEY),
    (
        -2008,
        "INVALID_KEY_ID",
        "locked",
        "the key belongs to another environment (demo, testnet or live)",
        "use the key of this mode; " + _KEY,
    ),
    (-2018, "BALANCE_INSUFFICIENT", "rejected", "not enough balance", "downsize or deny"),
    (-2019, "MARGIN_INSUFFICIENT", "rejected", "not enough margin", "downsize or deny; no loop"),
    (-2020, "UNABLE_TO_FILL", "rejected", "nobody takes the other side", "plan anew"),
    (
        -2021,
        "WOULD_TRIGGER_AT_ONCE",
        "rejected",
        "the price is through the trigger already",
        "a stop: close at market now; a target: take it now",
    ),
    (
        -2022,
        "REDUCE_ONLY_REJECTED",
        "rejected",
        "the position is flat, opposite or covered already",
        "read the position again and drop the order",
    ),
    (-2023, "IN_LIQUIDATION", "rejected", "the account is being liquidated", "halt and reconcile"),
    (-2024, "POSITION_INSUFFICIENT", "rejected", "less stands than is sold", "read the position"),
    (-2025, "OPEN_ORDERS_MAX", "rejected", "too many open orders", "cancel what is not needed"),
    (-2026, "REDUCE_ONLY_TYPE", "rejected", "this type cannot be reduce-only", _BUG),
    (-2027, "ABOVE_MAX_POSITION", "rejected", "too large for the leverage", "choose bracket first"),
    (-2028, "LEVERAGE_TOO_SMALL", "rejected", "not enough margin for it", "choose bracket first"),
    (-4003, "QTY_TOO_SMALL", "rejected", "no quantity, or less than zero", _BUG),
    (-4004, "QTY_BELOW_MIN", "rejected", "below the smallest quantity", "raise it or deny"),
    (-4005, "QTY_ABOVE_MAX", "rejected", "above the largest quantity", "split it"),
    (-4014, "PRICE_OFF_TICK", "rejected", "a price between two ticks", _BUG),
    (-4015, "CLIENT_ID_LENGTH", "rejected", "a name the venue does not take", _BUG),
    (-4023, "QTY_OFF_STEP", "rejected", "a quantity between two steps", _BUG),
    (-4028, "INVALID_LEVERAGE", "rejected", "no such leverage here", "clamp to the bracket"),
    (
        -4045,
        "STOP_ORDERS_MAX",
        "rejected",
        "too many conditional orders, over all symbols",
        "cancel targets that are conditional: stops come first",
    ),
    (-4046, "MARGIN_TYPE_UNCHANGED", "done", "the margin type is so already", "go on"),
    (-4047, "MARGIN_TYPE_ORDERS", "rejected", "open orders hold the margin type", "when flat"),
    (-4048, "MARGIN_TYPE_POSITION", "rejected", "a position holds the margin type", "when flat"),
    (-4059, "POSITION_MODE_UNCHANGED", "done", "the position mode is so already", "go on"),
    (-4061, "POSITION_SIDE_MISMATCH", "rejected", "one-way and hedge mixed", "read the mode again"),
    (-4062, "REDUCE_ONLY_CONFLICT", "rejected", "it would not reduce", "read the position again"),
    (-4067, "POSITION_MODE_ORDERS", "rejected", "open orders hold the position mode", "when flat"),
    (-4068, "POSITION_MODE_POSITION", "rejected", "positions hold the position mode", "when flat"),
    (
        -4116,
        "DUPLICATE_CLIENT_ID",
        "rejected",
        "an open order has this name: an earlier try arrived",
        "adopt that order; never choose another name",
    ),
    (-4118, "REDUCE_ONLY_MARGIN", "rejected", "the margin check failed", "read the position again"),
    (
        -4120,
        "USE_ALGO_SERVICE",
        "rejected",
        "conditional orders live in the algo service",
        "send it there; our routing is wrong",
    ),
    (
        -4131,
        "MARKET_REJECTED",
        "rejected",
        "the best price is too far from the mark",
        "a limit order near the mark, then plan anew",
    ),
    (-4135, "ACTIVATION_PRICE", "rejected", "an activation price that cannot be", "re-price"),
    (-4136, "CLOSE_POSITION_TYPE", "rejected", "this type cannot close a position", _BUG),
    (-4137, "QTY_WITH_CLOSE_POSITION", "rejected", "quantity and closePosition together", _BUG),
    (-4138, "REDUCE_ONLY_NEEDED", "rejected", "it has to be reduce-only", _BUG),
    (-4140, "SYMBOL_NOT_OPENING", "rejected", "no entries in this symbol now", "exits only"),
    (-4141, "SYMBOL_CLOSED", "rejected", "the symbol is closed", "exits only; call a person"),
    (-4142, "TRIGGER_INVALID", "rejected", "a trigger price that cannot be", "re-price"),
    (
        -4161,
        "LEVERAGE_REDUCTION",
        "rejected",
        "an isolated position keeps its leverage from falling",
        "do not lower leverage while a position is open",
    ),
    (
        -4164,
        "NOTIONAL_BELOW_MIN",
        "rejected",
        "below the smallest notional, unless reduce-only",
        "an entry: raise it or deny; an exit must be reduce-only",
    ),
    (-4167, "MULTI_ASSETS", "rejected", "isolated margin and multi-assets mode", "preflight"),
    (-4168, "MULTI_ASSETS_ISOLATED", "rejected", "multi-assets and isolated margin", "preflight"),
    (-4184, "TRIGGER_TOO_HIGH", "rejected", "a price above the allowed multiple", "re-price"),
    (-4192, "COOLING_OFF", "rejected", "a cooling-off period is on", "entries off until it ends"),
    (-4210, "TRIGGER_ABOVE_MULTIPLE", "rejected", "a trigger above the multiple", "re-price"),
    (-4211, "TRIGGER_BELOW_MULTIPLE", "rejected", "a trigger below the multiple", "re-price"),
    (-4400, "QUANTITATIVE_RULE", "rejected", "trading rules were broken", "only reduce; a person"),
    (-4401, "COMPLIANCE", "rejected", "this account may only reduce", "only reduce; a person"),
    (-4403, "REGION", "rejected", "not allowed where this account is", "only reduce; a person"),
    (-4408, "SYMBOL_REDUCE_ONLY", "rejected", "this symbol may only be reduced", "exits only"),
    (-4531, "MODE_SYNC", "rejected", "another product holds the position mode", "when flat there"),
    (-5021, "FOK_REJECTED", "rejected", "it could not fill at once and whole", "quote again"),
    (-5022, "POST_ONLY_REJECTED", "rejected", "it would have taken liquidity", "quote again"),
    (-5028, "ENGINE_WINDOW", "rejected", "it came too late and was not executed", "decide again"),
)

CODES: Mapping[int, VenueCode] = {row[0]: VenueCode(*row) for row in _ROWS}
"""Every code we know, by its number."""

OFF_RULES = frozenset({-1111, -4003, -4004, -4005, -4014, -4023, -4164})
"""Refusals of an order that is not to the rules of its symbol: ours may be those of before."""

REFUSED_STATUSES: Mapping[int, Outcome] = {
    401: "locked",
    403: "not_sent",
    418: "not_sent",
    429: "not_sent",
}
"""HTTP statuses that say all by themselves: the request did not come as far as an order.

401 is a key that is refused, 403 a firewall, 429 too many requests, 418 a ban for going on.
"""
UNAVAILABLE = "service unavailable"
"""What a 503 says when the request had no effect; any other 503 leaves that open."""


def outcome_of(status: int, code: int | None, text: str) -> Outcome:
    """What became of a request that was answered with an HTTP error, or a code, or both.

    ``code`` is None when the body is no error of the venue's: a page of somebody in between, or
    half an answer. Then only the status can tell, and where it does not, the request is in doubt.
    """
    if status in REFUSED_STATUSES:
        return REFUSED_STATUSES[status]
    known = None if code is None else CODES.get(code)
    if status >= 500:
        if known is not None and known.outcome == "not_sent":
            return "not_sent"
        said = text.lower()
        return "not_sent" if status == 503 and UNAVAILABLE in said else "in_doubt"
    if known is not None:
        return known.outcome
    return "in_doubt" if code is None else "rejected"


def explained(code: int, text: str) -> str:
    """The venue's own words, and what they mean to us where we know."""
    known = CODES.get(code)
    return f"{text} ({code})" if known is None else f"{text} ({code}: {known.meaning})"
