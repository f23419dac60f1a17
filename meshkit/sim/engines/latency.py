"""How long a decision takes: in virtual time, on one site or across the world, with a third gone.

A call comes to one live replica; its latency is the time until that replica has decided it, durably
and with a proof. The next call comes to the next replica a while after that. What takes time: links
(a matrix, with a tenth more or less), each signature made or verified, each command stepped, each
fsync; a replica has one core, which does one thing after the other. What takes none: encoding, and
the bytes on a link, for votes and small values are far below what a link carries.

The replicas that are gone are never started ("crashed"), or lie ("liars"): each proposes one value
to half of the others and another to the rest, and votes for both. They are drawn by the seed, so
they are spread over the regions; but whoever would propose first is always one of them. Who is gone
is not known beforehand: what finding out costs is in `first`, as many calls as there are replicas,
and, where a dead one's turn comes later or again, in `settled`, which is all that comes after them.
Raft has elected somebody when the first call comes.
"""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

from meshkit.consensus.engines import Timeouts
from meshkit.consensus.messages import Begin
from meshkit.core.machine import Moment, step
from meshkit.core.value import Value
from meshkit.sim import people
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.engines.kit import Kit
from meshkit.sim.engines.replica import Replica
from meshkit.sim.engines.service import PUT, Call
from meshkit.sim.engines.world import Audience, World
from meshkit.sim.liars import Tongue
from meshkit.sim.network import Hearer, Network
from meshkit.sim.process import Pace, Process
from meshkit.sim.voice import VERIFY_NS, Spoken, signed_by

CHECK_NS = 60_000  # of one signature (what the figures are stated for)
PROBER = 1  # among the clients
PATIENCE_NS = 600 * SECOND  # after which nothing more is expected
REGIONS = ("Virginia", "California", "Sydney", "Stockholm", "Tokyo")

# Half of the usual round trip between data centres of these regions, in ms (public measurements of
# cloud providers, rounded; the same regions as in the papers on HotStuff, Narwhal and Bullshark).
ONE_WAY_MS = (
    (0.5, 31.0, 100.0, 56.0, 75.0),
    (31.0, 0.5, 70.0, 86.0, 54.0),
    (100.0, 70.0, 0.5, 149.0, 52.0),
    (56.0, 86.0, 149.0, 0.5, 122.0),
    (75.0, 54.0, 52.0, 122.0, 0.5),
)


class Field(NamedTuple):
    """Where the replicas stand: how far from each other, how patient, how dense the calls."""

    one_way_ms: Sequence[Sequence[float]]
    timeouts: Timeouts
    pause_ns: int  # between a decision and the next call


FIELDS = {
    "lan": Field(((0.25,),), Timeouts(200, 100, 100), 20 * MS),
    "regions": Field(ONE_WAY_MS, Timeouts(1_000, 500, 500), 250 * MS),
}
FAULTS = ("none", "crashed", "liars")
LIES = ("split-proposer", "split-primary")  # as the engines call it


class Map(Network):
    """Links as long as the places they join are apart."""

    def lay(self, one_way_ms: Sequence[Sequence[float]], replicas: int) -> None:
        """Replica number k stands in place k modulo the number of places."""
        places = len(one_way_ms)
        self._ns = [
            [int(one_way_ms[a % places][b % places] * MS) for b in range(replicas)]
            for a in range(replicas)
        ]

    def post(self, sender: int, hearers: Sequence[Hearer], said: Spoken, leaves_ns: int) -> None:
        word, at, row = self._dice.word, self._agenda.at, self._ns[sender]
        for to in hearers:
            far_ns = row[to.number]
            at(leaves_ns + far_ns + word() % (far_ns // 10 + 1), to.hear, said)


class Ground(World):
    """Replicas at their places, and one client that stands beside each of them in turn."""

    def spoken(self, sender: bytes, message: Value) -> Spoken:
        """Opening a message takes a signature of its envelope, and those of the statements."""
        said = super().spoken(sender, message)
        return said._replace(cost_ns=CHECK_NS * (1 + said.cost_ns // VERIFY_NS))


class Probe(Audience):
    """Calls one replica after the other, each when the one before has decided."""

    def __init__(self, calls: int, pause_ns: int) -> None:
        super().__init__()
        self.left, self.pause_ns = calls, pause_ns
        self.latencies_ns: list[int] = []
        self.person = people.client(PROBER)
        self._at: Replica | None = None
        self._asked_ns = self._height = 0
        self._turn = self._number = 0

    @property
    def over(self) -> bool:
        return self.left == 0

    def ask(self, live: Sequence[Replica]) -> None:
        """One more call."""
        world = live[0].world
        self._number += 1
        replica = live[self._turn % len(live)]
        self._turn += 1
        self._live = live
        call = Call(self.person.key, self._number, PUT, 0, self._number, 0)
        said = world.spoken(self.person.key, signed_by(self.person, call, world.id, False))
        self._at, self._asked_ns = replica, world.agenda.now_ns
        self._height = max(each.books.height for each in live)
        replica.hear(said)

    def arrived(self, process: Process) -> None:
        """A replica has decided: its tick ends when that is durable."""
        at = self._at
        if at is None or process is not at or at.books.height <= self._height:
            return
        self._at = None
        self.latencies_ns.append(process.free_ns - self._asked_ns)
        self.left -= 1
        if self.left:
            agenda = process.mesh.agenda
            agenda.at(process.free_ns + self.pause_ns, self.ask, self._live)


def most_gone(kit: Kit, replicas: int) -> int:
    """How many of so many replicas may be dead, or lie, at once."""
    return (replicas - 1) // 3 if kit.engine.attests else (replicas - 1) // 2


def is_borne(kit: Kit, replicas: int, faults: str) -> bool:
    """Whether so many replicas of this engine can go through such faults at all."""
    if faults == "none":
        return True
    return most_gone(kit, replicas) > 0 and (faults != "liars" or bool(_lies(kit)))


def _lies(kit: Kit) -> list[type[Tongue]]:
    return [kit.lies[name] for name in LIES if name in kit.lies]


def latency(
    kit: Kit, replicas: int, place: str, faults: str, calls: int, seed: int = 0
) -> dict[str, Any]:
    """What `meshkit bench latency` prints of one case; `calls` are those after the first turns."""
    assert is_borne(kit, replicas, faults), "there is nothing to measure"
    gone = 0 if faults == "none" else most_gone(kit, replicas)
    field = FIELDS[place]
    probe = Probe(replicas + calls, field.pause_ns)
    world = Ground(seed, kit, (1,) * replicas, (1 << replicas) - 1, field.timeouts, probe)
    network = world.network = Map(world.agenda, world.dice("network"))
    network.lay(field.one_way_ms, replicas)
    _people(world, replicas, gone, faults)
    world.know(probe.person)
    live = [replica for replica in world.replicas if replica.honest]
    for replica in world.replicas:
        replica.pace = Pace()
        if replica.honest or faults == "liars":
            replica.start()
            replica.peer_ids |= {probe.person.key}
    world.agenda.after(SECOND, probe.ask, live)
    world.agenda.run(PATIENCE_NS + (replicas + calls) * 10 * SECOND, lambda: probe.over)
    first, settled = probe.latencies_ns[:replicas], probe.latencies_ns[replicas:]
    return {
        "engine": kit.engine.name,
        "replicas": replicas,
        "place": place,
        "faults": faults,
        "gone": gone,
        "signature_us": CHECK_NS // 1_000,
        "decided": len(probe.latencies_ns),
        "first": summary(first),
        "settled": summary(settled),
    }


def _people(world: Ground, replicas: int, gone: int, faults: str) -> None:
    """Who is who; those that are gone are drawn."""
    order = world.dice("gone").shuffled(list(range(replicas)))
    order.sort(key=lambda number: world.persons[number].key != _first(world))
    lost = set(order[:gone])
    for number, person in enumerate(world.persons):
        if number not in lost:
            world.add(person)
        elif faults == "liars":
            world.add(person, _lies(world.kit)[0]())
        else:
            world.add(person, honest=False)


def _first(world: Ground) -> bytes:
    """Who proposes first, as everybody knows; nobody where that is left to an election."""
    engine, roster = world.kit.engine, world.seats(world.seated)
    machine = engine.machine(roster[0].id, world.id, world.timeouts)
    state, _, _ = step(machine, machine.initial(), Begin(1, roster), Moment(1, 0))
    return engine.leader(state)


def summary(latencies_ns: Sequence[int]) -> dict[str, float]:
    """The usual figures of some latencies, in ms."""
    if len(latencies_ns) < 2:
        return {}
    return {
        "calls": len(latencies_ns),
        "p50_ms": round(median(latencies_ns) / MS, 1),
        "p99_ms": round(quantiles(latencies_ns, n=100, method="inclusive")[98] / MS, 1),
        "max_ms": round(max(latencies_ns) / MS, 1),
    }
