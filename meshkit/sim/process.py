"""A process: one node's shell, its disk, its clock and its work, in virtual time.

It does what the host does (`meshkit.runtime.host`), in the same order: take in, wake if the time
has come, make blobs and entries durable in one transaction, then act. A tick takes as long as its
commands, signatures and fsync take; what comes meanwhile waits for the next one. It can die at any
write, between any two effects, or at any moment from outside; what it had not written is then lost,
and it comes back from its journal, or from a snapshot and what follows it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from blake3 import blake3

from meshkit import RULES, __version__
from meshkit.core.composite import At, Composite
from meshkit.core.history import Snapshot, Start
from meshkit.core.machine import Restarted, Wake
from meshkit.core.shell import Caused, Shell
from meshkit.core.snapshot import freeze
from meshkit.core.value import Statement, Value
from meshkit.journal import JournalFailed
from meshkit.journal.memory import Crashed, Fault
from meshkit.ledger.messages import Found
from meshkit.ledger.state import State as Book
from meshkit.node import mesh_node
from meshkit.runtime.host import UNSAVED_NS, WAITING_MAX
from meshkit.runtime.perform import urgency
from meshkit.runtime.pulse import Pulse
from meshkit.sim.agenda import MS, NEVER
from meshkit.sim.clock import Clock
from meshkit.sim.people import Person
from meshkit.sim.perform import Performer
from meshkit.sim.store import Disk, Store, opened
from meshkit.sim.voice import Spoken, heard, signed_by

if TYPE_CHECKING:
    from meshkit.sim.liars import Tongue
    from meshkit.sim.mesh import Mesh

S = TypeVar("S", bound=Statement)

WAKE = At("", Wake())

STEP_NS = 20_000  # of one command (measured: 50,000 commands a second)


class Pace(Value):
    """How well a process and the machine under it do. Chances are in parts per million."""

    fsync_ns: int = MS
    slow_percent: int = 100  # of all computing
    train_ns: int = 40 * MS
    train_jitter_ns: int = 20 * MS
    train_fails_ppm: int = 0
    aggregate_ns: int = 2 * MS
    snapshot_entries: int = 1_000_000
    write_fault_ppm: int = 0  # that a write fails, or is the process' last
    death_ppm: int = 0  # that it dies between two effects of a tick
    mute_ppm: int = 0  # that all effects of a tick are lost


STEADY = Pace()
FAULTS = (
    Fault.LOST,
    Fault.KEPT,
    Fault.TORN,
    Fault.REORDERED,
    Fault.EIO,
    Fault.EIO_KEPT,
    Fault.ENOSPC,
)


class Process:
    """One process of the mesh; `person` is whom it speaks for, `number` tells twins apart."""

    store: Store
    shell: Shell
    clock: Clock
    performer: Performer
    pulse: Pulse | None = None  # the volatile half of its engine, where that has one

    def __init__(
        self,
        mesh: "Mesh",
        person: Person,
        number: int,
        honest: bool = True,
        tongue: "Tongue | None" = None,
    ) -> None:
        self.mesh, self.person, self.me, self.number = mesh, person, person.key, number
        self.honest, self.tongue = honest, tongue
        self.node = self._composed()
        self.disk = Disk()
        self.pace = STEADY
        self.dice = mesh.dice("process", number)
        self.off_ns, self.rate_ppm = 0, 0
        self.up = False
        self.paused = False
        self.life = 0
        self.commands = 0
        self.peers: list[Process] = []
        self.peer_ids: frozenset[bytes] = frozenset()
        self.free_ns = 0  # when the tick at hand is over
        self.load_ns = 0  # what the next one has to do besides stepping
        self._agenda = mesh.agenda
        self._book: Book | None = None  # as of the tick before
        self._snapshot_at = 0
        self._due_ns: int | None = None  # by its own clock
        self._due_at_ns = NEVER  # in virtual time
        self._alarm_ns = NEVER
        self._ticking = False
        self._saving = False
        self._staged = False

    # -- what a bare engine's process has otherwise -----------------------------------------------

    def _composed(self) -> Composite:
        """The node that this process runs."""
        return mesh_node(self.me, self.mesh.genesis)

    def _urgency(self) -> Callable[[Any], int]:
        return urgency

    def _equipped(self) -> Performer:
        """Whoever does the effects of this life."""
        return Performer(self)

    def _begin(self) -> None:
        """What a life begins with, as the host has it."""
        self.take(At("history", Start(__version__, RULES)))
        if self.up and not self.shell.state["ledger"].mesh:
            self.take(At("ledger", Found(self.mesh.genesis)))
        if self.up:
            self.take(At("", Restarted()))

    def _look(self, state: Any) -> None:
        """Follow the ledger, if it is another one."""
        book: Book = state["ledger"]
        if book is not self._book:
            self._follow(book)

    def _deadline(self, state: Any) -> int | None:
        """When it is to be woken, by its own clock."""
        return self.node.deadline(state)

    def members(self) -> list[bytes]:
        """Whom it knows as members, itself included if it is one."""
        return sorted(self.shell.state["ledger"].members)

    # -- what all have in common ------------------------------------------------------------------

    def sign(self, statement: S) -> S:
        """The statement, signed by whom this process speaks for."""
        return signed_by(self.person, statement, self.mesh.id, self.mesh.real)

    def reopened(self) -> Store:
        """Its disk, as a new life would see it."""
        return opened(self.disk, self.mesh.id, self.person, self.mesh.real)

    # -- life and death ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a life on this disk, as the host does."""
        assert not self.up, "one life at a time"
        mesh = self.mesh
        self.store = self.reopened()
        restored = self.store.restore(self.node)
        self.clock = Clock(mesh.agenda, self.dice, self.off_ns, self.rate_ppm, restored.last_ns)
        self.shell = Shell(
            self.node,
            self.store.log,
            self.clock.moment,
            restored.state,
            self.store.length,
            self._urgency(),
        )
        observer = mesh.watch.observer(self)
        if observer is not None:
            self.store.log.observers.append(observer)
        self.performer = self._equipped()
        self.up, self.paused, self.life = True, False, self.life + 1
        self.peers, self.peer_ids = [], frozenset()
        self.free_ns = self.load_ns = 0
        self._book = None
        self._snapshot_at = self.shell.state["history"].snapshot
        self._due_ns, self._due_at_ns, self._alarm_ns = None, NEVER, NEVER
        self._ticking = self._saving = self._staged = False
        mesh.watch.began(self)
        self._begin()

    def crash(self, why: str) -> None:
        """Gone, with all that was not written."""
        self.up = self.paused = False
        self.mesh.watch.ended(self, why)
        self.mesh.bury(self)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        """Go on, as a stopped process or a sleeping machine does: with all that has come since."""
        self.paused = False
        if self.up and not self._ticking:
            self._plan_tick()

    def leap(self, ahead_ns: int) -> None:
        """Its clock is all of a sudden later, and what was to come may be due."""
        self.clock.leap(ahead_ns)
        if self._due_ns is not None:
            self._due_at_ns = self.clock.when(self._due_ns)
            if self._due_at_ns < self._alarm_ns:
                self._set_alarm(self._due_at_ns)

    # -- taking in --------------------------------------------------------------------------------

    def hear(self, said: Spoken) -> None:
        """A message arrives from the network."""
        sender, command, envelope, cost_ns = said
        if not self.up or sender not in self.peer_ids:
            return
        inbox = self.shell.inbox
        if self._ticking and len(inbox) >= WAITING_MAX:
            return
        if envelope:
            opened = heard(said, self.mesh.id, self.pulse)
            if opened is None:
                return
            command = opened
        self.load_ns += cost_ns
        inbox.append((command, envelope))
        if self._ticking or self.paused:
            return
        if self.free_ns <= self._agenda.now_ns:  # idle: no plan is needed
            self._ticking = True
            self._tick(self.life)
        else:
            self._plan_tick()

    def take(self, command: At, envelope: bytes = b"") -> None:
        """Put a command into the inbox; it is stepped at once if the process is idle."""
        self.shell.take(command, envelope)
        if not self._ticking and not self.paused:
            self._plan_tick()

    def turn(self) -> None:
        """See to what is in the inbox."""
        if self.shell.inbox and not self._ticking and not self.paused:
            self._plan_tick()

    def _plan_tick(self) -> None:
        self._ticking = True
        if self.free_ns <= self._agenda.now_ns:
            self._tick(self.life)
        else:
            self._agenda.at(self.free_ns, self._tick, self.life)

    # -- a tick -----------------------------------------------------------------------------------

    def _tick(self, life: int) -> None:
        if life != self.life or not self.up:
            return
        if self.paused:
            self._ticking = False
            return
        shell, disk, pace, now_ns = self.shell, self.disk, self.pace, self._agenda.now_ns
        if self._due_at_ns <= now_ns:
            shell.take(WAKE)
        if pace.write_fault_ppm and self.dice.chance(pace.write_fault_ppm):
            disk.arm(self.dice.pick(FAULTS))
        stepped, writes = shell.stepped, disk.writes
        try:
            if self._staged:
                self._staged = False
                self.store.blobs.commit()
            effects = shell.tick()
            if disk.writes > writes and not shell.inbox:
                effects += self._keep_snapshot()
        except (Crashed, JournalFailed) as error:
            self._fail(error)
            return
        stepped, writes = shell.stepped - stepped, disk.writes - writes
        self.commands += stepped
        busy_ns = (self.load_ns + STEP_NS * stepped) * pace.slow_percent // 100
        self.load_ns = 0
        self.free_ns = now_ns + busy_ns + pace.fsync_ns * writes
        if effects:
            self._act(effects)
        if self.up:
            self._plan()

    def _fail(self, error: Crashed | JournalFailed) -> None:
        """A write was the end of this life."""
        self.crash(f"a write was {error}" if isinstance(error, Crashed) else "the disk failed")

    def put(self, blob: bytes) -> bytes:
        """Stage a blob for the next write; its digest."""
        self._staged = True
        return self.store.blobs.put(blob)

    def _keep_snapshot(self) -> list[Caused]:
        """Now and then, when there is nothing else to do; what may be done after it."""
        if self.store.length - self._snapshot_at < self.pace.snapshot_entries:
            return []
        effects = self._flush()
        index = self._snapshot_at = self.store.length
        log = self.store.log
        log.snapshot = freeze(self.shell.state)
        self.shell.take(At("history", Snapshot(index, blake3(log.snapshot).digest())))
        effects += self.shell.tick() + self._flush()
        log.snapshot = b""
        return effects

    def _act(self, effects: list[Caused]) -> None:
        pace, dice = self.pace, self.dice
        if pace.mute_ppm and dice.chance(pace.mute_ppm):
            self.mesh.watch.happened("effects lost")
            return
        if not pace.death_ppm or not dice.chance(pace.death_ppm):
            for caused in effects:
                self.performer.perform(caused)
            return
        for caused in effects[: dice.below(len(effects) + 1)]:
            self.performer.perform(caused)
        self.crash("it died between effects")

    def _plan(self) -> None:
        """See what has changed, and when there is something to do next."""
        state = self.shell.state
        self._look(state)
        if self.tongue is not None:
            self.performer.stir()
        due_ns = self._deadline(state)
        if due_ns != self._due_ns:
            self._due_ns = due_ns
            self._due_at_ns = NEVER if due_ns is None else self.clock.when(due_ns)
        if self._due_at_ns < self._alarm_ns:
            self._set_alarm(self._due_at_ns)
        if not self._saving and self.shell.unsaved:
            self._saving = True
            self._agenda.after(UNSAVED_NS, self._save, self.life)
        self._ticking = bool(self.shell.inbox)
        if self._ticking:
            self._agenda.at(self.free_ns, self._tick, self.life)

    def _follow(self, book: Book) -> None:
        """The ledger is another one."""
        before, self._book = self._book, book
        if before is None or book.members is not before.members:
            self.mesh.connect(self)
        if before is None or book.height != before.height:
            self.mesh.arrived(self)

    def _save(self, life: int) -> None:
        """Make durable what has waited long enough for an entry that binds us."""
        if life == self.life and self.up:
            self._saving = False
            try:
                effects = self._flush()
            except (Crashed, JournalFailed) as error:
                self._fail(error)
                return
            if effects:
                self._act(effects)
            if self.up:
                self.turn()

    def _flush(self) -> list[Caused]:
        self.store.blobs.commit()
        return self.shell.flush()

    def _set_alarm(self, when_ns: int) -> None:
        # Deadlines mostly move on: an alarm that is early looks again, and a later one is not set.
        self._alarm_ns = when_ns
        self._agenda.at(when_ns, self._ring, self.life, when_ns)

    def _ring(self, life: int, when_ns: int) -> None:
        if life != self.life or when_ns != self._alarm_ns or not self.up:
            return  # an earlier alarm has taken its place, or that life is over
        self._alarm_ns = NEVER
        if self._due_at_ns == NEVER or self._ticking or self.paused:
            return  # the tick to come wakes the node
        if self._due_at_ns > when_ns:
            self._set_alarm(self._due_at_ns)
        else:
            self._plan_tick()
