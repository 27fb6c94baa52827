"""Settings: what counts, what wins, and what is refused with a sentence."""

from decimal import Decimal
from pathlib import Path

import pytest

from quantum_trader.app.config import BESIDE_SETTINGS, HOME, Config, load
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import ConfigError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the machine that runs the tests has set."""
    for name in Config.model_fields:
        monkeypatch.delenv(f"QT_{name.upper()}", raising=False)


def written(folder: Path, text: str) -> Path:
    """A settings file with this text."""
    file = folder / "quantum.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_any_setting_it_trades_on_paper() -> None:
    config = load()
    assert config.mode == "paper"
    assert config.home == HOME.expanduser() / "paper"
    assert config.rules(DEFAULT_INSTRUMENTS).account == "paper"


def test_what_is_typed_beats_the_environment_and_that_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, 'account = "file"\nmodel = "trend"\nleverage = 3\npage_port = 1\n')
    monkeypatch.setenv("QT_ACCOUNT", "environment")
    monkeypatch.setenv("QT_LEVERAGE", "4")
    config = load(file, {"leverage": 5, "model": None})
    assert (config.page_port, config.account, config.leverage) == (1, "environment", 5)
    assert config.model == "trend", "a None that was typed says nothing"


def test_a_section_is_merged_from_file_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "[limits]\nrisk_frac = 0.01\nleverage_max = 3\n")
    monkeypatch.setenv("QT_LIMITS__LEVERAGE_MAX", "12")
    monkeypatch.setenv("QT_LIMITS__SYMBOLS_ALLOWED", '["BTCUSDT"]')
    monkeypatch.setenv("QT_EXITS__HOLD_MAX_MS", "1000")
    rules = load(file).rules(DEFAULT_INSTRUMENTS)
    assert rules.limits.risk_frac == Decimal("0.01"), "0.01 is no binary fraction here"
    assert rules.limits.leverage_max == 12
    assert rules.limits.symbols_allowed == ("BTCUSDT",)
    assert rules.exits.hold_max_ms == 1000


def test_the_leverage_is_the_default_of_the_limits() -> None:
    assert load(typed={"leverage": 7}).risk_limits.leverage_default == 7


def test_symbols_are_upper_case_and_come_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_SYMBOLS", '["btcusdt", " ETHUSDT", "BTCUSDT"]')
    assert load().symbols == ("BTCUSDT", "ETHUSDT")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("modell = 1", "modell"),
        ('model = "oracle"', "oracle"),
        ("[limits]\nrisk_frak = 0.1", "risk_frak"),
        ("[limits]\nrisk_frac = 2", "risk_frac"),
        ("[limits]\nrisk_frac = nan", "risk_frac"),
        ("[limits]\nleverage_default = 3", "leverage"),
        ("[fees]\ntaker_frac = 'much'", "taker_frac"),
        ("[fees]\ntaker_frac = nan", "taker_frac"),
        ("[exits]\nhold = 3", "hold"),
        ("leverage = 50", "leverage"),
        ("symbols = []", "symbols"),
        ("deposit_usd = 0", "deposit_usd"),
        ("deposit_usd = inf", "deposit_usd"),
        ("page_port = 70000", "page_port"),
        ("mode =", "not TOML"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(
    tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        load(written(tmp_path, text))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"page_port.*; modell"):
        load(written(tmp_path, "modell = 1\npage_port = -1"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "nothing.toml")


def test_a_value_is_never_shown_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, 'redis_url = ["redis://:hunter2@host"]'))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ValueError, match="redis_url") as raw:
        Config(redis_url=["redis://:hunter2@host"])
    assert "hunter2" not in str(raw.value)
    assert "hunter2" not in repr(load(typed={"redis_url": "redis://:hunter2@host"}))


def test_a_replay_is_no_mode_to_run_in() -> None:
    with pytest.raises(ConfigError, match="mode replay"):
        load(typed={"mode": "replay"})


@pytest.mark.parametrize("mode", ["paper", "testnet", "live"])
def test_account_and_folder_follow_from_the_mode(mode: str) -> None:
    config = load(typed={"mode": mode})
    assert config.account == mode
    assert config.home.name == mode


def test_an_account_of_another_mode_is_refused() -> None:
    assert load(typed={"mode": "live", "account": "live-2"}).account == "live-2"
    with pytest.raises(ConfigError, match="account paper"):
        load(typed={"mode": "live", "account": "paper"})
    with pytest.raises(ConfigError, match="belong to mode live"):
        load(typed={"account": "live"})


def test_caps_are_asked_for_by_whoever_sends_orders_away(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="order_usd_max"):
        _ = load(typed={"mode": "live"}).hard_caps
    caps = "order_usd_max = 100\ngross_usd_max = 300\nloss_usd_max = 20\n"
    config = load(written(tmp_path, f'mode = "live"\n[caps]\n{caps}'))
    assert config.hard_caps.gross_usd_max == 300
    wrong = load(written(tmp_path, f'mode = "live"\n[caps]\n{caps}loss_usd = 3\n'))
    with pytest.raises(ConfigError, match="loss_usd"):
        _ = wrong.hard_caps


def test_a_name_in_the_environment_that_nobody_knows_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for known in BESIDE_SETTINGS:
        monkeypatch.setenv(known, "0")
    load()
    monkeypatch.setenv("QT_LEVERAGES", "3")
    with pytest.raises(ConfigError, match=r"QT_LEVERAGES.*QT_LEVERAGE\?"):
        load()


def test_a_symbol_without_an_instrument_is_refused_with_the_way_out() -> None:
    config = load(typed={"symbols": ("ABCUSDT",)})
    with pytest.raises(ConfigError, match=r"ABCUSDT.*--instruments"):
        config.rules(DEFAULT_INSTRUMENTS)


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().leverage = 100  # type: ignore[misc]
