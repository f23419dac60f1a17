"""Operators and members with errands: what they want in the ledger, asked for until it is settled.

A client asks one node, by whatever way it has; if that node refuses, is down or never answers, it
asks another. So an errand ends when some node that it asks finds the item applied, or impossible
for ever.
"""

from collections.abc import Callable

from msgspec.structs import replace

from meshkit.core.composite import At
from meshkit.core.value import Statement, digest
from meshkit.ledger.checks import hopeless
from meshkit.ledger.messages import (
    CancelTask,
    Join,
    Note,
    RemoveMember,
    SubmitTask,
    Task,
    Ticket,
)
from meshkit.node import mesh_ledger
from meshkit.pool.messages import Offer
from meshkit.sim.agenda import SECOND, Act
from meshkit.sim.mesh import Mesh, spec_of
from meshkit.sim.people import Person
from meshkit.sim.process import Process
from meshkit.sim.setting import MODULE, Setting, Work
from meshkit.sim.voice import signed_by

PATIENCE_NS = 4 * SECOND  # before another node is asked (a guess)
REFUSALS_MAX = 8  # after which a client gives up, though the reason may pass (a guess)
TASK_SIZE = 10  # parameters of a model
BOTH = ("trainer", "validator")


class Errand:
    """One item, and whoever brings it from node to node."""

    def __init__(self, item: Statement, bring: Callable[[Process], None] | None = None) -> None:
        self.item, self.bring = item, bring
        self.settled = False
        self.refusals = 0


class Operators:
    """One operator with all rights, and what is asked in its name."""

    def __init__(self, mesh: Mesh, setting: Setting, operator: Person) -> None:
        self._mesh, self._setting, self._operator = mesh, setting, operator
        self._dice = mesh.dice("operators")
        self._ledger = mesh_ledger()
        self._serial = 0
        self._notes = 0
        self._planned = 0  # errands that nobody has set out on yet
        self.errands: list[Errand] = []
        self.tasks: list[bytes] = []
        self._cancels: dict[bytes, Errand] = {}
        self.newcomers: list[Process] = []

    @property
    def settled(self) -> bool:
        """Whether nothing is planned any more, and all that was asked for is settled."""
        return not self._planned and all(errand.settled for errand in self.errands)

    def begin(self, newcomers: list[Person]) -> None:
        """Put everything on the agenda that the setting plans."""
        setting = self._setting
        for number, work in enumerate(setting.work):
            self._plan(work.at_ns, self.submit, number, work)
        for (when_ns, weight), newcomer in zip(setting.joins, newcomers, strict=True):
            self._plan(when_ns, self._invite, newcomer, weight)
        for when_ns, number in setting.removals:
            self._plan(when_ns, self._remove, self._mesh.genesis.founders[number].id)
        if setting.notes_ns:
            self._plan_note()

    def _plan(self, when_ns: int, act: Act, *args: object) -> None:
        """Set out on an errand then, maybe long after the world was healed."""
        self._planned += 1
        self._mesh.agenda.at(when_ns, self._set_out, act, args)

    def _set_out(self, act: Act, args: tuple[object, ...]) -> None:
        self._planned -= 1
        act(*args)

    # -- errands ----------------------------------------------------------------------------------

    def _sign(self, item: Statement) -> Statement:
        return signed_by(self._operator, item, self._mesh.id, self._mesh.real)

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def _go(self, item: Statement, bring: Callable[[Process], None] | None = None) -> Errand:
        errand = Errand(item, bring)
        self.errands.append(errand)
        self._try(errand)
        return errand

    def _try(self, errand: Errand) -> None:
        """Ask some node; come back later to see what became of it."""
        doors = [process for process in self._mesh.processes if _is_open(process)]
        if doors and not errand.settled:
            self._ask(errand, self._dice.pick(doors))
        if not errand.settled:
            self._mesh.agenda.after(PATIENCE_NS, self._try, errand)

    def _ask(self, errand: Errand, process: Process) -> None:
        refusal = self._ledger.check(process.shell.state["ledger"], errand.item)
        errand.refusals += bool(refusal)
        if hopeless(refusal) or errand.refusals == REFUSALS_MAX:
            errand.settled = True
        elif not refusal:
            if errand.bring is not None:
                errand.bring(process)
            process.take(At("pool", Offer(errand.item)))

    def submit(self, number: int, work: Work) -> bytes:
        """Submit a task; its first model is left with every node that is asked."""
        task = Task(
            name=f"task{number}", module=MODULE, parameters="{}", rounds=work.rounds,
            quorum=work.quorum, deadline_ms=work.deadline_ms, patience_ms=work.patience_ms,
            size=TASK_SIZE, bits=16, scale_bits=12, strategy="fedavg", initial=bytes(32),
            seed=number,
        )  # fmt: skip
        task = replace(task, initial=self._mesh.first_model(spec_of(task)))
        item = self._sign(SubmitTask(self._operator.key, self._next_serial(), task))
        self.tasks.append(digest(task))
        self._go(item, lambda process: self._mesh.bring(process, spec_of(task)))
        if work.cancelled_ns:
            self._plan(self._mesh.agenda.now_ns + work.cancelled_ns, self.cancel, digest(task))
        return digest(task)

    def cancel(self, task: bytes) -> None:
        """Cancel a task; again, if the last try is over and came to nothing."""
        before = self._cancels.get(task)
        if before is None or before.settled:
            item = CancelTask(self._operator.key, self._next_serial(), task)
            self._cancels[task] = self._go(self._sign(item))

    def _remove(self, member: bytes) -> None:
        self._go(self._sign(RemoveMember(self._operator.key, self._next_serial(), member)))

    def _invite(self, newcomer: Person, weight: int) -> None:
        """Give somebody a ticket; it brings it to some member, and starts its node."""
        mesh, key = self._mesh, self._operator.key
        ticket = Ticket(key, self._next_serial(), newcomer.key, BOTH, weight)
        signed = signed_by(self._operator, ticket, mesh.id, mesh.real)
        join = Join(newcomer.key, signed, newcomer.card(BOTH, weight))
        process = mesh.add(newcomer)
        process.pace = self._setting.pace
        self.newcomers.append(process)
        process.start()
        self._go(signed_by(newcomer, join, mesh.id, mesh.real))

    # -- notes ------------------------------------------------------------------------------------

    def _plan_note(self) -> None:
        wait_ns = self._dice.between(1, 2 * self._setting.notes_ns)
        self._mesh.agenda.after(wait_ns, self._note)

    def _note(self) -> None:
        """Some member wants a few words ordered; whether they are is its node's business."""
        if self._mesh.agenda.now_ns < self._setting.safety_ns:
            doors = [process for process in self._mesh.processes if _is_open(process)]
            if doors:
                self._notes += 1
                author = self._dice.pick(doors)
                note = Note(author.me, self._notes, b"note %d" % self._notes)
                author.take(At("pool", Offer(note)))
            self._plan_note()


def _is_open(process: Process) -> bool:
    """Whether a client may come and ask: the node runs, and knows what mesh it is of."""
    return process.up and not process.paused and bool(process.shell.state["ledger"].mesh)
