"""What the venue refuses: its own code, its own words, and the HTTP status that goes with them."""

from typing import NoReturn

from quantum_trader.core.errors import TraderError

BAD_REQUEST = 400


class Refused(TraderError):
    """A request was refused; the body of the answer is ``{"code": code, "msg": msg}``."""

    def __init__(self, code: int, msg: str, status: int = BAD_REQUEST) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.status = status

    def body(self) -> dict[str, int | str]:
        """The answer as the venue gives it."""
        return {"code": self.code, "msg": self.msg}


TEXTS = {
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1136: "Invalid newOrderRespType",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4049: "Add margin only support for isolated position.",
    -4051: "Isolated balance insufficient.",
    -4059: "No need to change position side.",
    -4060: "Invalid position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4116: "ClientOrderId is duplicated.",
    -4120: (
        "Order type not supported for this endpoint. "
        "Please use the Algo Order API endpoints instead."
    ),
    -4130: (
        "An open stop or take profit order with GTE and closePosition in the direction is existing."
    ),
    -4136: "Target strategy invalid for orderType {},closePosition true",
    -4137: "Quantity must be zero with closePosition equals true.",
    -4138: "Reduce only must be true with closePosition equals true.",
    -4171: "Disable Multi-Assets mode is required when using isolated margin.",
    -4509: (
        "Time in Force (TIF) GTE can only be used with open positions. "
        "Please ensure that positions are available."
    ),
    -5021: (
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history."
    ),
    -5022: (
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history."
    ),
    -5027: "No need to modify the order.",
}


def refuse(code: int, *details: object) -> NoReturn:
    """Refuse with the words that belong to a code."""
    raise Refused(code, TEXTS[code].format(*details))
