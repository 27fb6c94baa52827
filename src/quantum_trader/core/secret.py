"""A text that must not be seen: it prints as stars, cannot be pickled, and is shown on purpose."""

import hashlib
import hmac
from typing import NoReturn

STARS = "***"
FINGERPRINT_CHARS = 12


class Secret:
    """Holds a key or a password. ``reveal`` is the only way to it; grep for that word."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for whoever signs or sends it."""
        return self._text

    def fingerprint(self) -> str:
        """Names the secret without telling it: twelve hex digits of its SHA-256."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:FINGERPRINT_CHARS]

    def __repr__(self) -> str:
        return STARS

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(STARS, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # A secret is no key of anything.

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


def redacted(text: str, *secrets: Secret) -> str:
    """A text with every secret in it replaced by stars; the last belt before a log or an error."""
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), STARS)
    return text
