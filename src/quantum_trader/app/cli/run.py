"""``quantum run``: the whole system in one process, with a page to look at."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import structlog
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from quantum_trader.app.cli.frame import Common, command, new_app, remark, say, wait
from quantum_trader.app.config import Config, load
from quantum_trader.app.display import signed_percent, signed_usd, usd
from quantum_trader.app.guardian_child import PROGRAM, guardian_words
from quantum_trader.app.keep import Keeper
from quantum_trader.app.market import SEED, MarketChoice, Wanted
from quantum_trader.app.run import Asked, Places, run
from quantum_trader.app.watch import View
from quantum_trader.core.events import Fact, IntentApplied, TradeClosed
from quantum_trader.services.log import configure

LOG_FILE = "quantum.log"
SUMMARY_EVERY_S = 30.0

app = new_app()
_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What ``run`` takes."""

    mode: Annotated[str | None, typer.Option(help="paper, testnet or live.")] = None
    symbols: Annotated[str | None, typer.Option(help="Such as BTCUSDT,ETHUSDT.")] = None
    model: Annotated[str | None, typer.Option(help="ema_cross or trend.")] = None
    leverage: Annotated[int | None, typer.Option(help="Where an entry asks for none.")] = None
    market: Annotated[
        MarketChoice, typer.Option(help="auto: real prices where they can be had, else simulated.")
    ] = "auto"
    seed: Annotated[int, typer.Option(help="Of the simulated market.")] = SEED
    replay_data: Annotated[
        Path | None, typer.Option(help="Recorded candles, played as if they happened now.")
    ] = None
    speed: Annotated[float, typer.Option(help="Recorded seconds in one real second.")] = 60.0
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None
    safe_drain: Annotated[
        bool, typer.Option("--safe-drain", help="Decide everything, send no new entry.")
    ] = False
    port: Annotated[int | None, typer.Option(help="Of the page; 0 is any free one.")] = None
    duration: Annotated[
        float | None, typer.Option(min=0, help="Stop by itself after so many seconds.")
    ] = None
    instruments: Annotated[Path | None, typer.Option(help="An exchangeInfo response.")] = None
    brackets: Annotated[Path | None, typer.Option(help="A leverageBracket response.")] = None
    venue: Annotated[
        str | None, typer.Option(help="A paper venue to trade at, such as http://127.0.0.1:8799.")
    ] = None
    key_file: Annotated[Path | None, typer.Option(help="Key and secret for that venue.")] = None
    no_guardian: Annotated[
        bool, typer.Option("--no-guardian", help="Start none: somebody else keeps one.")
    ] = False
    config: Annotated[Path | None, typer.Option(help="Settings as TOML.")] = None
    keep: Annotated[
        bool, typer.Option("--keep", help="Start it again when it dies, and halt it if too often.")
    ] = False


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. Money is None where a price was missing."""

    seconds: float
    exit_code: int
    market: str
    account: str
    equity_usd: Decimal | None
    wallet_usd: Decimal | None
    change_usd: Decimal | None
    opened: int
    closed: int
    open_positions: int
    protected_positions: int
    data_dir: str


@command(app, Options)
def run_system(options: Options) -> int:
    """Trade on paper, here and now, until Ctrl-C. Killing it is safe: the next start goes on.

    With --json: one line when it is ready, and one with the summary when it ends.
    """
    config = _config(options)
    if options.keep:
        return Keeper(_without_keep(sys.argv[1:]), config.home, remark).run()
    wanted = Wanted(
        choice=options.market,
        seed=options.seed,
        recording=options.replay_data,
        speed=options.speed,
    )
    guardian = None if options.no_guardian else tuple(guardian_words(config, options.config))
    asked = Asked(
        market=wanted,
        drain=options.safe_drain,
        duration_s=options.duration,
        guardian=guardian,
    )
    began_s = time.monotonic()
    teller = _teller(options, config)
    try:
        code, view = wait(run(config, asked, teller))
    finally:
        teller.close()
    teller.ended(_summary(view, code, time.monotonic() - began_s, config))
    return code


class Json:
    """Two lines of JSON: where it is, and what it came to. The log goes to standard error."""

    def __init__(self) -> None:
        configure()

    def ready(self, places: Places) -> None:
        """The first line."""
        _print_json({"ready": True, **msgspec.to_builtins(places)})

    def seen(self, view: View, news: list[Fact]) -> None:
        """What happens goes to the log."""
        _log_news(news)

    def ended(self, summary: Summary) -> None:
        """The last line."""
        _print_json({"summary": summary})

    def close(self) -> None:
        """Nothing is held."""


class Plain:
    """Lines for whoever reads them later: places first, then the log and a summary now and then."""

    def __init__(self) -> None:
        configure(sys.stdout)
        self._said_s = time.monotonic()

    def ready(self, places: Places) -> None:
        """Where everything is."""
        _say_places(places)
        say("ready")
        sys.stdout.flush()

    def seen(self, view: View, news: list[Fact]) -> None:
        """What happened, and how things stand twice a minute."""
        _log_news(news)
        if time.monotonic() - self._said_s >= SUMMARY_EVERY_S:
            self._said_s = time.monotonic()
            _log.info(line_of(view))
        sys.stdout.flush()

    def ended(self, summary: Summary) -> None:
        """What it came to."""
        _say_summary(summary)

    def close(self) -> None:
        """Nothing is held."""


class Lively:
    """One line that changes in place; the log goes to a file in the data folder."""

    def __init__(self, log: TextIO) -> None:
        configure(log)
        self._log = log
        self._live = Live(console=Console(), auto_refresh=False)

    def ready(self, places: Places) -> None:
        """Where everything is."""
        _say_places(places)
        say(f"log    {self._log.name}\nready  Ctrl-C stops it; a later start goes on from there\n")
        self._live.start()

    def seen(self, view: View, news: list[Fact]) -> None:
        """How things stand."""
        _log_news(news)
        self._log.flush()
        self._live.update(Text(line_of(view)), refresh=True)

    def ended(self, summary: Summary) -> None:
        """What it came to."""
        _say_summary(summary)
        if summary.exit_code:
            remark(f"error: a service failed; the reason is in {self._log.name}")

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()
        self._log.close()


def line_of(view: View) -> str:
    """How things stand, on one line."""
    change_usd = None
    if view.head is not None and view.equity_usd is not None:
        change_usd = view.equity_usd - view.head.deposit_usd
    frac = None if change_usd is None or view.head is None else change_usd / view.head.deposit_usd
    return (
        f"{view.about.market}  {usd(view.equity_usd)} ({signed_percent(frac)})  "
        f"{len(view.positions)} open, {view.protected} protected  "
        f"{view.closed} of {view.opened} trades closed"
    )


def _without_keep(words: Sequence[str]) -> list[str]:
    """The command that was typed, for a child that is kept."""
    return [*PROGRAM, *(word for word in words if word != "--keep")]


def _config(options: Options) -> Config:
    settings = ("mode", "model", "leverage", "data_dir", "instruments", "brackets")
    names = (*settings, "venue", "key_file")
    typed: dict[str, object] = {name: getattr(options, name) for name in names}
    typed["page_port"] = options.port
    if options.symbols is not None:
        typed["symbols"] = tuple(part for part in options.symbols.split(",") if part)
    return load(options.config, typed)


def _teller(options: Options, config: Config) -> Json | Plain | Lively:
    if options.as_json:
        return Json()
    if not sys.stdout.isatty():
        return Plain()
    config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Lively((config.home / LOG_FILE).open("a", encoding="utf-8"))


def _summary(view: View, code: int, seconds: float, config: Config) -> Summary:
    head, equity_usd = view.head, view.equity_usd
    return Summary(
        seconds=round(seconds, 3),
        exit_code=code,
        market=view.about.market,
        account=view.about.account,
        equity_usd=equity_usd,
        wallet_usd=None if head is None else head.wallet_usd,
        change_usd=None if head is None or equity_usd is None else equity_usd - head.deposit_usd,
        opened=view.opened,
        closed=view.closed,
        open_positions=len(view.positions),
        protected_positions=view.protected,
        data_dir=str(config.home),
    )


def _say_places(places: Places) -> None:
    say(f"page   {places.page_url}")
    say(f"market {places.market}: {places.note}")
    say(f"redis  {places.redis_url} (with its password: redis.url in the folder)")
    say(f"folder {places.data_dir}")
    if places.guardian_pid is not None:
        say(
            f"guard  process {places.guardian_pid} stays while anything is held, whatever ends this"
        )


def _say_summary(summary: Summary) -> None:
    say(
        f"{summary.market} account {summary.account}: equity {usd(summary.equity_usd)} "
        f"({signed_usd(summary.change_usd)} since the deposit), {summary.opened} trades opened, "
        f"{summary.closed} closed, {summary.open_positions} open of which "
        f"{summary.protected_positions} protected by a confirmed stop"
    )
    if summary.open_positions:
        say(f"Their stops stay at the paper exchange; the next start goes on: {summary.data_dir}")


def _log_news(news: list[Fact]) -> None:
    for fact in news:
        _NEWS.get(type(fact), _nothing)(fact)


def _nothing(fact: Fact) -> None:
    """Refusals and skips are on the page; a log of them would drown the rest."""


def _applied(fact: IntentApplied) -> None:
    _log.info(
        fact.status, symbol=fact.symbol, side=fact.side, reason=fact.reason, trace=fact.trace_id
    )


def _closed(fact: TradeClosed) -> None:
    _log.info(
        "trade closed",
        symbol=fact.symbol,
        side=fact.side,
        reason=fact.reason,
        net_usd=str(fact.net_usd),
        r=round(fact.r_net, 2),
        trace=fact.trace_id,
    )


_NEWS: dict[type[Fact], Callable[..., None]] = {IntentApplied: _applied, TradeClosed: _closed}


def _print_json(value: object) -> None:
    print(msgspec.json.encode(value).decode(), flush=True)
