"""The state: what it answers, and that every event leaves a state, whoever it is about."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.ledger import state as state_module
from meshkit.ledger.beacon import LINKS
from meshkit.ledger.messages import (
    Accused,
    BlockApplied,
    Event,
    Founded,
    ItemRefused,
    MemberAdmitted,
    MemberRemoved,
    NoteRecorded,
    Reanchor,
    Reanchored,
    RoundCommitted,
    RoundOpened,
    SerialUsed,
    TaskCancelled,
    TaskFinished,
    TaskOpened,
    TicketVoided,
)
from meshkit.ledger.state import (
    HISTORIES_KEPT,
    SERIALS_KEPT,
    Runs,
    State,
    anchor_wanted,
    committee,
    evolve,
    is_fresh,
    link_position,
    next_serial,
    running,
    trainers,
    used,
    validators,
    validators_at,
)
from tests.ledger.world import (
    ADA,
    BOB,
    CHAINS,
    CYD,
    DAN,
    EVE,
    GENESIS,
    MODEL,
    OLGA,
    SIGNED,
    TASK,
    TASK_ID,
    Mesh,
    credit_to,
    join,
    key,
    member,
    note,
    remove,
    result,
    submit,
)


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


# -- who is who -----------------------------------------------------------------------------------


def test_roles_say_who_decides_and_whose_updates_count(mesh: Mesh) -> None:
    mesh.decided(join(member("dan", roles=("trainer",))), join(member("eve", ("validator",), 5)))
    assert validators(mesh.state) == tuple(sorted([(ADA, 1), (BOB, 1), (CYD, 1), (EVE, 5)]))
    assert trainers(mesh.state) == tuple(sorted([ADA, BOB, CYD, DAN]))


def test_a_certificate_is_judged_by_the_set_of_its_height(mesh: Mesh) -> None:
    sets = [validators(mesh.state)]  # index h: who decides height h + 1
    for items in ((note(),), (join(),), (remove(BOB),), (remove(DAN, 2),), (remove(EVE, 3),), ()):
        mesh.decided(*items)
        sets.append(validators(mesh.state))
    assert [len(one) for one in sets] == [3, 3, 4, 3, 2, 2, 2]
    assert [validators_at(mesh.state, height + 1) for height in range(7)] == sets


# -- the committee --------------------------------------------------------------------------------


def test_every_validator_has_a_rank_in_the_open_round(mesh: Mesh) -> None:
    mesh.decided(submit())
    ranking = committee(mesh.state, TASK_ID, 0)
    assert sorted(ranking) == sorted([ADA, BOB, CYD])
    assert committee(mesh.state, TASK_ID, 1) == ()
    assert committee(mesh.state, key("another task"), 0) == ()
    assert running(mesh.state) == (TASK_ID,)


def test_who_leaves_moves_nobody_and_who_comes_waits_for_the_next_round(mesh: Mesh) -> None:
    mesh.decided(join(member("eve")), submit())
    ranking = committee(mesh.state, TASK_ID, 0)
    assert EVE not in ranking  # it may have known the seed when it chose its key
    mesh.decided(remove(BOB, 2), join())
    assert committee(mesh.state, TASK_ID, 0) == tuple(one for one in ranking if one != BOB)
    mesh.decided(result(credited=credit_to(ADA)))
    assert sorted(committee(mesh.state, TASK_ID, 1)) == sorted([ADA, CYD, DAN, EVE])


def test_nobody_works_on_what_has_ended(mesh: Mesh) -> None:
    mesh.decided(submit(replace(TASK, rounds=1)))
    task = next(iter(mesh.state.tasks))
    mesh.decided(replace(result(), task=task))
    assert committee(mesh.state, task, 1) == ()
    assert running(mesh.state) == ()


# -- serials --------------------------------------------------------------------------------------


def test_serials_go_on_from_the_highest(mesh: Mesh) -> None:
    assert next_serial(mesh.state, ADA) == 1
    assert next_serial(mesh.state, DAN) == 1
    mesh.decided(note(serial=9), note(serial=4))
    assert next_serial(mesh.state, ADA) == 10
    assert mesh.state.members[ADA].serials == ((4, 4), (9, 9))
    assert mesh.state.notes == 2


def test_only_the_highest_serials_are_remembered() -> None:
    full = ((10, 9 + SERIALS_KEPT),)
    assert not is_fresh(full, 9)
    assert not is_fresh(full, 10)
    assert is_fresh(full, 10 + SERIALS_KEPT)
    assert is_fresh(((11, 9 + SERIALS_KEPT),), 9)


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 6))
def test_runs_of_serials_hold_what_the_highest_serials_themselves_would(
    said: list[int], kept: int
) -> None:
    runs: Runs = ()
    numbers: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_module, "SERIALS_KEPT", kept)
        for serial in said:
            stale = serial in numbers or (len(numbers) == kept and serial < numbers[0])
            assert is_fresh(runs, serial) == (not stale)
            if not stale:
                runs = used(runs, serial)
                numbers = sorted([*numbers, serial])[-kept:]
            assert [n for first, last in runs for n in range(first, last + 1)] == numbers
            assert all(here[1] + 1 < there[0] for here, there in pairwise(runs))


# -- hash chains ----------------------------------------------------------------------------------


def test_the_expected_link_moves_on_with_own_blocks_only(mesh: Mesh) -> None:
    assert (link_position(mesh.state, ADA), link_position(mesh.state, DAN)) == (1, 0)
    mesh.decided()
    assert (link_position(mesh.state, ADA), link_position(mesh.state, BOB)) == (2, 1)
    assert mesh.state.members[ADA].link == CHAINS["ada"][1]


def test_a_worn_out_chain_gives_way_to_the_next(mesh: Mesh) -> None:
    """The anchor is asked for as soon as the chain is begun, and again if that was in vain."""
    assert anchor_wanted(mesh.state, ADA) == anchor_wanted(mesh.state, DAN) == 0
    mesh.decided()
    assert anchor_wanted(mesh.state, ADA) == LINKS + 1
    mesh.decided(Reanchor(ADA, 1, key("anchor"), SIGNED))
    assert anchor_wanted(mesh.state, ADA) == 0
    seat = mesh.state.members[ADA]
    last = replace(seat, spent=LINKS - 1)
    mesh.set(members=mesh.state.members.set(ADA, last))
    assert link_position(mesh.state, ADA) == LINKS
    mesh.decided()
    seat = mesh.state.members[ADA]
    assert (seat.link, seat.chain, seat.spent, seat.next_anchor) == (key("anchor"), 1, 0, b"")
    assert link_position(mesh.state, ADA) == LINKS + 2
    assert mesh.check(Reanchor(ADA, 2, key("anchor 2"), SIGNED)) == ""


def test_who_fixed_no_next_chain_builds_no_more_blocks(mesh: Mesh) -> None:
    seat = replace(mesh.state.members[ADA], spent=LINKS - 1)
    mesh.set(members=mesh.state.members.set(ADA, seat))
    mesh.decided()
    assert mesh.state.members[ADA].spent == LINKS
    assert mesh.check(Reanchor(ADA, 1, key("anchor"), SIGNED)) == "late"


# -- histories ------------------------------------------------------------------------------------


def test_a_committed_round_leaves_its_outcome(mesh: Mesh) -> None:
    mesh.decided(submit())
    mesh.decided(result())
    mesh.decided(result(1, key("model 1"), key("model 2"), credit_to(CYD)))
    course = mesh.state.tasks[TASK_ID]
    outcomes = [(one.model, one.credits, one.samples) for one in course.outcomes]
    assert outcomes == [(key("model 1"), 2, 200), (key("model 2"), 1, 100)]
    assert (course.status, course.round, course.model) == ("finished", 2, key("model 2"))


def test_old_tasks_keep_their_result_but_not_every_round() -> None:
    state = evolve(State(), Founded(GENESIS))
    ids = [key(f"task {n}") for n in range(HISTORIES_KEPT + 2)]
    for id_ in ids:
        state = evolve(state, TaskOpened(id_, TASK))
        state = evolve(state, RoundCommitted(id_, 0, key("model"), credit_to(ADA)))
        state = evolve(state, TaskFinished(id_, key("model")))
    assert state.ended == tuple(ids[2:])
    assert [len(state.tasks[id_].outcomes) for id_ in ids] == [0, 0] + [1] * HISTORIES_KEPT
    assert {state.tasks[id_].model for id_ in ids} == {key("model")}


# -- every event leaves a state -------------------------------------------------------------------

ABOUT_STRANGERS: list[Event] = [
    MemberRemoved(DAN),
    Reanchored(DAN, 1, bytes(32)),
    NoteRecorded(DAN, 1, bytes(32)),
    SerialUsed(DAN, 1),
    RoundOpened(TASK_ID, 3, MODEL, bytes(32)),
    RoundCommitted(TASK_ID, 3, MODEL, ()),
    TaskFinished(TASK_ID, MODEL),
    TaskCancelled(TASK_ID),
    BlockApplied(9, bytes(32), DAN, b"", b""),
    ItemRefused(bytes(32), "stale"),
    Accused(DAN, EVE, "", b"", b""),
    TicketVoided(DAN),
    TaskOpened(TASK_ID, TASK),
    MemberAdmitted(member("dan")),
]


@pytest.mark.parametrize("event", ABOUT_STRANGERS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize(
    "state", [State(), evolve(State(), Founded(GENESIS))], ids=["unborn", "founded"]
)
def test_evolve_is_total(state: State, event: Event) -> None:
    after = evolve(state, event)
    assert set(state.members) <= set(after.members)
    assert after.operators == state.operators


def test_an_operators_serial_never_falls() -> None:
    state = evolve(evolve(State(), Founded(GENESIS)), SerialUsed(OLGA, 5))
    assert evolve(state, SerialUsed(OLGA, 3)).operators[OLGA].serial == 5
