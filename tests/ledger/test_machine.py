"""The ledger as a machine: two stories from beginning to end, and the laws of every machine."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.value import Statement, canonical, digest
from meshkit.ledger.beacon import next_seed
from meshkit.ledger.checks import item_id
from meshkit.ledger.machine import Ledger
from meshkit.ledger.messages import (
    Accused,
    Apply,
    Block,
    BlockApplied,
    Command,
    Found,
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
    Ticket,
    TicketVoided,
)
from meshkit.ledger.state import State, note_digest, validators
from tests.laws import check_idempotent, check_replay, check_snapshot, check_wake
from tests.ledger.world import (
    ADA,
    BOB,
    CHAINS,
    CYD,
    DAN,
    EVE,
    GENESIS,
    MODEL,
    NAMES,
    OLGA,
    PAUL,
    SIGNED,
    TASK,
    TASK_ID,
    Mesh,
    Said,
    accuse,
    cancel,
    conflicts,
    credit_to,
    join,
    key,
    member,
    note,
    remove,
    result,
    submit,
)

# -- stories --------------------------------------------------------------------------------------


def test_a_task_from_its_submission_to_its_result() -> None:
    mesh, one, two = Mesh(), key("model 1"), key("model 2")
    assert mesh.state.seed == mesh.state.previous == mesh.state.mesh == digest(GENESIS)

    seed = next_seed(mesh.state.seed, CHAINS["ada"][1])
    assert mesh.decided(submit()) == (
        SerialUsed(OLGA, 1),
        TaskOpened(TASK_ID, TASK),
        RoundOpened(TASK_ID, 0, MODEL, seed),
    )
    seed = next_seed(seed, CHAINS["bob"][1])
    assert mesh.decided(result(), by="bob") == (
        RoundCommitted(TASK_ID, 0, one, credit_to(ADA, BOB)),
        RoundOpened(TASK_ID, 1, one, seed),
    )
    assert mesh.decided(result(1, one, two, credit_to(CYD)), by="cyd") == (
        RoundCommitted(TASK_ID, 1, two, credit_to(CYD)),
        TaskFinished(TASK_ID, two),
    )
    again = replace(TASK, seed=8)
    assert mesh.decided(submit(again, 2), cancel(3, digest(again)))[-2:] == (
        SerialUsed(OLGA, 3),
        TaskCancelled(digest(again)),
    )


def test_who_comes_who_goes_and_who_lied() -> None:
    mesh, newcomer = Mesh(), member("dan")
    assert mesh.decided(join()) == (MemberAdmitted(newcomer),)
    assert mesh.decided(note(DAN), by="dan") == (NoteRecorded(DAN, 1, note_digest(b"hello")),)

    ids = sorted(item_id(Said(CYD, 1, words)) for words in ("yes", "no"))
    assert mesh.decided(accuse(by=DAN)) == (Accused(CYD, DAN, "test/said/1", *ids),)
    assert mesh.decided(remove(CYD)) == (SerialUsed(OLGA, 1), MemberRemoved(CYD))
    assert mesh.decided(remove(EVE, 2)) == (SerialUsed(OLGA, 2), TicketVoided(EVE))

    renewal = Reanchor(DAN, 1, key("anchor"), SIGNED)
    assert mesh.decided(renewal, by="bob") == (Reanchored(DAN, 1, key("anchor")),)
    assert [id_ for id_, _ in validators(mesh.state)] == sorted([ADA, BOB, DAN])
    assert mesh.state.accused[CYD][0].height == 3


def test_a_mesh_is_founded_once_and_on_a_sound_genesis() -> None:
    ledger, unsound = Ledger(conflicts), Found(replace(GENESIS, founders=()))
    assert ledger.decide(State(), unsound, Moment(1, 0)) == ()
    assert ledger.decide(State(), Found(GENESIS), Moment(1, 0)) == (Founded(GENESIS),)
    mesh = Mesh()
    assert mesh.tell(Found(GENESIS)) == ()
    assert mesh.tell(Found(replace(GENESIS, name="another"))) == ()


def test_heights_follow_one_another() -> None:
    ledger, block = Ledger(conflicts), Mesh().block(note())
    assert ledger.decide(State(), Apply(1, block), Moment(1, 0)) == ()  # of no mesh
    mesh = Mesh()
    assert mesh.tell(Apply(2, block)) == ()
    assert len(mesh.tell(Apply(1, block))) == 2
    assert mesh.tell(Apply(1, block)) == ()


def test_the_world_has_nothing_to_say_to_a_ledger() -> None:
    mesh = Mesh()
    for command in (Wake(), Restarted(), Heard(ADA, note())):
        assert mesh.ledger.decide(mesh.state, command, Moment(1, 0)) == ()
    assert mesh.ledger.deadline(mesh.state) is None


# -- any mesh, any blocks -------------------------------------------------------------------------

people = st.sampled_from([ADA, BOB, CYD, DAN, EVE])
operators = st.sampled_from([OLGA, OLGA, OLGA, PAUL, ADA])
serials = st.integers(0, 6)
roles = st.sampled_from([("trainer",), ("validator",), ("trainer", "validator"), ()])
tasks = st.builds(
    replace, st.just(TASK), rounds=st.integers(0, 2), seed=st.integers(0, 1), quorum=st.just(1)
)
models = st.sampled_from([MODEL, key("model 1"), key("model 2"), b""])
signatures = st.sampled_from([SIGNED] * 9 + [b""])
credited = st.lists(people, max_size=3).map(lambda who: credit_to(*who))


def _join(who: str, kind: tuple[str, ...], operator: bytes, signer: bytes) -> Statement:
    one = member(who, kind)
    return replace(join(one), ticket=Ticket(operator, 1, one.id, kind, 1, SIGNED), signer=signer)


joins = st.builds(_join, st.sampled_from(["dan", "eve"]), roles, operators, people)
rounds = st.integers(0, 2)
results = st.builds(
    replace,
    st.builds(result, rounds, models, models, credited, people),
    task=tasks.map(digest),
)
items: st.SearchStrategy[Statement] = st.one_of(
    st.builds(submit, tasks, serials, operators),
    st.builds(cancel, serials, tasks.map(digest), operators),
    joins,
    st.sampled_from([join(), join(member("eve", ("trainer",)))]),
    st.builds(remove, people, serials, operators),
    st.builds(Reanchor, people, st.integers(0, 2), models, signatures),
    st.builds(note, people, serials, st.binary(max_size=4)),
    st.builds(accuse, people, st.sampled_from("xy"), st.just("y"), st.integers(0, 2), people),
    results,
    results,
    st.just(Said(ADA, 1, "yes")),
)
batches = st.lists(items, max_size=6).map(tuple)


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[Command, int]]:
    """Heights in order, now and then one that was heard before, blocks good and bad."""
    story: list[tuple[Command, int]] = [(Found(GENESIS), 1)]
    for now_ns, batch in enumerate(draw(st.lists(batches, max_size=5)), 2):
        who = draw(st.sampled_from(sorted(NAMES)))
        block = Block(now_ns - 1, draw(models), who, CHAINS[NAMES[who]][1], batch)
        story.append((Apply(now_ns - 1 - draw(st.sampled_from([0, 0, 0, 1])), block), now_ns))
    return story


@given(stories())
def test_the_laws_of_every_machine(story: Sequence[tuple[Command, int]]) -> None:
    ledger = Ledger(conflicts)
    check_replay(ledger, story)
    check_snapshot(ledger, story)
    check_wake(ledger, story)
    check_idempotent(ledger, story)


@given(stories())
def test_any_decided_block_is_applied_and_a_validator_is_left(
    story: Sequence[tuple[Command, int]],
) -> None:
    mesh = Mesh()
    for command, _ in story[1:]:
        assert isinstance(command, Apply)
        if command.height == mesh.state.height + 1:
            events = mesh.tell(command)
            last = events[-1]
            assert isinstance(last, BlockApplied)
            assert mesh.state.height == last.height == command.height
            assert validators(mesh.state)


@given(st.lists(batches, max_size=6))
def test_what_is_built_is_found_good_and_nothing_of_it_is_refused(
    story: list[tuple[Statement, ...]],
) -> None:
    """And whoever builds, the others agree: their states are the same to the last byte."""
    mesh, other = Mesh(), Mesh()
    for batch in story:
        who = max(validators(mesh.state))[0]
        link = CHAINS[NAMES[who]][mesh.state.members[who].spent + 1]
        block = mesh.ledger.build(mesh.state, who, link, batch)
        assert other.ledger.check_block(other.state, block) == ""
        events = mesh.tell(Apply(block.height, block))
        assert not [event for event in events if isinstance(event, ItemRefused)]
        other.tell(Apply(block.height, block))
        assert canonical(mesh.state) == canonical(other.state)


@given(st.lists(serials, max_size=20))
def test_no_note_is_recorded_twice(story: list[int]) -> None:
    mesh = Mesh()
    block = replace(mesh.block(), items=tuple(note(serial=serial) for serial in story))
    recorded = [event for event in mesh.tell(Apply(1, block)) if isinstance(event, NoteRecorded)]
    assert sorted(event.serial for event in recorded) == sorted(set(story) - {0})
