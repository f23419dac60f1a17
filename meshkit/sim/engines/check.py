"""What must never happen to bare engines, looked for after every entry.

* There is one history: at each height all honest replicas decide one value, which follows the value
  before it; and where the engine attests, its certificate stands before that height's validators.
* What is replicated is what that history makes of it: the registers and sessions of each honest
  replica, at each height, are those that other code makes of the same values.
* Each call takes effect once. What a client believes came of its call is what came of it.
* What all clients saw together is linearizable, register by register.
* What a replica has acted upon is in its journal when it comes back, and its state is the same.
* Nobody honest signs two statements that exclude each other, or is convicted of having done so.
* A journal, decided again from its first entry, leads to the same state.
* What a replica keeps stays within bounds, whoever floods it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, cast

from meshkit.consensus.messages import Decided, EquivocationSeen
from meshkit.core.machine import Entry, recheck
from meshkit.core.snapshot import freeze
from meshkit.core.value import Statement, canonical, digest
from meshkit.sim.check import STATE_BYTES_MAX, Broken, Life, content_of
from meshkit.sim.engines.client import Client, leads, register
from meshkit.sim.engines.kit import CONSENSUS, place_of
from meshkit.sim.engines.pbft_promises import Promises as PbftPromises
from meshkit.sim.engines.promises import Promises, is_proved, weighed
from meshkit.sim.engines.raft_promises import Promises as RaftPromises
from meshkit.sim.engines.replica import Replica
from meshkit.sim.engines.service import (
    ABSENT,
    ADD,
    GET,
    PUT,
    SEAT,
    Books,
    Call,
    CallBatch,
)
from meshkit.sim.engines.tendermint_promises import Promises as TendermintPromises
from meshkit.sim.engines.world import Audience, World
from meshkit.sim.linearizable import TooHard, apart, is_linearizable
from meshkit.sim.process import Process
from meshkit.sim.store import Observer

UNDECIDED = "a register's history was too hard to check"
PIECES = 64  # entries that are hashed at once

PROMISES: Mapping[str, Callable[[], Promises]] = {
    "tendermint": TendermintPromises, "pbft": PbftPromises, "raft": RaftPromises,
}  # fmt: skip


class Witness(Audience):
    """Only writes down what happened: what two runs of a seed are compared by."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: Counter[type] = Counter()  # of events of honest replicas
        self._pieces: list[Any] = []

    @property
    def world(self) -> World:
        return cast(World, self.mesh)

    def observer(self, process: Process) -> Observer | None:
        agenda, number, pieces = self.mesh.agenda, process.number, self._pieces

        def observe(index: int, entry: Entry) -> None:
            self.entries += 1
            pieces.append((agenda.now_ns, number, entry.events))
            if len(pieces) >= PIECES:
                self.close()
            self.look(process, index, entry)

        return observe

    def look(self, process: Process, index: int, entry: Entry) -> None:
        """An entry is durable."""

    def close(self) -> None:
        """Have everything in the digest."""
        self.digest.update(canonical(self._pieces))
        self._pieces.clear()

    def finish(self) -> None:
        self.close()
        for kind, count in self.kinds.items():
            self.counts[kind.__name__] += count


class Ledger:
    """What the history makes of the registers: the service once more, by other code."""

    def __init__(self, seated: int) -> None:
        self.values: list[bytes] = []  # the id of each height's value, from height 1
        self.registers: dict[int, int] = {}
        self.sessions: dict[bytes, tuple[int, int]] = {}
        self.results: dict[tuple[bytes, int], int] = {}
        self.seatings = [seated]  # who decides each height, from height 1
        self.marks: list[bytes] = []  # the digest of what is replicated, after each height

    def apply(self, name: bytes, batch: CallBatch) -> None:
        seated = self.seatings[-1]
        for call in batch.calls:
            if call.sequence <= self.sessions.get(call.client, (0, 0))[0]:
                continue
            found = self.registers.get(call.register, ABSENT)
            written, result = found, found
            if call.kind == SEAT:
                seated = result = call.first
            elif call.kind == ADD:
                written = result = found + call.first
            elif call.kind != GET:
                written = self._written(call, found)
            if written != ABSENT:
                self.registers[call.register] = written
            elif found != ABSENT:
                del self.registers[call.register]
            self.sessions[call.client] = (call.sequence, result)
            self.results[call.client, call.sequence] = result
        self.values.append(name)
        self.seatings.append(seated)
        self.marks.append(_mark(self.registers, self.sessions, seated))

    def _written(self, call: Call, found: int) -> int:
        """What a put leaves, or a swap."""
        if call.kind == PUT:
            return call.first
        return call.second if found == call.first else found


def _mark(registers: dict[int, int], sessions: dict[bytes, tuple[int, int]], seated: int) -> bytes:
    return canonical((sorted(registers.items()), sorted(sessions.items()), seated))


def mark_of(books: Books) -> bytes:
    """What is replicated, in the form that the checker's own is compared by."""
    sessions = {client: (done.sequence, done.result) for client, done in books.sessions.items()}
    registers = {number: held for number, held in books.registers.items() if held != ABSENT}
    return _mark(registers, sessions, books.seated)


class Examiner(Witness):
    """Looks at every entry of every honest replica."""

    def __init__(self, seated: int) -> None:
        super().__init__()
        self.ledger = Ledger(seated)
        self._lives: dict[int, Life] = {}
        self._said: dict[tuple[object, ...], bytes] = {}
        self._promises: Promises | None = None
        self._rested: dict[int, Any] = {}  # the state that was looked at last, by process

    @property
    def promises(self) -> Promises:
        """What the engine promises by itself."""
        if self._promises is None:
            self._promises = PROMISES[self.world.kit.engine.name]()
        return self._promises

    def require(self, holds: bool, process: Process, what: str) -> None:
        if not holds:
            when_ms = self.mesh.agenda.now_ns // 1_000_000
            raise Broken(f"{process.person.name} at {when_ms} ms: {what}")

    # -- entry by entry ---------------------------------------------------------------------------

    def look(self, process: Process, index: int, entry: Entry) -> None:
        life = self._lives[process.number]
        life.index = index
        if not process.honest:
            return
        # While a tick's entries are written the state is that after the tick before.
        state = process.shell.state[CONSENSUS]
        if self._rested.get(process.number) is not state:
            self._rested[process.number] = state
            self.promises.rest(process, state)
        self.promises.look(process, entry)
        for event in entry.events:
            body: object = event.body
            kind = type(body)
            self.kinds[kind] += 1
            if isinstance(body, Decided):
                self._decided(process, life, body)
            elif isinstance(body, EquivocationSeen):
                innocent = any(peer.honest for peer in self.mesh.of(body.culprit))
                self.require(not innocent, process, f"somebody honest was blamed: {body!r:.600}")
        self.counts.update(self.world.kit.rare(process, entry))

    def _decided(self, process: Process, life: Life, event: Decided) -> None:
        proof, value, ledger = event.certificate, event.value, self.ledger
        height, name = proof.height, digest(value)
        self.require(name == proof.value_id, process, "it decided another value than was proved")
        self.require(height == life.height + 1, process, f"it decided {height} out of order")
        life.height = height
        if height > len(ledger.values):
            before = ledger.values[-1] if ledger.values else b""
            follows = type(value) is CallBatch and value.previous == before
            self.require(follows, process, f"value {height} does not follow the one before it")
            ledger.apply(name, cast(CallBatch, value))
        known = ledger.values[height - 1]
        self.require(known == name, process, f"a second value was decided at height {height}")
        engine = self.world.kit.engine
        if engine.attests:
            weights = weighed(self.world.seats(ledger.seatings[height - 1]))
            proved = is_proved(proof, weights, engine.vouches)
            self.require(proved, process, f"height {height} was decided by too few")

    def signed(self, process: Process, statement: Statement) -> None:
        place = place_of(self.world.kit.engine, statement)
        if place is None or not process.honest:
            return
        name = digest(content_of(statement))
        known = self._said.setdefault(place, name)
        self.require(known == name, process, f"it signed two things: {statement!r:.600}")

    def answered(self, client: Client, call: Call, result: int) -> None:
        came = self.ledger.results.get((call.client, call.sequence))
        if came is None and call.kind == GET and self.world.reads:
            return  # it made no entry; whether it saw what it should, its order with others tells
        if came != result:
            raise Broken(f"{client.person.name} was told {result} of {call!r:.120}: it was {came}")

    # -- life after life --------------------------------------------------------------------------

    def began(self, process: Process) -> None:
        life = self._lives.setdefault(process.number, Life())
        self.promises.began(process)
        if not process.honest or not life.index:
            return
        assert isinstance(process, Replica), "here all are"
        length, height = process.store.length, process.books.height
        self.require(length >= life.index, process, "it lost entries that it had acted upon")
        self.require(height >= life.height, process, "it lost a decided value")
        for unseen in range(life.height + 1, height + 1):  # written by a write that was the last
            block = process.disk.blocks[unseen]
            self._decided(process, life, Decided(block.certificate, block.value))
        if length == life.index and life.state is not None:
            alike = process.shell.state == life.state
            self.require(alike, process, "it came back in another state")
        self.counts["restart"] += 1
        if process.store.restarts_from(process.node):
            self.counts["restart from a snapshot"] += 1

    def ended(self, process: Process, why: str) -> None:
        super().ended(process, why)
        life = self._lives[process.number]
        life.state = None if process.shell.unsaved else process.shell.state
        self._bounded(process)

    def arrived(self, process: Process) -> None:
        assert isinstance(process, Replica), "here all are"
        books = process.books
        if process.honest and 0 < books.height <= len(self.ledger.marks):
            right = self.ledger.marks[books.height - 1] == mark_of(books)
            self.require(right, process, f"its registers are wrong at height {books.height}")

    # -- at the end -------------------------------------------------------------------------------

    def finish(self) -> None:
        super().finish()
        honest = [one for one in self.world.replicas if one.honest and one.life and not one.rotten]
        for process in honest:
            self._bounded(process)
        if honest:
            self._recheck(self.mesh.dice("recheck").pick(honest))
        self._explain()

    def _recheck(self, process: Process) -> None:
        """One journal a seed, decided again; that the others lead on is seen when they restart."""
        store = process.reopened()
        again = recheck(process.node, store.entries())
        folded = store.restore(process.node).state
        lives = process.up and not process.shell.unsaved
        alike = again == folded and (not lives or again == process.shell.state)
        self.require(alike, process, "its journal does not lead to its state again")

    def _explain(self) -> None:
        """Whether what clients saw could have been."""
        world = self.world
        for client in world.clients:
            client.unfinished()
        history = [
            # What only looked and was never answered says nothing.
            one
            for client in world.clients
            for one in client.history
            if one.ended is not None or one.asked.kind != GET
        ]
        for number, part in sorted(apart(history, lambda asked: asked.register).items()):
            try:
                explained = is_linearizable(part, ABSENT, register, leads)
            except TooHard:
                self.counts[UNDECIDED] += 1
                continue
            if not explained:
                raise Broken(f"what clients saw of register {number} has no order")

    def _bounded(self, process: Process) -> None:
        if process.honest:
            size = len(freeze(process.shell.state))
            self.require(size <= STATE_BYTES_MAX, process, f"its state has {size} bytes")
            self.counts["largest state"] = max(self.counts["largest state"], size)
