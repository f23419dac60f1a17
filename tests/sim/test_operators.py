"""Errands are carried from node to node until they are settled, one way or the other."""

from msgspec.structs import replace

from meshkit.ledger.messages import Note
from meshkit.sim import people
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.mesh import Mesh
from meshkit.sim.operators import PATIENCE_NS, REFUSALS_MAX, Operators
from meshkit.sim.setting import Setting, Work
from tests.sim.worlds import founded, mesh

WORK = Work(SECOND + 100 * MS, 2, 0, 1_000, 100)


def asked(made: Mesh, setting: Setting) -> Operators:
    operators = Operators(made, setting, people.operator(0))
    operators.begin([people.node(setting.nodes + n) for n in range(len(setting.joins))])
    made.agenda.run(made.agenda.now_ns + 20 * SECOND)
    return operators


def status(made: Mesh, task: bytes) -> str:
    tasks = made.processes[0].shell.state["ledger"].tasks
    return str(tasks[task].status) if task in tasks else ""


def test_a_submitted_task_is_worked_on_and_settled() -> None:
    made = founded()
    operators = asked(made, Setting(work=(WORK,)))
    (task,) = operators.tasks
    assert operators.settled
    course = made.processes[0].shell.state["ledger"].tasks[task]
    assert course.round == 2
    assert all(process.store.blobs.has(course.model) for process in made.processes)


def test_what_is_only_planned_is_not_settled() -> None:
    made = founded()
    late = Setting(work=(replace(WORK, at_ns=9 * SECOND),))
    operators = Operators(made, late, people.operator(0))
    operators.begin([])
    told: list[tuple[int, bool]] = []
    for until_ns in (8 * SECOND, 20 * SECOND):
        made.agenda.run(until_ns)
        told.append((len(operators.errands), operators.settled))
    assert told == [(0, False), (1, True)]


def test_a_cancelled_task_ends_and_is_cancelled_once() -> None:
    made = founded()
    long = replace(WORK, rounds=10_000, cancelled_ns=SECOND)
    operators = asked(made, Setting(work=(long,)))
    assert operators.settled
    assert len(operators.errands) == 2
    operators.cancel(operators.tasks[0])  # it is over; whoever asks learns so at once
    made.agenda.run(made.agenda.now_ns + 2 * PATIENCE_NS)
    assert operators.settled
    assert 0 < made.processes[0].shell.state["ledger"].tasks[operators.tasks[0]].round < 10_000


def test_a_cancel_under_way_is_not_asked_for_again() -> None:
    made = mesh()  # nobody is there to ask
    operators = Operators(made, Setting(), people.operator(0))
    operators.cancel(bytes(32))
    operators.cancel(bytes(32))
    assert len(operators.errands) == 1
    assert not operators.settled


def test_a_newcomer_joins_and_a_founder_is_removed() -> None:
    made = founded()
    setting = Setting(work=(), joins=((2 * SECOND, 3),), removals=((8 * SECOND, 1),))
    operators = asked(made, setting)
    assert operators.settled
    (newcomer,) = operators.newcomers
    members = made.processes[0].shell.state["ledger"].members
    assert newcomer.me in members
    assert made.processes[1].me not in members
    assert newcomer.shell.state["ledger"].members == members


def test_an_errand_waits_for_a_node_that_can_be_asked() -> None:
    made = founded()
    for process in made.processes[1:]:
        process.crash("it was killed")
    made.processes[0].pause()
    operators = Operators(made, Setting(), people.operator(0))
    operators.submit(0, WORK)
    made.agenda.run(made.agenda.now_ns + 5 * PATIENCE_NS)
    assert not operators.settled
    made.processes[0].resume()
    for process in made.processes[1:]:
        process.start()
    made.agenda.run(made.agenda.now_ns + 10 * PATIENCE_NS)
    assert operators.settled


def test_a_client_gives_up_what_is_refused_again_and_again() -> None:
    made = founded()
    operators = Operators(made, Setting(), people.operator(7))  # a stranger to this mesh
    operators.submit(0, WORK)
    made.agenda.run(made.agenda.now_ns + (REFUSALS_MAX + 2) * PATIENCE_NS)
    assert operators.settled
    assert operators.errands[0].refusals <= REFUSALS_MAX
    assert not made.processes[0].shell.state["ledger"].tasks


def test_members_write_notes_until_the_safety_phase_is_over() -> None:
    made = founded()
    asked(made, Setting(work=(), notes_ns=100 * MS, safety_ns=5 * SECOND))
    first = made.processes[0].shell.state["ledger"].notes
    assert first > 10
    made.agenda.run(made.agenda.now_ns + 10 * SECOND)
    assert made.processes[0].shell.state["ledger"].notes == first
    assert Note.DOMAIN


def test_nobody_writes_notes_where_nobody_runs() -> None:
    made = mesh()
    asked(made, Setting(work=(), notes_ns=100 * MS))
    assert not any(process.life for process in made.processes)
