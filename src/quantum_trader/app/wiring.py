"""The one place where services meet the adapters they hold: every mode is a wiring of parts.

``System`` is the whole: the trader, the gateway, the models, the paper venue's market, the feed
and the clock, each on a connection of its own.
"""

from contextlib import suppress
from functools import partial

import msgspec
import structlog

from quantum_trader.adapters.exchanges.breaking import BreakingExchange
from quantum_trader.adapters.exchanges.fenced import FencedExchange
from quantum_trader.adapters.market.contracts import BINANCE
from quantum_trader.app.board import Board
from quantum_trader.app.parts import Parts
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import CanarySung, DrainSwitched, Fact, RulesAdopted
from quantum_trader.core.out import Stamp
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState, state_hash
from quantum_trader.core.trader import step
from quantum_trader.ports import Bus, Exchange
from quantum_trader.services import wire
from quantum_trader.services.archiver import Archiver, ArchiverSettings
from quantum_trader.services.batch import Handler
from quantum_trader.services.canary import Canary
from quantum_trader.services.clock import ClockService
from quantum_trader.services.exchange_health import EXCHANGE, ExchangeHealth
from quantum_trader.services.feed import Feed
from quantum_trader.services.fold import Fold
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.gateway_loops import GatewayService
from quantum_trader.services.history import History, set_aside_of_others
from quantum_trader.services.instruments import INSTRUMENTS, InstrumentKeeper
from quantum_trader.services.janitor import Janitor
from quantum_trader.services.latch import LATCH, LatchKeeper
from quantum_trader.services.leadership import LEASE, Leadership
from quantum_trader.services.lives import halt
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.paper_venue import PaperMarket
from quantum_trader.services.recovery import Log
from quantum_trader.services.signals import signals_fold
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.services.supervisor import Start
from quantum_trader.services.venues import Venues
from quantum_trader.streams import (
    ARCHIVER,
    CANARY,
    CLOCK,
    FEED,
    GATEWAY,
    JANITOR,
    KEEPERS,
    OPERATOR,
    OPERATOR_STREAM,
    PAPER,
    SIGNALS,
    TRADER,
    VENUES,
    read_by,
    writer_of,
)

_log = structlog.get_logger()

ADOPT_TURNS_MAX = 10_000
"""So many batches may lie before new rules in the trader's inbox after a long rest."""
ORDERS_LOOKED_AT = 1_000


class System:
    """All services of one account in this process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rules = parts.rules
        account = parts.rules.account
        self._settings = LoopSettings(account=account)
        self.buses = {
            name: parts.bus_of(name)
            for name in (TRADER, GATEWAY, SIGNALS, PAPER, FEED, CLOCK, OPERATOR, VENUES, *KEEPERS)
        }
        self.trader = Fold(
            step,
            TraderState,
            snapshots_of(TraderState, parts.snapshot_every),
            wire.Reader(account),
            Board(),
        )
        venue = BreakingExchange(parts.venue, parts.steady.now_ms)
        self._clock = ClockService(self.buses[CLOCK], parts.time)
        self._instruments: InstrumentKeeper | None = None
        gateway = Gateway(
            _fenced(venue, parts.leadership),
            parts.journal,
            account,
            parts.steady,
            parts.time.now_ms,
            in_process=parts.in_process,
        )
        gateway.on_misfit = self._ask_for_instruments
        self._health = ExchangeHealth(
            self.buses[OPERATOR], venue.troubles, parts.wall, parts.clock_offset, parts.oddities
        )
        signals = signals_fold(parts.models, account)
        self.trader.history = signals.history = self._history
        self._paper = self._consumer(PAPER, PaperMarket(parts.simulated))
        self._signals = self._consumer(SIGNALS, signals)
        self._trader = self._consumer(TRADER, self.trader)
        self._latch = LatchKeeper(
            self.buses[OPERATOR], parts.latch, lambda: self.trader.state.kill_level, self._stamp
        )
        self._gateway = GatewayService(self.buses[GATEWAY], gateway, self._settings, parts.wall)

    def _history(self, bus: Bus) -> Log:
        """The streams as a service reads them to become what it was."""
        return bus if self._parts.archive is None else History(bus, self._parts.archive)

    def _keepers(self) -> dict[str, Start]:
        """Those who keep the streams in order."""
        parts, account = self._parts, self._parts.rules.account
        settings = ArchiverSettings(account=account)
        return {
            ARCHIVER: Archiver(self.buses[ARCHIVER], parts.archive, parts.wall, settings).run,
            JANITOR: Janitor(self.buses[JANITOR], parts.wall).run,
            CANARY: Canary(self.buses[CANARY], parts.wall, parts.time, account, self._say).run,
        }

    async def _say(self, stream: str, fact: CanarySung) -> None:
        """Have the writer of a stream say something on it; any other hand would shut it out."""
        loops: dict[str, Consumer | GatewayService] = {
            TRADER: self._trader,
            GATEWAY: self._gateway,
            SIGNALS: self._signals,
            PAPER: self._paper,
        }
        await loops[writer_of(stream)].say([(stream, fact)])

    def _consumer(self, service: str, handler: Handler) -> Consumer:
        streams, wall = read_by(service), self._parts.wall
        bus = self.buses[service]
        return Consumer(bus, service, streams, handler, self._settings, clock=wall)

    async def start(self, drain: bool) -> None:
        """Open every group, fence predecessors, restore everybody, and adopt the rules.

        What is latched is ordered too. ``drain`` switches safe-drain on; otherwise it stays as it
        was left.
        """
        parts = self._parts
        if parts.archive is not None:
            await set_aside_of_others(self.buses[TRADER], parts.archive)
        await self._clock.begin()
        for service in (self._paper, self._signals, self._trader, self._gateway):
            await service.start()
        rules = self._rules = await self._allowed(parts.rules)
        if parts.instruments is not None:
            self._instruments = InstrumentKeeper(
                self.buses[OPERATOR], parts.instruments, rules, self._stamp
            )
        orders: list[Fact] = []
        if self._gateway.awaits_life:
            orders += await halt(self.buses[OPERATOR], self._stamp("streams-lost"))
        if await self._newest_rules() != rules:
            orders.append(RulesAdopted(**self._stamp(f"rules:{state_hash(rules)}"), rules=rules))
        if drain and not self.trader.state.safe_drain:
            why = "started with --safe-drain"
            orders.append(DrainSwitched(**self._stamp("drain"), on=True, who=OPERATOR, why=why))
        latched = await self._latch.due()
        orders += [] if latched is None else [latched]
        await self.buses[OPERATOR].append(
            OPERATOR_STREAM, [wire.write(order) for order in orders], writer=OPERATOR
        )
        await self._settle(drain)

    def _ask_for_instruments(self) -> None:
        if self._instruments is not None:
            self._instruments.hurry()

    async def _allowed(self, rules: Rules) -> Rules:
        """The rules as far as the venue lets them: where no stop may wait, it comes with fills."""
        if rules.exits.protect == "after_fill":
            return rules
        if (await self._parts.venue.capabilities()).stop_before_entry:
            return rules
        _log.warning("the venue takes no stop without a position: stops come with the first fill")
        exits = msgspec.structs.replace(rules.exits, protect="after_fill")
        return msgspec.structs.replace(rules, exits=exits)

    async def _settle(self, drain: bool) -> None:
        """Let the trader take its inbox until it has what was ordered: nothing is fed before."""
        for _ in range(ADOPT_TURNS_MAX):
            state = self.trader.state
            met = state.rules == self._rules and state.safe_drain >= drain
            if met and self._latch.is_met:
                return
            await self._trader.poll_once()
        raise StoreError(
            f"the trader has not met its rules on {OPERATOR_STREAM} within {ADOPT_TURNS_MAX} "
            "batches; the stream was trimmed or changed"
        )

    async def _newest_rules(self) -> Rules | None:
        """The rules that were last ordered, whether or not the trader has come to them."""
        for entry in await self.buses[OPERATOR].last(OPERATOR_STREAM, ORDERS_LOOKED_AT):
            with suppress(*wire.UNREADABLE):
                fact = wire.read(entry)
                if isinstance(fact, RulesAdopted):
                    return fact.rules
        return self.trader.state.rules

    def _stamp(self, what: str) -> Stamp:
        at_ms = self._parts.time.now_ms()
        account = self._parts.rules.account
        return {
            "id": f"{OPERATOR}:{what}:{at_ms}",
            "at_ms": at_ms,
            "trace_id": "",
            "account": account,
        }

    def services(self) -> dict[str, Start]:
        """Every loop by its name, to be run together until one of them ends."""
        parts = self._parts
        services: dict[str, Start] = {
            PAPER: self._paper.run,
            SIGNALS: self._signals.run,
            GATEWAY: self._gateway.run,
            TRADER: self._trader.run,
            CLOCK: self._clock.run,
            FEED: Feed(self.buses[FEED], parts.data, parts.wall).run,
            LATCH: lambda: self._latch.run(parts.wall),
            EXCHANGE: self._health.run,
            **(self._keepers() if parts.keeps_house else {}),
        }
        if parts.leadership is not None:
            services[LEASE] = parts.leadership.run
        if self._instruments is not None:
            services[INSTRUMENTS] = partial(self._instruments.run, parts.wall)
        if parts.quotes is not None:
            venues = Venues(self.buses[VENUES], parts.quotes, BINANCE, parts.wall)
            services[VENUES] = venues.run
        return services

    async def close(self) -> None:
        """Let go of files and connections; what counts was committed before."""
        if self._parts.quotes is not None:
            await self._parts.quotes.close()
        await self._parts.venue.close()
        self._parts.journal.close()
        for bus in self.buses.values():
            await bus.close()


def _fenced(venue: Exchange, leadership: Leadership | None) -> Exchange:
    return venue if leadership is None else FencedExchange(venue, leadership.refusal)
