"""Everything that changes the hall, by name: what the journal keeps and replays."""

from collections.abc import Callable
from typing import Any

from quantum_trader.app.venue import conditional, control_ops, listen_keys, ordering, switching
from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params
from quantum_trader.core.matching.triggers import CONDITIONAL_KINDS

Operation = Callable[[Hall, Account, Params], Any]


def _order(hall: Hall, account: Account, params: Params) -> Any:
    """POST order; a venue of the old kind takes conditional orders here as well."""
    if hall.house.legacy_conditional and params.maybe("type") in CONDITIONAL_KINDS:
        return conditional.new_legacy(hall, account, params)
    return ordering.new_order(hall, account, params)


def _cancel(hall: Hall, account: Account, params: Params) -> Any:
    if hall.house.legacy_conditional:
        found = conditional.cancel_legacy(hall, account, params)
        if found is not None:
            return found
    return ordering.cancel_one(hall, account, params)


OPERATIONS: dict[str, Operation] = {
    "order.place": _order,
    "order.modify": ordering.modify,
    "order.cancel": _cancel,
    "orders.cancel_all": ordering.cancel_all,
    "batch.place": ordering.new_batch,
    "batch.modify": ordering.modify_batch,
    "batch.cancel": ordering.cancel_batch,
    "orders.countdown": ordering.countdown,
    "algo.place": conditional.new_algo,
    "algo.cancel": conditional.cancel_algo,
    "algos.cancel_all": conditional.cancel_all_algos,
    "leverage": switching.leverage,
    "margin_type": switching.margin_type,
    "position_mode": switching.position_mode,
    "multi_assets": switching.multi_assets,
    "fee_burn": switching.fee_burn,
    "position_margin": switching.position_margin,
    "key.start": listen_keys.start,
    "key.keep": listen_keys.keep,
    "key.close": listen_keys.close,
    **control_ops.OPERATIONS,
}
