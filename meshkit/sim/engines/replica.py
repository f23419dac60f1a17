"""A replica: a process of the simulator that runs a bare engine, and says what it has to say.

All that a process lives through, ticks, writes, deaths, pauses, snapshots, is the simulator's own
(`meshkit.sim.process`); what differs is the node that it runs and whom it answers to.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshkit import RULES, __version__
from meshkit.consensus.messages import Begin, Serve
from meshkit.consensus.raft.messages import Keep
from meshkit.core.composite import At, Composite
from meshkit.core.history import Start
from meshkit.core.machine import Broadcast, Heard, Restarted, Send, earliest
from meshkit.core.shell import FREE, NOW, Caused, at_once
from meshkit.core.value import Value
from meshkit.journal import JournalFailed
from meshkit.journal.memory import Crashed
from meshkit.sim import people
from meshkit.sim.engines.driver import replica
from meshkit.sim.engines.kit import CONSENSUS, HISTORY, SERVICE, Asked, Volatile
from meshkit.sim.engines.service import ABSENT, GET, Answer, Books, Call, Desk, Relay
from meshkit.sim.people import Person
from meshkit.sim.perform import Performer
from meshkit.sim.process import Process
from meshkit.sim.voice import Spoken

if TYPE_CHECKING:
    from meshkit.sim.engines.world import World
    from meshkit.sim.liars import Tongue

READ = "a read that made no entry"
WENT_EARLY = "an append went out before the write that failed"
EARLY_PPM = 500_000  # of failed writes, before which what is early had left (a guess)
CLERK = people.client(0)  # who seats validators; it calls only for that


class Replica(Process):
    """One process of the world of bare engines."""

    def __init__(
        self, world: "World", person: Person, number: int, honest: bool, tongue: "Tongue | None"
    ) -> None:
        self.world = world
        self.rotten = False  # its journal no longer opens: it stays down
        self._books: Books | None = None  # as of the tick before
        self._volatile: Volatile | None = None  # of this life
        self._shown: Any = None  # the engine's state as the volatile half last saw it
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
        if engine is at_once:
            return at_once
        own = {Relay: FREE, Answer: NOW}

        def urgency(effect: Any) -> int:
            known = own.get(effect.__class__)
            return engine(effect) if known is None else known

        return urgency

    def _equipped(self) -> Performer:
        return Speaker(self)

    def _begin(self) -> None:
        self._books = None
        kit = self.world.kit
        self._volatile = kit.volatile(self.me, self.world.timeouts) if kit.volatile else None
        self._shown = None
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
        if self._volatile is not None and state[CONSENSUS] is not self._shown:
            self._shown = state[CONSENSUS]
            self._heed(self._volatile.look(self._shown, self.clock.moment()))

    # -- the volatile half, of engines that have one ----------------------------------------------

    def _tick(self, life: int) -> None:
        volatile = self._volatile
        if volatile is not None and life == self.life and self.up and not self.paused:
            due_ns = volatile.deadline()
            if due_ns is not None and due_ns <= self.clock.now_ns():
                self._heed(volatile.wake(self.clock.moment()))
            self._sort(volatile)
        super()._tick(life)

    def _sort(self, volatile: Volatile) -> None:
        """Let the volatile half hear what is for it; the rest stays in the inbox."""
        inbox, self.shell.inbox = self.shell.inbox, []
        for command, envelope in inbox:
            body = command.body
            if command.name == CONSENSUS and type(body) is Heard:
                self.commands += 1
                moment = self.clock.moment()
                admitted, asked = volatile.hear(body.sender, body.message, moment)
                self._heed(asked)
                if volatile.takes(body.message) or not admitted:
                    continue
            elif self._is_read(command):
                call: Call = body.message
                token = call.client + call.sequence.to_bytes(8) + call.register.to_bytes(8)
                self._heed(volatile.read(token, self.clock.moment()))
                continue
            self.shell.inbox.append((command, envelope))

    def _is_read(self, command: At) -> bool:
        """Whether somebody only wants to look: then no entry need be made of it (R14)."""
        heard: object = command.body
        if not self.world.reads or type(heard) is not Heard or type(heard.message) is not Call:
            return False
        return heard.message.kind == GET and heard.sender == heard.message.client

    def _heed(self, asked: Asked) -> None:
        for command in asked.commands:
            self.shell.take(At(CONSENSUS, command))
        for effect in asked.effects:
            self.performer.perform(Caused(0, 0, At(CONSENSUS, effect)))
        for token in asked.readable:
            client, sequence, register = token[:32], token[32:40], token[40:]
            found = self.books.registers.get(int.from_bytes(register), ABSENT)
            answer = Answer(client, int.from_bytes(sequence), found)
            self.performer.perform(Caused(0, 0, At(SERVICE, answer)))
            self.world.watch.happened(READ)

    def _deadline(self, state: Any) -> int | None:
        due_ns = super()._deadline(state)
        return earliest(due_ns, self._volatile.deadline()) if self._volatile else due_ns

    def _fail(self, error: Crashed | JournalFailed) -> None:
        """What may go before its entry is durable may have gone already (R1)."""
        early = [
            one for one in self.shell.held if isinstance(one.effect.body, self.world.kit.early)
        ]
        if early and self.dice.chance(EARLY_PPM):
            self.world.watch.happened(WENT_EARLY)
            for caused in early:
                self.performer.perform(caused)
        super()._fail(error)


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
            case Keep():
                pass  # it is durable by now
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
