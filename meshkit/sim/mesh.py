"""A mesh in a box: its founders and newcomers, the network between them, and one agenda.

Who is connected to whom follows each one's own ledger, as sockets do: a message gets through where
its sender knows its hearer for a member and the hearer its sender. A newcomer, in nobody's ledger,
listens to the founders; they hear it once they have admitted it.
"""

from collections.abc import Callable, Iterable

from meshkit.core.value import Value, digest
from meshkit.ledger.messages import Genesis, Task
from meshkit.rounds.messages import Spec
from meshkit.sim.agenda import Agenda
from meshkit.sim.dice import Dice
from meshkit.sim.labour import craft
from meshkit.sim.liars import Tongue
from meshkit.sim.living import kind_of
from meshkit.sim.network import Network
from meshkit.sim.people import Person
from meshkit.sim.process import Process
from meshkit.sim.store import named
from meshkit.sim.voice import is_authentic
from meshkit.sim.watch import Watch


class Mesh:
    """All processes, and what lies between them. `seed` and `real` determine the rest."""

    def __init__(
        self, seed: int, genesis: Genesis, watch: Watch | None = None, real: bool = False
    ) -> None:
        self.seed, self.genesis, self.real = seed, genesis, real
        self.id = digest(genesis)
        self.agenda = Agenda()
        self.network = Network(self.agenda, self.dice("network"))
        self.watch = watch or Watch()
        self.craft = craft(real)
        self.blobs: dict[bytes, bytes] = {}  # all that were ever made, for whoever checks
        self.bury: Callable[[Process], None] = lambda process: None  # told of each that ended
        self.leads: Callable[[Process], None] = lambda process: None  # of who decides first
        self.height = 0  # the highest of anybody honest
        self.processes: list[Process] = []
        self._kind = kind_of(genesis)
        self._people: dict[bytes, Person] = {}
        self._by_id: dict[bytes, list[Process]] = {}

    def arrived(self, process: Process) -> None:
        """Its ledger stands at another height than after its tick before."""
        height = process.shell.state["ledger"].height
        if process.honest and height > self.height:
            self.height = height
            self.leads(process)
        self.watch.arrived(process)

    def dice(self, *name: object) -> Dice:
        """A stream of chance of its own for each name."""
        return Dice(self.seed, *name)

    def know(self, person: Person) -> None:
        """Somebody who may sign: an operator, or whoever will join."""
        self._people[person.key] = person

    def add(self, person: Person, tongue: Tongue | None = None, honest: bool = True) -> Process:
        """One more process, not started yet; honest, unless it has a tongue or a twin."""
        self.know(person)
        honest = honest and tongue is None
        process = self._process(person, len(self.processes), honest, tongue)
        if tongue is not None:
            tongue.bind(process)
        self.processes.append(process)
        self._by_id.setdefault(person.key, []).append(process)
        return process

    def _process(self, person: Person, number: int, honest: bool, tongue: Tongue | None) -> Process:
        return self._kind(self, person, number, honest, tongue)

    def of(self, id_: bytes) -> list[Process]:
        """The processes that speak for an identity: two, if it has a twin."""
        return self._by_id.get(id_, [])

    def connect(self, process: Process) -> None:
        """Be connected to the members that its ledger names, and nobody else."""
        members = process.shell.state["ledger"].members
        known: Iterable[bytes] = sorted(members)
        if process.me not in members:  # still on its way in
            founders = (founder.id for founder in self.genesis.founders)
            known = sorted({*members, *founders})
        ids = [id_ for id_ in known if id_ != process.me]
        if len(ids) == len(process.peer_ids) and process.peer_ids.issuperset(ids):
            return
        process.peer_ids = frozenset(ids)
        process.peers = [peer for id_ in ids for peer in self.of(id_)]

    def is_authentic(self, message: Value) -> bool:
        """Whether every door lets this message in: each statement in it signed by its signer."""
        return is_authentic(message, self._people, self.id, self.real)

    def first_model(self, spec: Spec) -> bytes:
        """The digest of a task's first model."""
        blob = self.craft.initial(spec)
        name = named(blob)
        self.blobs[name] = blob
        return name

    def bring(self, process: Process, spec: Spec) -> None:
        """Leave a task's first model with a process, as a client does."""
        process.put(self.craft.initial(spec))


def spec_of(task: Task) -> Spec:
    """As much of a task's settings as making its first model takes."""
    return Spec(
        task.module, task.parameters, task.quorum, task.deadline_ms, task.patience_ms, task.size,
        task.bits, task.scale_bits, task.strategy, task.seed, 1, 1, 1, 1,
    )  # fmt: skip
