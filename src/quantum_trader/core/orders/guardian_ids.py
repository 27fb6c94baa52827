"""Names of the guardian's orders. They carry no plan and no mode, because they can only reduce."""

import re
from hashlib import sha256

GUARDIANS = "qG1"
"""How each begins; the digit is the version of this scheme."""

DIGEST_CHARS = 24
_PATTERN = re.compile(rf"{GUARDIANS}[0-9A-F]{{{DIGEST_CHARS}}}")


def guardian_order_id(symbol: str, number: int) -> str:
    """A name that was never used before, as ``number`` was not for this symbol: 27 characters."""
    digest = sha256(f"{symbol}|{number}".encode()).hexdigest()[:DIGEST_CHARS]
    return f"{GUARDIANS}{digest.upper()}"


def is_guardians(client_id: str) -> bool:
    """Whether the guardian named an order. To ``ids.is_ours`` it is foreign: no journal has it."""
    return _PATTERN.fullmatch(client_id) is not None
