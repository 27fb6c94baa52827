"""Strangers who propose: one message in five is broken, one in five stale, one in ten a repeat."""

import json
import time
from collections import Counter
from random import Random
from typing import Any

from quantum_trader.ports import Fields

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
AN_HOUR_MS = 3_600_000
MALFORMED: tuple[dict[str, Any], ...] = (
    {"symbol": "", "side": "BUY"},
    {"symbol": None},
    {"symbol": "BTCUSDT", "side": "UP"},
    {"symbol": "BTCUSDT", "side": "BUY", "timestamp": "yesterday"},
    {"symbol": "BTCUSDT", "side": "BUY", "leverage": 10.5},
    {"symbol": "BTCUSDT", "side": "BUY", "entry_price": "NaN"},
)
SIDES = ("BUY", "SELL", "LONG", "short", "HOLD", "FLAT")


class Proposer:
    """Makes messages from a seed; ``kinds`` counts what they were."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._sent: list[Fields] = []
        self.kinds: Counter[str] = Counter()

    def message(self) -> Fields:
        """The next message."""
        draw = self._random.random()
        if draw < 0.1 and self._sent:
            self.kinds["repeated"] += 1
            return self._random.choice(self._sent)
        fields = self._usual()
        if draw < 0.3:
            self.kinds["malformed"] += 1
            return _packed(fields | self._random.choice(MALFORMED))
        if draw < 0.5:
            self.kinds["stale"] += 1
            fields["timestamp"] -= AN_HOUR_MS
        else:
            self.kinds["fresh"] += 1
        payload = _packed(fields)
        self._sent.append(payload)
        return payload

    def _usual(self) -> dict[str, Any]:
        return {
            "symbol": self._random.choice(SYMBOLS),
            "side": self._random.choice(SIDES),
            "leverage": self._random.choice([3, 5, 10]),
            "position_size_usd": 200,
            "signal_id": f"storm-{self.kinds.total()}",
            "timestamp": int(time.time() * 1000),
            "source": "storm",
        }


def _packed(fields: dict[str, Any]) -> Fields:
    return {b"payload": json.dumps(fields).encode()}
