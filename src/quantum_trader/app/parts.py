"""The parts of a system, and which of them a market and a venue need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from quantum_trader.adapters.archive.segments import FOLDER, SegmentArchive
from quantum_trader.adapters.bus.namespace import names_of
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.clock import SteadyClock, SystemClock
from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.adapters.market.instrument_files import load as load_instruments
from quantum_trader.app.abroad import Abroad, begin_after
from quantum_trader.app.config import Config
from quantum_trader.app.instance import settle_owner
from quantum_trader.app.market import Market
from quantum_trader.app.rig import matching_rules
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.rules import Rules
from quantum_trader.core.signals import MODELS, AnyModel
from quantum_trader.ports import (
    Archive,
    Bus,
    Clock,
    Exchange,
    Journal,
    Latch,
    MarketData,
    QuoteSource,
    SimulatedVenue,
)
from quantum_trader.services.exchange_health import Counts, Offset
from quantum_trader.services.instruments import Ask
from quantum_trader.services.leadership import Leadership
from quantum_trader.services.snapshots import SNAPSHOT_EVERY

INSTANCE = "main"
"""The consumer name of every service: the same after a restart, so that it finds what it left."""
JOURNAL_FILE = "journal.sqlite"
VENUE_FILE = "paper-venue.sqlite"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a system is made of. ``wall`` dates; ``time`` is the time of the market it lives on.

    ``venue`` takes the orders; ``simulated`` is that same venue where its market is moved from
    here, and None for one that has a market of its own. ``in_process``: it lives in here, so that
    nothing is ever on its way to it.
    ``steady`` only ever goes on, whatever the wall's is set to: it tells how long an order has been
    in doubt. ``quotes`` is what other venues bid and ask; None where nobody is compared.
    ``leadership`` is the right to trade the account; None where nobody else could have
    it. ``instruments`` asks the venue for its own, where it has any, ``clock_offset`` for how far
    its clock is from ours, and ``oddities`` counts what it says oddly. The trader writes a snapshot
    every ``snapshot_every`` facts. Without ``keeps_house`` nobody archives, tidies or sings.
    """

    rules: Rules
    models: Sequence[AnyModel]
    data: MarketData
    venue: Exchange
    simulated: SimulatedVenue | None
    journal: Journal
    latch: Latch
    archive: Archive | None
    bus_of: Callable[[str], Bus]
    wall: Clock
    time: Clock
    in_process: bool = False
    quotes: QuoteSource | None = None
    leadership: Leadership | None = None
    instruments: Ask | None = None
    clock_offset: Offset | None = None
    oddities: Counts | None = None
    steady: Clock = field(default_factory=SteadyClock)
    snapshot_every: int = SNAPSHOT_EVERY
    keeps_house: bool = True


def rules_on(
    market: Market, config: Config, instruments: Mapping[str, Instrument] | None = None
) -> Rules:
    """The configured rules for one market: its account, and its limits where none were set.

    Raises ``ConfigError`` for a symbol without an instrument. Instruments come from files, unless
    a venue told its own.
    """
    limits = {**market.limits, **config.limits}
    here = config.model_copy(update={"account": market.account, "limits": limits})
    known = instruments
    if known is None:
        known = load_instruments(config.instruments, config.brackets)
    return here.rules(known)


def archive_in(folder: Path) -> SegmentArchive | None:
    """The archive beside the streams of a folder; None where nobody can write one."""
    return SegmentArchive(folder / FOLDER) if find_spec("polars") else None


def paper_parts(
    config: Config, market: Market, url: str, leadership: Leadership | None = None
) -> Parts:
    """The parts of paper trading: its files in the data folder, its streams at ``url``.

    Raises ``ConfigError`` and ``StoreError``; then no file was changed.
    """
    rules = rules_on(market, config)
    settle_owner(config.home, rules.account)
    venue = PaperExchange(matching_rules(rules), PaperStore(config.home / VENUE_FILE))
    return _parts(config, market, url, leadership, (rules, venue, venue))


def parts_abroad(
    config: Config, market: Market, url: str, leadership: Leadership, abroad: Abroad
) -> Parts:
    """The parts of trading at a venue outside this process. Raises like ``paper_parts``."""
    here = config.model_copy(update={"deposit_usd": abroad.deposit_usd})
    told = abroad.instruments
    abroad.door.fence(leadership.refusal)
    known = {symbol: told[symbol] for symbol in config.symbols if symbol in told}
    rules = rules_on(market, here, known)
    settle_owner(config.home, rules.account)
    parts = _parts(config, market, url, leadership, (rules, abroad.exchange, None))
    begin_after(parts.journal, abroad.door)
    return replace(
        parts,
        instruments=abroad.door.instruments,
        clock_offset=lambda: abroad.door.clock_offset_ms,
        oddities=lambda: abroad.door.oddities,
    )


def _parts(
    config: Config,
    market: Market,
    url: str,
    leadership: Leadership | None,
    traded: tuple[Rules, Exchange, SimulatedVenue | None],
) -> Parts:
    rules, venue, simulated = traded
    return Parts(
        rules=rules,
        models=[MODELS[config.model]()],
        data=market.data,
        venue=venue,
        simulated=simulated,
        in_process=simulated is not None,
        journal=SqliteJournal(config.home / JOURNAL_FILE, rules.account),
        latch=FileLatch(config.home),
        archive=archive_in(config.home),
        bus_of=lambda service: RedisBus(url, consumer=INSTANCE, names=names_of(rules.account)),
        wall=SystemClock(),
        time=market.time,
        quotes=market.quotes,
        leadership=leadership,
    )
