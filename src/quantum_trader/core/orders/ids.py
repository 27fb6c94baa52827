"""Names of orders: derived from what the order is for, so that a repeat finds the first one."""

import re
from collections.abc import Mapping
from hashlib import sha256

from quantum_trader.core.events.orders import CancelCommanded, OrderCommanded, OrderRole
from quantum_trader.core.mode import ORDER_PREFIXES, order_prefix

Command = OrderCommanded | CancelCommanded
"""What the gateway is asked to do: place an order, or cancel one."""

ROLE_LETTERS: Mapping[OrderRole, str] = {"entry": "E", "stop": "S", "target": "T", "exit": "X"}

DIGEST_CHARS = 24
_OURS_PATTERN = re.compile(
    rf"({'|'.join(ORDER_PREFIXES.values())})"
    rf"[{''.join(ROLE_LETTERS.values())}][0-9A-F]{{{DIGEST_CHARS}}}"
)


def client_order_id(role: OrderRole, account: str, plan_id: str, leg: int, attempt: int) -> str:
    """The name under which an order is journalled, sent and asked for: at most 28 characters.

    It begins with the mode's own letters, so that a paper order is known for one wherever it turns
    up. ``attempt`` grows once the order of the attempt before is over, or in doubt and harmless
    should it live: an entry has one attempt. The venue takes at most 36 characters of
    ``[.A-Z:/a-z0-9_-]``.
    """
    purpose = f"{account}|{plan_id}|{leg}|{attempt}"
    digest = sha256(purpose.encode()).hexdigest()[:DIGEST_CHARS].upper()
    return f"{order_prefix(account)}{ROLE_LETTERS[role]}{digest}"


def is_ours(client_id: str) -> bool:
    """Whether an order was named by us; a liquidation or an order made by hand was not."""
    return _OURS_PATTERN.fullmatch(client_id) is not None


def role_of(client_id: str) -> OrderRole:
    """What an order of ours is for, by its name. Raises ``StopIteration`` for others' names."""
    letter = client_id[-DIGEST_CHARS - 1]
    return next(role for role, one in ROLE_LETTERS.items() if one == letter)


def name_of(command: Command) -> str:
    """The client id of the order that a command places or cancels."""
    if isinstance(command, OrderCommanded):
        return command.order.client_order_id
    return command.client_order_id


def symbol_of(command: Command) -> str:
    """The symbol a command is about."""
    return command.order.symbol if isinstance(command, OrderCommanded) else command.symbol
