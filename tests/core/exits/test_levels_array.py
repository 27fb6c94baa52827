"""The form for many symbols agrees with the scalar form to the last bit."""

import math
from decimal import Decimal
from typing import Literal

import numpy as np
import pytest

from quantum_trader.core.exits.bounds import BoundContext, costs, effective, liquidation_distance
from quantum_trader.core.exits.levels import LevelBases, LevelInputs, adaptive
from quantum_trader.core.exits.levels_array import (
    BoundRows,
    Floats,
    LevelInputRows,
    LevelRows,
    adaptive_rows,
    effective_rows,
)

SYMBOLS = 100_000
Leverages = Literal["whole", "broken"]


def rows_of(seed: int, size: int, leverages: Leverages) -> LevelInputRows:
    random = np.random.default_rng(seed)

    def with_holes(values: Floats) -> Floats:
        values[random.random(size) < 0.2] = np.nan
        return values

    whole = random.integers(0, 151, size).astype(float)
    return LevelInputRows(
        side_sign=random.choice([-1.0, 1.0], size),
        leverage=whole if leverages == "whole" else whole + random.random(size),
        volatility_factor=with_holes(random.uniform(-1, 6, size)),
        funding_rate_frac=with_holes(random.normal(0, 0.5, size)),
        divergence=with_holes(random.uniform(-0.5, 2, size)),
    )


def scalar_inputs(rows: LevelInputRows) -> list[LevelInputs]:
    def missing(value: float) -> float | None:
        return None if math.isnan(value) else value

    return [
        LevelInputs(
            side="LONG" if sign > 0 else "SHORT",
            leverage=leverage,
            volatility_factor=missing(volatility),
            funding_rate_frac=missing(funding),
            divergence=missing(divergence),
        )
        for sign, leverage, volatility, funding, divergence in zip(
            *(each.tolist() for each in rows), strict=True
        )
    ]


@pytest.mark.parametrize(
    ("leverages", "bases"),
    [("whole", LevelBases()), ("broken", LevelBases(0.003, 0.012))],
)
def test_a_hundred_thousand_symbols_agree_to_the_last_bit(
    leverages: Leverages, bases: LevelBases
) -> None:
    rows = rows_of(7, SYMBOLS // 2, leverages)
    found = adaptive_rows(rows, bases)
    tp_frac, harvest = found.tp_frac.T.tolist(), found.harvest.T.tolist()
    for at, one in enumerate(scalar_inputs(rows)):
        levels = adaptive(one, bases)
        assert levels.lsf == found.lsf[at]
        assert levels.sl_frac == found.sl_frac[at]
        assert list(levels.tp_frac) == tp_frac[at]
        assert list(levels.harvest) == harvest[at]


def test_leverage_beyond_the_table_still_agrees() -> None:
    rows = rows_of(1, 4, "whole")._replace(leverage=np.array([1.0, 200.0, 201.0, 5000.0]))
    expected = [adaptive(one).lsf for one in scalar_inputs(rows)]
    assert adaptive_rows(rows).lsf.tolist() == expected


def test_no_symbols_give_no_levels() -> None:
    nothing = np.empty(0)
    assert adaptive_rows(LevelInputRows(*[nothing] * 5)).tp_frac.shape == (3, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("leverage", math.nan), ("side_sign", 0.0), ("divergence", math.inf)],
)
def test_values_that_are_no_numbers_are_refused(field: str, value: float) -> None:
    rows = rows_of(1, 3, "whole")
    getattr(rows, field)[1] = value
    with pytest.raises(ValueError, match="expected"):
        adaptive_rows(rows)


def test_inputs_are_left_as_they_were() -> None:
    rows = rows_of(2, 50, "whole")
    bounds = BoundRows(rows.leverage, np.full(50, np.nan), np.full(50, 0.03))
    before = [each.copy() for each in rows]
    plain = adaptive_rows(rows)
    tp_frac = plain.tp_frac.copy()
    effective_rows(plain, bounds)
    np.testing.assert_array_equal(plain.tp_frac, tp_frac)
    for then, now in zip(before, rows, strict=True):
        np.testing.assert_array_equal(then, now)


def contexts(size: int) -> list[BoundContext]:
    random = np.random.default_rng(11)
    return [
        BoundContext(
            side="LONG" if random.random() < 0.5 else "SHORT",
            leverage=float(random.integers(1, 126)),
            entry_price=Decimal(f"{random.uniform(1, 1000):.4f}"),
            liquidation_price=(
                None if random.random() < 0.2 else Decimal(f"{random.uniform(1, 1000):.4f}")
            ),
            taker_fee_frac=random.uniform(0, 0.001),
            spread_frac=None if random.random() < 0.2 else random.uniform(0, 0.004),
            tick=Decimal("0.0001"),
        )
        for _ in range(size)
    ]


def test_bounded_levels_agree_to_the_last_bit() -> None:
    rows, asked = rows_of(5, 3_000, "whole"), contexts(3_000)
    rows = rows._replace(leverage=np.array([each.leverage for each in asked]))
    ways = [liquidation_distance(each) for each in asked]
    bounds = BoundRows(
        rows.leverage,
        np.array([math.nan if way is None else way for way in ways]),
        np.array([costs(each) for each in asked]),
    )
    plain: LevelRows = adaptive_rows(rows)
    found, fits = effective_rows(plain, bounds)
    compared = 0
    for at, (one, context) in enumerate(zip(scalar_inputs(rows), asked, strict=True)):
        result = effective(adaptive(one), context)
        # A problem that is not seen in fractions is one of the grid.
        assert fits[at] or result.levels is None
        if result.levels is not None:
            compared += 1
            assert result.levels.sl_frac == found.sl_frac[at]
            assert list(result.levels.tp_frac) == found.tp_frac[:, at].tolist()
    assert 300 < compared < 2_700


def test_broken_leverages_within_the_table_are_not_rounded() -> None:
    rows = rows_of(1, 3, "whole")._replace(leverage=np.array([1.5, 7.25, 20.75]))
    expected = [adaptive(one).lsf for one in scalar_inputs(rows)]
    assert adaptive_rows(rows).lsf.tolist() == expected


@pytest.mark.parametrize("field", ["volatility_factor", "funding_rate_frac", "divergence"])
def test_every_modifier_that_is_infinite_is_refused(field: str) -> None:
    rows = rows_of(1, 2, "whole")._replace(**{field: np.array([1.0, np.inf])})
    with pytest.raises(ValueError, match="modifiers: expected finite numbers, or NaN"):
        adaptive_rows(rows)
