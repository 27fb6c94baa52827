"""``quantum arm``: the second of two deliberate steps before real money is traded.

The first is ``mode = "live"`` in the settings. Nothing else, and nothing by itself, arms anything.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from quantum_trader.adapters.arming import arm
from quantum_trader.adapters.exchanges.key_rights import KeyRights, ask_rights
from quantum_trader.app.arming import (
    HOURS_MAX,
    Asking,
    Examined,
    examine,
    in_words,
    wanted_caps,
)
from quantum_trader.app.build import build_hash
from quantum_trader.app.cli.doctor import examined
from quantum_trader.app.cli.errors import tell
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    OnSystem,
    command,
    new_app,
    number,
    remark,
    say,
    show_json,
    wait,
)
from quantum_trader.app.cli.operate import who
from quantum_trader.app.config import Config, load
from quantum_trader.app.connection import wall_ms
from quantum_trader.app.credentials import Credentials, find_credentials
from quantum_trader.app.story import time_text
from quantum_trader.app.trouble import Trouble
from quantum_trader.core.arming import Armed
from quantum_trader.core.caps import Caps
from quantum_trader.core.errors import UsageError

RIGHTS_HOST = "https://api.binance.com"
HOUR_MS = 3_600_000

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What ``arm`` takes. Caps may be lowered here, never lifted."""

    config: Annotated[Path | None, typer.Option(help="The settings the system runs with.")] = None
    order_max: Annotated[
        Decimal | None, typer.Option(parser=number, help="Lower the cap of one order, USDT.")
    ] = None
    gross_max: Annotated[
        Decimal | None, typer.Option(parser=number, help="Lower the cap of all together, USDT.")
    ] = None
    loss_max: Annotated[
        Decimal | None, typer.Option(parser=number, help="Lower the cap of loss, USDT.")
    ] = None
    leverage_max: Annotated[int | None, typer.Option(help="Lower the cap of leverage.")] = None
    symbols: Annotated[str | None, typer.Option(help="Only these, such as BTCUSDT.")] = None
    hours: Annotated[
        float, typer.Option("--for", min=0.01, max=HOURS_MAX, help="Hours until it ends.")
    ] = 12.0
    confirm: Annotated[
        str | None, typer.Option(help="The words it asks for, for whoever cannot type.")
    ] = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. ``words`` are what has to be typed; ``against`` is why nothing is."""

    armed: bool
    account: str
    fingerprint: str
    caps: Caps
    words: str
    expires_ms: int | None
    against: tuple[str, ...]
    remarks: tuple[str, ...]


@command(app, Options)
def arm_system(options: Options) -> int:
    """Allow orders that add risk with real money, within caps, until its time is over.

    Needs mode live in the settings, a running system that is green, a key that can move no money
    away, and the account's words typed. Exits and stops never need it.
    """
    config = _config(options)
    caps = wanted_caps(config, _typed(options))
    credentials = find_credentials("live", config.key_file)
    found = wait(examine(config, credentials, _asking(config)))
    result = _result(config, found, caps)
    if not found.against and found.run is not None:
        result = _confirmed(options, config, result, found.run.run)
    return _show(options, result)


def _config(options: Options) -> Config:
    config = load(options.config, {"data_dir": options.data_dir, "redis_url": options.url})
    if config.mode != "live":
        raise UsageError(
            f"mode {config.mode} trades no real money and needs no arming; "
            'mode = "live" in the settings is the first of the two steps'
        )
    return config


def _typed(options: Options) -> dict[str, object]:
    symbols = options.symbols
    return {
        "order_usd_max": options.order_max,
        "gross_usd_max": options.gross_max,
        "loss_usd_max": options.loss_max,
        "leverage_max": options.leverage_max,
        "symbols": None if symbols is None else tuple(filter(None, symbols.upper().split(","))),
    }


def _asking(config: Config) -> Asking:
    async def rights(credentials: Credentials) -> KeyRights:
        return await ask_rights(RIGHTS_HOST, credentials.key, credentials.secret, wall_ms())

    return Asking(rights=rights, doctor=lambda: examined(config.redis_url, config.home))


def _result(config: Config, found: Examined, caps: Caps) -> Result:
    return Result(
        armed=False,
        account=config.account,
        fingerprint=found.fingerprint,
        caps=caps,
        words=f"arm {config.account} {found.fingerprint}",
        expires_ms=None,
        against=found.against,
        remarks=found.remarks,
    )


def _confirmed(options: Options, config: Config, result: Result, run: str) -> Result:
    """Arm when the words were typed; otherwise say that they were not."""
    typed = options.confirm if options.confirm is not None else _ask(options, result)
    if typed is None or " ".join(typed.split()) != result.words:
        against = (f"the words were not typed: {result.words}",)
        return msgspec.structs.replace(result, against=against)
    now_ms = wall_ms()
    armed = Armed(
        account=config.account,
        fingerprint=result.fingerprint,
        build=build_hash(),
        run=run,
        caps=result.caps,
        who=who(),
        armed_ms=now_ms,
        expires_ms=now_ms + int(options.hours * HOUR_MS),
    )
    arm(config.home, armed)
    return msgspec.structs.replace(result, armed=True, expires_ms=armed.expires_ms)


def _ask(options: Options, result: Result) -> str | None:
    """Show what would be armed, and let somebody type; None where nobody can."""
    if options.as_json:
        return None
    _say_what(result)
    try:
        return str(typer.prompt(f'Type "{result.words}" to trade with real money', err=True))
    except typer.Abort:
        return None


def _say_what(result: Result) -> None:
    remark(f"account {result.account}, key {result.fingerprint}")
    remark(f"caps    {in_words(result.caps)}")
    for each in result.remarks:
        remark(f"note    {each}")


def _show(options: Options, result: Result) -> int:
    if options.as_json:
        show_json(result)
        return DONE if result.armed else FOUND
    if not result.armed:
        return tell(_not_armed(result), as_json=False)
    until = "" if result.expires_ms is None else time_text(result.expires_ms)
    say(f"Armed: {result.account} trades with real money until {until}.")
    say(f"Within {in_words(result.caps)}. `quantum disarm` ends it; so does anything odd.")
    return DONE


def _not_armed(result: Result) -> Trouble:
    return Trouble(
        code=FOUND,
        what="not armed: " + "; ".join(result.against),
        money="No order that adds risk can leave. Exits and stops need no arming.",
        remedy="See to what it names, then `quantum arm` again.",
    )
