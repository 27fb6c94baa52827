"""Which build of the program this is: a hash over every file of it."""

import hashlib
from functools import lru_cache
from pathlib import Path

import quantum_trader

CHARS = 16


@lru_cache(maxsize=1)
def build_hash() -> str:
    """The same for the same files, whoever asks; changes with any of them."""
    root = Path(quantum_trader.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(root)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:CHARS]
