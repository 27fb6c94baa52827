"""One look over many positions: which guard wants which of them out, and by how much.

It is for whoever watches or studies a whole book at once. The trader does not use it: it asks
``brain`` about one position whenever something happened to it, and there every rule has its say.
What a guard closes here the brain closes by the same rule; where no guard speaks, the kill score,
the ladder and the stops still may.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantum_trader.core.exits.brain import RULES
from quantum_trader.core.exits.context_array import ContextRows
from quantum_trader.core.exits.guards_array import FOR_ROWS
from quantum_trader.core.exits.levels_array import Floats, LevelInputRows
from quantum_trader.core.exits.parts import EVERYTHING
from quantum_trader.core.exits.settings import GuardSettings

GUARDS = tuple(rule.name for rule in RULES if rule.section == "guards")
"""The guards by name, in policy order."""
NO_GUARD = -1

_FORMS = tuple(FOR_ROWS[rule.ask] for rule in RULES if rule.section == "guards")


class GuardedRows(NamedTuple):
    """What the guards want, per position.

    ``guard`` is the one whose word counts, as its place in ``GUARDS``, or ``NO_GUARD``. ``share``
    is what has to leave: 0 nothing, ``EVERYTHING`` all at market, between them a reduction by this
    fraction of the initial quantity.
    """

    guard: NDArray[np.intp]
    share: Floats


def guarded_rows(rows: ContextRows, settings: GuardSettings) -> GuardedRows:
    """All guards asked and made one as ``brain.merged`` does: a close wins, else the first cut."""
    shares = np.empty((len(_FORMS), len(rows.sign)))
    for form, row in zip(_FORMS, shares, strict=True):
        row[:] = form(rows, settings)
    shares[:, rows.qty == 0.0] = 0.0
    rank = np.add(shares > 0.0, shares == EVERYTHING, dtype=np.int8)
    guard = rank.argmax(axis=0)  # The first of the highest rank: 2 closes, 1 reduces.
    share = np.take_along_axis(shares, guard[None], axis=0)[0]
    return GuardedRows(np.where(share > 0.0, guard, NO_GUARD), share)


def level_inputs(rows: ContextRows, volatility_factor: Floats) -> LevelInputRows:
    """What the adaptive levels of these positions depend on.

    ``volatility_factor`` is volatility over its reference, which a context does not know.
    """
    return LevelInputRows(
        side_sign=rows.sign,
        leverage=rows.leverage,
        volatility_factor=volatility_factor,
        funding_rate_frac=rows.funding_rate_frac,
        divergence=rows.divergence,
    )
