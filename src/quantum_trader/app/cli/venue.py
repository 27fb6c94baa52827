"""``quantum venue``: a paper venue that speaks the API of Binance USD-M futures."""

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    Common,
    command,
    new_app,
    number,
    remark,
    say,
    show_json,
)
from quantum_trader.app.cli.replay import moment
from quantum_trader.app.config import HOME
from quantum_trader.app.instance import InstanceLock
from quantum_trader.app.venue.market_source import END_MS
from quantum_trader.app.venue.opening import Wanted, open_venue
from quantum_trader.app.venue.server import (
    PLACES_FILE,
    Places,
    bound,
    loop_factory,
    new_token,
    places_of,
    run,
    write_places,
)
from quantum_trader.app.venue.session_file import DIFFERENCES_SHOWN, replay
from quantum_trader.core.errors import UsageError

PORT = 8799

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What ``venue`` takes."""

    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 is any free one.")] = PORT
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None
    symbols: Annotated[str | None, typer.Option(help="Such as BTCUSDT,ETHUSDT.")] = None
    accounts: Annotated[int, typer.Option(min=1, max=1000, help="How many, each with a key.")] = 1
    deposit: Annotated[
        Decimal, typer.Option(parser=number, metavar="USDT", help="What each begins with.")
    ] = Decimal(100_000)
    seed: Annotated[int, typer.Option(help="Of the simulated market.")] = 1
    data: Annotated[
        list[Path] | None, typer.Option(help="Recorded candles instead: files or folders.")
    ] = None
    trades: Annotated[
        list[Path] | None, typer.Option(help="Recorded trades instead: files, one symbol each.")
    ] = None
    live: Annotated[
        str | None,
        typer.Option(help="A live market instead: binance, or a paper venue's address."),
    ] = None
    from_ms: Annotated[
        int | None, typer.Option("--from", parser=moment, metavar="TIME", help="First bar, UTC.")
    ] = None
    to_ms: Annotated[
        int | None,
        typer.Option("--to", parser=moment, metavar="TIME", help="Before this bar, UTC."),
    ] = None
    speed: Annotated[float, typer.Option(help="Seconds of market in one real second.")] = 1.0
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Keep the recorded times; else it begins now.")
    ] = False
    instruments: Annotated[Path | None, typer.Option(help="An exchangeInfo response.")] = None
    brackets: Annotated[Path | None, typer.Option(help="A leverageBracket response.")] = None
    memory: Annotated[bool, typer.Option("--memory", help="Keep no orders in a file.")] = False
    legacy_conditional: Annotated[
        bool,
        typer.Option("--legacy-conditional", help="Take stops on /order, as before Dec. 2025."),
    ] = False
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="Count requests and orders, and refuse none.")
    ] = False
    record: Annotated[
        Path | None, typer.Option(help="Write every input and what came of it to a new file.")
    ] = None
    replay: Annotated[
        Path | None, typer.Option(help="Do such a session again, compare, and serve nothing.")
    ] = None
    duration: Annotated[
        float | None, typer.Option(min=0, help="Stop by itself after so many seconds.")
    ] = None


@command(app, Options)
def venue(options: Options) -> int:
    """Serve a paper venue until Ctrl-C. Its keys are in places.json of its folder."""
    if options.speed <= 0:
        raise UsageError(f"--speed {options.speed}: must be more than zero")
    if options.replay is not None:
        return _replayed(options, options.replay)
    folder = folder_of(options)
    lock = InstanceLock(folder)
    lock.take()
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(options, folder))
    finally:
        lock.release()
    return DONE


def _replayed(options: Options, path: Path) -> int:
    """Code 1 when anything comes out otherwise than it did."""
    done = replay(path)
    if options.as_json:
        show_json(done)
    else:
        say(f"{done.inputs:,} inputs done again, {len(done.differences):,} came out otherwise")
        for number_of in done.differences[:DIFFERENCES_SHOWN]:
            remark(f"different: input {number_of}")
    return FOUND if done.differences else DONE


def folder_of(options: Options) -> Path:
    """Where a venue keeps everything."""
    return (options.data_dir or HOME / "venue").expanduser()


async def _serve(options: Options, folder: Path) -> None:
    sock = bound(options.port)
    opened = None
    try:
        opened = await open_venue(_wanted(options, folder))
        token = new_token()
        places = places_of(sock, opened.venue, token, opened.market)
        write_places(folder, places)
        serving = run(opened.venue, opened.player, sock, token, lambda: _ready(options, places))
        await _until_told(serving, options.duration)
    finally:
        sock.close()
        if opened is not None:
            opened.venue.close()
            if opened.recording is not None:
                opened.recording.close()
        (folder / PLACES_FILE).unlink(missing_ok=True)


async def _until_told(serving: Coroutine[None, None, None], duration_s: float | None) -> None:
    """Serve until a signal, or until the time is over."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    served = asyncio.create_task(serving)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait(
            {served, stopped}, timeout=duration_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        stopped.cancel()
        served.cancel()
    ended = await asyncio.gather(served, stopped, return_exceptions=True)
    if isinstance(ended[0], Exception):
        raise ended[0]


def _ready(options: Options, places: Places) -> None:
    file = folder_of(options) / PLACES_FILE
    if options.as_json:
        shown = {
            "url": places.url,
            "ws_url": places.ws_url,
            "control_url": places.control_url,
            "places_file": str(file),
            "market": places.market,
            "symbols": places.symbols,
            "accounts": [one.name for one in places.accounts],
        }
        print(msgspec.json.encode(shown).decode(), flush=True)
        return
    say(f"rest    {places.url}/fapi\nstreams {places.ws_url}\norders  {places.ws_url}/ws-fapi/v1")
    say(f"market  {places.market}: {', '.join(places.symbols)}, speed {options.speed:g}")
    say(f"keys    {file} (of {len(places.accounts)} accounts, and of the control)")
    say("ready   Ctrl-C stops it; a later start goes on from there")


def _wanted(options: Options, folder: Path) -> Wanted:
    symbols = None
    if options.symbols is not None:
        symbols = tuple(one.strip().upper() for one in options.symbols.split(",") if one.strip())
    return Wanted(
        folder=folder,
        symbols=symbols,
        accounts=options.accounts,
        deposit_usd=options.deposit,
        seed=options.seed,
        data=tuple(options.data or ()),
        trades=tuple(options.trades or ()),
        live=options.live,
        from_ms=options.from_ms or 0,
        to_ms=END_MS if options.to_ms is None else options.to_ms,
        speed=options.speed,
        as_recorded=options.as_recorded,
        instruments=options.instruments,
        brackets=options.brackets,
        memory=options.memory,
        legacy_conditional=options.legacy_conditional,
        limited=not options.unlimited,
        record=options.record,
    )
