"""Instruments from files: the venue's own answers, saved by somebody, plain or compressed."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import zstandard

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import ConfigError, Malformed
from quantum_trader.core.instrument import Instrument, combine, parse_brackets, parse_exchange_info

BYTES_MAX = 256 * 1024 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

T = TypeVar("T")


def load(instruments: Path | None, brackets: Path | None) -> dict[str, Instrument]:
    """The defaults, overridden by an ``exchangeInfo`` file and a ``leverageBracket`` file.

    A symbol whose tiers are in neither file nor defaults is left out. Brackets alone change only
    the tiers of the defaults. Raises ``ConfigError`` naming the file and what is wrong with it.
    """
    tiers = {symbol: each.tiers for symbol, each in DEFAULT_INSTRUMENTS.items()}
    if brackets is not None:
        tiers |= _parsed(brackets, parse_brackets)
    known = {
        symbol: msgspec.structs.replace(each, tiers=tiers[symbol])
        for symbol, each in DEFAULT_INSTRUMENTS.items()
    }
    if instruments is None:
        return known
    return known | combine(_parsed(instruments, parse_exchange_info), tiers)[0]


def _parsed(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(content(path))
    except Malformed as error:
        raise ConfigError(f"{path}: {error}") from error


def content(path: Path) -> bytes:
    """All bytes of a file, decompressed when it is zstandard; at most ``BYTES_MAX``."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(_ZSTD_MAGIC)) == _ZSTD_MAGIC
            file.seek(0)
            if packed:
                # As a stream: not every writer notes the length of the content in the header.
                with zstandard.ZstdDecompressor().stream_reader(
                    file, read_across_frames=True
                ) as reader:
                    content = reader.read(BYTES_MAX + 1)
            else:
                content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except zstandard.ZstdError as error:
        raise ConfigError(f"{path}: damaged zstandard data ({error})") from error
    if len(content) > BYTES_MAX:
        raise ConfigError(f"{path}: larger than {BYTES_MAX // 1024**2} MiB unpacked")
    return content
