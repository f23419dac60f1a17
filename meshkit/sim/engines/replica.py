"""A replica: a process of the simulator that runs a bare engine, and says what it has to say.

All that a process lives through, ticks, writes, deaths, pauses, snapshots, is the simulator's own
(`meshkit.sim.process`); what differs is the node that it runs and whom it answers to.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshkit import RULES, __version__
from meshkit.consensus.messages import Begin, Serve
from meshkit.core.composite import At, Composite
from meshkit.core.history import Start
from meshkit.core.machine import Broadcast, Restarted, Send
from meshkit.core.shell import FREE, NOW, Caused
from meshkit.core.value import Value
from meshkit.sim import people
from meshkit.sim.engines.driver import replica
from meshkit.sim.engines.kit import CONSENSUS, HISTORY, SERVICE
from meshkit.sim.engines.service import Answer, Books, Desk, Relay
from meshkit.sim.people import Person
from meshkit.sim.perform import Performer
from meshkit.sim.process import Process
from meshkit.sim.voice import Spoken

if TYPE_CHECKING:
    from meshkit.sim.engines.world import World
    from meshkit.sim.liars import Tongue

CLERK = people.client(0)  # who seats validators; it calls only for that


class Replica(Process):
    """One process of the world of bare engines."""

    def __init__(
        self, world: "World", person: Person, number: int, honest: bool, tongue: "Tongue | None"
    ) -> None:
        self.world = world
        self.rotten = False  # its journal no longer opens: it stays down
        self._books: Books | None = None  # as of the tick before
        super().__init__(world, person, number, honest, tongue)

    @property
    def books(self) -> Books:
        desk: Desk = self.shell.state[SERVICE]
        return desk.books

    def members(self) -> list[bytes]:
        return self.world.ids

    def hear(self, said: Spoken) -> None:
        if said.command.name:  # what only clients listen to, a liar may tell anybody
            super().hear(said)

    def _composed(self) -> Composite:
        world = self.world
        machine = world.kit.engine.machine(self.me, world.id, world.timeouts)
        clerk = CLERK.key
        return replica(world.kit.engine, machine, world.roster, world.seated, clerk, self.me)

    def _urgency(self) -> Callable[[Any], int]:
        engine = self.world.kit.urgency
        own = {Relay: FREE, Answer: NOW}

        def urgency(effect: Any) -> int:
            known = own.get(effect.__class__)
            return engine(effect) if known is None else known

        return urgency

    def _equipped(self) -> Performer:
        return Speaker(self)

    def _begin(self) -> None:
        self._books = None
        self.peers = [peer for peer in self.world.replicas if peer.me != self.me]
        known = [peer.me for peer in self.peers]
        self.peer_ids = frozenset([*known, *(client.me for client in self.world.clients)])
        self.take(At(HISTORY, Start(__version__, RULES)))
        if self.up and not self.books.height:
            validators = self.world.seats(self.books.seated)
            self.take(At(CONSENSUS, Begin(1, validators)))
        if self.up:
            self.take(At("", Restarted()))

    def _look(self, state: Any) -> None:
        books = self.books
        if books is not self._books:
            before, self._books = self._books, books
            if before is None or before.height != books.height:
                self.world.arrived(self)


class Speaker(Performer):
    """Does the effects of one life of a replica."""

    def __init__(self, process: Replica) -> None:
        super().__init__(process)
        self._replica, self._world = process, process.world

    def perform(self, caused: Caused) -> None:
        effect = caused.effect.body
        match effect:
            case Broadcast():
                self._broadcast(caused, effect.message)
            case Send(to, message):
                self._send(caused, to, message)
            case Serve(to, height):
                for value in self._replica.store.served(height):
                    self._send(caused, to, value)
            case Relay(call):
                self._broadcast(caused, call)
            case Answer(client=client):
                self._answer_client(client, effect)
            case _:
                raise AssertionError(f"nobody performs {effect!r:.200}")

    def _spoken(self, message: Value, envelope: bytes) -> Spoken:
        return self._world.spoken(self._replica.me, message)

    def _answer_client(self, id_: bytes, answer: Answer) -> None:
        client = self._world.client(id_)
        if client is not None:
            process = self._replica
            answered = self._world.lie(process, id_, answer)
            for said in answered:
                word = self._world.spoken(process.me, said)
                self._world.network.post(process.number, (client,), word, process.free_ns)
