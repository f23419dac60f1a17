"""A mesh in a box: who is connected to whom follows each one's own ledger."""

from typing import Any

from msgspec.structs import replace

from meshkit.core.value import digest
from meshkit.ledger.messages import Note, Task
from meshkit.sim import people
from meshkit.sim.liars import tongue
from meshkit.sim.mesh import spec_of
from meshkit.sim.process import Process
from meshkit.sim.store import named
from tests.sim.worlds import SPEC, founded, genesis, mesh


def test_founders_are_connected_to_each_other_once_they_have_founded() -> None:
    made = founded()
    for process in made.processes:
        assert process.peers == [p for p in sorted(made.processes, key=_id) if p is not process]
        assert process.me not in process.peer_ids


def _id(process: Any) -> bytes:
    key: bytes = process.me
    return key


def test_a_newcomer_hears_the_founders_and_is_not_heard() -> None:
    made = founded()
    newcomer = made.add(people.node(4))
    newcomer.start()
    made.agenda.run(made.agenda.now_ns + 1)
    founders = {founder.id for founder in genesis().founders}
    assert newcomer.peer_ids == founders
    assert all(newcomer.me not in process.peer_ids for process in made.processes)


def test_who_left_the_ledger_is_let_go() -> None:
    made = founded()
    process, gone = made.processes[0], made.processes[1]
    book = process.shell.state["ledger"]
    process.shell.state = {
        **process.shell.state,
        "ledger": replace(book, members=book.members.delete(gone.me)),
    }
    made.connect(process)
    assert gone not in process.peers
    assert gone.me not in process.peer_ids


def test_a_twin_is_reached_with_its_twin_and_neither_reaches_the_other() -> None:
    made = mesh()
    twin = made.add(people.node(3), honest=False)
    assert made.of(twin.me) == [made.processes[3], twin]
    assert made.of(b"nobody") == []
    for process in made.processes:
        process.start()
    assert {made.processes[3], twin} <= set(made.processes[0].peers)
    assert made.processes[3] not in twin.peers


def test_whoever_has_a_tongue_is_not_honest() -> None:
    made = mesh()
    liar = made.add(people.node(5), tongue(("silent",)))
    assert not liar.honest
    assert liar.tongue is not None
    assert liar.tongue.process is liar
    assert [process.number for process in made.processes] == list(range(5))


def test_who_honest_is_first_at_a_height_is_told_of_once() -> None:
    made = founded(4, "silent")
    led: list[int] = []
    made.leads = lambda process: led.append(process.number)
    for process, height in ((3, 5), (0, 2), (1, 2), (1, 3), (0, 3)):
        stand(made.processes[process], height)
    assert led == [0, 1]
    assert made.height == 3


def stand(process: Process, height: int) -> None:
    state = process.shell.state
    process.shell.state = {**state, "ledger": replace(state["ledger"], height=height)}
    process.mesh.arrived(process)


def test_streams_of_chance_follow_from_the_seed_and_a_name() -> None:
    assert mesh().dice("a", 1).word() == mesh().dice("a", 1).word() != mesh().dice("a", 2).word()
    assert mesh().id == digest(genesis())


def test_a_first_model_is_known_by_its_name_and_brought_to_whom_is_asked() -> None:
    made = founded(1)
    name = made.first_model(SPEC)
    assert named(made.blobs[name]) == name
    process = made.processes[0]
    assert process.store.blobs.get(name) is None
    made.bring(process, SPEC)
    assert process.store.blobs.get(name) == made.blobs[name]


def test_a_door_lets_in_what_is_signed() -> None:
    made = mesh()
    process = made.processes[0]
    note = Note(process.me, 1, b"words")
    assert made.is_authentic(process.sign(note))
    assert not made.is_authentic(note)


def test_a_task_and_its_spec_agree() -> None:
    task = Task("t", "m:a", "{}", 3, 2, 7, 5, 10, 16, 12, "fedavg", bytes(32), 9)
    spec = spec_of(task)
    assert (spec.module, spec.quorum, spec.deadline_ms, spec.patience_ms) == ("m:a", 2, 7, 5)
    assert (spec.size, spec.bits, spec.scale_bits, spec.seed) == (10, 16, 12, 9)
