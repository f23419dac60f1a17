"""What is said to everyone: numbered, repaired when lost, bounded when it is too much."""

from contextlib import closing

import pytest
import zmq

from meshkit.wire.events import SUBSCRIBE_ALL, Publisher
from meshkit.wire.frames import Beacon, Event, Gone, Missing, Repair, encode
from meshkit.wire.limits import MIB
from tests.wire.hostile import COMMAND, Hostile, framed
from tests.wire.meshes import QUICK, Net, client, net

pytestmark = pytest.mark.real


def test_everybody_hears_everything_once() -> None:
    with net(4) as meshes:
        for number in range(100):
            for node in meshes.nodes:
                assert node.mesh.publish(node.id[:1] + bytes([number])) == number + 1
        meshes.until(lambda: all(len(node.heard) >= 300 for node in meshes.nodes))
        meshes.turns(5)
        for node in meshes.nodes:
            others = [other for other in meshes.nodes if other is not node]
            said = [(other.id, other.id[:1] + bytes([n])) for other in others for n in range(100)]
            assert sorted((d.peer, d.body) for d in node.heard) == sorted(said)


def test_what_was_said_before_we_came_is_asked_for() -> None:
    with net(2) as meshes:
        early, late = meshes.nodes
        late.mesh.set_members([])
        for number in range(10):
            early.mesh.publish(bytes([number]))
        meshes.introduce()
        meshes.until_heard(late, "events", 10)
        assert sorted(late.bodies("events")) == [bytes([number]) for number in range(10)]
        assert late.mesh.counters["events.repaired"] == 10


def test_what_overflows_a_queue_is_asked_for() -> None:
    """More at once than the high-water marks let through: the rest is repaired, all of it."""
    limits = QUICK._replace(queue=10, ask=8)
    with net(2, limits) as meshes:
        loud, other = meshes.nodes
        for number in range(2_000):
            loud.mesh.publish(number.to_bytes(2, "big") + bytes(2_000))
        meshes.until(lambda: len(other.heard) + other.mesh.counters["events.lost"] >= 2_000)
        counters = other.mesh.counters
        assert counters["events.missing"] > 100, "libzmq dropped some"
        assert counters["events.repaired"] > 0
        assert len({body[:2] for body in other.bodies("events")}) == len(other.heard)
        assert len(other.heard) + counters["events.lost"] == 2_000
        assert counters["events.lost"] <= 2_000 - limits.window


def test_a_lost_last_word_is_noticed() -> None:
    """The beacon behind it says that it was said."""
    with net(2) as meshes:
        speaker, listener = meshes.nodes
        speaker.mesh.publisher.ring.add(b"never sent")
        speaker.mesh.publisher.beacon_at_ns = 0
        meshes.until_heard(listener, "events", 1)
        assert listener.bodies("events") == [b"never sent"]


def test_what_the_ring_no_longer_holds_is_counted_as_lost() -> None:
    with net(2, QUICK._replace(ring_count=3)) as meshes:
        speaker, listener = meshes.nodes
        for number in range(10):
            speaker.mesh.publisher.ring.add(bytes([number]))
        speaker.mesh.publisher.beacon_at_ns = 0
        meshes.until_heard(listener, "events", 3)
        assert sorted(listener.bodies("events")) == [b"\7", b"\x08", b"\x09"]
        assert listener.mesh.counters["events.lost"] == 7


def test_who_was_connected_hears_no_more_until_it_comes_back() -> None:
    """What is said meanwhile it asks for; that it subscribes again is not held against it."""
    limits = QUICK._replace(handshakes_burst=4, handshakes_per_s=0.001)
    with net(2, limits) as meshes:
        speaker, listener = meshes.nodes
        publisher = speaker.mesh.publisher
        for number in range(10):
            speaker.mesh.door.forgive()
            before = publisher.listener.socket
            publisher.renew()
            assert publisher.listener.socket is not before
            speaker.mesh.publish(bytes([number]))
            meshes.until_heard(listener, "events", number + 1)
        assert listener.bodies("events") == [bytes([number]) for number in range(10)]
        assert listener.mesh.counters["events.repaired"] == 10, "none over a connection of before"
        assert not speaker.mesh.counters["events.subscriptions"]


def test_a_silent_mesh_falls_quiet() -> None:
    with net(2) as meshes:
        publisher = meshes.nodes[0].mesh.publisher
        meshes.until(lambda: publisher.wait_ns >= 8 * QUICK.beacon_ns)
        meshes.nodes[0].mesh.publish(b"x")
        assert publisher.wait_ns == QUICK.beacon_ns


def test_a_flood_is_dropped_and_not_asked_for() -> None:
    with net(2, QUICK._replace(messages_burst=20, messages_per_s=0.001)) as meshes:
        loud, other = meshes.nodes
        for _ in range(100):
            loud.mesh.publish(b"x")
        meshes.until(lambda: other.mesh.counters["events.flood"] == 80)
        meshes.turns(10)
        assert len(other.heard) == 20
        assert other.mesh.dropped == {loud.id: 80}
        assert other.mesh.counters["events.repaired"] == 0


# -- a publisher that breaks the form --------------------------------------------------------------


class Pirate:
    """Member 1 publishes with a socket of its own."""

    def __init__(self, meshes: Net) -> None:
        self.meshes, (self.victim, self.member) = meshes, meshes.nodes
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.CURVE_SERVER, 1)
        self.socket.setsockopt(zmq.CURVE_PUBLICKEY, self.member.transport.key)
        self.socket.setsockopt(zmq.CURVE_SECRETKEY, self.member.transport.secret)
        self.socket.bind("tcp://127.0.0.1:*")
        endpoint = self.socket.get(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        self.victim.mesh.set_members([self.member.peer._replace(events=endpoint.decode())])
        self.await_subscription()

    def await_subscription(self) -> None:
        self.meshes.until(lambda: self.socket.poll(0))
        assert self.socket.recv() == SUBSCRIBE_ALL

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"garbage"],
        [encode(Event(1, 1, b"x")), b"more"],
        [encode(Event(1, 1, b"x"))] * 50,
        [encode(Gone(1, 1))],
    ],
)
def test_a_publisher_that_breaks_the_form_is_cut(frames: list[bytes]) -> None:
    with net(2) as meshes, closing(Pirate(meshes)) as pirate:
        pirate.socket.send_multipart(frames)
        meshes.until(lambda: pirate.victim.mesh.counters["cut.form"])
        assert pirate.victim.mesh.counters["events.malformed"] == 1
        assert not pirate.victim.heard
        meshes.until(lambda: pirate.socket.poll(0))
        assert pirate.socket.recv() == b"\x00", "unsubscribed"
        pirate.await_subscription()
        pirate.socket.send(encode(Event(1, 1, b"good")))  # it is given another chance
        meshes.until_heard(pirate.victim, "events", 1)


def test_a_publisher_of_huge_frames_is_hung_up_on() -> None:
    limits = QUICK._replace(frame_bytes_max=1 * MIB)
    with net(2, limits) as meshes, closing(Pirate(meshes)) as pirate:
        pirate.socket.send(bytes(2 * MIB))
        meshes.until(lambda: pirate.socket.poll(0))
        assert not pirate.victim.heard


def test_numbers_out_of_all_proportion_cost_nothing() -> None:
    with net(2) as meshes, closing(Pirate(meshes)) as pirate:
        for number in (1, 2**63, 2**64 - 1, 5):
            pirate.socket.send(encode(Event(7, number, b"x")))
        pirate.socket.send(encode(Beacon(8, 2**64 - 1)))
        pirate.socket.send(encode(Event(9, 1, b"last")))
        meshes.until(lambda: b"last" in pirate.victim.bodies("events"))
        gaps = pirate.victim.mesh.subscribers[pirate.member.id].gaps
        assert len(gaps.missing) <= QUICK.window


# -- subscribers that break the form ---------------------------------------------------------------


def test_a_subscriber_without_end_is_cut_and_banned() -> None:
    with net(2, QUICK._replace(handshakes_burst=4)) as meshes:
        victim, member = meshes.nodes
        hostile = Hostile(victim.peer.events, victim.transport.key, member.transport, kind=b"SUB")
        with closing(hostile):
            hostile.hello()
            meshes.until(hostile.is_ready)
            for number in range(20):
                hostile.say(b"\x01" + number.to_bytes(8, "big"))
            meshes.until(hostile.is_shut)
        assert victim.mesh.counters["events.subscriptions"] >= 1
        assert victim.mesh.counters["events.topics"] > 0
        assert member.transport.key in victim.mesh.door.banned


def test_a_subscriber_may_say_nothing_else() -> None:
    with net(2, QUICK._replace(silent_bytes_max=1_000)) as meshes:
        victim, member = meshes.nodes
        with client(zmq.XSUB, victim.peer.events, victim.transport.key, member.transport) as socket:
            socket.send(SUBSCRIBE_ALL)
            meshes.until(lambda: socket.poll(0))
            socket.send(b"something else entirely")
            meshes.until(lambda: victim.mesh.counters["events.topics"])
        assert not victim.heard


def test_a_subscriber_with_huge_frames_is_hung_up_on() -> None:
    with net(2) as meshes:
        victim, member = meshes.nodes
        hostile = Hostile(victim.peer.events, victim.transport.key, member.transport, kind=b"SUB")
        with closing(hostile):
            hostile.hello()
            meshes.until(hostile.is_ready)
            hostile.wire.sendall(framed(COMMAND, bytes(100_000))[:2_000])
            meshes.until(hostile.is_shut)


# -- saying it again -------------------------------------------------------------------------------


def publisher_with(meshes: Net, count: int) -> Publisher:
    publisher = meshes.nodes[0].mesh.publisher
    for number in range(1, count + 1):
        publisher.ring.add(bytes([number]))
    return publisher


def test_repairs_answer_what_is_there_and_name_what_is_not() -> None:
    with net(2, QUICK._replace(ring_count=4, ask=3)) as meshes:
        publisher = publisher_with(meshes, 10)
        epoch = publisher.epoch
        assert publisher.repairs(Missing(epoch, ((1, 8),))) == [
            Gone(epoch, 7),
            Repair(epoch, 7, b"\7"),
            Repair(epoch, 8, b"\x08"),
        ]
        assert publisher.repairs(Missing(epoch, ((8, 8), (10, 2**64 - 1)))) == [
            Repair(epoch, 8, b"\x08"),
            Repair(epoch, 10, b"\x0a"),
        ]
        assert len(publisher.repairs(Missing(epoch, ((1, 2**64 - 1),)))) <= 5
        assert publisher.repairs(Missing(epoch + 1, ((1, 8),))) == []


def test_repairs_are_bounded_in_bytes() -> None:
    with net(2) as meshes:
        publisher = meshes.nodes[0].mesh.publisher
        for _ in range(12):
            publisher.ring.add(bytes(1 * MIB))
        assert len(publisher.repairs(Missing(publisher.epoch, ((1, 12),)))) == 8


def test_repairs_have_an_allowance() -> None:
    with net(2, QUICK._replace(repairs_burst=5, repairs_per_s=0.001)) as meshes:
        speaker, listener = meshes.nodes
        publisher_with(meshes, 10)
        speaker.mesh.publisher.beacon_at_ns = 0
        meshes.until(lambda: speaker.mesh.counters["direct.refused"])
        meshes.until_heard(listener, "events", 5)
        assert speaker.mesh.counters["direct.repairs"] == 5


def test_a_repair_nobody_asked_for_is_no_news() -> None:
    with net(2) as meshes:
        speaker, listener = meshes.nodes
        epoch = speaker.mesh.publisher.epoch
        speaker.mesh.put(listener.id, Repair(epoch, 1, b"forged"))
        speaker.mesh.put(listener.id, Gone(epoch, 9))
        meshes.until(lambda: listener.mesh.counters["events.repeated"])
        assert not listener.heard
