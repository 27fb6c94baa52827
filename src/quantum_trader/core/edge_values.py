"""Numbers, times and texts as strangers write them, read strictly.

Every reader takes the name and the raw value and returns what it says, or raises ``Malformed``.
A raw value is what our JSON reader leaves: text (numbers too, so that nothing is rounded on the
way), True, False, a list, a dict, or a float that is NaN or infinite. Nothing here ever falls
back to a default.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quantum_trader.core.errors import Malformed

Raw = object

MISSING = frozenset(("", "null", "none", "undefined"))
"""What producers write (in any case) when they mean that a value is missing."""

NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)
ISO_TIME = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d.*|Z|[+-]\d\d.*)?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
EARLIEST_S = int((datetime(2020, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
LATEST_S = int((datetime(2100, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
TIME_EXPECTED = "epoch ms or s, or ISO 8601, between 2020 and 2100"
AMOUNT_MAX = Decimal("1e15")
AMOUNT_MIN = Decimal("1e-15")
STATISTIC_MAX = 1e15
LEVERAGE_MAX = 125
WORDS_MAX = 500
LABEL_MAX = 128
SYMBOL_MAX = 40
PLACES_MAX = 30
AMOUNT_EXPECTED = f"a number above 0 (and within {AMOUNT_MIN} and {AMOUNT_MAX})"
STATISTIC_EXPECTED = f"a number between -{AMOUNT_MAX} and {AMOUNT_MAX}"
FALSE_TEXTS = frozenset(("false", "0", "no"))
TRUE_TEXTS = frozenset(("true", "1", "yes"))


def is_missing(raw: Raw) -> bool:
    """Whether a raw value says that there is no value."""
    return raw is None or (isinstance(raw, str) and raw.strip().lower() in MISSING)


def number(field: str, raw: Raw, expected: str = "a number") -> Decimal:
    """A finite decimal number: 1.5, "1.5", 15e-1; never true, NaN, Infinity or 1_5."""
    text = raw.strip() if isinstance(raw, str) else ""
    if NUMBER.fullmatch(text) is None:
        raise Malformed(field, raw, expected)
    return Decimal(text)


def amount(field: str, raw: Raw) -> Decimal:
    """A price, a size or money: more than zero, within reason."""
    value = number(field, raw, AMOUNT_EXPECTED)
    if not is_amount(value):
        raise Malformed(field, raw, AMOUNT_EXPECTED)
    return value


def is_amount(value: Decimal) -> bool:
    """Whether a number is more than zero, within reason, and its own text can be read back."""
    if not value.is_finite() or not AMOUNT_MIN <= value <= AMOUNT_MAX:
        return False
    return -int(value.as_tuple().exponent) <= PLACES_MAX


def statistic(field: str, raw: Raw) -> float:
    """A measured number of either sign."""
    value = number(field, raw, STATISTIC_EXPECTED)
    if abs(value) > AMOUNT_MAX:
        raise Malformed(field, raw, STATISTIC_EXPECTED)
    return float(value)


def size_of_effect(field: str, raw: Raw) -> float:
    """A measured number that cannot be negative."""
    value = statistic(field, raw)
    if value < 0:
        raise Malformed(field, raw, "a number, zero or more")
    return value


def signed_share(field: str, raw: Raw) -> float:
    """A fraction of either sign, -1 to 1."""
    value = statistic(field, raw)
    if abs(value) > 1:
        raise Malformed(field, raw, "a fraction between -1 and 1 (0.01 is one per cent)")
    return value


def share(field: str, raw: Raw) -> float:
    """A fraction from 0 to 1."""
    value = statistic(field, raw)
    if not 0 <= value <= 1:
        raise Malformed(field, raw, "a fraction between 0 and 1 (0.85, not 85)")
    return value


def multiple(field: str, raw: Raw) -> int:
    """Leverage: a whole number from 1 to 125; 10, "10" and 10.0 are the same."""
    expected = f"a whole number between 1 and {LEVERAGE_MAX}"
    value = number(field, raw, expected)
    if not 1 <= value <= LEVERAGE_MAX or value != value.to_integral_value():
        raise Malformed(field, raw, expected)
    return int(value)


def yes_or_no(field: str, raw: Raw) -> bool:
    """A truth value: true and false as such, as text in any case, or as 1 and 0."""
    text = str(raw).strip().lower() if isinstance(raw, bool | str) else ""
    if text not in TRUE_TEXTS | FALSE_TEXTS:
        raise Malformed(field, raw, "true or false")
    return text in TRUE_TEXTS


def time_ms(field: str, raw: Raw) -> int:
    """A moment as epoch ms: from ms or s (whole or not), or ISO 8601; no zone is read as UTC."""
    text = raw.strip().upper() if isinstance(raw, str) else ""
    if NUMBER.fullmatch(text):
        value = Decimal(text)
        if EARLIEST_S <= value < LATEST_S:
            return int(value * 1000)
        if EARLIEST_S * 1000 <= value < LATEST_S * 1000:
            return int(value)
    elif ISO_TIME.fullmatch(text):
        return _iso_ms(field, raw, text)
    raise Malformed(field, raw, TIME_EXPECTED)


def _iso_ms(field: str, raw: Raw, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(field, raw, TIME_EXPECTED) from error
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    at_ms = (aware - EPOCH) // MILLISECOND
    if not EARLIEST_S * 1000 <= at_ms < LATEST_S * 1000:
        raise Malformed(field, raw, TIME_EXPECTED)
    return at_ms


def words(field: str, raw: Raw, length_max: int = WORDS_MAX) -> str:
    """Printable text; runs of white space become one space."""
    text = " ".join(raw.split()) if isinstance(raw, str) else ""
    if not text or len(text) > length_max or not text.isprintable():
        raise Malformed(field, raw, f"printable text of at most {length_max} characters")
    return text


def is_words(text: str, length_max: int = WORDS_MAX) -> bool:
    """Whether ``words`` reads a text as it stands, and nobody means by it that it is missing."""
    if not text or len(text) > length_max or text.lower() in MISSING:
        return False
    return text.isprintable() and " ".join(text.split()) == text


def is_label(text: str) -> bool:
    """Whether ``label`` reads a text as it stands."""
    return is_words(text, LABEL_MAX)


def is_time_ms(at_ms: int) -> bool:
    """Whether ``time_ms`` reads a number as epoch milliseconds."""
    return EARLIEST_S * 1000 <= at_ms < LATEST_S * 1000


def is_symbol(text: str) -> bool:
    """Whether ``symbol`` reads a text as it stands; only the plainest ones are known here."""
    plain = text.isascii() and text.isalnum() and len(text) <= SYMBOL_MAX
    return plain and text.upper() == text and text.lower() not in MISSING


def label(field: str, raw: Raw) -> str:
    """A name or id: printable text of moderate length."""
    return words(field, raw, LABEL_MAX)


def symbol(field: str, raw: Raw) -> str:
    """A symbol in upper case: letters and digits of any script and ``-_.:/``, at most 40."""
    text = raw.strip().upper() if isinstance(raw, str) else ""
    written = all(letter.isalnum() or letter in "-_.:/" for letter in text)
    if is_missing(text) or not written or len(text) > SYMBOL_MAX:
        raise Malformed(field, raw, f"a symbol of 1 to {SYMBOL_MAX} letters and digits")
    return text
