"""``quantum guardian``: protects or closes what nobody does, in a process of its own."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from quantum_trader.app.cli.frame import Common, command, new_app, say, wait
from quantum_trader.app.config import Config, load
from quantum_trader.app.guardian import guard
from quantum_trader.services.log import configure

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What ``guardian`` takes."""

    mode: Annotated[str | None, typer.Option(help="paper, testnet or live.")] = None
    venue: Annotated[
        str | None, typer.Option(help="A paper venue of ours, such as http://127.0.0.1:8900.")
    ] = None
    data_dir: Annotated[Path | None, typer.Option(help="The folder with the latch.")] = None
    key_file: Annotated[Path | None, typer.Option(help="Two lines: the key and the secret.")] = None
    config: Annotated[Path | None, typer.Option(help="Settings as TOML.")] = None
    leaves: Annotated[
        bool, typer.Option("--leaves", help="End when no run lives and nothing is left to guard.")
    ] = False


@command(app, Options)
def guardian(options: Options) -> int:
    """Give every position a stop that has none, or close it; close all when FLATTEN is latched.

    Runs until it is stopped, and needs neither the trader nor its streams.
    """
    configure()
    typed = {
        "mode": options.mode,
        "data_dir": options.data_dir,
        "guardian_key_file": options.key_file,
        "venue": options.venue,
    }
    config = load(options.config, typed)
    ready = partial(_ready, options, config)
    return wait(guard(config, config.venue, ready, leaves=options.leaves))


def _ready(options: Options, config: Config) -> None:
    if options.as_json:
        told = {"ready": True, "account": config.account, "data_dir": str(config.home)}
        print(msgspec.json.encode(told).decode(), flush=True)
    else:
        say(f"guarding {config.account}; the latch is in {config.home}")
