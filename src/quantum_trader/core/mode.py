"""Modes, and what follows from one: the accounts it may have, and how its orders are named.

A mode is chosen once, and hosts, folders and names follow from it; nothing of that can be set
beside it. The account carries the mode, so whoever sees a fact or an order sees whose it is.
"""

from collections.abc import Mapping
from typing import Literal

from quantum_trader.core.errors import ConfigError

Mode = Literal["paper", "replay", "testnet", "live"]
TradingMode = Literal["paper", "testnet", "live"]
"""A mode in which orders reach somebody."""

ORDER_PREFIXES: Mapping[TradingMode, str] = {"paper": "q1", "testnet": "qt1", "live": "ql1"}
"""How the names of orders begin; the digit is the version of the naming scheme."""

KEY_PREFIXES: Mapping[TradingMode, str] = {
    "paper": "quantum:",
    "testnet": "quantum:testnet:",
    "live": "quantum:live:",
}
"""How the names of streams and keys begin where they are stored."""

_MARKED: tuple[TradingMode, ...] = ("testnet", "live")


def mode_of(account: str) -> TradingMode:
    """The mode an account belongs to: its first word, and paper for everybody else."""
    word = account.split("-", 1)[0]
    for mode in _MARKED:
        if word == mode:
            return mode
    return "paper"


def check_account(mode: TradingMode, account: str) -> None:
    """Raise ``ConfigError`` for an account that another mode may have: real money must say so."""
    if mode_of(account) == mode:
        return
    if mode == "paper":
        word = account.split("-", 1)[0]
        raise ConfigError(f"account {account}: names that begin with {word} belong to mode {word}")
    raise ConfigError(f"account {account}: in mode {mode} it is named {mode}, or {mode}-something")


def order_prefix(account: str) -> str:
    """How the orders of an account are named."""
    return ORDER_PREFIXES[mode_of(account)]
