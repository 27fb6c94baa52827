"""What a person asks of a comparison of exits, and the answer as one object."""

from decimal import Decimal
from pathlib import Path

import msgspec

from quantum_trader.research.exits_compare import PairRow
from quantum_trader.research.policy_row import PolicyRow

RANDOM = "random"


class Slippage(msgspec.Struct, frozen=True, kw_only=True):
    """What taking liquidity costs: ticks and basis points, one on top of the other."""

    ticks: int = 1
    bps: Decimal = Decimal(0)


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    """Where entries come from: ``random`` or the name of a model; ``count`` None is all of them."""

    source: str
    count: int | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare, on what. None leaves it to what is there, or to the settings."""

    paths: tuple[Path, ...]
    policies: tuple[str, ...]
    entries: Entries
    notional_usd: Decimal
    seed: int = 1
    jobs: int = 1
    slippage: Slippage = Slippage()
    symbols: tuple[str, ...] | None = None
    span_ms: tuple[int, int] = (0, 2**62)
    leverage: int | None = None
    instruments: Path | None = None
    brackets: Path | None = None


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Under what every policy was tried; times are of the first and the last entry.

    ``entries_funded`` counts the entries whose funding rates are known; the others paid none.
    """

    entries: str
    entries_wanted: int | None
    entries_taken: int
    entries_funded: int
    seed: int
    symbols: tuple[str, ...]
    first_ms: int
    last_ms: int
    notional_usd: Decimal
    leverage: int
    taker_frac: Decimal
    maker_frac: Decimal
    slippage_ticks: int
    slippage_bps: Decimal
    hold_max_ms: int
    intrabar: str
    bars: int
    seconds: float


class PairAnswer(PairRow, frozen=True, kw_only=True):
    """A pair with its sentence."""

    sentence: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The whole comparison: the answer in sentences, and the numbers it rests on."""

    verdict: str
    policies: tuple[PolicyRow, ...]
    pairs: tuple[PairAnswer, ...]
    conditions: Conditions
    problems: tuple[str, ...]
