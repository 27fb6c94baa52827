"""Where the venue is: a function of the mode, and of nothing that could be set beside it."""

from urllib.parse import urlsplit

import msgspec

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.mode import TradingMode

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Hosts(msgspec.Struct, frozen=True):
    """REST and streams of one environment, without a path."""

    rest: str
    streams: str


LIVE = Hosts("https://fapi.binance.com", "wss://fstream.binance.com")
DEMO = Hosts("https://demo-fapi.binance.com", "wss://demo-fstream.binance.com")


def hosts_of(mode: TradingMode, paper_url: str | None = None) -> Hosts:
    """The hosts of a mode. ``paper_url`` is where a paper venue of our own listens.

    Raises ``ConfigError`` for an address beside a mode that has its own, and for a paper venue
    that is not on this machine: a typing error there would send paper orders to strangers.
    """
    if mode == "paper":
        return _paper(paper_url)
    if paper_url is not None:
        raise ConfigError(f"mode {mode} has its own hosts; a venue's address is for paper only")
    return LIVE if mode == "live" else DEMO


def _paper(url: str | None) -> Hosts:
    if url is None:
        raise ConfigError("a paper venue was asked for without its address")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in LOOPBACK:
        raise ConfigError(f"{url}: a paper venue is on this machine, such as http://127.0.0.1:8900")
    if parts.path.strip("/") or parts.query or parts.username:
        raise ConfigError(f"{url}: the address of a paper venue has no path and no name in it")
    streams = "wss" if parts.scheme == "https" else "ws"
    return Hosts(f"{parts.scheme}://{parts.netloc}", f"{streams}://{parts.netloc}")
