"""A token in a file that only its owner may read: whoever reads it may command what it guards."""

import secrets
from contextlib import suppress
from pathlib import Path

from quantum_trader.adapters.private_file import read_private, write_private
from quantum_trader.core.errors import ConfigError

BYTES = 32
LENGTH_MIN = 32
READ_MAX = 256


def token_in(path: Path) -> str:
    """The token in a file; a new one where there is none, or where others may have seen it.

    Raises ``StoreError`` where it cannot be written.
    """
    with suppress(ConfigError):
        found = read_private(path, READ_MAX).decode("ascii", "replace").strip()
        if len(found) >= LENGTH_MIN and found.isascii():
            return found
    token = secrets.token_urlsafe(BYTES)
    write_private(path, token.encode() + b"\n")
    return token
