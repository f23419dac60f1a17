"""The host: one loop that waits for the world, and gives each command to the node's shell.

There is one thread and no event loop of callbacks. Its duties, in order, each time round:

1. wait for sockets, workers and the node's deadline, no longer than the first of them needs;
2. take in what members said (opened, verified, addressed), what was fetched, what workers made,
   what operators and guests ask; bounded each, so that nobody starves the others;
3. wake the node if its deadline has come;
4. make blobs durable, then the entries that name them: one tick; entries that bind us to nothing
   may wait a moment for others (see `meshkit.core.shell`);
5. perform the effects, and answer whoever waits;
6. follow the ledger: be connected to its members and nobody else; keep a snapshot now and then.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import zmq
from blake3 import blake3

from meshkit import RULES, __version__
from meshkit.codec import Envelope
from meshkit.consensus.engines import engine_of
from meshkit.core.composite import At
from meshkit.core.history import Snapshot, Start
from meshkit.core.machine import Heard, Restarted, Wake, earliest
from meshkit.core.shell import Shell
from meshkit.core.snapshot import freeze
from meshkit.core.value import Value
from meshkit.journal import BlobPort, JournalPort
from meshkit.ledger.messages import Found, Genesis, Member, Note
from meshkit.node import address
from meshkit.runtime.clock import Clock
from meshkit.runtime.labour import Labour
from meshkit.runtime.log import EntryLog
from meshkit.runtime.perform import Performer
from meshkit.runtime.pulse import Asked, Pulse, is_due
from meshkit.runtime.tallies import FLOOD, Tallies
from meshkit.wire.envelope import Refused, open_envelope
from meshkit.wire.port import Delivery, Mesh, Ready

SNAPSHOT_ENTRIES = 20_000  # a restart folds as many entries in about a second (measured)
IDLE_MS = 1_000  # the longest sleep: how late a signal is noticed
UNSAVED_NS = 20_000_000  # how long an entry may wait for others: a few fsyncs of a slow disk
WAITING_MAX = 8_192  # commands in the inbox above which members are not listened to: 8 ticks
MS = 1_000_000  # in nanoseconds
NOTHING: frozenset[type] = frozenset()
# Nothing that anybody does follows from a note; what operators command and members testify is
# verified by everyone, whoever brings it.
ON_TRUST: frozenset[type] = frozenset({Note})


class Window(Protocol):
    """Whoever answers requests between ticks: operators' desk, guests' door."""

    def watch(self, poller: zmq.Poller) -> None: ...

    def serve(self) -> None: ...


class Host:
    """Runs one node. All its parts are made by `meshkit_services.node`."""

    def __init__(
        self,
        genesis: Genesis,
        shell: Shell,
        clock: Clock,
        log: EntryLog,
        journal: JournalPort,
        blobs: BlobPort,
        mesh: Mesh,
        performer: Performer,
        labour: Labour,
        me: bytes,
        contacts: tuple[Member, ...] = (),
        pulse: Pulse | None = None,
    ) -> None:
        self._genesis = genesis
        self._shell = shell
        self._clock = clock
        self._log = log
        self._journal = journal
        self._blobs = blobs
        self._mesh = mesh
        self._performer = performer
        self._labour = labour
        self._windows: list[Window] = []
        self._me = me
        self._contacts = contacts
        self._pulse = pulse
        self._put_off = False
        self._members: object = None
        self._connected: dict[bytes, Member] = {}
        self._snapshot_at = shell.state["history"].snapshot
        self._saved_ns = clock.now_ns()
        self._poller = zmq.Poller()
        self._tallies = Tallies()
        mesh.watch(self._poller)
        labour.watch(self._poller)

    @property
    def refused(self) -> Counter[str]:
        """Envelopes that were not believed, by the reason."""
        return self._tallies.reasons

    def add(self, window: Window) -> None:
        """Serve this window too, each time round."""
        window.watch(self._poller)
        self._windows.append(window)

    def figures(self) -> dict[str, Any]:
        """What only the running process knows, for the status."""
        head = self._journal.head
        return {
            "head": {"index": head.index, "hash": head.hash.hex()},
            "workers": self._labour.figures,
            "mesh_counters": dict(sorted(self._mesh.counters.items())),
            "effects": dict(sorted(self._performer.counts.items())),
            "refused": dict(sorted(self.refused.items())),
            "without_effect": dict(sorted(self._shell.counts.items())),
        }

    def start(self) -> None:
        """Say which code goes on with this journal, found the mesh if that is new, ask for all that
        a former life may have left undone."""
        self._shell.take(At("history", Start(__version__, RULES)))
        if not self._shell.state["ledger"].mesh:
            self._shell.take(At("ledger", Found(self._genesis)))
        self._tick()
        self._flush()  # so that no head under which a former life spoke is named again
        self._shell.take(At("", Restarted()))
        self._tick()
        self._look()
        self._performer.tell()

    def run(self, stopped: Callable[[], bool]) -> None:
        """Go round until `stopped` says so."""
        self.start()
        while not stopped():
            self.turn()
        self._flush()

    def turn(self, wait_ms: int = IDLE_MS) -> None:
        """Once round: the six duties."""
        self._take_in(self._poller.poll(self._sleep_ms(wait_ms)))
        if self._pulse is not None:
            self._heed(self._pulse.wake(self._clock.moment()))
        due_ns = self._shell.node.deadline(self._shell.state)
        if due_ns is not None and due_ns <= self._clock.now_ns():
            self._shell.take(At("", Wake()))
        if self._shell.waiting:
            self._tick()
            self._look()
            if self._pulse is not None and self._shell.waiting:
                # What our own stores said at once, a link, may be all that the next value wants.
                self._tick()
                self._look()
            for window in self._windows:  # whoever waits for what was just decided hears it now
                window.serve()
            # What waits may be the next value, which tells as much; but it is put off only once.
            self._put_off = self._shell.waiting > 0 and not self._put_off
            if not self._put_off:
                self._performer.tell()
        elif not self._shell.unsaved:
            self._journal.idle()
        self._save()

    def _flush(self) -> None:
        self._blobs.commit()
        self._performer.perform(self._shell.flush())

    # -- the volatile half, of engines that have one ----------------------------------------------

    def _look(self) -> None:
        """Show it what has become of the other, once all of that is done."""
        if self._pulse is not None:
            state = self._shell.state["consensus"]
            self._heed(self._pulse.look(state, self._clock.moment()))

    def _heed(self, asked: Asked) -> None:
        for command in asked.told:
            self._shell.take(At("consensus", command))
        if asked.said:
            self._performer.flit(asked.said)

    def _is_heard(self, sender: bytes, message: Value) -> bool:
        """Whether the journaled half may hear it; the volatile one does, if it is for that."""
        pulse = self._pulse
        assert pulse is not None, "there are two halves"
        if sender not in self._shell.state["ledger"].members:
            return not pulse.takes(message)
        admitted, asked = pulse.hear(sender, message, self._clock.moment())
        self._heed(asked)
        return admitted

    def _save(self) -> None:
        """Make durable what has waited long enough."""
        now_ns = self._clock.now_ns()
        if not self._shell.unsaved:
            self._saved_ns = now_ns
        elif now_ns - self._saved_ns >= UNSAVED_NS:
            self._flush()
            self._saved_ns = now_ns

    def _sleep_ms(self, wait_ms: int) -> int:
        if self._shell.waiting:
            return 0
        due_ns = self._deadline()
        if due_ns is not None:
            # Rounded up: waking a moment early would only mean going round for nothing.
            wait_ms = min(wait_ms, max(0, -((self._clock.now_ns() - due_ns) // MS)))
        if self._shell.unsaved:
            wait_ms = min(wait_ms, UNSAVED_NS // MS)
        return min(wait_ms, self._mesh.timeout_ms(), self._labour.timeout_ms())

    def _deadline(self) -> int | None:
        """When either half of the engine, or any other machine, is to be woken."""
        due_ns = self._shell.node.deadline(self._shell.state)
        return due_ns if self._pulse is None else earliest(due_ns, self._pulse.deadline())

    def _take_in(self, ready: Ready) -> None:
        if self._shell.waiting < WAITING_MAX:
            for delivery in self._mesh.receive(ready):
                self._hear(delivery)
            self._drop()
        self._performer.arrived(self._mesh.fetched())
        for answer in self._labour.collect():
            self._shell.take(At("rounds", answer))
        for window in self._windows:
            window.serve()

    def _hear(self, delivery: Delivery) -> None:
        """Open a member's envelope. Whatever is wrong with it is counted and forgotten, but for the
        count."""
        mesh = self._shell.state["ledger"].mesh
        try:
            envelope = open_envelope(
                delivery.body, mesh, is_late=self._is_late, believed=self._believed
            )
        except Refused as refused:
            self._refuse(delivery.peer, refused.reason)
            return
        if envelope.sender != delivery.peer:
            self._refuse(delivery.peer, "not-the-sender")
            return
        name = address(envelope.body)
        pulse = self._pulse
        if not name or not is_due(envelope.kind, envelope.body, pulse):
            self._refuse(delivery.peer, "not-addressed")
            return
        sender, message = envelope.sender, envelope.body
        halved = pulse is not None and name == "consensus"
        if halved and not self._is_heard(sender, message):
            return
        self._shell.take(At(name, Heard(sender, message)), delivery.body)

    def _drop(self) -> None:
        """Count what was not even read."""
        dropped = self._mesh.dropped
        for peer, number in dropped.items():
            self._refuse(peer, FLOOD, number)
        dropped.clear()

    def _refuse(self, peer: bytes, reason: str, number: int = 1) -> None:
        tally = self._tallies.count(peer, reason, number)
        if tally is not None:
            self._shell.take(At("history", tally))

    def _is_late(self, envelope: Envelope) -> bool:
        """Whether the engine would make nothing of it: then it is not worth a signature."""
        state = self._shell.state["consensus"]
        engine = engine_of(state)
        return engine.is_late(state, envelope.sender, envelope.body, self._clock.now_ns())

    def _believed(self, envelope: Envelope) -> frozenset[type]:
        """What its sender is taken at its word for, of all that others have signed in it."""
        state = self._shell.state["consensus"]
        believes = engine_of(state).believes(state, envelope.sender, envelope.body)
        return ON_TRUST if believes else NOTHING

    def _tick(self) -> None:
        self._blobs.commit()
        self._performer.perform(self._shell.tick())
        self._follow_ledger()
        self._keep_snapshot()

    def _follow_ledger(self) -> None:
        book = self._shell.state["ledger"]
        if book.members is self._members:
            return
        self._members = book.members  # another map after each block, mostly of the same members
        known = {seat.member.id: seat.member for _, seat in sorted(book.members.items())}
        if self._me not in known:  # we are still on our way in: listen to who sent us here
            known.update((contact.id, contact) for contact in self._contacts)
        if known == self._connected:
            return
        self._connected = known
        self._mesh.set_members(member for id_, member in known.items() if id_ != self._me)

    def _keep_snapshot(self) -> None:
        index = self._journal.head.index
        if index - self._snapshot_at < SNAPSHOT_ENTRIES or self._shell.waiting:
            return
        self._flush()
        index = self._journal.head.index
        self._snapshot_at = index
        self._log.snapshot = freeze(self._shell.state)
        digest = blake3(self._log.snapshot).digest()
        self._shell.take(At("history", Snapshot(index, digest)))
        self._shell.tick()
        self._flush()
        self._log.snapshot = b""
