"""Everything that has to be so before real money may be traded, found out by asking.

Nothing here arms anything: ``examine`` lists what speaks against it and what a person should know.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from quantum_trader.adapters.arming import Run, read_run
from quantum_trader.adapters.exchanges.key_rights import KeyRights, objections, remarks
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.build import build_hash
from quantum_trader.app.config import Config
from quantum_trader.app.credentials import Credentials
from quantum_trader.app.finding import Finding
from quantum_trader.core.caps import Caps
from quantum_trader.core.errors import TraderError, UsageError
from quantum_trader.core.units import usd_text

HOURS_MAX = 24.0

Rights = Callable[[Credentials], Awaitable[KeyRights]]
Doctor = Callable[[], Awaitable[Sequence[Finding]]]


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``against`` must be empty; ``remarks`` are for whoever decides."""

    run: Run | None
    fingerprint: str
    against: tuple[str, ...]
    remarks: tuple[str, ...]


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask: the venue about a key, and the running system about itself."""

    rights: Rights
    doctor: Doctor


def wanted_caps(config: Config, lower: dict[str, object]) -> Caps:
    """The configured caps with what was typed in their place.

    Raises ``ConfigError`` without configured ones, ``UsageError`` where one would be lifted.
    """
    configured = config.hard_caps
    typed = {name: value for name, value in lower.items() if value is not None}
    wanted = msgspec.structs.replace(configured, **typed)
    lifted = configured.exceeded_by(wanted)
    if lifted:
        raise UsageError(
            f"{', '.join(lifted)}: above the caps in the settings; caps are only ever lowered here"
        )
    return wanted


async def examine(config: Config, credentials: Credentials, asking: Asking) -> Examined:
    """Ask everything, even after the first no."""
    run = read_run(config.home)
    fingerprint = credentials.key.fingerprint()
    rights, silent = await _rights(credentials, asking.rights)
    return Examined(
        run=run,
        fingerprint=fingerprint,
        against=(
            *_of_run(run, config, fingerprint),
            *_of_folder(config.home),
            *(silent if rights is None else objections(rights)),
            *await _of_system(asking.doctor),
        ),
        remarks=() if rights is None else remarks(rights),
    )


def in_words(caps: Caps) -> str:
    """Caps as one line."""
    symbols = "every symbol" if caps.symbols is None else ", ".join(caps.symbols)
    return (
        f"{usd_text(caps.order_usd_max)} an order, {usd_text(caps.gross_usd_max)} all together, "
        f"{usd_text(caps.loss_usd_max)} of loss, {caps.leverage_max}x, "
        f"{caps.orders_per_minute_max} orders a minute, {symbols}"
    )


async def _rights(
    credentials: Credentials, ask: Rights
) -> tuple[KeyRights | None, tuple[str, ...]]:
    try:
        return await ask(credentials), ()
    except TraderError as error:
        return None, (f"what the key may do is not known: {error}",)


def _of_run(run: Run | None, config: Config, fingerprint: str) -> list[str]:
    if run is None:
        return [f"no system was started in {config.home}: quantum run --mode {config.mode}"]
    found = []
    if run.account != config.account:
        found.append(f"the system runs account {run.account}, the settings say {config.account}")
    if run.fingerprint != fingerprint:
        found.append(f"the system runs with key {run.fingerprint}, the key here is {fingerprint}")
    if run.build != build_hash():
        found.append("the running program is another build than this command: start it again")
    return found


def _of_folder(home: Path) -> list[str]:
    held = FileLatch(home).read()
    return [] if held is None else [f"{held.level} is latched ({held.why}): quantum resume"]


async def _of_system(doctor: Doctor) -> list[str]:
    try:
        found = await doctor()
    except TraderError as error:
        return [f"the system could not be looked at: {error}"]
    return [f"{one.where}: {one.what}" for one in found if one.level == "red"]
