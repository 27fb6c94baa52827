"""One input of the hall, and what came of it: the unit of its journal and of recordings."""

from typing import Any

import msgspec

from quantum_trader.app.venue.account import Event
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.moving import move
from quantum_trader.app.venue.operations import OPERATIONS
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused
from quantum_trader.core.events import FundingRatePublished, MarkPriced, Tick

FACT = "fact"
Told = Tick | MarkPriced | FundingRatePublished


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An operation of an account with its parameters, or a fact of the market.

    ``wall_ms`` is the server's clock when it came, ``at_ms`` the market's.
    """

    number: int
    operation: str
    account: str = ""
    params: dict[str, str] = {}
    fact: Told | None = None
    at_ms: int
    wall_ms: int


class Outcome(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``answer`` is None for a fact and for what was refused; ``said`` are events by account."""

    entry: Entry
    answer: Any = None
    refused: dict[str, Any] | None = None
    said: list[tuple[str, Event]] = []


def perform(hall: Hall, entry: Entry) -> tuple[Outcome, Refused | None]:
    """Let an input happen. The same inputs in the same order have the same outcomes."""
    counters = hall.counters
    counters.wall_ms = max(counters.wall_ms, entry.wall_ms)
    counters.at_ms = max(counters.at_ms, entry.at_ms)
    for one in hall.accounts.values():
        one.desk.state.at_ms = counters.at_ms
    outcome, refused = Outcome(entry=entry), None
    if entry.fact is not None:
        move(hall, entry.fact)
    else:
        account = hall.accounts[entry.account or next(iter(hall.accounts))]
        try:
            outcome.answer = OPERATIONS[entry.operation](hall, account, Params(entry.params))
        except Refused as error:
            refused, outcome.refused = error, error.body()
    for one in hall.accounts.values():
        if one.said:
            outcome.said.extend((one.name, event) for event in one.said)
            one.said = []
    return outcome, refused
