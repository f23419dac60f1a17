"""What counts as an address that a peer may give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.wire.port import Mesh, Peer, is_address, is_binding, is_endpoint
from meshkit.wire.zeromq import ZeroMesh

GOOD = [
    "tcp://127.0.0.1:5555",
    "tcp://node-1.example.org:1",
    "tcp://[::1]:65535",
]
BAD = [
    "",
    "tcp://",
    "tcp://host",
    "tcp://host:0",
    "tcp://host:65536",
    "tcp://:80",
    "tcp://*:80",
    "tcp://host:80/x",
    "tcp://host:80\n",
    "tcp://a;b:80",
    "tcp://1.2.3.4:0;127.0.0.1:22",
    "inproc://zeromq.zap.01",
    "ipc:///etc/passwd",
    "tcp://" + "a" * 254 + ":80",
    "tcp://host:٣",
]


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_one_host_and_one_port(text: str) -> None:
    assert is_endpoint(text)


@pytest.mark.parametrize("text", BAD)
def test_nothing_else_is_an_address(text: str) -> None:
    assert not is_endpoint(text)


def test_a_node_may_bind_to_any_of_its_addresses_and_any_port() -> None:
    assert all(is_binding(text) for text in (*GOOD, "tcp://*:80", "tcp://0.0.0.0:0", "tcp://*:0"))
    for bad in ("tcp://host:65536", "tcp://**:80", "tcp://*", "ipc://x", "", "tcp://h:*"):
        assert not is_binding(bad)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert not is_endpoint(text) or text.startswith("tcp://")


def test_a_member_needs_three_addresses_and_two_keys() -> None:
    good = Peer(b"i" * 32, b"t" * 32, *GOOD)
    assert is_address(good)
    for bad in (
        good._replace(id=b"i"),
        good._replace(transport=b"t" * 40),
        good._replace(events=""),
        good._replace(direct="ipc://x"),
        good._replace(blobs="tcp://host:0"),
    ):
        assert not is_address(bad)


def test_zeromq_fits_the_port() -> None:
    kind: type[Mesh] = ZeroMesh  # for the type checkers
    named = {name for name in vars(Mesh) if not name.startswith("_")} - {"counters"}
    assert named <= set(dir(kind))
