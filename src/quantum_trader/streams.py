"""The whole data flow as one table: what flows where, who writes it, who reads it, from where on.

Every stream name in the system comes from here. A service reads its streams in the order of this
table, so what the venue did is known before what somebody would like to do.
"""

from typing import Literal

import msgspec

from quantum_trader.core import events as ev

PREFIX = "quantum:stream:"

Status = Literal["live", "planned", "retired"]

TRADER = "trader"
GATEWAY = "gateway"
SIGNALS = "signals"
FEED = "feed"
CLOCK = "clock"
PAPER = "paper"
OPERATOR = "operator"
OUTSIDE = "outside"
"""Whoever else may write to (or read) a stream; the edge codec is generous to them."""
OBSERVERS = ("page", "explain")
"""Readers that only look: they have no consumer group and acknowledge nothing."""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    ``start`` is where a new group begins: ``0`` everything, ``$`` only what comes. ``keep_hours``
    is how long entries stay hot after every group has passed them. ``reason`` and ``successor``
    explain rows that are not live.
    """

    name: str
    status: Status
    facts: tuple[type[ev.Fact], ...] = ()
    writer: str | None = None
    readers: tuple[str, ...] = ()
    start: Literal["0", "$"] = "0"
    keep_hours: int | None = None
    purpose: str = ""
    reason: str = ""
    successor: str | None = None

    @property
    def key(self) -> str:
        """The key in Redis."""
        return PREFIX + self.name


def _live(name: str, facts: tuple[type[ev.Fact], ...], flow: tuple[str, ...], why: str) -> Stream:
    """A live row; ``flow`` is the writer followed by the readers."""
    return Stream(
        name=name,
        status="live",
        facts=facts,
        writer=flow[0],
        readers=flow[1:],
        keep_hours=24,
        purpose=why,
    )


LIVE: tuple[Stream, ...] = (
    _live(
        "execution.result",
        (
            ev.OrderAccepted,
            ev.OrderRejected,
            ev.OrderInDoubt,
            ev.OrderTriggered,
            ev.OrderFilled,
            ev.OrderCanceled,
            ev.FundingSettled,
        ),
        (GATEWAY, TRADER, *OBSERVERS),
        "what the venue did with our orders and our money",
    ),
    _live(
        "operator",
        (ev.DrainSwitched, ev.KillLevelSet, ev.RulesAdopted),
        (OPERATOR, TRADER),
        "what the people at the desk ordered",
    ),
    _live("clock", (ev.SecondPassed,), (CLOCK, TRADER), "time, so that a replay ages alike"),
    _live(
        "market.tick",
        (ev.Tick, ev.MarkPriced, ev.FundingRatePublished),
        (FEED, PAPER, TRADER),
        "trades, mark prices and funding rates",
    ),
    _live("market.klines", (ev.CandleClosed,), (FEED, PAPER, TRADER, SIGNALS), "closed bars"),
    _live(
        "trade.intent",
        (ev.IntentProposed,),
        (SIGNALS, TRADER, *OBSERVERS),
        "entries proposed by our models or by anyone outside",
    ),
    _live(
        "order.command",
        (ev.OrderCommanded, ev.CancelCommanded),
        (TRADER, GATEWAY, *OBSERVERS),
        "orders and cancels the gateway shall carry out",
    ),
    _live(
        "apply.plan",
        (ev.PlanMade, ev.PlanEnded),
        (TRADER, *OBSERVERS),
        "approved trades with size, stop and ladder, and their end",
    ),
    _live(
        "apply.result",
        (ev.IntentApplied, ev.IntentRefused, ev.IntentSkipped),
        (TRADER, OUTSIDE, *OBSERVERS),
        "exactly one outcome for every intent",
    ),
    _live(
        "exitbrain.adaptive_levels",
        (ev.LevelsComputed,),
        (TRADER, *OBSERVERS),
        "adaptive and effective exit levels of every filled entry",
    ),
    _live(
        "position.changed",
        (ev.PositionOpened, ev.PositionChanged, ev.PositionClosed),
        (TRADER, *OBSERVERS),
        "positions as folds of fills",
    ),
    _live("trade.closed", (ev.TradeClosed,), (TRADER, *OBSERVERS), "round trips, to the cent"),
    _live("marketstate", (ev.MarketStateComputed,), (TRADER, *OBSERVERS), "volatility and regime"),
    _live("trade.intent.dlq", (ev.DeadLettered,), (TRADER, "dlq"), "intents nobody can read"),
    _live("dlq.trader", (ev.DeadLettered,), (TRADER, "dlq"), "poison met by the trader"),
    _live("dlq.signals", (ev.DeadLettered,), (SIGNALS, "dlq"), "poison met by the models"),
    _live("dlq.gateway", (ev.DeadLettered,), (GATEWAY, "dlq"), "poison met by the gateway"),
    _live("dlq.paper", (ev.DeadLettered,), (PAPER, "dlq"), "poison met by the paper venue"),
)

STREAMS: dict[str, Stream] = {row.name: row for row in LIVE}

EXECUTION_RESULT = STREAMS["execution.result"].key
OPERATOR_STREAM = STREAMS["operator"].key
CLOCK_STREAM = STREAMS["clock"].key
MARKET_TICK = STREAMS["market.tick"].key
MARKET_KLINES = STREAMS["market.klines"].key
TRADE_INTENT = STREAMS["trade.intent"].key
ORDER_COMMAND = STREAMS["order.command"].key
APPLY_PLAN = STREAMS["apply.plan"].key
APPLY_RESULT = STREAMS["apply.result"].key
TRADE_CLOSED = STREAMS["trade.closed"].key
TRADE_INTENT_DLQ = STREAMS["trade.intent.dlq"].key

ROUTES: dict[type[ev.Fact], str] = {
    fact: row.key for row in LIVE for fact in row.facts if fact is not ev.DeadLettered
}
"""Which stream (key) a fact travels on; dead letters go by ``dead_letters_of``."""


def read_by(service: str) -> tuple[str, ...]:
    """The keys a service consumes, in the order in which it consumes them."""
    return tuple(row.key for row in LIVE if service in row.readers)


def dead_letters_of(service: str, stream: str) -> str:
    """The key of the dead-letter stream for what a service could not process."""
    if stream == TRADE_INTENT:
        return TRADE_INTENT_DLQ
    return STREAMS[f"dlq.{service}"].key
