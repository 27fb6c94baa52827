"""The position that somebody asks about at the shell: options, and what they mean."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from quantum_trader.adapters.market.instrument_files import load as load_instruments
from quantum_trader.app.cli.frame import Common, number
from quantum_trader.app.config import Config, load
from quantum_trader.app.picture.drawing import KINDS
from quantum_trader.core.default_instruments import unknown_symbol
from quantum_trader.core.errors import UsageError
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.intent_edge import SIDES
from quantum_trader.core.units import ZERO, Side

NOTIONAL_USUAL_USD = Decimal(1_000)


@dataclass(frozen=True, kw_only=True)
class OnPosition(Common):
    """The options of a command about a position that somebody thinks of."""

    symbol: Annotated[str, typer.Option(help="Such as BTCUSDT.")]
    side: Annotated[str, typer.Option(help="LONG or SHORT (BUY and SELL mean the same).")]
    leverage: Annotated[int, typer.Option(min=1, max=125)]
    entry: Annotated[Decimal, typer.Option(parser=number, help="The entry price.")]
    volatility: Annotated[
        float | None, typer.Option(help="Over its reference of 2 % a day; 1 is usual.")
    ] = None
    funding: Annotated[float | None, typer.Option(help="Rate per interval, as a fraction.")] = None
    divergence: Annotated[float | None, typer.Option(help="Between venues, a fraction.")] = None
    qty: Annotated[Decimal | None, typer.Option(parser=number, help="In base units.")] = None
    notional: Annotated[
        Decimal | None, typer.Option(parser=number, help="In USDT; 1000 unless told.")
    ] = None
    picture: Annotated[
        Path | None, typer.Option(help=f"Draw it into this file ({', '.join(KINDS)}).")
    ] = None
    instruments: Annotated[Path | None, typer.Option(help="An exchangeInfo response.")] = None
    brackets: Annotated[Path | None, typer.Option(help="A leverageBracket response.")] = None


def settings_of(options: OnPosition) -> tuple[Config, Instrument]:
    """The settings here, and the venue's rules for the symbol. Raises ``UsageError``."""
    config = load(typed={"instruments": options.instruments, "brackets": options.brackets})
    wanted = options.symbol.strip().upper()
    instrument = load_instruments(config.instruments, config.brackets).get(wanted)
    if instrument is None:
        raise UsageError(unknown_symbol(wanted))
    if options.entry <= 0:
        raise UsageError(f"--entry {options.entry}: a price is above zero")
    return config, instrument


def side_of(text: str) -> Side:
    """Which way the position points."""
    match SIDES.get(text.strip().upper()):
        case "LONG" | "SHORT" as side:
            return side
    raise UsageError(f"--side {text}: expected LONG or SHORT")


def notional_of(options: OnPosition) -> Decimal | None:
    """The size in money, 1000 USDT unless told; None where it was told in base units."""
    if options.qty is None:
        return NOTIONAL_USUAL_USD if options.notional is None else options.notional
    if options.notional is not None:
        raise UsageError("--qty and --notional both say how much; give one of them")
    return None


def quantity_of(instrument: Instrument, options: OnPosition) -> Decimal:
    """What was asked for, on the step grid."""
    usd = notional_of(options)
    wanted = (options.qty or ZERO) if usd is None else usd / options.entry
    on_grid = instrument.floor_qty(wanted)
    if on_grid <= 0:
        raise UsageError(
            f"{wanted:f} {instrument.symbol} is less than one step of {instrument.order_step}"
        )
    return on_grid
