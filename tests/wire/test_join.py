"""The join endpoint: a stranger is heard there, briefly, and nowhere else."""

from contextlib import closing

import pytest
import zmq

from meshkit.wire.frames import Guest as GuestFrame
from meshkit.wire.frames import Message, encode
from meshkit.wire.join import Guest
from meshkit.wire.keys import Transport
from meshkit.wire.limits import KIB, Limits
from meshkit.wire.port import Visit, WireError
from meshkit.wire.zeromq import Bindings
from tests.wire.hostile import Hostile, tcp
from tests.wire.meshes import ANY, QUICK, Net, Node, client, net

pytestmark = pytest.mark.real

STRANGER = Transport(bytes([200]) * 32)


def join_of(node: Node) -> str:
    endpoint = node.mesh.endpoints.join
    assert endpoint is not None
    return endpoint


def guest_of(node: Node, limits: Limits | None = None) -> Guest:
    return Guest(STRANGER, join_of(node), node.transport.key, limits)


def one_visit(meshes: Net, node: Node) -> Visit:
    visits: list[Visit] = []

    def come() -> bool:
        visits.extend(node.mesh.visits())
        return bool(visits)

    meshes.until(come)
    assert len(visits) == 1
    return visits[0]


def say(guest: Guest, body: bytes) -> None:
    """Ask without waiting: the test turns the other side's loop itself."""
    with pytest.raises(WireError):
        guest.ask(body, timeout_ms=0)


def test_a_question_and_its_answers() -> None:
    with net(2) as meshes, guest_of(meshes.nodes[0]) as guest:
        host = meshes.nodes[0]
        say(guest, b"a ticket")
        visit = one_visit(meshes, host)
        assert (visit.key, visit.body) == (STRANGER.key, b"a ticket")
        assert host.mesh.answer(visit.guest, b"welcome")
        assert host.mesh.answer(visit.guest, b"and this happened")
        assert guest.more(10_000) == b"welcome"
        assert guest.more(10_000) == b"and this happened"
        assert not meshes.nodes[1].mesh.visits()


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    with net(1) as meshes, guest_of(meshes.nodes[0]) as guest:
        host = meshes.nodes[0]
        say(guest, b"first")
        first = one_visit(meshes, host)
        say(guest, b"second")
        second = one_visit(meshes, host)
        host.mesh.answer(first.guest, b"late")
        host.mesh.answer(second.guest, b"right")
        assert guest.more(10_000) == b"right"


def test_silence_is_said_in_one_line() -> None:
    with net(1) as meshes, guest_of(meshes.nodes[0]) as guest:
        with pytest.raises(WireError) as refusal:
            guest.ask(b"anybody?", timeout_ms=20)
        assert str(refusal.value) == f"{join_of(meshes.nodes[0])} did not answer within 0.02 s"


@pytest.mark.parametrize("endpoint", ["", "tcp://host", "inproc://x", "ipc:///tmp/x"])
def test_what_is_no_address_is_said_in_one_line(endpoint: str) -> None:
    with pytest.raises(WireError, match="is no address: say tcp://HOST:PORT"):
        Guest(STRANGER, endpoint, bytes(32))


def test_only_the_member_with_the_right_key_can_answer() -> None:
    with net(1) as meshes:
        host = meshes.nodes[0]
        with Guest(STRANGER, join_of(host), Transport(bytes([9]) * 32).key) as guest:
            say(guest, b"a ticket")
            meshes.until(lambda: host.mesh.counters["door.failed"])
            assert not host.mesh.visits()


def test_a_stranger_comes_in_nowhere_else() -> None:
    with net(2) as meshes:
        host = meshes.nodes[0]
        for count, endpoint in enumerate((host.peer.direct, host.peer.blobs), start=1):
            with client(zmq.DEALER, endpoint, host.transport.key, STRANGER) as socket:
                socket.send(encode(Message(b"let me in")))
                until_refused(meshes, host, count)
        with client(zmq.XSUB, host.peer.events, host.transport.key, STRANGER) as socket:
            socket.send(b"\x01")
            until_refused(meshes, host, 3)
            host.mesh.publish(b"among ourselves")
            meshes.turns(5)
            assert not socket.poll(0)
        assert not host.heard


def until_refused(meshes: Net, node: Node, count: int) -> None:
    meshes.until(lambda: node.mesh.counters["door.stranger"] >= count)


def test_without_a_join_endpoint_nobody_joins() -> None:
    alone = Node(9, QUICK, Bindings(ANY, ANY, ANY))
    with closing(alone.mesh):
        assert alone.mesh.endpoints.join is None
        assert alone.mesh.visits() == []
        assert not alone.mesh.answer(b"12345", b"x")


# -- too much --------------------------------------------------------------------------------------


def test_each_guest_has_an_allowance() -> None:
    with net(1, QUICK._replace(visits_burst=3, visits_per_s=0.001)) as meshes:
        host = meshes.nodes[0]
        with guest_of(host) as guest:
            for _ in range(10):
                say(guest, b"again")
            meshes.until(lambda: host.mesh.counters["join.flood"] == 7)
            assert len(host.mesh.visits()) == 3


def test_all_guests_together_have_one() -> None:
    """Keys cost nothing, so a new one for each question gains nothing."""
    with net(1, QUICK._replace(all_visits_burst=5, all_visits_per_s=0.001)) as meshes:
        host = meshes.nodes[0]
        for number in range(8):
            key = Transport(bytes([100 + number]) * 32)
            with client(zmq.DEALER, join_of(host), host.transport.key, key) as socket:
                socket.send(encode(GuestFrame(1, b"x")))
                until_heard(meshes, host, number + 1)
        assert len(host.mesh.visits()) == 5


def until_heard(meshes: Net, node: Node, count: int) -> None:
    counters = node.mesh.counters
    meshes.until(lambda: counters["join.heard"] + counters["join.flood"] == count)


def test_few_wait_for_an_answer_at_once() -> None:
    with net(1, QUICK._replace(visits=2)) as meshes, guest_of(meshes.nodes[0]) as guest:
        host = meshes.nodes[0]
        for _ in range(5):
            say(guest, b"x")
        meshes.until(lambda: host.mesh.counters["join.full"] == 3)
        assert len(host.mesh.visits()) == 2


def test_a_guest_that_is_gone_or_does_not_read_is_not_waited_for() -> None:
    with net(1, QUICK._replace(guest_answers=2)) as meshes:
        host = meshes.nodes[0]
        hostile = Hostile(join_of(host), host.transport.key, STRANGER)
        with closing(hostile):
            hostile.hello()
            meshes.until(hostile.is_ready)
            hostile.say(encode(GuestFrame(1, b"tell me")))
            visit = one_visit(meshes, host)
            answers = 0
            while host.mesh.answer(visit.guest, bytes(1_000_000)):
                answers += 1
                assert answers < 100
        meshes.until(lambda: not host.mesh.answer(visit.guest, b"gone"))
        assert host.mesh.counters["join.unanswered"] == 2


@pytest.mark.parametrize("frames", [[b""], [b"x"], [encode(GuestFrame(1, b"x")), b"x"]])
def test_a_guest_that_breaks_the_form_is_cut(frames: list[bytes]) -> None:
    with net(1) as meshes:
        host = meshes.nodes[0]
        with client(zmq.DEALER, join_of(host), host.transport.key, STRANGER) as socket:
            socket.send_multipart(frames)
            meshes.until(lambda: host.mesh.counters["cut.form"])
        assert host.mesh.counters["join.malformed"] == 1


def test_huge_frames_are_hung_up_on() -> None:
    with net(1) as meshes:
        host = meshes.nodes[0]
        hostile = Hostile(join_of(host), host.transport.key, STRANGER)
        with closing(hostile):
            hostile.hello()
            meshes.until(hostile.is_ready)
            hostile.say(bytes(65 * KIB))
            meshes.until(hostile.is_shut)
        assert not host.mesh.visits()


def test_a_guest_has_a_bound_for_its_whole_life() -> None:
    limits = QUICK._replace(guest_total_bytes=50_000, sweep_ns=1_000_000)
    with net(1, limits) as meshes:
        host = meshes.nodes[0]
        hostile = Hostile(join_of(host), host.transport.key, STRANGER)
        with closing(hostile):
            hostile.hello()
            meshes.until(hostile.is_ready)
            for _ in range(6):
                hostile.say(encode(GuestFrame(1, bytes(10_000))))
            meshes.until(hostile.is_shut)
        assert host.mesh.counters["cut.spent"] == 1


def test_the_oldest_guest_makes_room() -> None:
    with net(1, QUICK._replace(guests_max=3)) as meshes:
        host = meshes.nodes[0]
        idle = [tcp(join_of(host)) for _ in range(10)]
        with guest_of(host) as guest:
            say(guest, b"an honest question")
            assert one_visit(meshes, host).body == b"an honest question"
        assert host.mesh.counters["cut.crowd"] >= 7
        for each in idle:
            each.close()


def test_answers_are_as_large_as_messages() -> None:
    with net(1) as meshes, guest_of(meshes.nodes[0], QUICK) as guest:
        host = meshes.nodes[0]
        say(guest, b"what happened?")
        visit = one_visit(meshes, host)
        largest = bytes(QUICK.frame_bytes_max)
        assert host.mesh.answer(visit.guest, largest)
        assert guest.more(10_000) == largest
        with pytest.raises(WireError):
            host.mesh.answer(visit.guest, largest + b"x")
