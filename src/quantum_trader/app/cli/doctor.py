"""``quantum doctor``: the system as it really is."""

from dataclasses import dataclass
from pathlib import Path

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
from quantum_trader.app.connection import account_of, connected, server_url, wall_ms
from quantum_trader.app.examination import (
    Report,
    Subject,
    examine_folder,
    examine_system,
)
from quantum_trader.app.finding import Finding, red
from quantum_trader.core.errors import BusUnreachable

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What ``doctor`` takes."""


@command(app, Options)
def doctor(options: Options) -> int:
    """Server, disk, journal, groups, lag, letters, canaries, heartbeats. Exit code 1 when red."""
    report = wait(reported(options.url, options.data_dir))
    if options.as_json:
        status = "red" if report.is_red else "green"
        show_json(
            {
                "status": status,
                "findings": report.findings,
                "server": report.server,
                "folder": report.folder,
            }
        )
        return FOUND if report.is_red else DONE
    for each in report.findings:
        say(f"{each.level:<6}  {each.name}  {each.where}: {each.what}")
        say(f"        means: {each.money}\n        to do: {each.remedy}")
    say("red: something needs you" if report.is_red else "green: the system runs as declared")
    return FOUND if report.is_red else DONE


async def examined(typed_url: str | None, data_dir: Path | None) -> tuple[Finding, ...]:
    """Everything wrong with the running system, the dangerous first."""
    return (await reported(typed_url, data_dir)).findings


async def reported(typed_url: str | None, data_dir: Path | None) -> Report:
    """Everything that can be found out about the running system."""
    config = load(typed={"redis_url": typed_url, "data_dir": data_dir})
    # A typed address alone names no folder: the usual one may be that of another system.
    folder = config.home if typed_url is None or data_dir is not None else None
    try:
        url = server_url(config)
        async with connected(url, data_dir) as bus:
            account = await account_of(bus)
            subject = Subject(bus=bus, url=url, names=bus.names, account=account, folder=folder)
            return await examine_system(subject, wall_ms())
    except BusUnreachable as error:
        remedy = "Start the system (`quantum run`), or say where it is: --url, --data-dir."
        silent = red("server.unreachable", "server", str(error), remedy)
        return examine_folder(folder, config.account, wall_ms(), silent)
