"""Ids of stream entries: two numbers, ordered; the second counts within the first."""

from quantum_trader.core.errors import StoreError

EntryId = tuple[int, int]

FIRST: EntryId = (0, 0)
"""Before everything; no entry has this id."""


def parse(text: str) -> EntryId:
    """An id as numbers. Raises ``StoreError`` when the text is no complete id."""
    first, _, second = text.partition("-")
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()):
        raise StoreError(f"{text!r} is no entry id; write <number>-<number>")
    return int(first), int(second)


def bound(text: str, *, upper: bool) -> EntryId:
    """One end of a range: ``-``, ``+``, an id, or an id without its second number.

    A lower end may be ``(`` and an id: from behind it.
    """
    if text.startswith("(") and not upper:
        first, second = parse(text[1:])
        return first, second + 1
    if text in ("-", "+"):
        return FIRST if text == "-" else (1 << 64, 0)
    return parse(text if "-" in text else f"{text}-{(1 << 64) - 1 if upper else 0}")


def following(text: str) -> str:
    """The smallest id after this one."""
    first, second = parse(text)
    return show((first, second + 1))


def show(entry_id: EntryId) -> str:
    """An id as text."""
    return f"{entry_id[0]}-{entry_id[1]}"
