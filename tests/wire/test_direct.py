"""What is said to one: by whom it is known to be said, and what becomes of the rest."""

from contextlib import closing

import pytest
import zmq

from meshkit.wire.frames import Beacon, Event, Message, encode
from meshkit.wire.limits import MIB
from meshkit.wire.sockets import WORK
from tests.wire.hostile import Hostile, framed
from tests.wire.meshes import QUICK, Net, Node, client, net

pytestmark = pytest.mark.real


def hostile_member(meshes: Net, *, name: bytes = b"") -> Hostile:
    """Member 1 with a client of its own, let in by member 0."""
    target, member = meshes.nodes[0], meshes.nodes[1]
    hostile = Hostile(target.peer.direct, target.transport.key, member.transport, name=name)
    hostile.hello()
    meshes.until(hostile.is_ready)
    return hostile


def until_heard(meshes: Net, node: Node, body: bytes) -> None:
    meshes.until(lambda: body in node.bodies("direct"))


def test_one_hears_it_and_no_other() -> None:
    with net(3) as meshes:
        a, b, c = meshes.nodes
        meshes.send(a, b, b"to b")
        meshes.send(b, a, b"")
        meshes.until(lambda: a.heard and b.heard)
        meshes.turns(5)
        assert [(d.channel, d.peer, d.body) for d in b.heard] == [("direct", a.id, b"to b")]
        assert [(d.channel, d.peer, d.body) for d in a.heard] == [("direct", b.id, b"")]
        assert not c.heard


def test_messages_keep_their_order() -> None:
    with net(2) as meshes:
        a, b = meshes.nodes
        for number in range(300):
            meshes.send(a, b, number.to_bytes(2, "big"))
        meshes.until_heard(b, "direct", 300)
        assert b.bodies("direct") == [number.to_bytes(2, "big") for number in range(300)]


def test_who_is_not_there_is_said_at_once() -> None:
    with net(2) as meshes:
        a, b = meshes.nodes
        b.mesh.close()
        meshes.nodes.remove(b)
        meshes.until(lambda: not a.mesh.reachable(b.id))
        assert not a.mesh.send(b.id, b"x")
        assert not a.mesh.send(b"nobody" * 5, b"x")
        assert a.mesh.counters["direct.unreachable"] == 1
        assert a.mesh.counters["direct.unknown"] == 1
        assert not a.mesh.reachable(b"nobody" * 5)


def test_a_full_queue_is_a_counted_drop() -> None:
    """One who does not read: our queue to it fills, and we neither wait nor grow."""
    with net(2, QUICK._replace(queue=5)) as meshes:
        a, b = meshes.nodes
        sent = 0
        while a.mesh.send(b.id, bytes(100_000)):
            sent += 1
            assert sent < 10_000
        assert a.mesh.counters["direct.unreachable"] == 1
        meshes.until_heard(b, "direct", sent)


def test_no_name_that_a_peer_claims_counts() -> None:
    """Not even the routing id of another connection: the key says who speaks."""
    with net(3) as meshes:
        target, member, other = meshes.nodes
        for name in (other.id, b"\x00\x01\x02\x03\x04", b"x" * 255):
            with closing(hostile_member(meshes, name=name)) as hostile:
                hostile.say(encode(Message(name)))
                until_heard(meshes, target, name)
        assert {delivery.peer for delivery in target.heard} == {member.id}
        meshes.send(other, target, b"undisturbed")
        meshes.until(lambda: target.heard[-1].peer == other.id)


def test_two_connections_that_claim_one_name_do_no_harm() -> None:
    with net(3) as meshes:
        target, member, other = meshes.nodes
        with (
            closing(hostile_member(meshes, name=b"name")) as first,
            closing(hostile_member(meshes, name=b"name")) as second,
        ):
            first.say(encode(Message(b"first")))
            second.say(encode(Message(b"second")))
            until_heard(meshes, target, b"first")
        meshes.send(other, target, b"other")
        until_heard(meshes, target, b"other")
        assert target.heard[0].peer == member.id


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"garbage"],
        [encode(Event(1, 1, b"x"))],
        [encode(Beacon(1, 1))],
        [encode(Message(b"x")), b"more"],
        [b""] * 100,
    ],
)
def test_who_breaks_the_form_is_cut(frames: list[bytes]) -> None:
    with net(2) as meshes:
        target, member = meshes.nodes
        with client(zmq.DEALER, target.peer.direct, target.transport.key, member.transport) as bad:
            bad.send_multipart(frames)
            meshes.until(lambda: target.mesh.counters["cut.form"])
        assert target.mesh.counters["direct.malformed"] == 1
        assert not target.heard


def test_huge_frames_are_hung_up_on() -> None:
    with net(2, QUICK._replace(frame_bytes_max=1 * MIB)) as meshes:
        with closing(hostile_member(meshes)) as hostile:
            hostile.wire.sendall(framed(0, bytes(2 * MIB))[:1_000])
            meshes.until(hostile.is_shut)
        assert not meshes.nodes[0].heard


def test_a_frame_that_says_it_has_all_the_bytes_there_are_is_hung_up_on() -> None:
    with net(2) as meshes, closing(hostile_member(meshes)) as hostile:
        hostile.wire.sendall(b"\x02" + b"\xff" * 8)
        meshes.until(hostile.is_shut)


def test_a_flood_is_dropped_and_counted() -> None:
    with net(3, QUICK._replace(messages_burst=50, messages_per_s=0.001)) as meshes:
        target, loud, quiet = meshes.nodes
        for _ in range(200):
            meshes.send(loud, target, b"flood")
        meshes.until(lambda: target.mesh.counters["direct.flood"] == 150)
        meshes.send(quiet, target, b"heard all the same")
        meshes.until(lambda: b"heard all the same" in target.bodies("direct"))
        assert len(target.heard) == 51
        assert target.mesh.dropped == {loud.id: 150}


def test_a_flood_of_bytes_is_one_too() -> None:
    with net(2, QUICK._replace(bytes_burst=10_000, bytes_per_s=0.001)) as meshes:
        target, loud = meshes.nodes
        for _ in range(8):
            meshes.send(loud, target, bytes(2_000))
        meshes.until(lambda: target.mesh.counters["direct.flood"] == 4)
        assert len(target.heard) == 4


def test_nothing_is_said_back_on_a_dialled_connection() -> None:
    """A member whose own ROUTER answers where nobody listens is cut off, and dialled again."""
    with net(2, QUICK._replace(silent_bytes_max=10_000, sweep_ns=1_000_000)) as meshes:
        victim, member = meshes.nodes
        inbox = member.mesh.inbox.listener.socket
        member.mesh.sockets.remove(inbox)  # we read it ourselves
        meshes.send(victim, member, b"hello")
        meshes.until(lambda: inbox.poll(0))
        route, _ = inbox.recv_multipart()
        for _ in range(100):
            inbox.send_multipart([route, bytes(1_000)])
        member.mesh.sockets.add(inbox, WORK, member.mesh.inbox.drain)
        meshes.until(lambda: victim.mesh.counters["cut.unread"])

        def heard_again() -> bool:
            victim.mesh.send(member.id, b"again")  # a first one may go down with the connection
            return b"again" in member.bodies("direct")

        meshes.until(heard_again)


def test_a_member_that_left_takes_its_allowance_along() -> None:
    with net(2) as meshes:
        a, b = meshes.nodes
        meshes.send(b, a, b"x")
        meshes.until_heard(a, "direct", 1)
        assert list(a.mesh.inbox.allowed) == [b.id]
        a.mesh.set_members([])
        assert not a.mesh.inbox.allowed
