"""A secret is seen by whoever asks for it by name, and by nobody else."""

import copy
import json
import pickle
from typing import Any

import msgspec
import pytest

from quantum_trader.core.secret import Secret, redacted

TEXT = "s3cr3t-marker"
ONE = Secret(TEXT)


@pytest.mark.parametrize(
    "shown",
    [
        repr(ONE),
        str(ONE),
        f"{ONE}",
        f"{ONE:>20}",
        f"{ONE!r}",
        "%s" % ONE,  # noqa: UP031 that is how some loggers do it
        repr([ONE, {"key": ONE}]),
        str(ValueError(ONE)),
    ],
)
def test_it_prints_as_stars(shown: str) -> None:
    assert TEXT not in shown
    assert "***" in shown


def test_it_cannot_be_written_anywhere_by_accident() -> None:
    dumps: list[Any] = [pickle.dumps, copy.deepcopy, json.dumps, msgspec.json.encode]
    for dump in dumps:
        with pytest.raises(TypeError):
            dump(ONE)
    assert not hasattr(ONE, "__dict__")


def test_whoever_needs_it_reveals_it_and_a_fingerprint_names_it() -> None:
    assert ONE.reveal() == TEXT
    assert Secret("a").fingerprint() == "ca978112ca1b"
    assert Secret(TEXT) == ONE
    assert Secret("another") != ONE
    assert ONE != TEXT
    with pytest.raises(TypeError, match="unhashable"):
        hash(ONE)
    assert not Secret("")


def test_a_text_is_cleaned_of_every_secret() -> None:
    text = f"POST /order?key={TEXT}&again={TEXT}&other=abc"
    assert (
        redacted(text, ONE, Secret("abc"), Secret("")) == "POST /order?key=***&again=***&other=***"
    )
