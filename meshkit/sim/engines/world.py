"""The world of bare engines: replicas, their clients, the network between them, and one agenda."""

from collections.abc import Iterable, Sequence
from typing import cast

from meshkit.consensus.engines import Timeouts
from meshkit.consensus.messages import Validator
from meshkit.core.composite import At
from meshkit.core.machine import Heard
from meshkit.core.value import Statement, Value, holders, statements
from meshkit.ledger.messages import Genesis, Policy
from meshkit.sim import people
from meshkit.sim.engines.client import Client
from meshkit.sim.engines.kit import Kit, addressees
from meshkit.sim.engines.replica import Replica
from meshkit.sim.engines.service import Answer, Call, seats
from meshkit.sim.liars import Tongue
from meshkit.sim.mesh import Mesh
from meshkit.sim.people import Person
from meshkit.sim.process import Process
from meshkit.sim.voice import VERIFY_NS, Spoken
from meshkit.sim.watch import Watch

NOBODY = Genesis("bare", 1, (), (), Policy())  # its digest is the id that statements are signed for


class Audience(Watch):
    """Sees what clients believe, too."""

    def answered(self, client: Client, call: Call, result: int) -> None:
        """A client believes that this came of its call."""


class World(Mesh):
    """All replicas and clients. `weights` are the members', `seated` the bits of the validators."""

    def __init__(
        self,
        seed: int,
        kit: Kit,
        weights: Sequence[int],
        seated: int,
        timeouts: Timeouts,
        watch: Audience,
    ) -> None:
        super().__init__(seed, NOBODY, watch)
        self.kit, self.seated, self.timeouts, self.audience = kit, seated, timeouts, watch
        self.persons = [people.node(number) for number in range(len(weights))]
        self.roster = tuple(
            Validator(person.key, weight)
            for person, weight in zip(self.persons, weights, strict=True)
        )
        self.ids = sorted(person.key for person in self.persons)
        self.reads = False  # whether who only looks is answered without an entry
        self.clients: list[Client] = []
        self._clients: dict[bytes, Client] = {}
        self._addressees = addressees(kit.engine)
        self._addressees[Answer] = ""
        self._plain: dict[type[Value], bool] = {}  # whether a kind of message holds no others
        self._stamp = 0

    @property
    def replicas(self) -> list[Replica]:
        return cast("list[Replica]", self.processes)

    def seats(self, seated: int) -> tuple[Validator, ...]:
        return tuple(seats(self.roster, seated))

    def stamp(self) -> int:
        """What comes later has a higher one."""
        self._stamp += 1
        return self._stamp

    def serve(self, client: Client) -> None:
        """One more client."""
        self.know(client.person)
        self.clients.append(client)
        self._clients[client.me] = client

    def client(self, id_: bytes) -> Client | None:
        return self._clients.get(id_)

    def arrived(self, process: Process) -> None:
        assert isinstance(process, Replica), "here all are"
        height = process.books.height
        if process.honest and height > self.height:
            self.height = height
            self.leads(process)
        self.watch.arrived(process)

    def spoken(self, sender: bytes, message: Value) -> Spoken:
        """What goes on its way; how long opening it takes follows from the statements inside."""
        kind = type(message)
        plain = self._plain.get(kind)
        if plain is None:
            plain = self._plain[kind] = not holders(kind)
        count = issubclass(kind, Statement) if plain else len(statements(message))
        return Spoken(
            sender, At(self._addressees[kind], Heard(sender, message)), b"", VERIFY_NS * count
        )

    def answered(self, client: Client, call: Call, result: int) -> None:
        """A client believes that this came of its call."""
        self.audience.answered(client, call, result)

    def lie(self, process: Replica, to: bytes, message: Value) -> Iterable[Value]:
        """What a client hears of a replica that may be a liar."""
        return (message,) if process.tongue is None else process.tongue.say(to, message)

    def _process(self, person: Person, number: int, honest: bool, tongue: Tongue | None) -> Replica:
        return Replica(self, person, number, honest, tongue)
