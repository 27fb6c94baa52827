"""Labels of near prices, pushed apart: each as near to its price as the others allow."""

from collections.abc import Sequence


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least ``gap`` apart within [low, high], in the order of what was wanted.

    The sum of squared ways is the least possible: neighbours that would touch form a block, which
    stands where its members want to be on average, and blocks that meet become one. Where all of
    it does not fit, the gap shrinks to what does. Equal wishes keep the order they came in.
    """
    if not wanted:
        return []
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    # Without the gaps, "at least a gap apart" means "not falling": pool what falls.
    shifted = [wanted[place] - number * gap for number, place in enumerate(order)]
    most = high - (len(wanted) - 1) * gap
    found = [0.0] * len(wanted)
    for number, (place, start) in enumerate(zip(order, _rising(shifted), strict=True)):
        found[place] = min(max(start, low), most) + number * gap
    return found


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest sequence, by least squares, that does not fall."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while blocks and blocks[-1][0] * count > total * blocks[-1][1]:
            before, members = blocks.pop()
            total, count = total + before, count + members
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]
