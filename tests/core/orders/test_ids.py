"""Names of orders: the same purpose has the same name, another purpose another one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.events.orders import OrderRole
from quantum_trader.core.orders.guardian_ids import guardian_order_id, is_guardians
from quantum_trader.core.orders.ids import client_order_id, is_ours, name_of, symbol_of
from tests.commands import cancel_command, order_command

VENUE_ALLOWS = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
PLAIN = st.text(st.characters(codec="ascii", exclude_characters="|"), max_size=12)
ROLES: tuple[OrderRole, ...] = ("entry", "stop", "target", "exit")
PURPOSES = st.tuples(st.sampled_from(ROLES), PLAIN, PLAIN, st.integers(0, 9), st.integers(0, 99))


def test_a_name_never_changes() -> None:
    assert client_order_id("entry", "paper", "plan-1", 0, 1) == "q1E67936BF8FA9BF976C354A75E"


@given(PURPOSES, PURPOSES)
def test_names_are_equal_exactly_when_the_purposes_are(
    one: tuple[OrderRole, str, str, int, int], other: tuple[OrderRole, str, str, int, int]
) -> None:
    assert (client_order_id(*one) == client_order_id(*other)) == (one == other)


@given(PURPOSES)
def test_the_venue_takes_every_name_and_we_know_it_again(
    purpose: tuple[OrderRole, str, str, int, int],
) -> None:
    name = client_order_id(*purpose)
    assert VENUE_ALLOWS.match(name)
    assert is_ours(name)
    assert name[2] == {"entry": "E", "stop": "S", "target": "T", "exit": "X"}[purpose[0]]


def test_other_peoples_names_are_not_ours() -> None:
    ours = client_order_id("stop", "paper", "plan-1", 0, 1)
    others = ["", "autoclose-1", "adl_autoclose", ours + "A", ours[:-1], ours.lower(), "x" + ours]
    assert not any(map(is_ours, others))
    assert not is_ours("q1R" + ours[3:])


def test_an_order_and_its_cancel_are_about_the_same_name_and_symbol() -> None:
    order = order_command("stop", symbol="ETHUSDT")
    cancel = cancel_command(order)
    assert name_of(cancel) == name_of(order) == order.order.client_order_id
    assert symbol_of(cancel) == symbol_of(order) == "ETHUSDT"


def test_the_guardians_orders_are_known_by_their_names_and_are_nobodys_of_ours() -> None:
    name = guardian_order_id("BTCUSDT", 7)
    assert is_guardians(name)
    assert not is_ours(name)
    assert len({name, guardian_order_id("BTCUSDT", 8), guardian_order_id("ETHUSDT", 7)}) == 3
    assert not is_guardians(client_order_id("stop", "paper", "plan", 0, 1))
