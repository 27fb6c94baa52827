"""The parameters of a request, as text; what cannot be read is refused in the venue's words."""

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation

from quantum_trader.app.venue.refusals import Refused, refuse

DIGITS_MAX = 40


class Params:
    """Read-only parameters; an empty value counts as one that was not sent."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given

    def text(self, name: str) -> str:
        """A parameter that must be there. Refuses with -1102."""
        value = self.given.get(name)
        if not value:
            text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            raise Refused(-1102, text)
        return value

    def maybe(self, name: str) -> str | None:
        """A parameter that need not be there."""
        return self.given.get(name) or None

    def number(self, name: str) -> Decimal:
        """A finite decimal number that must be there. Refuses with -1102 or -1100."""
        return _number(name, self.text(name))

    def maybe_number(self, name: str) -> Decimal | None:
        """A finite decimal number, or None. Refuses with -1100."""
        value = self.maybe(name)
        return None if value is None else _number(name, value)

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number; one that must be there unless there is a default."""
        value = self.text(name) if default is None else self.maybe(name)
        return default if value is None and default is not None else _whole(name, value or "")

    def maybe_whole(self, name: str) -> int | None:
        """A whole number, or None."""
        value = self.maybe(name)
        return None if value is None else _whole(name, value)

    def flag(self, name: str) -> bool:
        """True or false in any case; false when it was not sent. Refuses with -1100."""
        return self.maybe_flag(name) is True

    def maybe_flag(self, name: str) -> bool | None:
        """True, false or not sent. Refuses with -1100."""
        value = self.maybe(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise _illegal(name)
        return value.lower() == "true"

    def choice(self, name: str, choices: Collection[str], code: int, default: str = "") -> str:
        """One of a few words. Refuses with ``code``, or with -1102 when it must be there."""
        value = (self.maybe(name) or default) if default else self.text(name)
        if value not in choices:
            refuse(code)
        return value

    def symbol(self, known: Collection[str]) -> str:
        """A symbol of the venue. Refuses with -1102 or -1121."""
        return self.choice("symbol", known, -1121)

    def maybe_symbol(self, known: Collection[str]) -> str | None:
        """A symbol of the venue, or None for all. Refuses with -1121."""
        return None if self.maybe("symbol") is None else self.symbol(known)


def _number(name: str, value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise _illegal(name) from None
    if not number.is_finite() or len(value) > DIGITS_MAX or abs(number.adjusted()) > DIGITS_MAX:
        raise _illegal(name)
    return number


def _whole(name: str, value: str) -> int:
    digits = value.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > DIGITS_MAX:
        raise _illegal(name)
    return int(value)


def _illegal(name: str) -> Refused:
    return Refused(-1100, f"Illegal characters found in parameter '{name}'.")
