"""The keys of an account at a venue: from a file, the system's key ring, or the environment.

Each mode has its own, so that a key of one is never tried on another. Two sources at once are
refused: nobody could say which of them counts.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from quantum_trader.adapters.private_file import read_private
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.mode import TradingMode
from quantum_trader.core.secret import Secret

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what ``LoadCredential`` names."""
KEYRING_SERVICE = "quantum-trader"
FILE_MAX = 4_096
NAMES: Mapping[TradingMode, tuple[str, str]] = {
    "paper": ("QT_PAPER_API_KEY", "QT_PAPER_API_SECRET"),
    "testnet": ("QT_TESTNET_API_KEY", "QT_TESTNET_API_SECRET"),
    "live": ("QT_LIVE_API_KEY", "QT_LIVE_API_SECRET"),
}
"""What the environment calls them, mode by mode."""


class Credentials(msgspec.Struct, frozen=True):
    """A key and what signs with it. ``source`` says where they were found, for people."""

    key: Secret
    secret: Secret
    source: str


def find_credentials(
    mode: TradingMode, file: Path | None, environment: Mapping[str, str] = os.environ
) -> Credentials:
    """The keys of a mode. Raises ``ConfigError`` for none, for two sources, and unsafe files."""
    found = [
        each
        for each in (
            _from_file(file) if file is not None else _from_systemd(mode, environment),
            _from_environment(mode, environment),
            _from_keyring(mode),
        )
        if each is not None
    ]
    if not found:
        key, secret = NAMES[mode]
        raise ConfigError(
            f"mode {mode} needs a key: name a file with `key_file`, put one into the key ring "
            f"({KEYRING_SERVICE}, {mode}-key and {mode}-secret), or set {key} and {secret}"
        )
    if len(found) > 1:
        sources = " and ".join(each.source for each in found)
        raise ConfigError(f"keys for mode {mode} were found in {sources}: leave one of them")
    return found[0]


def _from_environment(mode: TradingMode, environment: Mapping[str, str]) -> Credentials | None:
    names = NAMES[mode]
    values = [environment.get(name, "") for name in names]
    if not any(values):
        return None
    if not all(values):
        missing = names[values.index("")]
        raise ConfigError(f"the environment holds half of a key: {missing} is missing")
    return Credentials(Secret(values[0]), Secret(values[1]), f"the environment ({names[0]})")


def _from_systemd(mode: TradingMode, environment: Mapping[str, str]) -> Credentials | None:
    folder = environment.get(CREDENTIALS_DIRECTORY)
    path = Path(folder) / f"quantum-{mode}" if folder else None
    return _from_file(path) if path is not None and path.exists() else None


def _from_file(path: Path) -> Credentials:
    """A file with two lines, the key and the secret."""
    lines = read_private(path, FILE_MAX).decode("utf-8", "replace").split()
    if len(lines) != 2:
        raise ConfigError(f"{path}: a key file has two lines, the key and the secret")
    return Credentials(Secret(lines[0]), Secret(lines[1]), str(path))


def _from_keyring(mode: TradingMode) -> Credentials | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        return None
    try:
        key = keyring.get_password(KEYRING_SERVICE, f"{mode}-key")
        secret = keyring.get_password(KEYRING_SERVICE, f"{mode}-secret")
    except KeyringError:
        return None  # No ring on this machine, or one that is locked: then it holds nothing for us.
    if key is None or secret is None:
        return None
    return Credentials(Secret(key), Secret(secret), "the key ring")
