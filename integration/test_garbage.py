"""Whatever strangers, guests and one faithless member throw at a node's ports, it works on."""

import os
import random
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import msgspec
import pytest
import zmq

from integration.attackers import (
    MIB,
    Member,
    half_open,
    line_to,
    ports,
    push,
    tampered,
    throw_garbage,
)
from integration.conftest import Founding
from integration.journals import agree, recompute
from integration.world import Document, Mesh, until, verified
from meshkit.core.value import digest
from meshkit.runtime.home import Home
from meshkit.wire.keys import Transport

THROWN = 24  # at each port of each node
HELD_OPEN = 60  # likewise
GROWTH_MIB_MAX = 160  # of a process, at its peak: what a few connections may make it hold
FILES_OF_PEERS = 40  # blob connections, which stay for a while
REST_S = 0.3  # for what was sent to be on its way before the line is closed
OUTSIDER = 3  # whose keys are in the wrong hands, and which runs honestly only afterwards
ATTACKED = (0, 1, 2)
REASONS = {"not-the-sender", "foreign-mesh", "bad-signature", "unknown-version", "malformed"}


def peak_mib(mesh: Mesh, number: int) -> int:
    """The most memory the node's process ever had."""
    status = Path(f"/proc/{mesh.children[number].pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def open_files(mesh: Mesh, number: int) -> int:
    return len(os.listdir(f"/proc/{mesh.children[number].pid}/fd"))


def has_counted(mesh: Mesh, number: int, name: str, times: int) -> bool:
    return bool(counted(mesh, number).get(name, 0) >= times)


def names_all(mesh: Mesh, number: int, reasons: Iterable[str]) -> bool:
    return set(counted(mesh, number)) >= set(reasons)


def holds_at_most(mesh: Mesh, number: int, files: int) -> bool:
    return open_files(mesh, number) <= files


def counted(mesh: Mesh, number: int) -> Document:
    """All of a node's counters, by name."""
    status = mesh.status(number)
    return {**status["mesh_counters"], **status["refused"]}


class Siege:
    """A mesh at work on a long task, three of four nodes up, and what it looked like before."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        for number in ATTACKED:
            mesh.start(number)
        mesh.ready(*ATTACKED)
        mesh.finish(mesh.submit(5, name="before"), *ATTACKED)
        self.peaks = [peak_mib(mesh, number) for number in ATTACKED]
        self.files = [open_files(mesh, number) for number in ATTACKED]
        self.task = mesh.submit(24)

    def stands(self, *honest: int) -> None:
        """The task is finished, nothing has grown out of bounds, and the fourth node agrees."""
        mesh = self.mesh
        mesh.finish(self.task, *ATTACKED)
        for number in ATTACKED:
            assert peak_mib(mesh, number) - self.peaks[number] < GROWTH_MIB_MAX
            until(
                partial(holds_at_most, mesh, number, self.files[number] + FILES_OF_PEERS),
                f"node-{number} lets go of what was opened",
            )
        mesh.start(OUTSIDER)
        mesh.ready(OUTSIDER)
        mesh.finish(self.task)
        mesh.stop(*range(4))
        assert [mesh.log(number) for number in range(4)] == [""] * 4
        agree(mesh.homes)
        assert recompute(mesh.homes) == 5 + 24
        verified(mesh.homes[number] for number in honest or range(4))


@pytest.fixture
def siege(found: Founding) -> Siege:
    return Siege(found(propose_ms=300, vote_ms=200, step_ms=200))


def test_random_bytes_and_half_open_connections(siege: Siege) -> None:
    dice = random.Random(3)
    places = [place for number in ATTACKED for place in ports(siege.mesh.homes[number])]
    with half_open(places, HELD_OPEN):
        for place in places:
            throw_garbage(place, dice, THROWN)
        for number in ATTACKED:
            until(
                partial(has_counted, siege.mesh, number, "door.failed", THROWN),
                "who never finishes a handshake is counted",
            )
        # Members get through the crowd, both those that are connected and those that come anew.
        siege.mesh.kill_9(2)
        siege.mesh.start(2)
        siege.mesh.ready(2)
        before = siege.mesh.done(siege.task)
        until(lambda: siege.mesh.done(siege.task, 2) > min(before, 20), "rounds go on")
    siege.peaks[2], siege.files[2] = peak_mib(siege.mesh, 2), open_files(siege.mesh, 2)
    siege.stands()


def test_strangers_with_keys_of_their_own_and_guests_without_manners(siege: Siege) -> None:
    mesh = siege.mesh
    card = Home.open(mesh.homes[0]).card
    huge, tickets = bytes(64 * MIB), guests_words(digest(Home.open(mesh.homes[0]).genesis))
    for endpoint in (card.events, card.direct, card.blobs):
        with line_to(endpoint, card.transport, Transport.create()) as line:
            push(line, [b"let me in"], [huge])
    # Guests are let in at the join endpoint; what they say there has to be small and in form.
    for words in (
        [[b"x"]],
        [[huge]],
        [[b"\x01\x0a" + bytes(4)] * 50],
        [[b"x", b"y", b"z"] * 1_000],
    ):
        with line_to(card.join, card.transport, Transport.create()) as line:
            push(line, *words)
            time.sleep(REST_S)
    with line_to(card.join, card.transport, Transport.create()) as line:
        push(line, *tickets)
        until(lambda: counted(mesh, 0).get("join.heard", 0) >= len(tickets), "guests are heard")
        push(line, *tickets * 20)
        until(lambda: counted(mesh, 0).get("join.flood", 0), "who asks too much is not heard")
    said = counted(mesh, 0)
    assert said["door.stranger"] >= 3
    assert said["join.malformed"] >= 1
    assert said["cut.form"] + said.get("cut.unread", 0) + said.get("cut.spent", 0) >= 1
    siege.stands()


def guests_words(mesh: bytes) -> list[list[bytes]]:
    """Questions in the form of the join endpoint that make no sense."""
    bodies = [
        b"",
        os.urandom(1_000),
        b"\x81" * 20_000,  # maps in maps in maps
        msgspec.msgpack.encode({"do": "join", "join": os.urandom(500)}),
        msgspec.msgpack.encode({"do": "join"}),
        msgspec.msgpack.encode({"do": "admitted", "id": 7}),
        msgspec.msgpack.encode({"do": "admitted", "id": [mesh]}),
        msgspec.msgpack.encode({"do": "status"}),
        msgspec.msgpack.encode([mesh]),
    ]
    return [[b"\x01\x0a" + number.to_bytes(4, "big") + body] for number, body in enumerate(bodies)]


def test_a_member_that_replays_forges_and_floods(siege: Siege) -> None:
    """It holds a member's keys, so its connections stand, and each word is looked at."""
    mesh, dice = siege.mesh, random.Random(5)
    home = Home.open(mesh.homes[OUTSIDER])
    with Member(home) as member:
        until(lambda: all(map(member.mesh.reachable, member.others)), "it is connected")
        heard = member.listen(20)
        own = member.sealed(home.mesh)
        foreign = member.sealed(digest(home.card))
        member.say(heard)  # others' words in its own mouth
        member.say([own] * 20)  # its own, again and again: they are said once
        member.say([foreign] * 3)
        member.say(tampered(own, dice) for _ in range(40))
        member.say([b"\x09" + own[1:], own[:-5], own + b"!", b"", b"\x01", os.urandom(300)])
        member.say([bytes(8 * MIB), os.urandom(MIB)])
        for number in ATTACKED:
            until(
                partial(names_all, mesh, number, REASONS),
                "each is refused for its own reason, and counted",
            )
    for number in ATTACKED:
        card = Home.open(mesh.homes[number]).card
        misbehave(mesh, number, card.direct, zmq.DEALER, [os.urandom(99)], "direct.malformed")
        misbehave(mesh, number, card.blobs, zmq.DEALER, [b"\x01\x03", b"more"], "blobs.malformed")
        misbehave(mesh, number, card.events, zmq.XSUB, [b"\x01topic"], "events.topics")
        assert counted(mesh, number)["cut.form"] >= 1
    siege.stands(*ATTACKED)  # what was said with its keys, the fourth node's journal cannot yield


def misbehave(
    mesh: Mesh, number: int, endpoint: str, kind: int, words: list[bytes], name: str
) -> None:
    """With a member's key: a huge message, then one that is not in form, until it is counted."""
    server = Home.open(mesh.homes[number]).card.transport
    key = Home.open(mesh.homes[OUTSIDER]).transport
    with line_to(endpoint, server, key, kind) as line:
        push(line, [bytes(64 * MIB)])
        time.sleep(REST_S)
    with line_to(endpoint, server, key, kind) as line:
        push(line, words)
        # libzmq does a socket's work when it is asked something.
        until(lambda: not line.poll(1) and counted(mesh, number).get(name), f"{name} is counted")
