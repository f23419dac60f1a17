"""Effects, done in the box: what one life of a process says, fetches and has computed.

The twin of `meshkit.runtime.perform`, with the same answers to the same effects. What a liar says
goes by its tongue first; all that honest members say goes to everybody alike.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from meshkit.consensus.messages import Serve
from meshkit.consensus.raft.messages import Early, Keep, Notice
from meshkit.core.composite import At
from meshkit.core.machine import Broadcast, Send
from meshkit.core.shell import Caused
from meshkit.core.value import Statement, Value
from meshkit.pool.messages import DrawLink, LinkDrawn
from meshkit.rounds.messages import (
    MISSING,
    Aggregate,
    Aggregated,
    Fetch,
    Fetched,
    Train,
    Trained,
    TrainingFailed,
)
from meshkit.sim.agenda import MS
from meshkit.sim.voice import SIGN_NS, Spoken, spoken, voice

if TYPE_CHECKING:
    from meshkit.sim.process import Process

BLOB_PATIENCE_NS = 300 * MS  # until a source that does not answer is given up (a guess)
AHEAD = frozenset({Early, Notice})  # what may leave before its entry is durable
SAMPLES_EACH = 40  # that a member trains on, and ten more for each number: weights differ


class Performer:
    """Does the effects of one life of a process; what is under way ends with it."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._mesh = process.mesh
        self._voice = voice(process.person, process.mesh.id, process.store, process.mesh.real)
        self._awaited: dict[bytes, list[Fetch]] = {}
        self._training: dict[bytes, Train] = {}
        self._summing: list[Aggregate] = []

    @property
    def _over(self) -> bool:
        return self._process.performer is not self or not self._process.up

    def perform(self, caused: Caused) -> None:
        effect = caused.effect.body
        match effect:
            case Broadcast():
                self._broadcast(caused, effect.message)
            case Fetch():
                self._fetch(effect)
            case Send(to, message):
                self._send(caused, to, message)
            case Serve(to, height):
                for block in self._process.store.served(height):
                    self._send(caused, to, block)
            case Keep():
                pass  # it is durable by now
            case DrawLink(position):
                link = self._process.person.link(position)
                self._answer(At("pool", LinkDrawn(position, link)))
            case Train():
                self._train(effect)
            case Aggregate():
                self._aggregate(effect)
            case _:
                raise AssertionError(f"nobody performs {effect!r:.200}")

    def _spoken(self, message: Value, envelope: bytes) -> Spoken:
        return spoken(self._process.me, message, envelope)

    def _answer(self, command: At, envelope: bytes = b"") -> None:
        """Into the inbox, for the tick after the one whose effects these are."""
        self._process.shell.take(command, envelope)

    # -- speaking ---------------------------------------------------------------------------------

    def _broadcast(self, caused: Caused, message: Value) -> None:
        process = self._process
        signed, envelope = self._voice.say(message, caused.entry, caused.number)
        said = self._spoken(signed, envelope)
        if signed is not message and isinstance(signed, Statement):
            process.load_ns += SIGN_NS
            self._mesh.watch.signed(process, signed)
            self._answer(said.command, envelope)
        if process.tongue is not None:
            for peer in process.peers:
                self._lie(caused, peer, signed)
            return
        self._mesh.network.post(process.number, process.peers, said, process.free_ns)

    def _send(self, caused: Caused, to: bytes, message: Value) -> None:
        process = self._process
        for peer in self._mesh.of(to) if to in process.peer_ids else ():
            if process.tongue is not None:
                self._lie(caused, peer, message)
            else:
                envelope = self._sealed(caused, message)
                said = self._spoken(message, envelope)
                self._mesh.network.post(process.number, (peer,), said, process.free_ns)

    def _sealed(self, caused: Caused, message: Value) -> bytes:
        if type(caused.effect.body) in AHEAD:
            return self._voice.ahead(message)
        return self._voice.say(message, caused.entry, caused.number)[1]

    def flit(self, effects: Iterable[Send]) -> None:
        """Say what the volatile half says."""
        process = self._process
        for effect in effects:
            for peer in self._mesh.of(effect.to) if effect.to in process.peer_ids else ():
                said = self._spoken(effect.message, self._voice.fleeting(effect.message))
                self._mesh.network.post(process.number, (peer,), said, process.free_ns)

    # -- lying ------------------------------------------------------------------------------------

    def _lie(self, caused: Caused, peer: "Process", message: Value) -> None:
        tongue = self._process.tongue
        for lie in tongue.say(peer.me, message) if tongue else ():
            self._utter(caused, peer, lie)

    def stir(self) -> None:
        """Let a liar say what nobody asked for."""
        process = self._process
        head = max(process.store.length, 1)
        for to, lie in process.tongue.stir() if process.tongue else ():
            for peer in self._mesh.of(to):
                self._utter(Caused(head, 0, At("", lie)), peer, lie)

    def _utter(self, caused: Caused, peer: "Process", lie: Value) -> None:
        """Every door refuses what its signers did not sign, so it need not leave this one."""
        process = self._process
        signed, envelope = self._voice.say(lie, caused.entry, caused.number)
        if self._mesh.is_authentic(signed):
            said = self._spoken(signed, envelope)
            self._mesh.network.post(process.number, (peer,), said, process.free_ns)
        else:
            self._mesh.watch.happened("forgery refused")

    # -- blobs ------------------------------------------------------------------------------------

    def _fetch(self, effect: Fetch) -> None:
        blob = self._process.store.blobs.get(effect.digest)
        if blob is not None:
            self._fetched(effect, blob)
            return
        waiting = self._awaited.get(effect.digest)
        if waiting is None:
            self._awaited[effect.digest] = [effect]
            self._ask(effect.digest, 0)
        elif effect not in waiting:
            waiting.append(effect)

    def _ask(self, name: bytes, tried: int) -> None:
        """Ask the next source that somebody named, or give up."""
        if self._over:
            return
        me = self._process.me
        named = [source for effect in self._awaited[name] for source in effect.sources]
        sources = [source for source in dict.fromkeys(named) if source != me]
        if tried == len(sources):
            self._arrived(name, None)
            return
        found = [peer for peer in self._mesh.of(sources[tried]) if peer.up and not peer.paused]
        trip_ns = self._round_trip_ns(found[0]) if found else None
        if trip_ns is None:
            self._mesh.agenda.after(BLOB_PATIENCE_NS, self._ask, name, tried + 1)
        else:
            self._mesh.agenda.after(trip_ns, self._given, name, tried, found[0])

    def _round_trip_ns(self, peer: "Process") -> int | None:
        if peer.me not in self._process.peer_ids or self._process.me not in peer.peer_ids:
            return None
        return self._mesh.network.round_trip_ns(self._process.number, peer.number)

    def _given(self, name: bytes, tried: int, peer: "Process") -> None:
        if self._over:
            return
        willing = peer.tongue is None or peer.tongue.gives(self._process.me, name)
        blob = peer.store.blobs.get(name) if peer.up and willing else None
        if blob is None:
            self._ask(name, tried + 1)
        else:
            self._arrived(name, blob)

    def _arrived(self, name: bytes, blob: bytes | None) -> None:
        for effect in self._awaited.pop(name):
            self._fetched(effect, blob)
        self._process.turn()

    def _fetched(self, effect: Fetch, blob: bytes | None) -> None:
        problem = MISSING
        if blob is not None:
            problem = self._mesh.craft.problem(effect.form, blob, effect.size, effect.spec)
            if not problem:
                self._process.put(blob)
        done = Fetched(effect.task, effect.form, effect.digest, effect.size, problem)
        self._answer(At("rounds", done))

    def _put(self, blob: bytes) -> bytes:
        name = self._process.put(blob)
        self._mesh.blobs[name] = blob
        return name

    # -- work -------------------------------------------------------------------------------------

    def _train(self, effect: Train) -> None:
        if self._training.get(effect.task) == effect:
            return
        self._training[effect.task] = effect  # an older round of the task is waited for by nobody
        pace, dice = self._process.pace, self._process.dice
        wait_ns = pace.train_ns + dice.below(pace.train_jitter_ns)
        self._mesh.agenda.after(wait_ns * pace.slow_percent // 100, self._trained, effect)

    def _trained(self, effect: Train) -> None:
        if self._over or self._training.get(effect.task) is not effect:
            return
        del self._training[effect.task]
        process, task, number = self._process, effect.task, effect.round
        base = process.store.blobs.get(effect.base)
        if base is None or process.dice.chance(process.pace.train_fails_ppm):
            reason = "missing: no model" if base is None else "failed: as its weather has it"
            process.take(At("rounds", TrainingFailed(task, number, reason)))
            return
        blob = self._mesh.craft.update(process.me, number, effect.spec, base)
        if process.tongue is not None:
            blob = process.tongue.train(blob)
        samples = min(SAMPLES_EACH + 10 * process.number, effect.spec.samples_max)
        accuracy, loss = 900_000 + number, 300_000 - number
        done = Trained(task, number, self._put(blob), len(blob), samples, accuracy, loss)
        process.take(At("rounds", done))

    def _aggregate(self, effect: Aggregate) -> None:
        if effect in self._summing:
            return
        self._summing.append(effect)
        pace = self._process.pace
        wait_ns = pace.aggregate_ns * pace.slow_percent // 100
        self._mesh.agenda.at(self._process.free_ns + wait_ns, self._aggregated, effect)

    def _aggregated(self, effect: Aggregate) -> None:
        if self._over:
            return
        self._summing.remove(effect)
        blobs = self._process.store.blobs
        base = blobs.get(effect.base)
        parts = [(blobs.get(credit.update), credit.samples) for credit in effect.credits]
        found = [(blob, samples) for blob, samples in parts if blob is not None]
        model: bytes | None = None
        problem = MISSING
        if base is not None and len(found) == len(parts):
            model, problem = self._put(self._mesh.craft.model(effect.spec, base, found)), ""
        done = Aggregated(effect.task, effect.round, effect.base, effect.key, model, problem)
        self._process.take(At("rounds", done))
