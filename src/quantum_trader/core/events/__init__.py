"""Everything that can happen, as one closed union of frozen facts.

Decode is strict on required fields and lenient on unknown ones: a newer producer does not break
an older consumer. A fact is never renamed; its tag is its name for ever.
"""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from quantum_trader.core.events.base import Fact, MarketFact
from quantum_trader.core.events.books import (
    FundingSettled,
    PositionChanged,
    PositionClosed,
    PositionFact,
    PositionOpened,
    TradeClosed,
)
from quantum_trader.core.events.exits import (
    Bound,
    ExitDecided,
    ExitPlanned,
    HarvestProposed,
    KillScored,
    LevelsComputed,
    LevelSet,
)
from quantum_trader.core.events.intents import (
    IntentApplied,
    IntentProposed,
    IntentRefused,
    IntentSkipped,
    Refusal,
)
from quantum_trader.core.events.lives import LifeBegan, LifeTaken
from quantum_trader.core.events.market import (
    CandleClosed,
    FundingRatePublished,
    MarketStateComputed,
    MarkPriced,
    QuoteChanged,
    SecondPassed,
    Tick,
    VenueQuoted,
    VenuesCompared,
    VenueSeen,
)
from quantum_trader.core.events.ops import (
    BacklogSkipped,
    Blocked,
    CanarySung,
    DeadLettered,
    DrainSwitched,
    KillLevelSet,
    LetterHandled,
    RulesAdopted,
    TrimmingBlocked,
)
from quantum_trader.core.events.orders import (
    CancelCommanded,
    CancelWithheld,
    Leg,
    OrderAccepted,
    OrderCanceled,
    OrderCommanded,
    OrderFact,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderRequest,
    OrderTriggered,
    PlanEnded,
    PlanMade,
)
from quantum_trader.core.events.reconcile import (
    AccountSeen,
    CloseReconciled,
    FillCorrected,
    Reconciled,
    SeenOrder,
    SeenPosition,
)

AnyFact = (
    CandleClosed
    | Tick
    | MarkPriced
    | FundingRatePublished
    | QuoteChanged
    | VenueQuoted
    | VenuesCompared
    | SecondPassed
    | MarketStateComputed
    | IntentProposed
    | IntentRefused
    | IntentSkipped
    | IntentApplied
    | PlanMade
    | PlanEnded
    | OrderCommanded
    | CancelCommanded
    | OrderAccepted
    | OrderRejected
    | OrderInDoubt
    | CancelWithheld
    | OrderTriggered
    | OrderFilled
    | OrderCanceled
    | LevelsComputed
    | ExitPlanned
    | ExitDecided
    | KillScored
    | HarvestProposed
    | PositionOpened
    | PositionChanged
    | PositionClosed
    | FundingSettled
    | TradeClosed
    | DrainSwitched
    | KillLevelSet
    | RulesAdopted
    | TrimmingBlocked
    | BacklogSkipped
    | LetterHandled
    | CanarySung
    | DeadLettered
    | AccountSeen
    | Reconciled
    | CloseReconciled
    | FillCorrected
    | LifeBegan
    | LifeTaken
)

FACTS: tuple[type[Fact], ...] = AnyFact.__args__

encode: Callable[[Fact], bytes] = msgspec.json.Encoder().encode
"""One fact as canonical JSON."""

# Facts are frozen, and several services read the same ones in turn, some dozens at a time.
decode: Callable[[bytes | str], AnyFact] = lru_cache(maxsize=256)(
    msgspec.json.Decoder(AnyFact).decode
)
"""One fact from JSON. Raises ``msgspec.ValidationError`` naming the field at fault."""


def tag_of(kind: type[Fact]) -> str:
    """The name a fact carries on the wire, for ever."""
    tag = kind.__struct_config__.tag
    return str(tag)


TAGS: dict[type[Fact], str] = {kind: tag_of(kind) for kind in FACTS}


__all__ = [
    "FACTS",
    "TAGS",
    "AccountSeen",
    "AnyFact",
    "BacklogSkipped",
    "Blocked",
    "Bound",
    "CanarySung",
    "CancelCommanded",
    "CancelWithheld",
    "CandleClosed",
    "CloseReconciled",
    "DeadLettered",
    "DrainSwitched",
    "ExitDecided",
    "ExitPlanned",
    "Fact",
    "FillCorrected",
    "FundingRatePublished",
    "FundingSettled",
    "HarvestProposed",
    "IntentApplied",
    "IntentProposed",
    "IntentRefused",
    "IntentSkipped",
    "KillLevelSet",
    "KillScored",
    "Leg",
    "LetterHandled",
    "LevelSet",
    "LevelsComputed",
    "LifeBegan",
    "LifeTaken",
    "MarkPriced",
    "MarketFact",
    "MarketStateComputed",
    "OrderAccepted",
    "OrderCanceled",
    "OrderCommanded",
    "OrderFact",
    "OrderFilled",
    "OrderInDoubt",
    "OrderRejected",
    "OrderRequest",
    "OrderTriggered",
    "PlanEnded",
    "PlanMade",
    "PositionChanged",
    "PositionClosed",
    "PositionFact",
    "PositionOpened",
    "QuoteChanged",
    "Reconciled",
    "Refusal",
    "RulesAdopted",
    "SecondPassed",
    "SeenOrder",
    "SeenPosition",
    "Tick",
    "TradeClosed",
    "TrimmingBlocked",
    "VenueQuoted",
    "VenueSeen",
    "VenuesCompared",
    "decode",
    "encode",
    "tag_of",
]
