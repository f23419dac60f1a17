"""What counts as an address that a peer may give."""

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.ledger.forms import ENDPOINT, check_member, is_endpoint
from meshkit.ledger.messages import ROLES, Member
from meshkit.wire.port import Mesh, Peer, is_address, is_binding
from meshkit.wire.zeromq import ZeroMesh

GOOD = ["tcp://127.0.0.1:5555", "tcp://node-1.example.org:1", "tcp://[::1]:65535"]
ME = Member(
    id=b"i" * 32, name="me", roles=ROLES, weight=1, transport=b"t" * 32, events=GOOD[0],
    direct=GOOD[1], blobs=GOOD[2], join="", anchor=b"a" * 32,
)  # fmt: skip


def test_a_node_may_bind_to_any_of_its_addresses_and_any_port() -> None:
    assert all(is_binding(text) for text in (*GOOD, "tcp://*:80", "tcp://0.0.0.0:0", "tcp://*:0"))
    for bad in ("tcp://host:65536", "tcp://**:80", "tcp://*", "ipc://x", "", "tcp://h:*"):
        assert not is_binding(bad)


@given(
    st.one_of(st.text(), st.from_regex(ENDPOINT), st.from_regex(ENDPOINT, fullmatch=True)),
    st.sampled_from(["events", "direct", "blobs"]),
)
@example("tcp://:7400", "events")
@example("nats://hub:4222", "direct")
@example("tcp://" + "a" * 240 + ":80", "blobs")
def test_whom_the_ledger_takes_the_mesh_can_reach(text: str, door: str) -> None:
    member = replace(ME, **{door: text})
    assert is_address(member) == (not check_member(member)) == is_endpoint(text)


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
