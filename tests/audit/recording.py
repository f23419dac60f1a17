"""Journals of today, kept: what the rules decide of them is compared by every later commit.

    python -m tests.audit.recording

records them anew, under the number of the present rules. Each is that of one honest node in the
simulator, which goes through real envelopes and entries: a liar votes and submits twice or proposes
what is wrong, members come and go, a task is cancelled, processes die and messages are lost.

Beside the bytes of each entry stands a digest of its effects, for entries do not hold them, and
behind the last one the digest of the state. So whatever a change of the code does to a decision or
to the form of a state or of an entry shows here, and at which entry.
"""

import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from blake3 import blake3

from meshkit import RULES
from meshkit.audit.folding import genesis_in
from meshkit.audit.rules import started
from meshkit.codec import Malformed, decode_entry
from meshkit.core.composite import Composite, State
from meshkit.core.machine import Entry
from meshkit.core.snapshot import freeze
from meshkit.core.value import canonical
from meshkit.journal import Record
from meshkit.journal.memory import MemoryJournal
from meshkit.node import address, mesh_node
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.network import Weather
from meshkit.sim.process import Pace, Process
from meshkit.sim.run import Run
from meshkit.sim.setting import CRASHES, LOSSES, STORMS, Setting, Work

FOLDER = Path(__file__).parent / "recorded"
EFFECTS_BYTES = 8  # of a digest: what is to be noticed is a change, not an attack
ENTRIES_MAX = 400  # of a journal: so all of them stay small beside the code


class Story(NamedTuple):
    """A run of the simulator, and whose journal of it is kept."""

    seed: int
    lies: tuple[str, ...]
    process: int


STORIES = {
    "votes": Story(2, ("two-votes", "two-updates", "over-cap"), 2),
    "results": Story(1, ("wrong-results", "two-blocks", "false-lists"), 1),
}


class Recorded(msgspec.Struct, frozen=True, array_like=True):
    """A journal, and what followed from each of its entries when it was written."""

    rules: int
    node: bytes
    bodies: tuple[bytes, ...]
    effects: tuple[bytes, ...]
    state: bytes

    def records(self) -> Iterator[Record]:
        for index, body in enumerate(self.bodies, start=1):
            yield Record(index, b"", b"", body)

    def machine(self) -> Composite:
        genesis = genesis_in(self.records())
        assert genesis is not None, "a journal begins with its genesis"
        return mesh_node(self.node, genesis)


def difference(recorded: Recorded) -> str:
    """The first thing that is not as it was recorded, or nothing."""
    machine = recorded.machine()
    state = machine.initial()
    for record, effects in zip(recorded.records(), recorded.effects, strict=True):
        try:
            entry = decode_entry(record.body, address, record.index)
        except Malformed as error:
            return f"entry {record.index} cannot be read: {error}"
        state, decided = follow(machine, state, entry)
        if decided.events != entry.events:
            return f"entry {record.index}: {entry.command!r:.300} has other events"
        if decided.effects != effects:
            return f"entry {record.index}: {entry.command!r:.300} has other effects"
    return "" if blake3(freeze(state)).digest() == recorded.state else "the state has another form"


class Followed(NamedTuple):
    """What follows from an entry's command."""

    events: tuple[object, ...]
    effects: bytes


def follow(machine: Composite, state: State, entry: Entry) -> tuple[State, Followed]:
    after, events, effects = machine.run(state, entry.command, entry.moment)
    said = blake3(b"".join(map(canonical, effects))).digest()[:EFFECTS_BYTES]
    return after, Followed(tuple(events), said)


# -- files -----------------------------------------------------------------------------------------


def path_of(name: str, rules: int = RULES) -> Path:
    return FOLDER / f"rules-{rules}-{name}.xz"


def load(path: Path) -> Recorded:
    return msgspec.msgpack.decode(lzma.decompress(path.read_bytes()), type=Recorded)


def save(name: str, recorded: Recorded) -> None:
    data = msgspec.msgpack.encode(recorded)
    path_of(name, recorded.rules).write_bytes(lzma.compress(data, preset=lzma.PRESET_EXTREME))


# -- recording -------------------------------------------------------------------------------------


def setting(story: Story) -> Setting:
    """Four founders of whom one lies and one is removed, a newcomer, and trouble."""
    return Setting(
        weights=(1, 1, 1, 1),
        liars=((3, story.lies),),
        work=(Work(100 * MS, 3, 0, 1_500, 100), Work(1_500 * MS, 3, 2, 1_000, 100, 1_200)),
        joins=((SECOND, 1),),
        removals=((4 * SECOND, 2),),
        notes_ns=SECOND,
        weather=Weather(jitter_ns=10 * MS, loss_ppm=20_000),
        pace=Pace(snapshot_entries=100, death_ppm=500),
        faults=(CRASHES, STORMS, LOSSES),
        fault_ns=700 * MS,
        safety_ns=6 * SECOND,
        real=True,
    )


def record(story: Story) -> Recorded:
    """Run the story, and keep the journal."""
    run = Run(story.seed, setting(story))
    run.go()
    return kept(run.mesh.processes[story.process])


def kept(process: Process) -> Recorded:
    """The journal of a process, decided once more for its effects."""
    identity = process.person.identity
    journal = MemoryJournal.open(process.disk, process.mesh.id, identity.key, identity.sign)
    bodies = tuple(one.body for one in journal.read(1, ENTRIES_MAX))
    bare = Recorded(RULES, identity.key, bodies, (), b"")
    machine = bare.machine()
    state, effects = machine.initial(), list[bytes]()
    for one in bare.records():
        state, followed = follow(machine, state, decode_entry(one.body, address, one.index))
        effects.append(followed.effects)
    return Recorded(RULES, identity.key, bodies, tuple(effects), blake3(freeze(state)).digest())


def kinds(recorded: Recorded) -> set[str]:
    """The events in it, by machine and class."""
    found: set[str] = set()
    for one in recorded.records():
        entry = decode_entry(one.body, address, one.index)
        start = started(entry)
        assert start is None or start.rules == recorded.rules
        found.update(f"{event.name}.{type(event.body).__name__}" for event in entry.events)
    return found


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, story in STORIES.items():
        save(name, record(story))


if __name__ == "__main__":
    main()
