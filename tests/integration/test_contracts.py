"""What our contracts are called elsewhere, and that units come out right."""

import pytest

from quantum_trader.adapters.market.contracts import BINANCE, BYBIT, OKX, contract_at
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS


@pytest.mark.parametrize(
    ("venue", "symbol", "theirs", "price_factor", "qty_factor"),
    [
        (BINANCE, "BTCUSDT", "BTCUSDT", 1.0, 1.0),
        (BYBIT, "BTCUSDT", "BTCUSDT", 1.0, 1.0),
        (OKX, "BTCUSDT", "BTC-USDT-SWAP", 1.0, 0.01),
        (OKX, "ETHUSDT", "ETH-USDT-SWAP", 1.0, 0.1),
        (OKX, "DOGEUSDT", "DOGE-USDT-SWAP", 1.0, 1_000.0),
        (BINANCE, "1000SHIBUSDT", "1000SHIBUSDT", 1.0, 1.0),
        (BYBIT, "1000SHIBUSDT", "SHIB1000USDT", 1.0, 1.0),
        (OKX, "1000SHIBUSDT", "SHIB-USDT-SWAP", 1_000.0, 1_000.0),
        (BYBIT, "1000PEPEUSDT", "1000PEPEUSDT", 1.0, 1.0),
        (OKX, "1000PEPEUSDT", "PEPE-USDT-SWAP", 1_000.0, 10_000.0),
        # Ten thousand there, a thousand here.
        (BYBIT, "1000SATSUSDT", "10000SATSUSDT", 0.1, 10.0),
        (OKX, "1000SATSUSDT", "SATS-USDT-SWAP", 1_000.0, None),
        (OKX, "WIFUSDT", "WIF-USDT-SWAP", 1.0, None),
        (OKX, "1INCHUSDT", "1INCH-USDT-SWAP", 1.0, None),
    ],
)
def test_a_contract_elsewhere(
    venue: str, symbol: str, theirs: str, price_factor: float, qty_factor: float | None
) -> None:
    contract = contract_at(venue, symbol)
    assert contract is not None
    assert contract.venue_symbol == theirs
    assert contract.price_factor == pytest.approx(price_factor)
    assert contract.qty_factor == (None if qty_factor is None else pytest.approx(qty_factor))


@pytest.mark.parametrize(
    "symbol", ["1000NEWUSDT", "1000000MOGUSDT", "1MBABYDOGEUSDT", "BTCUSDC", "USDT"]
)
def test_what_nobody_noted_is_not_guessed(symbol: str) -> None:
    assert contract_at(BYBIT, symbol) is None
    assert contract_at(OKX, symbol) is None


def test_a_venue_nobody_knows_has_no_contracts() -> None:
    assert contract_at("kraken", "BTCUSDT") is None


def test_every_symbol_that_is_built_in_can_be_compared() -> None:
    for symbol in DEFAULT_INSTRUMENTS:
        for venue in (BYBIT, OKX):
            assert contract_at(venue, symbol) is not None
