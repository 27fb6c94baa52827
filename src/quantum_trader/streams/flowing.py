"""The streams that flow today, in the order in which a service reads its own."""

from quantum_trader.core import events as ev
from quantum_trader.streams.row import Stream, live

TRADER = "trader"
GATEWAY = "gateway"
SIGNALS = "signals"
FEED = "feed"
VENUES = "venues"
CLOCK = "clock"
PAPER = "paper"
OPERATOR = "operator"
OUTSIDE = "outside"
"""Whoever else may write to (or read) a stream; the edge codec is generous to them."""
ARCHIVER = "archiver"
JANITOR = "janitor"
CANARY = "canary"
KEEPERS = (ARCHIVER, JANITOR, CANARY)
"""Who keeps the streams in order: no consumer group, no decision."""
PAGE = "page"
EXPLAIN = "explain"
DLQ = "dlq"
OBSERVERS = (PAGE, EXPLAIN, DLQ)
"""Readers that only look: they have no consumer group and acknowledge nothing."""

LIVE: tuple[Stream, ...] = (
    live(
        "execution.result",
        (
            ev.OrderAccepted,
            ev.OrderRejected,
            ev.OrderInDoubt,
            ev.CancelWithheld,
            ev.OrderTriggered,
            ev.OrderFilled,
            ev.OrderCanceled,
            ev.FundingSettled,
            ev.FillCorrected,
            ev.LifeBegan,
        ),
        (GATEWAY, TRADER, EXPLAIN),
        "what the venue did with our orders and our money",
    ),
    live(
        "position.snapshot",
        (ev.AccountSeen,),
        (GATEWAY, TRADER, OUTSIDE),
        "positions and orders as the venue shows them, twice alike",
    ),
    live(
        "operator",
        (
            ev.DrainSwitched,
            ev.KillLevelSet,
            ev.RulesAdopted,
            ev.TrimmingBlocked,
            ev.BacklogSkipped,
            ev.LetterHandled,
        ),
        (OPERATOR, TRADER),
        "what the people at the desk, and those who keep house for them, ordered and did",
    ),
    live("clock", (ev.SecondPassed,), (CLOCK, TRADER), "time, so that a replay ages alike"),
    live(
        "market.tick",
        (ev.Tick, ev.MarkPriced, ev.FundingRatePublished, ev.QuoteChanged),
        (FEED, PAPER, TRADER),
        "trades, mark prices, funding rates, and the best bid and ask",
    ),
    live("market.klines", (ev.CandleClosed,), (FEED, PAPER, TRADER, SIGNALS), "closed bars"),
    live(
        "exchange.raw",
        (ev.VenueQuoted,),
        (VENUES, OUTSIDE),
        "best bid and ask of every venue that is compared, in the units of our contracts",
    ),
    live(
        "exchange.normalized",
        (ev.VenuesCompared,),
        (VENUES, TRADER),
        "how far venues disagree about one price, and who has dropped out",
    ),
    live(
        "trade.intent",
        (ev.IntentProposed,),
        (SIGNALS, TRADER, EXPLAIN),
        "entries proposed by our models or by anyone outside",
    ),
    live(
        "order.command",
        (ev.OrderCommanded, ev.CancelCommanded, ev.LifeTaken),
        (TRADER, GATEWAY, EXPLAIN),
        "orders and cancels the gateway shall carry out",
    ),
    live(
        "apply.plan",
        (ev.PlanMade, ev.PlanEnded),
        (TRADER, OUTSIDE, EXPLAIN),
        "approved trades with size, stop and ladder, and their end",
    ),
    live(
        "apply.result",
        (ev.IntentApplied, ev.IntentRefused, ev.IntentSkipped),
        (TRADER, OUTSIDE, PAGE, EXPLAIN),
        "exactly one outcome for every intent",
    ),
    live(
        "exitbrain.adaptive_levels",
        (ev.LevelsComputed,),
        (TRADER, OUTSIDE, EXPLAIN),
        "adaptive and effective exit levels of every filled entry",
    ),
    live(
        "exitbrain.decision",
        (ev.ExitPlanned, ev.ExitDecided, ev.KillScored),
        (TRADER, OUTSIDE, EXPLAIN),
        "how every position is meant to be left, and what its exit rules asked for",
    ),
    live(
        "harvest.proposal",
        (ev.HarvestProposed,),
        (TRADER, OUTSIDE, EXPLAIN),
        "steps of the ladder by R that were reached",
    ),
    live(
        "position.changed",
        (ev.PositionOpened, ev.PositionChanged, ev.PositionClosed),
        (TRADER, OUTSIDE, EXPLAIN),
        "positions as folds of fills",
    ),
    live(
        "trade.closed",
        (ev.TradeClosed,),
        (TRADER, OUTSIDE, PAGE, EXPLAIN),
        "round trips, to the cent",
    ),
    live(
        "reconcile.events",
        (ev.Reconciled,),
        (TRADER, OUTSIDE, EXPLAIN),
        "differences between venue and books, and what was done",
    ),
    live(
        "reconcile.close",
        (ev.CloseReconciled,),
        (TRADER, OUTSIDE, EXPLAIN),
        "closes that end a difference between venue and books",
    ),
    live("marketstate", (ev.MarketStateComputed,), (TRADER, OUTSIDE), "volatility and regime"),
    live(
        "trade.intent.dlq",
        (ev.DeadLettered,),
        (TRADER, DLQ, EXPLAIN),
        "intents nobody can read",
    ),
    live("dlq.trader", (ev.DeadLettered,), (TRADER, DLQ), "poison met by the trader"),
    live("dlq.signals", (ev.DeadLettered,), (SIGNALS, DLQ), "poison met by the models"),
    live("dlq.gateway", (ev.DeadLettered,), (GATEWAY, DLQ), "poison met by the gateway"),
    live("dlq.paper", (ev.DeadLettered,), (PAPER, DLQ), "poison met by the paper venue"),
)
