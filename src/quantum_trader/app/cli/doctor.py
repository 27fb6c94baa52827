"""``quantum doctor``: the wiring as it really is."""

from dataclasses import dataclass
from pathlib import Path

from quantum_trader.adapters.bus.leases import RedisLeases
from quantum_trader.adapters.bus.server import examine
from quantum_trader.app.cli.connection import (
    account_of,
    connected,
    latch_of,
    server_url,
    wall_ms,
)
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    OnSystem,
    command,
    new_app,
    say,
    show_json,
    wait,
)
from quantum_trader.app.config import load
from quantum_trader.app.guardian_beat import guardian_findings
from quantum_trader.app.health import Finding, findings, look
from quantum_trader.app.lead import lease_findings
from quantum_trader.app.standing import look as standing_now
from quantum_trader.app.standing import standing_findings
from quantum_trader.core.errors import BusUnreachable, ServerMissing
from quantum_trader.core.lease import Held

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What ``doctor`` takes."""


@command(app, Options)
def doctor(options: Options) -> int:
    """Server, groups, lag, orphans, dead letters and heartbeats. Exit code 1 when red."""
    found = wait(examined(options.url, options.data_dir))
    red = any(finding.level == "red" for finding in found)
    if options.as_json:
        show_json({"status": "red" if red else "green", "findings": found})
        return FOUND if red else DONE
    for finding in found:
        say(f"{finding.level:<6}  {finding.where}: {finding.what}\n        {finding.remedy}")
    say("red: something needs you" if red else "green: the system runs as declared")
    return FOUND if red else DONE


async def _lease(url: str, account: str) -> Held | None:
    leases = RedisLeases(url)
    try:
        return await leases.look(account)
    finally:
        await leases.close()


async def examined(typed_url: str | None, data_dir: Path | None) -> tuple[Finding, ...]:
    """Everything wrong with the running system, the dangerous first."""
    config = load(typed={"redis_url": typed_url, "data_dir": data_dir})
    try:
        url = server_url(config)
        warnings = await examine(url)
        async with connected(url, data_dir) as bus:
            found = findings(await look(bus), wall_ms(), warnings)
            latch = latch_of(typed_url, data_dir)
            held = None if latch is None else latch.read()
            standing = await standing_now(bus, wall_ms())
            levels = standing_findings(standing, held)
            lease = lease_findings(await _lease(url, await account_of(bus)), alive=standing.alive)
            guards = guardian_findings(config.home, wall_ms())
            return tuple(
                sorted((*found, *levels, *lease, *guards), key=lambda finding: finding.level)
            )
    except (BusUnreachable, ServerMissing) as error:
        remedy = "Start the system (quantum run), or say where it is: --url, --data-dir."
        return (Finding("red", "server", str(error), remedy),)
