"""Grids, tiers and the venue's answers they come from."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.adapters.market import instrument_files
from quantum_trader.adapters.market.instrument_files import load
from quantum_trader.core.default_instruments import (
    DEFAULT_INSTRUMENTS,
    tiers_from,
    unknown_symbol,
)
from quantum_trader.core.errors import ConfigError, Malformed
from quantum_trader.core.instrument import (
    check_tiers,
    combine,
    parse_brackets,
    parse_exchange_info,
)

BTC = DEFAULT_INSTRUMENTS["BTCUSDT"]
FILTERS: dict[str, dict[str, object]] = {
    "PRICE_FILTER": {"tickSize": "0.50", "minPrice": "1", "maxPrice": "1000000"},
    "LOT_SIZE": {"stepSize": "1", "minQty": "1", "maxQty": "1000"},
    "MARKET_LOT_SIZE": {"stepSize": "5", "minQty": "5", "maxQty": "500"},
    "MIN_NOTIONAL": {"notional": "5"},
    "PERCENT_PRICE": {"multiplierUp": "1.05", "multiplierDown": "0.95"},
}
BRACKETS: list[dict[str, float]] = [
    {
        "notionalFloor": 0,
        "notionalCap": 1000,
        "initialLeverage": 20,
        "maintMarginRatio": 0.025,
        "cum": 0,
    },
    {
        "notionalFloor": 1000,
        "notionalCap": 5000,
        "initialLeverage": 10,
        "maintMarginRatio": 0.05,
        "cum": 25.0,
    },
]


def exchange_info(changed: dict[str, dict[str, object]] | None = None, **row: Any) -> bytes:
    filters = [
        {"filterType": kind, **values, **(changed or {}).get(kind, {})}
        for kind, values in FILTERS.items()
    ]
    symbol: dict[str, Any] = {
        "symbol": "FOOUSDT",
        "status": "TRADING",
        "contractType": "PERPETUAL",
        "quoteAsset": "USDT",
        "liquidationFee": "0.0150",
        "filters": filters,
    }
    return json.dumps({"symbols": [symbol | row]}).encode()


def brackets(*changes: dict[str, float]) -> bytes:
    rows = [row | change for row, change in zip(BRACKETS, changes, strict=True)]
    return json.dumps([{"symbol": "FOOUSDT", "brackets": rows}]).encode()


def test_a_price_goes_to_the_grid_downwards_upwards_or_to_the_nearest() -> None:
    assert str(BTC.floor_price(Decimal("60000.19"))) == "60000.1"
    assert str(BTC.ceil_price(Decimal("60000.11"))) == "60000.2"
    assert str(BTC.nearest_price(Decimal("60000.16"))) == "60000.2"
    assert str(BTC.price_of(60000.16)) == "60000.2"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_statistic_that_is_no_number_is_no_price(value: float) -> None:
    with pytest.raises(Malformed, match="a finite number"):
        BTC.price_of(value)


def test_a_quantity_suits_limit_and_market_orders_alike() -> None:
    filters = parse_exchange_info(exchange_info())["FOOUSDT"]
    assert filters.floor_qty(Decimal("14.9")) == 10
    assert (filters.order_qty_min, filters.order_qty_max) == (Decimal(5), Decimal(500))


@given(st.decimals("0.00001", "1000000", places=5), st.sampled_from(sorted(DEFAULT_INSTRUMENTS)))
def test_rounding_never_leaves_the_grid_nor_moves_by_a_whole_step(
    value: Decimal, symbol: str
) -> None:
    each = DEFAULT_INSTRUMENTS[symbol]
    low, high, near = each.floor_price(value), each.ceil_price(value), each.nearest_price(value)
    assert low <= value <= high
    assert high - low <= each.tick
    assert near in (low, high)
    assert abs(near - value) <= each.tick / 2
    assert low % each.tick == high % each.tick == 0
    assert 0 <= value - each.floor_qty(value) < each.order_step


def test_a_grid_of_tens_is_written_without_an_exponent() -> None:
    data = exchange_info({"PRICE_FILTER": {"tickSize": "10.0"}})
    assert str(parse_exchange_info(data)["FOOUSDT"].floor_price(Decimal("12345"))) == "12340"


def test_the_tier_follows_the_notional_and_a_cap_belongs_to_the_tier_below() -> None:
    assert BTC.tier_at(Decimal(100000)).leverage_max == 50
    assert BTC.tier_at(Decimal("100000.01")).leverage_max == 25
    assert BTC.leverage_max_at(Decimal(20_000_000)) == 2
    assert BTC.leverage_max_at(BTC.notional_max_usd + 1) == 0
    assert BTC.tier_at(BTC.notional_max_usd + 1) == BTC.tiers[-1]


def test_maintenance_is_the_rate_less_the_amount_of_the_tier() -> None:
    assert BTC.maintenance_usd(Decimal(50_000)) == 500
    assert BTC.maintenance_usd(Decimal(200_000)) == 200_000 * Decimal("0.02") - 1000


@pytest.mark.parametrize("symbol", sorted(DEFAULT_INSTRUMENTS))
def test_maintenance_is_continuous_where_two_tiers_meet(symbol: str) -> None:
    each = DEFAULT_INSTRUMENTS[symbol]
    check_tiers(symbol, each.tiers)
    for low, high in zip(each.tiers, each.tiers[1:], strict=False):
        at_low = low.cap_usd * low.maint_frac - low.cum_usd
        assert at_low == high.floor_usd * high.maint_frac - high.cum_usd


def test_numbers_of_the_venue_arrive_to_the_digit() -> None:
    tiers = parse_brackets(brackets({"maintMarginRatio": 0.0123}, {"cum": 37.7}))["FOOUSDT"]
    assert tiers[0].maint_frac == Decimal("0.0123")
    assert tiers[1].cum_usd == Decimal("37.7")


def test_brackets_of_a_single_symbol_come_without_a_list() -> None:
    data = json.dumps({"symbol": "FOOUSDT", "brackets": BRACKETS[::-1]}).encode()
    assert [tier.leverage_max for tier in parse_brackets(data)["FOOUSDT"]] == [20, 10]


def test_a_symbol_listed_twice_keeps_the_stricter_tiers() -> None:
    mild, strict = BRACKETS, [BRACKETS[0] | {"maintMarginRatio": 0.04}, BRACKETS[1] | {"cum": 10}]
    for order in ((mild, strict), (strict, mild)):
        data = json.dumps([{"symbol": "FOOUSDT", "brackets": rows} for rows in order]).encode()
        assert parse_brackets(data)["FOOUSDT"][0].maint_frac == Decimal("0.04")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (({}, {"notionalFloor": 1001}), "notionalFloor"),
        (({}, {"notionalFloor": 999}), "notionalFloor"),
        (({"notionalFloor": 1}, {}), "brackets"),
        (({}, {"initialLeverage": 25, "maintMarginRatio": 0.03}), "brackets"),
        (({}, {"maintMarginRatio": 0.02}), "brackets"),
        (({}, {"cum": 100}), "cum"),
        (({}, {"notionalCap": 1000}), "notionalCap"),
        (({"maintMarginRatio": 0.05}, {}), "maintMarginRatio"),
        (({"maintMarginRatio": 0}, {}), "maintMarginRatio"),
        (({"cum": -1}, {}), "cum"),
    ],
)
def test_tiers_that_make_no_sense_are_refused_by_name(
    changes: tuple[dict[str, float], ...], field: str
) -> None:
    with pytest.raises(Malformed, match=rf"FOOUSDT\.{field}"):
        parse_brackets(brackets(*changes))


def test_a_symbol_without_any_tier_is_refused() -> None:
    with pytest.raises(Malformed, match="brackets"):
        parse_brackets(b'[{"symbol": "FOOUSDT", "brackets": []}]')


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("PRICE_FILTER", {"tickSize": "0"}, "tick"),
        ("PRICE_FILTER", {"tickSize": None}, "PRICE_FILTER.tick_size"),
        ("PRICE_FILTER", {"maxPrice": "0.5"}, "filters"),
        ("LOT_SIZE", {"stepSize": "0"}, "tick and steps"),
        ("LOT_SIZE", {"stepSize": "2"}, "stepSize"),
        ("LOT_SIZE", {"minQty": "-1"}, "LOT_SIZE.min_qty"),
        ("LOT_SIZE", {"maxQty": "NaN"}, "LOT_SIZE.max_qty"),
        ("MARKET_LOT_SIZE", {"maxQty": "4"}, "filters"),
        ("PERCENT_PRICE", {"multiplierUp": "0.9"}, "PERCENT_PRICE"),
        ("MIN_NOTIONAL", {"filterType": "OTHER"}, "MIN_NOTIONAL.notional"),
    ],
)
def test_filters_that_make_no_sense_are_refused_by_name(
    kind: str, change: dict[str, object], field: str
) -> None:
    with pytest.raises(Malformed, match=rf"FOOUSDT\.{field}"):
        parse_exchange_info(exchange_info({kind: change}))


@pytest.mark.parametrize("data", [b"", b"[3]", b"{", b'{"code": -1121}', b"\xff"])
def test_what_is_no_answer_of_the_venue_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="exchangeInfo"):
        parse_exchange_info(data)
    with pytest.raises(Malformed, match="leverageBracket"):
        parse_brackets(data or b"{}")


@pytest.mark.parametrize(
    "row",
    [{"quoteAsset": "USDC"}, {"contractType": "NEXT_QUARTER"}, {"status": "PENDING_TRADING"}],
)
def test_only_listed_perpetuals_quoted_in_usdt_are_ours(row: dict[str, Any]) -> None:
    assert parse_exchange_info(exchange_info(**row)) == {}


def test_only_a_trading_symbol_is_tradable() -> None:
    assert BTC.tradable
    assert not parse_exchange_info(exchange_info(status="SETTLING"))["FOOUSDT"].tradable


def test_a_symbol_without_tiers_is_left_out_and_named() -> None:
    filters = parse_exchange_info(exchange_info())
    assert combine(filters, {}) == ({}, ("FOOUSDT",))
    whole, missing = combine(filters, parse_brackets(brackets({}, {})))
    assert list(whole) == ["FOOUSDT"]
    assert missing == ()


def test_the_error_for_an_unknown_symbol_says_what_to_do() -> None:
    text = unknown_symbol("FOOUSDT")
    assert all(word in text for word in ("FOOUSDT", "--instruments", "--brackets", "BTCUSDT"))


def test_files_override_the_defaults(tmp_path: Path) -> None:
    info, tiers = tmp_path / "info.json", tmp_path / "tiers.json.zst"
    info.write_bytes(exchange_info())
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    tiers.write_bytes(compressor.compress(brackets({}, {})) + compressor.flush())
    known = load(info, tiers)
    assert set(known) == {*DEFAULT_INSTRUMENTS, "FOOUSDT"}
    assert known["FOOUSDT"].notional_max_usd == 5000
    assert load(info, None) == load(None, None) == DEFAULT_INSTRUMENTS


def test_brackets_alone_change_only_tiers(tmp_path: Path) -> None:
    file = tmp_path / "tiers.json"
    file.write_bytes(brackets({}, {}).replace(b"FOOUSDT", b"BTCUSDT"))
    known = load(None, file)["BTCUSDT"]
    assert known.notional_max_usd == 5000
    assert (known.tick, known.notional_min_usd) == (BTC.tick, BTC.notional_min_usd)


def test_a_file_in_several_frames_is_read_to_its_end(tmp_path: Path) -> None:
    data, file = exchange_info(), tmp_path / "info.zst"
    frames = [zstandard.compress(part) for part in (data[:100], data[100:])]
    file.write_bytes(b"".join(frames))
    assert load(file, None) == DEFAULT_INSTRUMENTS


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not json", "exchangeInfo"),
        (zstandard.compress(b"x" * 1000)[:-9], "."),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 20, "zstandard"),
    ],
)
def test_a_damaged_file_is_named_with_its_problem(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "info.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"info\.json: .*{problem}"):
        load(file, None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.json: cannot be read"):
        load(tmp_path / "nowhere.json", None)


def test_a_file_that_unpacks_beyond_the_bound_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instrument_files, "BYTES_MAX", 1000)
    for name, content in (("a.json", b" " * 2000), ("b.zst", zstandard.compress(b" " * 2000))):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ConfigError, match="larger than"):
            load(file, None)


def test_the_venues_own_answers_are_read(shared_data: Path) -> None:
    rest = shared_data / "binance" / "rest"
    known = load(
        rest / "exchangeInfo_20260704.json.zst", rest / "leverageBracket_20260507.json.zst"
    )
    assert len(known) == 673
    assert sum(each.tradable for each in known.values()) == 551
    for symbol, each in DEFAULT_INSTRUMENTS.items():
        assert known[symbol] is not each
        assert (known[symbol].tick, known[symbol].step) == (each.tick, each.step)
        assert known[symbol].notional_min_usd <= each.notional_min_usd
    assert known["BTCUSDT"].liquidation_fee_frac == Decimal("0.0125")


def test_saved_selections_and_the_test_net_are_read_too(shared_data: Path) -> None:
    rest = shared_data / "binance" / "rest"
    selected = load(
        rest / "exchangeInfo_20260704_selected.json",
        rest / "leverageBracket_20260507_selected.json",
    )
    assert selected["BTCUSDT"].leverage_max_at(Decimal(100_000)) == 150
    assert load(rest / "exchangeInfo_testnet_20260331_reserialised.json.zst", None).keys() == (
        DEFAULT_INSTRUMENTS.keys()
    )


def test_the_default_tiers_are_as_written() -> None:
    one, two = tiers_from("1000:20:0.025 5000:10:0.05")
    assert (one.floor_usd, one.cum_usd) == (Decimal(0), Decimal(0))
    assert (two.floor_usd, two.cap_usd, two.cum_usd) == (Decimal(1000), Decimal(5000), Decimal(25))
