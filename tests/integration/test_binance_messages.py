"""Single answers of the venue, as facts."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from quantum_trader.adapters.market.binance_messages import (
    KlineEvent,
    MarkEvent,
    TradeEvent,
    candle_of,
    mark_of,
    rate_of,
    read_message,
    read_rows,
    tick_of,
)
from quantum_trader.core.errors import Malformed
from tests.fake_market import bar_row, combined


def test_recorded_messages_of_the_venue_are_read_to_the_digit(shared_data: Path) -> None:
    folder = shared_data / "binance" / "nautilus" / "market_data_json"

    def event(name: str) -> dict[str, object]:
        return dict(json.loads((folder / name).read_text()))

    closed = read_message(combined("kline_1m", event("kline_stream_closed.json"))).data
    assert isinstance(closed, KlineEvent)
    bar = candle_of(closed)
    assert (bar.open, bar.high, bar.low, bar.close) == (0.001, 0.0025, 0.001, 0.002)
    assert (bar.open_ms, bar.at_ms, bar.volume) == (1638747660000, 1638747720000, 1000.0)
    priced = read_message(combined("markPrice@1s", event("mark_price_stream.json"))).data
    assert isinstance(priced, MarkEvent)
    assert (mark_of(priced).mark, rate_of(priced)) == (11794.15, Decimal("0.00038167"))
    traded = read_message(combined("aggTrade", event("agg_trade_stream.json"))).data
    assert isinstance(traded, TradeEvent)
    assert (tick_of(traded).price, tick_of(traded).at_ms) == (0.001, 123456785)


def test_recorded_bars_of_the_venue_are_read(shared_data: Path) -> None:
    path = shared_data / "binance/nautilus/py_http_responses/http_futures_market_klines.json"
    rows = json.loads(path.read_text())
    bars = read_rows(path.read_bytes(), "BTCUSDT")
    assert [bar.open_ms for bar in bars] == [row[0] for row in rows]
    assert [bar.close for bar in bars] == [float(row[4]) for row in rows]


def test_a_bar_whose_prices_contradict_each_other_is_refused() -> None:
    row = bar_row(0)
    row[2] = "99"
    with pytest.raises(Malformed, match="BTCUSDT"):
        read_rows(json.dumps([row]).encode(), "BTCUSDT")
