"""7.11: environments: hosts follow from the mode, and keys belong to one of them."""

from urllib.parse import urlsplit

import pytest

from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.hosts import Hosts, hosts_of
from quantum_trader.core.errors import ConfigError, Locked
from quantum_trader.core.secret import Secret
from tests.conformance.case import OURS, Cases
from tests.conformance.desk import Desk, opened

CASES = Cases("7.11", "Environments")
HOSTS = {
    "live": Hosts("https://fapi.binance.com", "wss://fstream.binance.com"),
    "testnet": Hosts("https://demo-fapi.binance.com", "wss://demo-fstream.binance.com"),
}


@CASES.case(
    "Every mode has its hosts, and none can be set beside it",
    "hosts of live and testnet; a paper address beside each; a paper address elsewhere",
    OURS,
)
async def _(desk: Desk) -> None:
    for mode, hosts in HOSTS.items():
        assert hosts_of(mode) == hosts  # type: ignore[arg-type]
        with pytest.raises(ConfigError):
            hosts_of(mode, desk.hosts.rest)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        hosts_of("paper", "https://fapi.binance.com")


@CASES.case(
    "Every address that signed requests could go to is one of the mode's",
    "the table of addresses behind the door",
    OURS,
)
async def _(desk: Desk) -> None:
    door = desk.door()
    try:
        urls = door._rest._wire.urls["api"]
        assert {urlsplit(url).netloc for url in urls.values()} == {urlsplit(desk.hosts.rest).netloc}
    finally:
        await door.close()


@CASES.case(
    "A key of another environment is refused, and then nothing more is tried with it",
    "the door with a key nobody has: locked",
)
async def _(desk: Desk) -> None:
    wrong = Secret("A" * 64)
    door = BinanceExchange(desk.hosts, wrong, wrong, [desk.symbol], desk.now_ms)
    try:
        with pytest.raises(Locked):
            await opened(door)
    finally:
        await door.close()


@CASES.case(
    "A key is shown to nobody: not by the door, not by what it raises",
    "texts of the door and of its errors",
)
async def _(desk: Desk) -> None:
    who = desk.keys
    door = desk.door()
    try:
        shown = [repr(door), str(door), repr(vars(door._rest._wire))]
    finally:
        await door.close()
    for text in shown:
        assert who.secret not in text
        assert who.key not in text
