"""Keys come from one safe place, or not at all, and nobody is shown them."""

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from quantum_trader.app.credentials import NAMES, find_credentials
from quantum_trader.core.errors import ConfigError

MARK = "canary-key-5b1f"
ENV = {"QT_LIVE_API_KEY": MARK, "QT_LIVE_API_SECRET": MARK + "-secret"}


class Ring(KeyringBackend):
    """A key ring in memory."""

    priority = 1

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture(autouse=True)
def ring() -> Iterator[Ring]:
    before, made = keyring.get_keyring(), Ring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{MARK}\n{MARK}-secret\n")
    path.chmod(0o600)
    return path


def test_a_file_of_ones_own_is_read(file: Path) -> None:
    found = find_credentials("testnet", file, {})
    assert (found.key.reveal(), found.secret.reveal()) == (MARK, MARK + "-secret")
    assert MARK not in repr(found)


def test_the_environment_names_the_mode(ring: Ring) -> None:
    assert find_credentials("live", None, ENV).key.reveal() == MARK
    with pytest.raises(ConfigError, match="QT_TESTNET_API_KEY"):
        find_credentials("testnet", None, ENV)


def test_the_key_ring_is_asked(ring: Ring) -> None:
    ring.set_password("quantum-trader", "live-key", MARK)
    ring.set_password("quantum-trader", "live-secret", MARK)
    assert find_credentials("live", None, {}).source == "the key ring"


def test_systemd_hands_them_over_in_a_folder(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    file.rename(folder / "quantum-live")
    assert find_credentials("live", None, {"CREDENTIALS_DIRECTORY": str(folder)}).key.reveal()
    with pytest.raises(ConfigError):
        find_credentials("testnet", None, {"CREDENTIALS_DIRECTORY": str(folder)})


def test_two_sources_are_one_too_many(file: Path) -> None:
    with pytest.raises(ConfigError, match="leave one of them") as caught:
        find_credentials("live", file, ENV)
    assert MARK not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match="make a new one") as caught:
        find_credentials("live", file, {})
    assert MARK not in str(caught.value)


def test_a_link_a_folder_and_nothing_are_refused(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    for path in (link, tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError):
            find_credentials("live", path, {})


@pytest.mark.parametrize("text", ["", MARK, f"{MARK}\n{MARK}\n{MARK}\n"])
def test_a_file_with_anything_else_in_it_is_refused_without_telling(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match="two lines") as caught:
        find_credentials("live", file, {})
    assert MARK not in str(caught.value)


def test_half_a_key_is_none() -> None:
    with pytest.raises(ConfigError, match="QT_LIVE_API_SECRET is missing"):
        find_credentials("live", None, {"QT_LIVE_API_KEY": MARK})


def test_no_mode_shares_a_name_with_another() -> None:
    names = [name for pair in NAMES.values() for name in pair]
    assert len(set(names)) == len(names)
