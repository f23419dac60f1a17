"""A node's state as bytes and back, and what is no snapshot of this node."""

import msgspec
import pytest

from meshkit.core.composite import At, Composite
from meshkit.core.machine import Moment, step
from meshkit.core.snapshot import freeze, thaw
from meshkit.core.value import canonical
from tests.core.clockwork import AlarmClock, Set


def two_clocks() -> Composite:
    return Composite({"one": AlarmClock(), "two": AlarmClock()})


def test_a_state_comes_back_as_it_was() -> None:
    node = two_clocks()
    state, _, _ = step(node, node.initial(), At("two", Set(3)), Moment(4, 0))
    data = freeze(state)
    assert thaw(node, data) == state
    assert freeze(thaw(node, data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        canonical(7),
        canonical({"one": AlarmClock().initial()}),
        canonical({"one": 1, "two": 2}),
        canonical({"one": ["Clockwork", None], "two": ["Clockwork", None, 0]}),
        canonical({"one": ["Clockwork", "soon", 0], "two": ["Clockwork", None, 0]}),
        msgspec.msgpack.encode({1: 2, "two": 3}),
    ],
)
def test_anything_else_is_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        thaw(two_clocks(), data)
