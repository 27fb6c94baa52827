"""Who lets orders leave that add risk: a person where money is real, elsewhere the caps alone."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from quantum_trader.adapters.arming import ArmedLeave, Run, note_run
from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.exchanges.capped import Standing
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.build import build_hash
from quantum_trader.app.config import Config
from quantum_trader.app.guardian_beat import beat_file
from quantum_trader.core.arming import Here
from quantum_trader.core.caps import Caps
from quantum_trader.ports import Leave

Offset = Callable[[], int | None]
"""How far the venue's clock is from ours, milliseconds; None when that is not known."""


def leave_of(config: Config, caps: Caps, fingerprint: str, offset: Offset) -> Leave:
    """The leave of a run that begins now; whatever was armed before is over.

    Raises ``StoreError`` where that cannot be written down.
    """
    if config.mode != "live":
        return Standing(caps)
    run = Run(
        run=secrets.token_hex(8),
        account=config.account,
        build=build_hash(),
        fingerprint=fingerprint,
        started_ms=SystemClock().now_ms(),
        pid=os.getpid(),
    )
    note_run(config.home, run)
    return ArmedLeave(config.home, lambda: here_now(config, run, offset), SystemClock().now_ms)


def no_entry(folder: Path, leave: Leave | None) -> str | None:
    """Why no order that adds risk may be signed now; None when one may.

    The last question before the socket: what is latched or disarmed while an order is on its way
    still holds it back.
    """
    held = FileLatch(folder).read()
    if held is not None:
        return f"{held.level} is latched by {held.who}"
    granted = None if leave is None else leave.caps()
    return "; ".join(granted) if isinstance(granted, tuple) else None


def here_now(config: Config, run: Run, offset: Offset) -> Here:
    """What a leave has to fit, found out anew. A guardian that sees nothing guards nothing."""
    found = beat_file(config.home).read()
    guardian_ms = None
    if found is not None and found[0].seen:
        guardian_ms = SystemClock().now_ms() - found[1]
    return Here(
        account=run.account,
        fingerprint=run.fingerprint,
        build=run.build,
        run=run.run,
        guardian_ms=guardian_ms,
        clock_offset_ms=offset(),
        halted=FileLatch(config.home).read() is not None,
    )
