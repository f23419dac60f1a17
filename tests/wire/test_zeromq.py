"""Whole meshes: who is in, who is out, who comes back, and what strangers can do to them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from operator import gt

import pytest
import zmq
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.ledger.messages import Member
from meshkit.wire.counts import COUNTS
from meshkit.wire.frames import Message, encode
from meshkit.wire.keys import Transport
from meshkit.wire.limits import MIB, Limits
from meshkit.wire.port import Peer, WireError
from meshkit.wire.zeromq import Bindings, ZeroMesh
from tests.wire.hostile import Hostile, tcp
from tests.wire.meshes import ANY, QUICK, Net, Node, client, net

pytestmark = pytest.mark.real


def nothing(_: bytes) -> None:
    """A store with no blobs."""


def chat(meshes: Net) -> None:
    """Everybody says something to everybody, and to each; all of it arrives."""
    for node in meshes.nodes:
        node.heard.clear()  # all of them first: what is said to one who must wait turns the loop
    for node in meshes.nodes:
        node.mesh.publish(b"all" + node.id)
        for other in meshes.nodes:
            if other is not node:
                meshes.send(node, other, b"you" + node.id)
    count = 2 * (len(meshes.nodes) - 1)
    meshes.until(lambda: all(len(node.heard) >= count for node in meshes.nodes))
    for node in meshes.nodes:
        assert_in_order(node)
        assert len(node.heard) == count


def chat_on(meshes: Net) -> None:
    """As `chat`, while old connections end: what is said to one is said until it is heard."""
    for node in meshes.nodes:
        node.heard.clear()
    for node in meshes.nodes:
        node.mesh.publish(b"all" + node.id)
        for other in meshes.nodes:
            if other is not node:
                meshes.insist(node, other, b"you" + node.id)
    count = len(meshes.nodes) - 1
    meshes.until(lambda: all(len(node.bodies("events")) >= count for node in meshes.nodes))
    for node in meshes.nodes:
        assert_in_order(node)
        assert len(node.bodies("events")) == count


def assert_in_order(node: Node) -> None:
    for delivery in node.heard:
        word = b"all" if delivery.channel == "events" else b"you"
        assert delivery.body == word + delivery.peer


# -- the good case ---------------------------------------------------------------------------------


def test_a_mesh_of_five_talks() -> None:
    with net(5) as meshes:
        chat(meshes)
        chat(meshes)


def test_every_socket_between_nodes_is_encrypted() -> None:
    with net(3) as meshes:
        for node in meshes.nodes:
            watched = list(node.mesh.sockets.guard.posts)
            assert len(watched) == 4 + 2 * 2, "four listen, and two lead to each of the others"
            assert {socket.getsockopt(zmq.MECHANISM) for socket in watched} == {zmq.CURVE}


def test_a_mesh_that_reads_one_at_a_time_talks_too() -> None:
    """What is left when a turn has read its share is read in the next."""
    with net(3, QUICK._replace(drain=1, drain_direct=1, serve=1, chunk_bytes=100)) as meshes:
        chat(meshes)
        a, b, _ = meshes.nodes
        data = blake3(b"data").digest(5_000)
        a.mesh.fetch(b.keep(data), len(data), [b.id])
        meshes.until(lambda: a.got)
        assert a.got[0].data == data
        for number in range(5):
            b.mesh.publish(bytes([number]))
        meshes.until(lambda: len(a.bodies("events")) >= 7)


def test_one_alone_is_a_mesh() -> None:
    with net(1) as meshes:
        assert meshes.nodes[0].mesh.publish(b"to nobody") == 1
        meshes.turns(3)
        assert not meshes.nodes[0].heard


def test_two_meshes_in_one_process_keep_apart() -> None:
    with net(3) as one, net(3) as two:
        both = Net(*one.nodes, *two.nodes)
        for node in both.nodes:
            node.mesh.publish(b"x")
        both.until(lambda: all(len(node.heard) >= 2 for node in both.nodes))
        both.turns(5)
        assert all(len(node.heard) == 2 for node in both.nodes)
        foreign = one.nodes[0].peer._replace(id=two.nodes[0].id, transport=bytes(32))
        two.nodes[1].mesh.set_members([foreign])
        both.until(lambda: one.nodes[0].mesh.counters["door.failed"])


def test_the_ledgers_member_is_an_address() -> None:
    with net(2) as meshes:
        a, b = meshes.nodes
        before = b.peer
        member = Member(
            before.id,
            "b",
            (),
            1,
            before.transport,
            before.events,
            before.direct,
            before.blobs,
            "",
            b"",
        )
        a.mesh.set_members([member])
        assert a.mesh.peers == {b.id: before}
        chat(meshes)


def test_a_poller_of_the_shells_own_wakes_for_all_of_it() -> None:
    with net(2) as meshes:
        a, b = meshes.nodes
        poller = zmq.Poller()
        a.mesh.watch(poller)
        a.mesh.receive()
        b.mesh.publish(b"x")
        while not a.heard:
            assert 0 <= a.mesh.timeout_ms() <= 100
            poller.poll(a.mesh.timeout_ms())
            meshes.turn()
        data = bytes(500)
        digest = b.keep(data)
        meshes.until(lambda: a.mesh.timeout_ms() > 0)
        a.mesh.fetch(digest, 500, [b.id])
        assert a.mesh.timeout_ms() == 0, "there is something to do"
        meshes.until(lambda: a.got)


def test_silence_is_measured() -> None:
    with net(2) as meshes:
        a, b = meshes.nodes
        meshes.send(b, a, b"x")
        meshes.until_heard(a, "direct", 1)
        silent_ms = a.mesh.silent_ms(b.id)
        assert silent_ms is not None
        assert silent_ms < 60_000
        assert a.mesh.silent_ms(b"nobody" * 5) is None


# -- membership ------------------------------------------------------------------------------------


def test_telling_the_same_again_changes_nothing() -> None:
    with net(3) as meshes:
        a = meshes.nodes[0]
        subscribers = dict(a.mesh.subscribers)
        a.mesh.set_members([node.peer for node in reversed(meshes.nodes)])
        assert a.mesh.subscribers == subscribers
        assert not a.mesh.counters["door.recycled"]
        chat(meshes)


def test_a_removed_member_is_neither_heard_nor_told() -> None:
    with net(4) as meshes:
        removed = meshes.nodes.pop()
        gone = Hostile(
            meshes.nodes[0].peer.direct, meshes.nodes[0].transport.key, removed.transport
        )
        with closing(removed.mesh), closing(gone):
            gone.hello()
            meshes.until(gone.is_ready)
            peers = [node.peer for node in meshes.nodes]
            for node in meshes.nodes:
                node.mesh.set_members(peers)
            meshes.nodes[0].mesh.publish(b"among ourselves")
            removed.mesh.publish(b"hear me")
            for node in meshes.nodes:
                removed.mesh.send(node.id, b"hear me")
            both = Net(*meshes.nodes, removed)
            both.until(lambda: all(node.mesh.counters["door.stranger"] for node in meshes.nodes))
            both.until(gone.is_shut)
            both.until(lambda: all(node.heard for node in meshes.nodes[1:]))
            chat_on(meshes)
            both.turns(10)
            assert not removed.heard
            spoken = {d.peer for node in meshes.nodes for d in node.heard}
            assert removed.id not in spoken


def test_a_removed_members_open_socket_is_not_heard() -> None:
    """Its connection still stands, and its message is already on the way: the key is looked up."""
    with net(2) as meshes:
        target, member = meshes.nodes
        meshes.send(member, target, b"one")
        meshes.until_heard(target, "direct", 1)
        assert member.mesh.send(target.id, b"two")
        inbox = target.mesh.inbox.listener.socket
        while not inbox.poll(10):
            pass
        target.mesh.ids.clear()
        meshes.until(lambda: target.mesh.counters["direct.stranger"])
        assert target.bodies("direct") == [b"one"]
        assert target.mesh.counters["cut.form"] == 1
        target.mesh.ids[member.transport.key] = member.id


def test_a_member_may_come_back() -> None:
    with net(3) as meshes:
        a, b, _ = meshes.nodes
        peers = [node.peer for node in meshes.nodes]
        a.mesh.set_members(peer for peer in peers if peer.id != b.id)
        meshes.until(lambda: a.mesh.counters["door.stranger"])
        a.mesh.set_members(peers)
        meshes.until(meshes.connected)
        chat_on(meshes)


def test_who_dials_too_early_is_let_in_later() -> None:
    """Our ledger may be behind the newcomer's: its first try is refused, a later one is not."""
    with net(2) as meshes:
        newcomer = Node(5, QUICK)
        with closing(newcomer.mesh):
            newcomer.mesh.set_members([node.peer for node in meshes.nodes])
            everybody = Net(*meshes.nodes, newcomer)
            old = meshes.nodes
            everybody.until(lambda: all(node.mesh.counters["door.stranger"] for node in old))
            everybody.introduce()
            chat(everybody)


def test_a_restarted_member_is_heard_again() -> None:
    with net(3) as meshes:
        chat(meshes)
        old = meshes.nodes.pop()
        where = old.mesh.endpoints
        old.mesh.close()
        meshes.until(lambda: not meshes.nodes[0].mesh.reachable(old.id))
        new = Node(2, QUICK, where)
        with closing(new.mesh):
            meshes.nodes.append(new)
            new.mesh.set_members([node.peer for node in meshes.nodes])
            meshes.until(meshes.connected)
            for node in meshes.nodes:
                meshes.turns(2)
                node.heard.clear()
            new.mesh.publish(b"back")
            meshes.until(lambda: all(b"back" in node.bodies("events") for node in meshes.nodes[:2]))
            chat_direct(meshes)


def chat_direct(meshes: Net) -> None:
    first, last = meshes.nodes[0], meshes.nodes[-1]
    first.heard.clear()
    meshes.insist(first, last, b"ping")
    meshes.insist(last, first, b"pong")


def test_a_member_that_moved_or_changed_its_key_is_found() -> None:
    with net(3) as meshes:
        old = meshes.nodes.pop()
        moved, renewed = Node(2, QUICK), Node(2, QUICK, transport=Transport(bytes([77]) * 32))
        with closing(old.mesh), closing(moved.mesh), closing(renewed.mesh):
            for node in (moved, renewed):
                meshes.nodes = [*meshes.nodes[:2], node]
                meshes.introduce()
                chat_direct(meshes)
            assert old.transport.key not in meshes.nodes[0].mesh.door.members


def test_members_that_cannot_be_are_left_out() -> None:
    with net(2) as meshes:
        a, b = meshes.nodes
        me, good = a.peer, b.peer
        thief = good._replace(id=b"t" * 32)
        bad = [
            thief,
            Peer(b"x" * 32, a.transport.key, good.events, good.direct, good.blobs),
            good._replace(id=b"y" * 32, transport=b"short"),
            good._replace(id=b"z" * 32, transport=b"z" * 32, events="inproc://zeromq.zap.01"),
            good._replace(id=b"w" * 32, transport=b"w" * 32, blobs="ipc:///etc/passwd"),
        ]
        a.mesh.set_members([*bad, me, good])
        assert a.mesh.peers == {b.id: good}, "who had the key first keeps it"
        assert a.mesh.counters["peer.address"] == len(bad)
        chat(meshes)


# -- our own mistakes ------------------------------------------------------------------------------


def test_a_taken_port_is_said_in_one_line_and_nothing_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        for place in range(4):
            where = [ANY] * 4
            where[place] = taken
            with pytest.raises(WireError, match="is taken"):
                ZeroMesh(bytes(32), Transport(bytes([3]) * 32), Bindings(*where), nothing)


def test_what_nobody_would_take_is_not_sent() -> None:
    with net(2, QUICK._replace(frame_bytes_max=1_000)) as meshes:
        a, b = meshes.nodes
        attempts: list[Callable[[], object]] = [
            lambda: a.mesh.publish(bytes(1_001)),
            lambda: a.mesh.send(b.id, bytes(1_001)),
            lambda: a.mesh.answer(b"12345", bytes(1_001)),
        ]
        for attempt in attempts:
            with pytest.raises(
                WireError, match="a message of 1001 bytes is over the limit of 1000"
            ):
                attempt()
        a.mesh.publish(bytes(1_000))
        meshes.send(a, b, bytes(1_000))
        meshes.until(lambda: len(b.heard) == 2)


def test_closing_twice_is_closing_once() -> None:
    node = Node(0, QUICK)
    node.mesh.close()
    node.mesh.close()


# -- strangers, floods and garbage -----------------------------------------------------------------


def everything(node: Node) -> list[str]:
    endpoints = [endpoint for endpoint in node.mesh.endpoints if endpoint is not None]
    assert len(endpoints) == 4
    return endpoints


def test_garbage_at_every_port_changes_nothing() -> None:
    with net(3) as meshes, ExitStack() as open_sockets:
        target = meshes.nodes[0]
        for salt in range(20):
            for endpoint in everything(target):
                connection = open_sockets.enter_context(tcp(endpoint))
                connection.sendall(blake3(bytes([salt])).digest(10 + 97 * salt))
        chat(meshes)
        counters = target.mesh.counters
        meshes.until(lambda: counters["door.failed"] + counters["door.silent"] >= 80)
        chat(meshes)


def test_half_open_connections_by_the_hundred_change_nothing() -> None:
    with net(2, QUICK._replace(connections_max=40)) as meshes, ExitStack() as open_sockets:
        target = meshes.nodes[0]
        for _ in range(50):
            for endpoint in everything(target):
                open_sockets.enter_context(tcp(endpoint))
                meshes.turn()
        posts = target.mesh.sockets.guard.posts.values()
        meshes.until(lambda: all(len(post.connections) <= 40 for post in posts))
        meshes.until(meshes.connected)
        chat_on(meshes)  # a member that had said nothing yet was among those who made room


def test_a_member_that_floods_every_socket_is_bounded() -> None:
    limits = QUICK._replace(
        messages_burst=100, messages_per_s=10.0, unread_bytes_max=2 * MIB, sweep_ns=1_000_000
    )
    with net(3, limits) as meshes:
        target, flooder, honest = meshes.nodes
        with ExitStack() as stack:
            sockets = [
                stack.enter_context(
                    client(zmq.DEALER, endpoint, target.transport.key, flooder.transport)
                )
                for endpoint in (target.peer.direct, target.peer.blobs)
            ]

            def pour() -> bool:
                for each in sockets * 50:
                    if each.poll(0, zmq.POLLOUT):
                        each.send(encode(Message(bytes(1_000))), zmq.NOBLOCK)
                return target.mesh.counters["direct.flood"] > 1_000

            meshes.until(pour)
        target.heard.clear()
        honest.mesh.publish(b"still here")
        meshes.until(lambda: b"still here" in target.bodies("events"))
        assert len(target.bodies("direct")) < 200


GENEROUS = QUICK._replace(handshakes_burst=10_000, guests_burst=10_000, visits_burst=10_000)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Net]:
    with net(2, GENEROUS) as meshes:
        yield meshes
        chat_direct(meshes)
        assert meshes.nodes[0].mesh.counters.keys() <= COUNTS.keys()


def lanes(node: Node) -> list[int]:
    """How much has come of each lane, good or bad."""
    counts = node.mesh.counters.items()
    names = ("direct.", "blobs.", "join.")
    return [sum(n for name, n in counts if name.startswith(lane)) for lane in names]


@settings(max_examples=30)
@given(rounds=st.lists(st.lists(st.binary(max_size=60), min_size=1, max_size=4), max_size=8))
def test_nothing_a_member_sends_raises(fuzzed: Net, rounds: list[list[bytes]]) -> None:
    """Frames of any content and number at every port that a member may enter."""
    target, member = fuzzed.nodes
    before = lanes(target)
    with ExitStack() as stack:
        kinds = (zmq.XSUB, zmq.DEALER, zmq.DEALER, zmq.DEALER)
        for kind, endpoint in zip(kinds, everything(target), strict=True):
            bad = stack.enter_context(
                client(kind, endpoint, target.transport.key, member.transport)
            )
            for frames in [*rounds, [b"the end"]]:
                bad.send_multipart(frames, zmq.NOBLOCK)
        fuzzed.until(lambda: all(map(gt, lanes(target), before)))


# -- what is counted -------------------------------------------------------------------------------


def test_every_name_that_is_counted_is_explained() -> None:
    with net(2) as meshes:
        chat(meshes)
        names = {name for node in meshes.nodes for name in node.mesh.counters}
        assert names <= COUNTS.keys()
    assert all(text and text[0].islower() for text in COUNTS.values())


def test_defaults_are_consistent() -> None:
    limits = Limits()
    assert limits.unread_bytes_max > 2 * limits.frame_bytes_max
    assert limits.ring_bytes >= limits.frame_bytes_max
    assert limits.chunk_bytes <= limits.chunk_bytes_max
    assert limits.blob_queue >= limits.credit
    assert limits.credit * limits.chunk_bytes < limits.unread_bytes_max
    assert limits.ask <= limits.window
    assert limits.bytes_burst > limits.frame_bytes_max
    assert limits.transfers_bytes >= limits.blob_bytes_max
