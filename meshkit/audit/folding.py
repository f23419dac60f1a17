"""A journal folded: the state after any of its entries, or at any time. It decides nothing.

Folding takes what was recorded at its word; whether it follows from the causes is for `check`. The
digest of the state is that of its canonical form, as a snapshot's: equal digests are equal states.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from meshkit.audit.errors import NotHere, OtherRules, Unsound
from meshkit.audit.rules import fault_of_rules
from meshkit.codec import Malformed, decode_entry
from meshkit.consensus.engines import ENGINES
from meshkit.core.composite import Composite
from meshkit.core.machine import Entry
from meshkit.core.snapshot import freeze
from meshkit.core.value import digest
from meshkit.journal import Identity, JournalReader, Record
from meshkit.ledger.messages import Found, Genesis
from meshkit.node import address, mesh_node

FOUND_WITHIN = 64  # entries: a node founds its mesh in its first tick, after its first start


class Folded(NamedTuple):
    """A state, and the entry it is the state after."""

    entry: int
    now_ns: int
    state: dict[str, Any]

    @property
    def digest(self) -> bytes:
        return blake3(freeze(self.state)).digest()


class Opened(NamedTuple):
    """A journal to be read, and the machine that it is of."""

    path: Path
    identity: Identity
    genesis: Genesis
    machine: Composite
    reader: JournalReader

    def entries(self, last: int | None = None, first: int = 1) -> Iterator[tuple[int, Entry]]:
        """Each entry with its index; raises Unsound and OtherRules at one it cannot go past."""
        for record in self.reader.read(first, last):
            entry = self.read(record)
            if fault := fault_of_rules(entry):
                raise OtherRules(f"{self.path}: entry {record.index} was decided by {fault}")
            yield record.index, entry

    def read(self, record: Record) -> Entry:
        try:
            return decode_entry(record.body, address, record.index)
        except Malformed as error:
            raise Unsound(f"{self.path}: entry {record.index} is none: {error}") from None


@contextmanager
def opened(path: Path) -> Generator[Opened]:
    """The journal in the file `path`; raises JournalError and Unsound, a line each."""
    with JournalReader.open(path) as reader:
        genesis = genesis_in(reader.read(1, FOUND_WITHIN))
        if genesis is None or digest(genesis) != reader.identity.mesh:
            raise Unsound(f"{path}: it does not begin with the founding of its mesh: audit it")
        want_engine(genesis)
        node = mesh_node(reader.identity.node_key, genesis)
        yield Opened(path, reader.identity, genesis, node, reader)


def want_engine(genesis: Genesis) -> None:
    """Raises OtherRules where the mesh agrees by an engine that is not here."""
    name = genesis.policy.engine
    if name not in ENGINES:
        raise OtherRules(
            f"the mesh {genesis.name} agrees by {name:.50}, which this release does not know: "
            "install one that does"
        )


def genesis_in(records: Iterator[Record]) -> Genesis | None:
    """What the journal that begins with these records was founded on."""
    for record in islice(records, FOUND_WITHIN):
        try:
            command = decode_entry(record.body, address, record.index).command.body
        except Malformed:
            continue
        if isinstance(command, Found):
            return command.genesis
    return None


def fold(journal: Opened, to: int | None = None, until_ns: int | None = None) -> Folded:
    """The state after entry `to`, or after the last entry up to that time, or after the last.

    Raises NotHere if the journal has no such entry.
    """
    machine = journal.machine
    index, now_ns, state = 0, 0, dict(machine.initial())
    for number, entry in journal.entries(to):
        if until_ns is not None and entry.moment.now_ns > until_ns:
            break
        index, now_ns = number, entry.moment.now_ns
        for event in entry.events:
            state[event.name] = machine.machines[event.name].evolve(state[event.name], event.body)
    if to is not None and index < to:
        raise NotHere(f"{journal.path} has {index} entries, and no entry {to}")
    return Folded(index, now_ns, state)
