"""Whatever the venue says is told, counted or refused in words: never a crash, never a silence.

``QT_FUZZ_INPUTS`` says how many payloads are bent; ``make fuzz`` bends a million.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from quantum_trader.adapters.exchanges.binance import history, teller
from tests.fuzz.mutations import bent
from tests.fuzz.parsers import OWN_ERRORS, PARSERS, Came
from tests.fuzz.seeds import Seeds, own_seeds, recorded_seeds

INPUTS = int(os.environ.get("QT_FUZZ_INPUTS", "4000"))
CRASHES = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What a defect raises; anything else ends the test as well, without naming its payload."""
SEED = int(os.environ.get("QT_FUZZ_SEED", "1"))


async def came_of(parser: str, body: bytes) -> Came:
    """What came of one payload. Raises whatever is not the adapter's own error."""
    try:
        return await PARSERS[parser](body)
    except OWN_ERRORS:
        return "refused"


async def bend(seeds: Seeds, inputs: int) -> dict[str, Counter[Came]]:
    """Bend so many payloads, half of them events, and count what came of them, by parser."""
    random = Random(SEED)
    counts = {parser: Counter[Came]() for parser in PARSERS}
    others = sorted(set(PARSERS) - {"event"})
    for number in range(inputs):
        parser = "event" if number % 2 else others[number // 2 % len(others)]
        body = bent(random.choice(seeds[parser]), random)
        try:
            counts[parser][await came_of(parser, body)] += 1
        except CRASHES as error:
            raise AssertionError(f"{parser}, input {number}: {body[:2_000]!r}") from error
    return counts


def shown(counts: dict[str, Counter[Came]]) -> str:
    """One line for each parser."""
    return "\n".join(f"{name}: {dict(count)}" for name, count in counts.items())


class Mute:
    """A log that nobody reads: a million warnings would be kept until the test ends."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        """Say nothing."""
        return lambda *_words, **_values: None


@pytest.fixture(autouse=True)
def _nobody_is_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (teller, history):
        monkeypatch.setattr(module, "_log", Mute())


@pytest.mark.slow
@pytest.mark.timeout(0)
async def test_bent_payloads_are_told_counted_or_refused() -> None:
    counts = await bend(own_seeds(), INPUTS)
    sys.stdout.write(f"{shown(counts)}\n")
    assert sum(count.total() for count in counts.values()) == INPUTS
    for parser, count in counts.items():
        assert count["refused"] + count["counted"], f"{parser} took everything"
        assert count["facts"], f"{parser} took nothing"


@pytest.mark.slow
@pytest.mark.timeout(0)
async def test_bent_recordings_are_told_counted_or_refused(shared_data: Path) -> None:
    seeds = own_seeds()
    for parser, more in recorded_seeds(shared_data).items():
        seeds[parser] += more
    counts = await bend(seeds, INPUTS)
    sys.stdout.write(f"{shown(counts)}\n")
    assert sum(count.total() for count in counts.values()) == INPUTS


async def test_payloads_that_nobody_bent_are_told(shared_data: Path) -> None:
    for parser, seeds in (own_seeds() | recorded_seeds(shared_data)).items():
        for seed in seeds:
            came = await came_of(parser, json.dumps(seed).encode())
            assert came != "refused" or _is_of_another_product(seed), (parser, seed)


def _is_of_another_product(seed: Any) -> bool:
    """A delivery contract's settlement has no fee; such a symbol is never traded here."""
    return "_" in str(seed.get("o", {}).get("s", "")) if isinstance(seed, dict) else False
