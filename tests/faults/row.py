"""One row of the matrix of faults."""

from typing import NamedTuple


class Row(NamedTuple):
    """A fault. ``how`` it is made, what is ``expected``, and the tests that show it.

    ``missing`` says why it is not shown, or what of it is not: a row without tests needs it.
    """

    name: str
    fault: str
    how: str
    expected: str
    shown: tuple[str, ...] = ()
    missing: str = ""
