"""The whole system on memory, moved by hand: the same services, one turn at a time.

Live, every service runs its own loop; here they take turns until none has anything left to do.
What they do in a turn is the same code. Bars from which nothing follows are folded at their time
and read some dozens at a time.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.app.foresight import Foresight
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import (
    CandleClosed,
    Fact,
    IntentProposed,
    MarketFact,
    RulesAdopted,
    SecondPassed,
)
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
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.gateway_loops import GatewayService
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.signals import SignalsState, signals_fold
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
WAITING_MAX = BATCH_MAX - 1
"""How many bars may wait to be read: less than a turn takes, so that none is left over."""
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
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """With ``reconciling`` the venue's account is looked at as time passes.

        A replay does without: its venue lives in the same process, and cannot be misheard. With
        ``waiting_max`` 0 every bar is read at once; everything that is written is the same.
        """
        self._reconciling = reconciling
        self._waiting_max = waiting_max
        self._waiting = 0
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
        signals = signals_fold(models, rules.account, snapshots_of(SignalsState, NEVER))
        self._foresights = (Foresight(signals), Foresight(self.trader))
        self._signals = self._consumer(SIGNALS, signals, quiet)
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
        venue = self.venue
        reported_seq = venue.reported_seq()
        for fact in facts:
            await venue.advance(fact)
        reported = venue.reported_seq() != reported_seq
        if not reported and self._may_wait(facts):
            await self._put(facts)
            self._waiting += len(facts)
            if not self._is_heeded(facts):
                return
        else:
            await self.catch_up()
            if reported:
                await self._gateway.pump_once()
            await self._put(facts)
        await self._take_turns()

    async def catch_up(self) -> None:
        """Let everybody read what waits. Nothing follows from it, or it would not have waited."""
        if self._waiting:
            await self._take_turns()

    async def _take_turns(self) -> None:
        self._waiting = 0
        await self._signals.poll_once()
        await self._settle()

    def _may_wait(self, facts: Sequence[MarketFact]) -> bool:
        """Bars lie on one stream, in the order in which they happened, however late they are read.

        Whatever else the trader reads may come before them.
        """
        if self._waiting + len(facts) > self._waiting_max:
            return False
        for fact in facts:  # noqa: SIM110 - a generator takes twice as long
            if type(fact) is not CandleClosed:
                return False
        return True

    def _is_heeded(self, facts: Sequence[MarketFact]) -> bool:
        """Fold these bars, by models and trader; whether anything follows from any of them."""
        heeded = False
        for foresight in self._foresights:
            for fact in facts:
                if foresight.ask(fact):
                    heeded = True
        return heeded

    async def _put(self, facts: Sequence[MarketFact]) -> None:
        """Put market facts on their streams."""
        if len(facts) == 1:
            fact = facts[0]
            await self.bus.append(ROUTES[type(fact)], [wire.write(fact)], writer=FEED)
        else:
            for stream, told in groupby(facts, key=_stream_of):
                await self.bus.append(stream, [wire.write(fact) for fact in told], writer=FEED)

    async def wait_until(self, at_ms: int) -> None:
        """Let time pass: the clock says so, and the venue is listened to."""
        await self.catch_up()
        self.clock.move_to(at_ms)
        second = SecondPassed(id=f"second:{at_ms}", at_ms=at_ms, trace_id="", account="")
        await self.bus.append(CLOCK_STREAM, [wire.write(second)], writer=CLOCK)
        await self._gateway.pump_once()
        if self._reconciling:
            await self._gateway.reconcile_once()
        await self._settle()

    async def order(self, fact: Fact) -> None:
        """Put the operator's word on its stream, and let what follows happen."""
        await self.catch_up()
        await self.bus.append(OPERATOR_STREAM, [wire.write(fact)], writer=OPERATOR)
        await self._settle()

    async def propose(self, intent: IntentProposed) -> None:
        """Put an intent on its stream, as anyone could, and let what follows happen."""
        await self.catch_up()
        await self.bus.append(TRADE_INTENT, [write_intent(intent)], writer="replay")
        await self._settle()

    async def _settle(self) -> None:
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
