"""All settings in one place: defaults, a TOML file, then the environment, the later winning.

The environment's names are ``QT_`` and the setting, two underscores for one inside a section:
``QT_SYMBOLS='["BTCUSDT"]'``, ``QT_LIMITS__LEVERAGE_MAX=5``. A name nobody knows is refused, in
the file and in the environment alike: a limit with a typing error in it would limit nothing.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.adapters.market.contracts import VENUES
from quantum_trader.app.credentials import NAMES as CREDENTIAL_NAMES
from quantum_trader.core.caps import Caps
from quantum_trader.core.default_instruments import unknown_symbol
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.exits.policy import policy_of
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.mode import Mode, check_account
from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.rules import ExitRules, Fees, Rules
from quantum_trader.core.signals import MODELS

ENV_PREFIX = "QT_"
BESIDE_SETTINGS = frozenset(
    {"QT_REDIS_SERVER", "QT_CI", "QT_SHARED_DATA"}
    | {name for names in CREDENTIAL_NAMES.values() for name in names}
)
"""Names in the environment that are ours and no setting: a server's binary, keys, and for tests."""
HOME = Path("~/.local/share/quantum-trader")

Section = dict[str, Any]
T = TypeVar("T", bound=msgspec.Struct)

NOT_HERE: Mapping[str, str] = {
    "replay": "a replay needs a recording: use `quantum replay FILE...`",
}


def _upper(symbols: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(symbol.strip().upper() for symbol in symbols))
    if not wanted or not all(wanted):
        raise ValueError("name at least one symbol, such as BTCUSDT")
    return wanted


def _model(name: str) -> str:
    if name not in MODELS:
        raise ValueError(f"there is no model {name!r}; there are {', '.join(MODELS)}")
    return name


def _venues(venues: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(venue.strip().lower() for venue in venues))
    strangers = [venue for venue in wanted if venue not in VENUES]
    if strangers or len(wanted) == 1:
        raise ValueError(f"name two or more of {', '.join(VENUES)}, or none to compare nothing")
    return wanted


def _home(path: Path) -> Path:
    return path.expanduser().absolute()


def _address(url: str | None) -> str | None:
    if url is not None:
        hosts_of("paper", url)
    return url


APath = Annotated[Path, AfterValidator(_home)]


class Config(BaseSettings):
    """The settings of one process. Made by ``load`` only, which turns failures into sentences.

    ``leverage`` is used for an entry that does not ask for one. ``limits``, ``fees`` and ``exits``
    are sections with the fields of ``RiskLimits``, ``Fees`` and ``ExitRules``. ``instruments`` and
    ``brackets`` are files with the venue's own answers. ``compared_venues`` are those whose prices
    are compared where real prices are traded on; an empty list compares nothing. ``caps`` is the
    section of the hard caps, with the fields of ``Caps``; modes whose orders leave this machine
    need it. ``key_file`` holds key and secret, ``guardian_key_file`` those of the
    guardian where it has its own. ``venue`` is where a paper venue of ours listens;
    without one, paper trading happens inside this process. The page listens on this machine alone;
    port 0 means any free one.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    mode: Mode = "paper"
    account: str = Field("paper", min_length=1, max_length=40)
    data_dir: APath | None = None
    redis_url: str | None = Field(None, repr=False)
    symbols: Annotated[tuple[str, ...], AfterValidator(_upper)] = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    model: Annotated[str, AfterValidator(_model)] = "ema_cross"
    leverage: int = Field(RiskLimits().leverage_default, ge=1)
    deposit_usd: Decimal = Field(Decimal(10_000), gt=0, allow_inf_nan=False)
    limits: Section = {}
    fees: Section = {}
    exits: Section = {}
    caps: Section = {}
    key_file: APath | None = None
    guardian_key_file: APath | None = None
    venue: Annotated[str | None, AfterValidator(_address)] = None
    instruments: APath | None = None
    brackets: APath | None = None
    compared_venues: Annotated[tuple[str, ...], AfterValidator(_venues)] = VENUES
    page_port: int = Field(8787, ge=0, le=65_535)

    @model_validator(mode="before")
    @classmethod
    def _named_by_mode(cls, values: Section) -> Section:
        """An account that nobody named has the name of its mode."""
        return {"account": values.get("mode", "paper"), **values}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What a person typed, the environment, the file; nothing is read from ``.env``."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def home(self) -> Path:
        """Where this mode keeps its files."""
        return self.data_dir or (HOME / self.mode).expanduser()

    @property
    def risk_limits(self) -> RiskLimits:
        """The section ``limits`` with our leverage. Raises ``ConfigError``."""
        if "leverage_default" in self.limits:
            raise ConfigError("limits.leverage_default: set `leverage` instead, outside [limits]")
        values = {**self.limits, "leverage_default": self.leverage}
        return _section("limits", values, RiskLimits)

    @property
    def venue_fees(self) -> Fees:
        """The section ``fees``. Raises ``ConfigError``."""
        return _section("fees", self.fees, Fees)

    @property
    def exit_rules(self) -> ExitRules:
        """The section ``exits``. Raises ``ConfigError``."""
        rules = _section("exits", self.exits, ExitRules)
        policy_of(rules.policy)  # Raises for one that nobody knows.
        return rules

    @property
    def hard_caps(self) -> Caps:
        """The section ``caps``. Raises ``ConfigError``, also where there is none.

        Asked by whoever may send orders away, and by nobody else: a missing cap must not keep a
        halt from being ordered.
        """
        if not self.caps:
            raise ConfigError(
                f"mode {self.mode} needs a section [caps] with order_usd_max, gross_usd_max and "
                "loss_usd_max: what no order may exceed, whatever was decided before it"
            )
        return _section("caps", self.caps, Caps)

    def rules(self, instruments: Mapping[str, Instrument]) -> Rules:
        """What the trader decides by. Raises ``ConfigError`` for a symbol without an instrument."""
        for symbol in self.symbols:
            if symbol not in instruments:
                raise ConfigError(unknown_symbol(symbol))
        return Rules(
            account=self.account,
            deposit_usd=self.deposit_usd,
            limits=self.risk_limits,
            fees=self.venue_fees,
            exits=self.exit_rules,
            instruments=dict(instruments),
        )


def load(file: Path | None = None, typed: Mapping[str, Any] | None = None) -> Config:
    """The settings from what was typed, the environment and a TOML file.

    Raises ``ConfigError`` with every fault in one text, and for a mode that is not available.
    """
    _refuse_unknown_names(os.environ)
    given = {name: value for name, value in (typed or {}).items() if value is not None}
    try:
        config = _class_for(file)(**given)
    except ValidationError as error:
        raise ConfigError(_sentences(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from error
    if config.mode in NOT_HERE:
        raise ConfigError(f"mode {config.mode}: {NOT_HERE[config.mode]}")
    _check_sections(config)
    if config.mode != "replay":
        check_account(config.mode, config.account)
    return config


def _check_sections(config: Config) -> None:
    for section in (config.risk_limits, config.venue_fees, config.exit_rules):
        for name, value in msgspec.structs.asdict(section).items():
            if isinstance(value, Decimal) and not value.is_finite():
                raise ConfigError(f"{name}: {value} is no amount")


def _class_for(file: Path | None) -> type[Config]:
    if file is None:
        return Config
    if not file.is_file():
        raise ConfigError(f"{file}: there is no such file")

    class FromFile(Config):
        """Settings with a file below them."""

        model_config = SettingsConfigDict(toml_file=file)

    return FromFile


def _refuse_unknown_names(names: Iterable[str]) -> None:
    known = {ENV_PREFIX + name.upper() for name in Config.model_fields} | BESIDE_SETTINGS
    for name in sorted(names):
        if not name.upper().startswith(ENV_PREFIX):
            continue
        if name.upper().split("__")[0] not in known:
            near = get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"the environment holds {name}, which is no setting{hint}")


def _sentences(error: ValidationError) -> str:
    faults = (
        f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    )
    return "; ".join(faults)


def _section(name: str, values: Section, kind: type[T]) -> T:
    """A section as its struct; text from the environment counts as the value it spells."""
    try:
        spelled = {key: _spelled(value) for key, value in values.items()}
        return msgspec.convert(spelled, kind, strict=False)
    except msgspec.DecodeError as error:
        raise ConfigError(f"[{name}]: {error}") from error


def _spelled(value: object) -> object:
    is_list = isinstance(value, str) and value.startswith("[")
    return msgspec.json.decode(str(value)) if is_list else value
