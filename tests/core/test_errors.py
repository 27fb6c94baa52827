"""What cannot be missing is there, or it is our own bug and says what is missing."""

import pytest

from quantum_trader.core.errors import BrokenInvariant, sure


def test_what_is_there_is_handed_on_whatever_it_is_worth() -> None:
    assert sure(0, "a zero") == 0


def test_what_is_missing_is_named() -> None:
    with pytest.raises(BrokenInvariant, match=r"^the draft is missing$"):
        sure(None, "the draft")
