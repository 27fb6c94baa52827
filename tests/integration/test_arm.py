"""Arming at the shell: two deliberate steps, everything asked, nothing odd, nothing told."""

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from quantum_trader.adapters.arming import Run, note_run, read_armed
from quantum_trader.adapters.exchanges.key_rights import KeyRights, ask_rights, objections, remarks
from quantum_trader.adapters.latch import FILE
from quantum_trader.app import cli
from quantum_trader.app.build import build_hash
from quantum_trader.app.cli import arm as arm_module
from quantum_trader.app.finding import Finding, red, yellow
from quantum_trader.core.errors import Unreachable
from quantum_trader.core.secret import Secret

KEY, SECRET = Secret("canary-key-77a1"), Secret("canary-secret-77a1")
GOOD = {
    "ipRestrict": True,
    "enableReading": True,
    "enableFutures": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
    "createTime": 1_623_840_271_000,
}
SETTINGS = """
mode = "live"
[caps]
order_usd_max = 100
gross_usd_max = 300
loss_usd_max = 20
"""


class KeyOffice(BaseHTTPRequestHandler):
    """A venue that tells what a key may do, to whoever signs with its secret."""

    says: bytes
    key: str
    secret: str

    def do_GET(self) -> None:
        """Answer one question."""
        parts = urlsplit(self.path)
        query, _, signature = parts.query.rpartition("&signature=")
        wanted = hmac.new(self.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        known = self.headers["X-MBX-APIKEY"] == self.key
        good = known and signature == wanted and "timestamp" in parse_qs(query)
        body = self.says if good else b'{"code":-2015,"msg":"Invalid API-key"}'
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        """Say nothing."""


@contextmanager
def office(says: bytes, key: Secret = KEY, secret: Secret = SECRET) -> Iterator[str]:
    """The office on a free port of this machine."""
    about = {"says": says, "key": key.reveal(), "secret": secret.reveal()}
    handler = type("Handler", (KeyOffice,), about)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Desk:
    """A folder with settings, keys and a run, and a system that is as healthy as told."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "live"
        self.home.mkdir(mode=0o700)
        self.settings = folder / "live.toml"
        keys = folder / "keys"
        keys.write_text(f"{KEY.reveal()}\n{SECRET.reveal()}\n")
        keys.chmod(0o600)
        self.settings.write_text(f'key_file = "{keys}"\n{SETTINGS}')
        self.findings: tuple[Finding, ...] = ()
        self.words = f"arm live {KEY.fingerprint()}"
        self.run()

    def run(self, **change: object) -> None:
        """Start the system anew."""
        about: dict[str, object] = {
            "run": "r1",
            "account": "live",
            "build": build_hash(),
            "fingerprint": KEY.fingerprint(),
            "started_ms": 1,
            "pid": 1,
        }
        note_run(self.home, Run(**(about | change)))  # type: ignore[arg-type]

    async def examined(self, url: str | None, folder: Path | None) -> Sequence[Finding]:
        """What the doctor finds; it must be asked about the right folder."""
        assert folder == self.home
        return self.findings

    def arm(self, *more: str) -> int:
        """The command."""
        about = ("--config", str(self.settings), "--data-dir", str(self.home))
        return cli.main(["arm", *about, *more])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(tmp_path)
    monkeypatch.setattr(arm_module, "examined", made.examined)
    with office(json.dumps(GOOD).encode()) as host:
        monkeypatch.setattr(arm_module, "RIGHTS_HOST", host)
        yield made


def test_with_everything_in_order_and_the_words_typed_it_is_armed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.arm("--confirm", desk.words, "--json", "--for", "1", "--order-max", "50") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["armed"]
    armed = read_armed(desk.home)
    assert armed is not None
    assert armed.expires_ms - armed.armed_ms == 3_600_000
    assert list(map(int, (armed.caps.order_usd_max, armed.caps.gross_usd_max))) == [50, 300]
    assert (armed.run, armed.fingerprint) == ("r1", KEY.fingerprint())
    assert told["expires_ms"] == armed.expires_ms


@pytest.mark.parametrize("typed", ["", "yes", "arm live", "arm live 000000000000"])
def test_without_the_words_nothing_is_armed(
    desk: Desk, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.arm("--confirm", typed) == 1
    assert "not armed" in capsys.readouterr().err
    assert read_armed(desk.home) is None


def test_nobody_who_cannot_type_arms_by_accident(desk: Desk) -> None:
    assert desk.arm("--json") == 1
    assert read_armed(desk.home) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"account": "live-2"}, "account live-2"),
        ({"fingerprint": None}, "key None"),
        ({"build": "another"}, "another build"),
    ],
)
def test_a_run_that_is_not_the_one_meant_is_not_armed(
    desk: Desk, change: dict[str, object], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.run(**change)
    assert desk.arm("--confirm", desk.words) == 1
    assert why in capsys.readouterr().err


def test_all_that_speaks_against_it_is_said_at_once(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.findings = (
        red("loop.silent", "gateway", "silent for 9 s", "restart it"),
        yellow("stream.stranger", "x", "a trifle", ""),
    )
    (desk.home / FILE).touch()
    (desk.home / "run.json").unlink()
    assert desk.arm("--confirm", desk.words, "--json") == 1
    against = json.loads(capsys.readouterr().out)["against"]
    assert len(against) == 3
    for why in ("no system was started", "HALT is latched", "gateway: silent for 9 s"):
        assert any(why in each for each in against)
    assert read_armed(desk.home) is None


def test_caps_are_only_lowered(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.arm("--confirm", desk.words, "--order-max", "101") == 2
    assert desk.arm("--confirm", desk.words, "--leverage-max", "11") == 2
    assert "order_usd_max" in capsys.readouterr().err
    assert read_armed(desk.home) is None


def test_paper_needs_no_arming(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.settings.write_text('mode = "paper"\n')
    assert desk.arm("--confirm", desk.words) == 2
    assert "first of the two steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"enableWithdrawals": True}, "may withdraw"),
        ({"enableInternalTransfer": True}, "may transfer"),
        ({"permitsUniversalTransfer": True}, "between wallets"),
        ({"enableFutures": False}, "may not trade futures"),
        ({"enableReading": False}, "may not read"),
        ({"enableWithdrawals": None}, "did not say"),
    ],
)
def test_a_key_that_could_lose_the_money_is_refused(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    why: str,
) -> None:
    with office(json.dumps(GOOD | change).encode()) as host:
        monkeypatch.setattr(arm_module, "RIGHTS_HOST", host)
        assert desk.arm("--confirm", desk.words) == 1
    assert why in capsys.readouterr().err
    assert read_armed(desk.home) is None


@pytest.mark.parametrize("says", [b"", b"[]", b'{"ipRestrict": "maybe"}', b"<html>"])
def test_a_venue_that_does_not_say_arms_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], says: bytes
) -> None:
    with office(says) as host:
        monkeypatch.setattr(arm_module, "RIGHTS_HOST", host)
        assert desk.arm("--confirm", desk.words) == 1
    assert "what the key may do is not known" in capsys.readouterr().err


def test_neither_key_nor_signature_is_ever_told(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.arm("--confirm", "no")
    monkeypatch.setattr(arm_module, "RIGHTS_HOST", "http://127.0.0.1:9")
    desk.arm("--confirm", "no", "--json")
    told = "".join(capsys.readouterr())
    assert "canary" not in told
    assert "signature" not in told


def test_a_wrong_key_is_refused_by_its_host_alone() -> None:
    with office(b"{}") as host, pytest.raises(Unreachable, match="401") as caught:
        asyncio.run(ask_rights(host, Secret("another"), SECRET, 1))
    assert "signature" not in str(caught.value)


def test_a_key_without_an_address_is_remarked_on() -> None:
    bound = KeyRights(
        ip_restrict=True,
        enable_reading=True,
        enable_futures=True,
        enable_withdrawals=False,
        enable_internal_transfer=False,
        permits_universal_transfer=False,
    )
    assert objections(bound) == ()
    assert "bound" in remarks(bound)[0]
    assert "any address" in remarks(KeyRights())[0]
