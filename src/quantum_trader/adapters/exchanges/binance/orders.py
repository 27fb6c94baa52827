"""Placing, canceling and finding: each order in its own service, and a no of both before a no."""

from quantum_trader.adapters.exchanges.binance import answers, endpoints
from quantum_trader.adapters.exchanges.binance.answers import AlgoRow, OrderRow, amount, order_id_of
from quantum_trader.adapters.exchanges.binance.budget import Purpose
from quantum_trader.adapters.exchanges.binance.endpoints import Endpoint
from quantum_trader.adapters.exchanges.binance.identity import Identity, Service
from quantum_trader.adapters.exchanges.binance.requests import (
    algo_params,
    check_name,
    order_params,
    service_for,
)
from quantum_trader.adapters.exchanges.binance.rest import Params, Refused, Rest, read
from quantum_trader.core.errors import InDoubt
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.orders.ids import ROLE_LETTERS, is_ours
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import Accepted, OrderState, Placement, Rejected, VenueOrder

NOT_THERE = frozenset({-2011, -2013})
REFUSED_NEW = -2010
UNKNOWN_ORDER = -2011

_STATES: dict[str, OrderState] = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "PENDING_NEW": "open",
    "FILLED": "filled",
    "NEW_INSURANCE": "filled",
    "NEW_ADL": "filled",
    "CANCELED": "canceled",
    "EXPIRED": "canceled",
    "EXPIRED_IN_MATCH": "canceled",
    "REJECTED": "rejected",
    "TRIGGERING": "open",
    "TRIGGERED": "open",
}


class Orders:
    """The orders of one account."""

    def __init__(self, rest: Rest, identity: Identity) -> None:
        self._rest = rest
        self._identity = identity

    async def place(self, order: OrderRequest) -> Placement:
        """Send an order once. Raises ``Unreachable``, ``InDoubt``, ``Locked``."""
        name = order.client_order_id
        check_name(name)
        self._identity.placed(name, service_for(order))
        purpose: Purpose = "exit" if order.reduce_only or order.close_position else "entry"
        if service_for(order) == "algo":
            body = await self._rest.call(endpoints.PLACE_ALGO, algo_params(order), purpose)
            return self._placed_algo(name, body)
        body = await self._rest.call(endpoints.PLACE, order_params(order), purpose)
        return self._placed(name, body)

    async def cancel(self, symbol: str, name: str) -> Placement:
        """Cancel an order, where it is likely to be and then in the other service."""
        first: Service = self._identity.service_of(name) or _likely(name)
        services: tuple[Service, Service] = (first, "regular" if first == "algo" else "algo")
        refused = None
        for service in services:
            answer = await self._cancel_in(service, symbol, name)
            if isinstance(answer, Accepted) or answer.code not in NOT_THERE:
                return answer
            refused = refused or answer
        return await self._cancel_child(symbol, name) or Rejected(
            name, UNKNOWN_ORDER, refused.reason if refused else "unknown order"
        )

    async def find(self, symbol: str, name: str) -> VenueOrder | None:
        """What became of an order; None when neither service knows it."""
        first: Service = self._identity.service_of(name) or _likely(name)
        if first == "algo":
            return await self._find_algo(symbol, name) or await self._find_regular(symbol, name)
        return await self._find_regular(symbol, name) or await self._find_algo(symbol, name)

    def _placed(self, name: str, body: bytes | Refused) -> Placement:
        if isinstance(body, Refused):
            return Rejected(name, body.code, body.reason)
        row = read(answers.ORDER, body, "an order was placed")
        if row.client_order_id != name:
            raise InDoubt(f"the answer to {name} is about {row.client_order_id}")
        if row.status == "REJECTED":
            return Rejected(name, REFUSED_NEW, "rejected by the venue")
        self._identity.note_order(row)
        return Accepted(name, str(row.order_id))

    def _placed_algo(self, name: str, body: bytes | Refused) -> Placement:
        if isinstance(body, Refused):
            return Rejected(name, body.code, body.reason)
        row = read(answers.ALGO, body, "a conditional order was placed")
        if row.client_algo_id != name:
            raise InDoubt(f"the answer to {name} is about {row.client_algo_id}")
        if row.algo_status == "REJECTED":
            return Rejected(name, REFUSED_NEW, "rejected by the venue")
        self._identity.note_algo(row)
        return Accepted(name, str(row.algo_id))

    async def _cancel_in(self, service: Service, symbol: str, name: str) -> Placement:
        if service == "algo":
            given = {"symbol": symbol, "clientAlgoId": name}
            body = await self._rest.call(endpoints.CANCEL_ALGO, given, "exit")
            if isinstance(body, Refused):
                return Rejected(name, body.code, body.reason)
            return Accepted(name, str(read(answers.ALGO_NAMED, body, "a cancel").algo_id))
        given = {"symbol": symbol, "origClientOrderId": name}
        return await self._cancel_regular(given, name)

    async def _cancel_regular(self, given: Params, name: str) -> Placement:
        body = await self._rest.call(endpoints.CANCEL, given, "exit")
        if isinstance(body, Refused):
            return Rejected(name, body.code, body.reason)
        return Accepted(name, str(read(answers.ORDER, body, "a cancel").order_id))

    async def _cancel_child(self, symbol: str, name: str) -> Placement | None:
        """Cancel the regular order that a conditional one has become, if it has and it rests."""
        row = await self._algo(symbol, name)
        order_id = None if row is None else order_id_of(row.actual_order_id)
        if order_id is None:
            return None
        answer = await self._cancel_regular({"symbol": symbol, "orderId": str(order_id)}, name)
        return None if isinstance(answer, Rejected) and answer.code in NOT_THERE else answer

    async def _find_regular(self, symbol: str, name: str) -> VenueOrder | None:
        row = await self._order({"symbol": symbol, "origClientOrderId": name})
        return None if row is None else _found(name, str(row.order_id), row)

    async def _find_algo(self, symbol: str, name: str) -> VenueOrder | None:
        row = await self._algo(symbol, name)
        if row is None:
            return None
        order_id = order_id_of(row.actual_order_id)
        venue_id = str(row.algo_id)
        child = None
        if order_id is not None:
            child = await self._order({"symbol": symbol, "orderId": str(order_id)})
        if child is not None:
            return _found(name, venue_id, child)
        filled_qty = amount("actualQty", row.actual_qty)
        if row.algo_status == "FINISHED":
            state: OrderState = "filled" if filled_qty > ZERO else "canceled"
        else:
            state = _state(name, row.algo_status)
        return VenueOrder(
            client_order_id=name, venue_order_id=venue_id, state=state, filled_qty=filled_qty
        )

    async def _order(self, given: Params) -> OrderRow | None:
        body = await self._asked(endpoints.FIND, given)
        if body is None:
            return None
        row = read(answers.ORDER, body, "an order's state")
        self._identity.note_order(row)
        return row

    async def _algo(self, symbol: str, name: str) -> AlgoRow | None:
        given = {"symbol": symbol, "clientAlgoId": name}
        body = await self._asked(endpoints.FIND_ALGO, given)
        if body is None:
            return None
        row = read(answers.ALGO, body, "a conditional order's state")
        self._identity.note_algo(row)
        return row

    async def _asked(self, endpoint: Endpoint, given: Params) -> bytes | None:
        body = await self._rest.call(endpoint, given, "exit")
        if not isinstance(body, Refused):
            return body
        if body.code in NOT_THERE:
            return None
        raise InDoubt(f"{endpoint.words}: the venue refused to tell: {body.reason}")


def _likely(name: str) -> Service:
    """Stops are conditional; whether anything else is, only the venue knows."""
    return "algo" if is_ours(name) and ROLE_LETTERS["stop"] in name[:4] else "regular"


def _found(name: str, venue_id: str, row: OrderRow) -> VenueOrder:
    return VenueOrder(
        client_order_id=name,
        venue_order_id=venue_id,
        state=_state(name, row.status),
        filled_qty=amount("executedQty", row.executed_qty),
    )


def _state(name: str, status: str) -> OrderState:
    """Raises ``InDoubt`` for a state that nobody here knows: then nothing is concluded from it."""
    if status not in _STATES:
        raise InDoubt(f"{name} is in a state nobody here knows: {status}")
    return _STATES[status]
