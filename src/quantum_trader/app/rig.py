"""The whole system on memory, moved by hand: the same services, one turn at a time.

Live, every service runs its own loop; here they take turns until none has anything left to do.
What they do in a turn is the same code.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import Fact, IntentProposed, MarketFact, RulesAdopted, SecondPassed
from quantum_trader.core.intent_edge import write_intent
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.rules import Rules
from quantum_trader.core.signals import AnyModel
from quantum_trader.core.state import TraderState
from quantum_trader.core.trader import step
from quantum_trader.ports import Exchange
from quantum_trader.services import wire
from quantum_trader.services.batch import Handler
from quantum_trader.services.fold import Fold, Show
from quantum_trader.services.gateway import Gateway, GatewayService
from quantum_trader.services.loop import Consumer, LoopSettings
from quantum_trader.services.signals import signals_fold
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.streams import (
    CLOCK,
    CLOCK_STREAM,
    FEED,
    GATEWAY,
    OPERATOR,
    OPERATOR_STREAM,
    ROUTES,
    SIGNALS,
    TRADE_INTENT,
    TRADER,
    read_by,
)

NEVER = 2**62
"""More facts, or more milliseconds, than any replay has."""
BATCH_MAX = LoopSettings(account="").batch_max
"""A service that took fewer than this has nothing left to take."""
SILENT_MAX = 1_000
"""How many bars that lead to nothing may share a commit."""
TURNS_MAX = 1_000
"""More turns than this without coming to rest is a defect, not a busy market."""

_COMMANDS = read_by(GATEWAY)

Door = Callable[[PaperExchange], Exchange]
"""What stands between the gateway and the venue."""


class Rig:
    """One account, its venue and its models in this process."""

    def __init__(
        self,
        rules: Rules,
        models: Sequence[AnyModel],
        sink: Show,
        door: Door = lambda venue: venue,
        *,
        reconciling: bool = False,
    ) -> None:
        """With ``reconciling`` the venue's account is looked at as time passes.

        A replay does without: its venue lives in the same process, and cannot be misheard.
        """
        self._reconciling = reconciling
        self.clock = ManualClock()
        self.bus = MemoryBus()
        self.venue = PaperExchange(matching_rules(rules))
        self.rules = rules
        quiet = LoopSettings(
            account=rules.account,
            silent_max=SILENT_MAX,
            claim_idle_ms=NEVER,
            look_back_ms=NEVER,
            beat_every_ms=NEVER,
        )
        self.trader = Fold(
            step,
            TraderState,
            snapshots_of(TraderState, NEVER),
            wire.Reader(rules.account),
            show=sink,
        )
        exchange = door(self.venue)
        gateway = Gateway(exchange, MemoryJournal(), rules.account, self.clock, self.clock.now_ms)
        self._gateway = GatewayService(self.bus, gateway, quiet, self.clock)
        self._signals = self._consumer(SIGNALS, signals_fold(models, rules.account), quiet)
        self._trader = self._consumer(TRADER, self.trader, quiet)

    def _consumer(self, service: str, handler: Handler, settings: LoopSettings) -> Consumer:
        return Consumer(self.bus, service, read_by(service), handler, settings, clock=self.clock)

    async def start(self, now_ms: int) -> None:
        """Open everything and adopt the rules."""
        self.clock.move_to(now_ms)
        for service in (self._signals, self._trader, self._gateway):
            await service.start()
        await self.order(
            RulesAdopted(
                id="rules", at_ms=now_ms, trace_id="", account=self.rules.account, rules=self.rules
            )
        )

    async def show(self, facts: Sequence[MarketFact]) -> None:
        """Let these market facts happen, in this order, and everything that follows from them.

        The venue is the world: it has moved before anybody reads about it on a stream.
        """
        self.clock.move_to(facts[-1].at_ms)
        venue, bus = self.venue, self.bus
        reported_seq = venue.reported_seq()
        for fact in facts:
            await venue.advance(fact)
        if venue.reported_seq() != reported_seq:
            await self._gateway.pump_once()
        if len(facts) == 1:
            fact = facts[0]
            await bus.append(ROUTES[type(fact)], [wire.write(fact)], writer=FEED)
        else:
            for stream, told in groupby(facts, key=_stream_of):
                await bus.append(stream, [wire.write(fact) for fact in told], writer=FEED)
        await self._signals.poll_once()
        await self.settle()

    async def wait_until(self, at_ms: int) -> None:
        """Let time pass: the clock says so, and the venue is listened to."""
        self.clock.move_to(at_ms)
        second = SecondPassed(id=f"second:{at_ms}", at_ms=at_ms, trace_id="", account="")
        await self.bus.append(CLOCK_STREAM, [wire.write(second)], writer=CLOCK)
        await self._gateway.pump_once()
        if self._reconciling:
            await self._gateway.reconcile_once()
        await self.settle()

    async def order(self, fact: Fact) -> None:
        """Put the operator's word on its stream, and let what follows happen."""
        await self.bus.append(OPERATOR_STREAM, [wire.write(fact)], writer=OPERATOR)
        await self.settle()

    async def propose(self, intent: IntentProposed) -> None:
        """Put an intent on its stream, as anyone could, and let what follows happen."""
        await self.bus.append(TRADE_INTENT, [write_intent(intent)], writer="replay")
        await self.settle()

    async def settle(self) -> None:
        """Trader and gateway take turns until both have nothing left to do."""
        for _ in range(TURNS_MAX):
            taken = await self._trader.poll_once()
            if self.bus.ready(GATEWAY, _COMMANDS):
                await self._gateway.poll_once()
            elif taken < BATCH_MAX:
                return
        raise BrokenInvariant(f"no rest after {TURNS_MAX} turns; two services answer each other")


def matching_rules(rules: Rules) -> MatchingRules:
    """The venue's side of the account's rules."""
    return MatchingRules(
        instruments=rules.instruments,
        deposit_usd=rules.deposit_usd,
        taker_fee_frac=rules.fees.taker_frac,
        maker_fee_frac=rules.fees.maker_frac,
    )


def _stream_of(fact: MarketFact) -> str:
    return ROUTES[type(fact)]
