"""The keys of a venue's accounts: made once, kept in the data folder for their owner alone."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quantum_trader.app.venue.security import Credentials
from quantum_trader.core.errors import ConfigError

KEYS_FILE = "venue-keys.json"
KEY_LENGTH = 64
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Keys(msgspec.Struct, kw_only=True):
    """``salt`` is what listen keys are made of."""

    salt: str
    accounts: list[Credentials]


def load_keys(folder: Path, names: Sequence[str]) -> Keys:
    """The keys of these accounts; those that have none yet get one. Raises ``ConfigError``."""
    path = folder / KEYS_FILE
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Keys)
    except FileNotFoundError:
        kept = Keys(salt=_word(), accounts=[])
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    known = {one.name for one in kept.accounts}
    new = [Credentials(name, _word(), _word()) for name in names if name not in known]
    kept.accounts += new
    if new:
        _write(path, msgspec.json.format(msgspec.json.encode(kept)))
    return kept


def _word() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(KEY_LENGTH))


def _write(path: Path, body: bytes) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
        file.write(body + b"\n")
    new.replace(path)
