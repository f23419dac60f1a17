"""Blobs between real nodes: of any size, from sources that die, lie or never answer."""

from collections.abc import Sequence
from contextlib import closing

import pytest
import zmq
from blake3 import blake3

from meshkit.wire.blobs import Shelf
from meshkit.wire.frames import Absent, Chunk, Pull, encode
from meshkit.wire.limits import KIB, MIB, MS, S
from meshkit.wire.port import Fetched
from tests.wire.hostile import Hostile
from tests.wire.meshes import QUICK, Net, Node, client, net

SMALL = QUICK._replace(chunk_bytes=1_000, chunk_bytes_max=4_000, idle_ns=50_000_000)


def blob(size: int, salt: bytes = b"") -> bytes:
    return blake3(b"blob" + salt).digest(size)


def get(meshes: Net, node: Node, digest: bytes, size: int, sources: Sequence[Node]) -> Fetched:
    node.got.clear()
    node.mesh.fetch(digest, size, [source.id for source in sources])
    meshes.until(lambda: node.got)
    return node.got[0]


# -- the shelf -------------------------------------------------------------------------------------


def test_a_blob_is_looked_up_once_while_it_is_wanted() -> None:
    asked: list[bytes] = []

    def lookup(digest: bytes) -> bytes | None:
        asked.append(digest)
        return None if digest == b"none" else digest * 4

    shelf = Shelf(lookup, bytes_max=10)
    assert shelf.piece(Pull(b"a", 1, 2), 10) == Chunk(b"a", 1, b"aa")
    assert shelf.piece(Pull(b"a", 3, 9), 10) == Chunk(b"a", 3, b"a")
    assert shelf.piece(Pull(b"b", 0, 9), 3) == Chunk(b"b", 0, b"bbb")
    assert shelf.piece(Pull(b"none", 0, 9), 10) == Absent(b"none")
    assert shelf.piece(Pull(b"a", 2**64 - 1, 9), 10) == Chunk(b"a", 2**64 - 1, b"")
    assert asked == [b"a", b"b", b"none"]
    shelf.get(b"c")
    assert list(shelf.blobs) == [b"a", b"c"], "b was used least lately"
    shelf.get(b"large")
    assert list(shelf.blobs) == [b"large"], "more than fits, but it is being served"
    assert shelf.bytes == 20


# -- between nodes ---------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize("size", [0, 1, 999, 1_000, 1_001, 64 * KIB, 5 * MIB])
def test_blobs_of_any_size_arrive(size: int) -> None:
    limits = SMALL if size < MIB else QUICK
    with net(2, limits) as meshes:
        a, b = meshes.nodes
        data = blob(size)
        digest = a.keep(data)
        assert get(meshes, b, digest, size, [a]) == Fetched(digest, data)
        assert a.mesh.counters["blobs.served"] == -(-size // limits.chunk_bytes)


@pytest.mark.real
def test_many_at_once_from_many() -> None:
    with net(4, SMALL) as meshes:
        one = meshes.nodes[0]
        wanted: dict[bytes, bytes] = {}
        for number in range(60):
            source = meshes.nodes[1 + number % 3]
            data = blob(100 + 371 * number, bytes([number]))
            digest = source.keep(data)
            wanted[digest] = data
            one.mesh.fetch(digest, len(data), [source.id])
        meshes.until(lambda: len(one.got) == 60)
        assert {fetched.digest: fetched.data for fetched in one.got} == wanted


@pytest.mark.real
def test_a_large_blob_does_not_hold_up_a_small_one() -> None:
    with net(2, SMALL) as meshes:
        a, b = meshes.nodes
        large, small = blob(1 * MIB), blob(500, b"small")
        b.mesh.fetch(a.keep(large), len(large), [a.id])
        meshes.turns(3)
        b.mesh.fetch(a.keep(small), len(small), [a.id])
        meshes.until(lambda: len(b.got) == 2)
        assert [len(fetched.data or b"") for fetched in b.got] == [500, 1 * MIB]


@pytest.mark.real
def test_votes_pass_by_a_blob() -> None:
    with net(2, SMALL) as meshes:
        a, b = meshes.nodes
        data = blob(2 * MIB)
        b.mesh.fetch(a.keep(data), len(data), [a.id])
        meshes.turns(3)
        a.mesh.publish(b"vote")
        meshes.until_heard(b, "events", 1)
        assert not b.got, "the vote came first"


@pytest.mark.real
def test_a_source_that_dies_midway_is_replaced() -> None:
    with net(3, SMALL._replace(pull_ns=60 * S)) as meshes:
        a, b, c = meshes.nodes
        data = blob(1 * MIB)
        digest = a.keep(data)
        c.keep(data)
        b.mesh.fetch(digest, len(data), [a.id, c.id])
        meshes.until(lambda: a.mesh.counters["blobs.served"] > 100)
        meshes.nodes.remove(a)
        a.mesh.close()
        meshes.until(lambda: b.got)
        assert b.got == [Fetched(digest, data)]
        assert c.mesh.counters["blobs.served"] < 1_000, "it went on where the first stopped"
        assert b.mesh.counters["blobs.timeout"] == 0, "the lost connection was noticed"


@pytest.mark.real
def test_a_source_that_is_stuck_is_replaced() -> None:
    with net(3, SMALL._replace(pull_ns=400 * MS)) as meshes:
        a, b, c = meshes.nodes
        data = blob(100_000)
        digest = c.keep(data)
        meshes.nodes.remove(a)  # it holds its connections and never turns
        assert get(meshes, b, digest, len(data), [a, c]) == Fetched(digest, data)
        assert b.mesh.counters["blobs.timeout"] >= 1
        meshes.nodes.append(a)


@pytest.mark.real
def test_absent_lying_and_short_sources_are_passed_over() -> None:
    with net(5, SMALL) as meshes:
        a, b, lying, short, absent = meshes.nodes
        data = blob(10_000)
        digest = a.keep(data)
        lying.blobs[digest] = bytes(10_000)
        short.blobs[digest] = data[:9_999]
        sources = [lying, short, absent, a]
        assert get(meshes, b, digest, len(data), sources) == Fetched(digest, data)
        assert b.mesh.counters["blobs.bad"] == 2
        got = get(meshes, b, digest, len(data), [lying, short, absent])
        assert got == Fetched(digest, None, "no source has it", 10_000)


@pytest.mark.real
def test_a_source_that_is_no_member_is_none() -> None:
    with net(2, SMALL) as meshes:
        a, b = meshes.nodes
        b.mesh.fetch(bytes(32), 10, [b"x" * 32, b.id])
        meshes.until(lambda: b.mesh.counters["blobs.failed"])
        data = blob(10)
        digest = a.keep(data)
        b.mesh.fetch(digest, 10, [b"x" * 32, a.id])
        meshes.until(lambda: len(b.got) == 2)
        assert b.got[1] == Fetched(digest, data)


@pytest.mark.real
def test_a_source_that_leaves_is_none_any_more() -> None:
    with net(3, SMALL) as meshes:
        a, b, c = meshes.nodes
        data = blob(1 * MIB)
        digest = a.keep(data)
        c.keep(data)
        b.mesh.fetch(digest, len(data), [a.id, c.id])
        meshes.until(lambda: a.mesh.counters["blobs.served"] > 10)
        b.mesh.set_members([c.peer])
        meshes.until(lambda: b.got)
        assert b.got == [Fetched(digest, data)]


@pytest.mark.real
def test_connections_that_nobody_uses_are_closed() -> None:
    with net(2, SMALL) as meshes:
        a, b = meshes.nodes
        data = blob(10)
        b.mesh.fetch(a.keep(data), 10, [a.id])
        meshes.until(lambda: list(b.mesh.blobs.dials) == [a.id])
        meshes.until(lambda: b.got)
        meshes.until(lambda: not b.mesh.blobs.dials)
        assert get(meshes, b, a.keep(data), 10, [a]).data == data


# -- those who break the form ----------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize(
    "frames", [[b"x"], [b""], [encode(Absent(bytes(32)))], [encode(Pull(bytes(32), 0, 1)), b"x"]]
)
def test_a_request_out_of_form_is_cut(frames: list[bytes]) -> None:
    with net(2) as meshes:
        target, member = meshes.nodes
        with client(zmq.DEALER, target.peer.blobs, target.transport.key, member.transport) as bad:
            bad.send_multipart(frames)
            meshes.until(lambda: target.mesh.counters["cut.form"])
        assert target.mesh.counters["blobs.malformed"] == 1


@pytest.mark.real
def test_an_answer_out_of_form_is_cut() -> None:
    with net(2, SMALL._replace(pull_ns=400 * MS)) as meshes:
        victim, bad = meshes.nodes
        victim.mesh.fetch(bytes(32), 10, [bad.id])
        inbox = bad.mesh.blobs.listener.socket
        bad.mesh.sockets.remove(inbox)  # it answers in its own way
        meshes.until(lambda: inbox.poll(0))
        route, _ = inbox.recv_multipart()
        inbox.send_multipart([route, b"garbage"])
        meshes.until(lambda: victim.mesh.counters["cut.form"])
        assert victim.mesh.counters["blobs.malformed"] == 1
        meshes.until(lambda: victim.mesh.counters["blobs.failed"])


@pytest.mark.real
def test_who_asks_and_does_not_read_gets_only_what_fits() -> None:
    """Answers wait in a queue of its own, which is short; the node's memory does not grow."""
    with net(2, QUICK._replace(blob_queue=4)) as meshes:
        target, member = meshes.nodes
        digest = target.keep(blob(1 * MIB))
        hostile = Hostile(target.peer.blobs, target.transport.key, member.transport)
        with closing(hostile):
            hostile.hello()
            meshes.until(hostile.is_ready)
            for _ in range(200):
                hostile.say(encode(Pull(digest, 0, 1 * MIB)))
            counters = target.mesh.counters
            meshes.until(lambda: counters["blobs.served"] + counters["blobs.dropped"] == 200)
            assert counters["blobs.dropped"] > 100, "the kernel holds a few megabytes for it"


@pytest.mark.real
def test_a_removed_member_gets_nothing_over_a_socket_it_still_has() -> None:
    with net(2) as meshes:
        target, member = meshes.nodes
        digest = target.keep(blob(10))
        hostile = Hostile(target.peer.blobs, target.transport.key, member.transport)
        with closing(hostile):
            hostile.hello()
            meshes.until(hostile.is_ready)
            target.mesh.ids.clear()  # the ledger is ahead of the sockets
            hostile.say(encode(Pull(digest, 0, 10)))
            meshes.until(lambda: target.mesh.counters["blobs.stranger"])
        assert target.mesh.counters["blobs.served"] == 0
        target.mesh.ids[member.transport.key] = member.id
