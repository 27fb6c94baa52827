"""What a benchmark is: the same work again and again, ours beside something to compare with."""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from statistics import median
from typing import Literal

import msgspec

REPETITIONS = 5

Better = Literal["above", "below"]


class Spread(msgspec.Struct, frozen=True):
    """A number that was measured several times."""

    min: float
    median: float
    max: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: ours, what it is compared with, and the ratio of the two.

    ``ratio`` is ours over bare, run by run. ``target`` is held against the median of ``ratio``
    when ``of_ratio``, else of ``ours``. ``met`` is None where nothing was asked.
    """

    name: str
    unit: str
    repetitions: int
    ours: Spread
    bare: Spread | None
    ratio: Spread | None
    target: float | None
    better: Better
    of_ratio: bool
    met: bool | None
    note: str


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """What a benchmark measures, in which unit, and what it should reach."""

    name: str
    unit: str
    note: str
    target: float | None = None
    better: Better = "above"
    of_ratio: bool = False


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much work a benchmark may do: repetitions, and seconds after which none is begun.

    ``events`` is the length of a log that is recovered from, where it is not quick.
    """

    quick: bool = False
    events: int = 1_000_000
    repetitions: int = REPETITIONS
    seconds_max: float = 240.0

    def of(self, full: int, quick: int) -> int:
        """So much of something, or little where it shall be quick."""
        return quick if self.quick else full

    def rounds(self) -> Iterator[int]:
        """The numbers of the repetitions, at least one, as long as there is time."""
        began_s = time.perf_counter()
        for number in range(self.repetitions):
            if number and time.perf_counter() - began_s > self.seconds_max:
                return
            yield number


Benchmark = Callable[[Effort], Awaitable[Sequence[Row]]]


def spread(values: Sequence[float]) -> Spread:
    """The smallest, the middle and the largest."""
    return Spread(min(values), median(values), max(values))


def row(aim: Aim, ours: Sequence[float], bare: Sequence[float] = ()) -> Row:
    """The line of a benchmark from its runs; ``bare`` has one value for each of ``ours``."""
    ratios = [one / other for one, other in zip(ours, bare, strict=True)] if bare else []
    reached = median(ratios if aim.of_ratio else ours)
    met = None
    if aim.target is not None:
        met = reached >= aim.target if aim.better == "above" else reached <= aim.target
    return Row(
        name=aim.name,
        unit=aim.unit,
        repetitions=len(ours),
        ours=spread(ours),
        bare=spread(bare) if bare else None,
        ratio=spread(ratios) if ratios else None,
        target=aim.target,
        better=aim.better,
        of_ratio=aim.of_ratio,
        met=met,
        note=aim.note,
    )
