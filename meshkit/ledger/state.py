"""The state of the mesh: who is in it, what it works on, and how far it has come.

Everything here follows from the decided blocks alone, so it is the same on every node at the same
height. A seat is a member and what the ledger remembers of it; one who left is kept with the
heights of its coming and going, because certificates and evidence are judged by the set of *their*
height, and because an identity never returns. Block h changes the set that decides block h + 1.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, assert_never

from blake3 import blake3
from immutables import Map
from msgspec.structs import replace

from meshkit.core.value import Value, digest
from meshkit.ledger import beacon
from meshkit.ledger.draw import rank
from meshkit.ledger.messages import (
    Accused,
    BlockApplied,
    Event,
    Founded,
    Genesis,
    ItemRefused,
    Member,
    MemberAdmitted,
    MemberRemoved,
    NoteRecorded,
    Operator,
    Policy,
    Reanchored,
    RoundCommitted,
    RoundOpened,
    SerialUsed,
    Task,
    TaskCancelled,
    TaskFinished,
    TaskOpened,
    TicketVoided,
)

RUNNING = "running"
FINISHED = "finished"
CANCELLED = "cancelled"

SERIALS_KEPT = 256  # of an author's notes: four times what one signer may have waiting in a pool
ANCHOR_AGAIN = 1_024  # own blocks between two tries to fix the next anchor (a guess)
HISTORIES_KEPT = 64  # ended tasks whose rounds are still listed; the journals keep all (a guess)


Runs: TypeAlias = tuple[tuple[int, int], ...]  # numbers: first and last of each run, ascending


class Seat(Value):
    """A member, and what the ledger remembers of it."""

    member: Member
    admitted: int  # the height that admitted it; 0: a founder
    link: bytes  # the last revealed of its hash chain, at first the anchor
    chain: int = 0  # the number of that chain
    spent: int = 0  # links of it that are revealed
    next_anchor: bytes = b""  # of the chain after it, once fixed
    serials: Runs = ()  # of its notes, the highest SERIALS_KEPT


class Former(Value):
    """One who left, or never came and now cannot: then both heights are the same."""

    validator: bool
    weight: int
    admitted: int
    removed: int


class Desk(Value):
    """An operator, and the highest serial applied."""

    operator: Operator
    serial: int = 0


class Outcome(Value):
    """What remains of a committed round."""

    model: bytes
    credits: int
    samples: int


class Course(Value):
    """A task on its way: `round` is the open one while it runs, else the number committed."""

    task: Task
    status: str = RUNNING
    round: int = 0
    model: bytes = b""  # what the open round starts from, at last the result
    seed: bytes = b""  # that drew the open round's committee
    opened: int = 0  # the height that opened the round
    outcomes: tuple[Outcome, ...] = ()  # of the committed rounds, in order


class Charge(Value):
    """One proved contradiction of a culprit."""

    domain: str
    first: bytes
    second: bytes
    height: int


class State(Value):
    """What the mesh agrees on after `height` blocks."""

    mesh: bytes = b""  # its id; empty before it is founded
    name: str = ""
    policy: Policy = Policy()
    height: int = 0
    previous: bytes = b""  # digest of the last block, at first of the genesis
    seed: bytes = b""
    members: Map[bytes, Seat] = Map()
    former: Map[bytes, Former] = Map()
    operators: Map[bytes, Desk] = Map()
    tasks: Map[bytes, Course] = Map()
    ended: tuple[bytes, ...] = ()  # the last tasks to end, oldest first
    accused: Map[bytes, tuple[Charge, ...]] = Map()
    notes: int = 0


# -- questions ------------------------------------------------------------------------------------


def is_validator(member: Member) -> bool:
    return "validator" in member.roles


def is_trainer(member: Member) -> bool:
    return "trainer" in member.roles


def seats(state: State) -> Iterator[tuple[bytes, Seat]]:
    """All seats, by id."""
    yield from sorted(state.members.items())


def validators(state: State) -> tuple[tuple[bytes, int], ...]:
    """Who decides the next height, as (id, weight), by id."""
    return tuple(
        [
            (who, seat.member.weight)
            for who, seat in sorted(state.members.items())
            if "validator" in seat.member.roles
        ]
    )


def trainers(state: State) -> tuple[bytes, ...]:
    """Whose updates count, by id."""
    return tuple(who for who, seat in seats(state) if is_trainer(seat.member))


def validators_at(state: State, height: int) -> tuple[tuple[bytes, int], ...]:
    """Who decided `height`, as (id, weight), by id: of heights up to the next one."""
    sitting = [
        (who, seat.member.weight)
        for who, seat in seats(state)
        if is_validator(seat.member) and seat.admitted < height
    ]
    gone = [
        (who, one.weight)
        for who, one in sorted(state.former.items())
        if one.validator and one.admitted < height <= one.removed
    ]
    return tuple(sorted(sitting + gone))


def running(state: State) -> tuple[bytes, ...]:
    """The ids of the tasks that are under way."""
    return tuple(task for task, course in sorted(state.tasks.items()) if course.status == RUNNING)


def committee(state: State, task: bytes, round_number: int) -> tuple[bytes, ...]:
    """All validators in the order drawn for the open round of a running task; else nobody.

    The first is its collector, the first `policy.committee` are its committee, and the rest stand
    by in this order. Who was admitted when the round opened, or later, is left out: it may have
    known the seed when it chose its key.
    """
    course = state.tasks.get(task)
    if course is None or course.status != RUNNING or course.round != round_number:
        return ()
    candidates = [
        (who, seat.member.weight)
        for who, seat in seats(state)
        if is_validator(seat.member) and seat.admitted < course.opened
    ]
    return rank(candidates, course.seed, task + round_number.to_bytes(8, "big"))


def is_fresh(serials: Runs, serial: int) -> bool:
    """May a note of this serial still be recorded? Each may once, and none before all we know."""
    if not serials or serial > serials[-1][1]:
        return True
    if serial < serials[0][0]:
        return _length(serials) < SERIALS_KEPT
    return all(not first <= serial <= last for first, last in serials)


def used(serials: Runs, serial: int) -> Runs:
    """The serials with a fresh one."""
    if serials and serial == serials[-1][1] + 1:
        grown = (*serials[:-1], (serials[-1][0], serial))
    else:
        grown = _merged(sorted((*serials, (serial, serial))))
    while (excess := _length(grown) - SERIALS_KEPT) > 0:
        (first, last), *rest = grown
        grown = ((first + excess, last), *rest) if first + excess <= last else tuple(rest)
    return grown


def _merged(runs: Iterable[tuple[int, int]]) -> Runs:
    """Ascending runs, of which those that touch are one."""
    merged: list[tuple[int, int]] = []
    for first, last in runs:
        if merged and first == merged[-1][1] + 1:
            first = merged.pop()[0]
        merged.append((first, last))
    return tuple(merged)


def _length(serials: Runs) -> int:
    return sum([last - first + 1 for first, last in serials])


def next_serial(state: State, author: bytes) -> int:
    """A serial above all that the ledger knows of this author's notes."""
    seat = state.members.get(author)
    return 1 + (seat.serials[-1][1] if seat and seat.serials else 0)


def link_position(state: State, who: bytes) -> int:
    """Where the link stands that the ledger expects of this member next; 0: of nobody."""
    seat = state.members.get(who)
    return beacon.position(seat.chain, seat.spent) if seat else 0


def anchor_wanted(state: State, who: bytes) -> int:
    """The position of the anchor this member should now put before the ledger; 0: of none.

    It is wanted when the first link of a chain is spent and, should that get lost, again from time
    to time while it can still be had.
    """
    seat = state.members.get(who)
    if seat is None or seat.next_anchor or seat.spent % ANCHOR_AGAIN != 1:
        return 0
    return beacon.anchor_position(seat.chain + 1)


# -- what happened --------------------------------------------------------------------------------


def evolve(state: State, event: Event) -> State:
    """Total: an event about somebody unknown changes nothing."""
    match event:
        case NoteRecorded():
            return _record_note(state, event.author, event.serial)
        case BlockApplied():
            return _apply_block(state, event)
        case Founded(genesis):
            return _found(genesis)
        case MemberAdmitted(member):
            seat = Seat(member, _now(state), member.anchor)
            return replace(state, members=state.members.set(member.id, seat))
        case MemberRemoved(who):
            return _remove(state, who)
        case TicketVoided(who):
            nobody = Former(False, 0, _now(state), _now(state))
            return replace(state, former=state.former.set(who, nobody))
        case Reanchored(who, _, anchor):
            return _reseat(state, who, lambda seat: replace(seat, next_anchor=anchor))
        case Accused():
            return _charge(state, event)
        case SerialUsed(operator, serial):
            return _use_serial(state, operator, serial)
        case ItemRefused():
            return state
        case TaskOpened() | RoundOpened() | RoundCommitted() | TaskFinished() | TaskCancelled():
            return _evolve_task(state, event)
        case _:
            assert_never(event)


def _evolve_task(
    state: State,
    event: TaskOpened | RoundOpened | RoundCommitted | TaskFinished | TaskCancelled,
) -> State:
    match event:
        case TaskOpened(id_, task):
            return replace(state, tasks=state.tasks.set(id_, Course(task, model=task.initial)))
        case RoundOpened(id_, number, base, seed):
            return _recourse(
                state,
                id_,
                lambda course: replace(
                    course, round=number, model=base, seed=seed, opened=_now(state)
                ),
            )
        case RoundCommitted(id_, number, model, credits):
            outcome = Outcome(model, len(credits), sum(credit.samples for credit in credits))
            return _recourse(
                state,
                id_,
                lambda course: replace(
                    course, round=number + 1, model=model, outcomes=(*course.outcomes, outcome)
                ),
            )
        case TaskFinished(id_):
            return _end(state, id_, FINISHED)
        case TaskCancelled(id_):
            return _end(state, id_, CANCELLED)
        case _:
            assert_never(event)


def _now(state: State) -> int:
    # `BlockApplied` is a height's last event: until it comes, `height` is still that of before.
    return state.height + 1


def _found(genesis: Genesis) -> State:
    mesh = digest(genesis)
    return State(
        mesh=mesh,
        name=genesis.name,
        policy=genesis.policy,
        previous=mesh,
        seed=mesh,
        members=Map({member.id: Seat(member, 0, member.anchor) for member in genesis.founders}),
        operators=Map({operator.key: Desk(operator) for operator in genesis.operators}),
    )


def _reseat(state: State, who: bytes, change: Callable[[Seat], Seat]) -> State:
    seat = state.members.get(who)
    if seat is None:
        return state
    return replace(state, members=state.members.set(who, change(seat)))


def _recourse(state: State, task: bytes, change: Callable[[Course], Course]) -> State:
    course = state.tasks.get(task)
    if course is None:
        return state
    return replace(state, tasks=state.tasks.set(task, change(course)))


def _record_note(state: State, author: bytes, serial: int) -> State:
    members, notes = state.members, state.notes + 1
    seat = members.get(author)
    if seat is None:
        return replace(state, notes=notes)
    seat = replace(seat, serials=used(seat.serials, serial))
    return replace(state, notes=notes, members=members.set(author, seat))


def _remove(state: State, who: bytes) -> State:
    seat = state.members.get(who)
    if seat is None:
        return state
    left = Former(is_validator(seat.member), seat.member.weight, seat.admitted, _now(state))
    return replace(state, members=state.members.delete(who), former=state.former.set(who, left))


def _use_serial(state: State, operator: bytes, serial: int) -> State:
    desk = state.operators.get(operator)
    if desk is None:
        return state
    used = replace(desk, serial=max(serial, desk.serial))
    return replace(state, operators=state.operators.set(operator, used))


def _charge(state: State, event: Accused) -> State:
    charge = Charge(event.domain, event.first, event.second, _now(state))
    charges = (*state.accused.get(event.culprit, ()), charge)
    return replace(state, accused=state.accused.set(event.culprit, charges))


def _end(state: State, task: bytes, status: str) -> State:
    state = _recourse(state, task, lambda course: replace(course, status=status, seed=b""))
    ended = (*state.ended, task)
    forgotten, ended = ended[:-HISTORIES_KEPT], ended[-HISTORIES_KEPT:]
    state = replace(state, ended=ended)
    for old in forgotten:
        state = _recourse(state, old, lambda course: replace(course, outcomes=()))
    return state


def _apply_block(state: State, event: BlockApplied) -> State:
    state = replace(state, height=event.height, previous=event.value_id, seed=event.seed)
    return _reseat(state, event.proposer, lambda seat: _spend(seat, event.link))


def _spend(seat: Seat, link: bytes) -> Seat:
    spent = seat.spent + 1
    if spent < beacon.LINKS or not seat.next_anchor:
        return replace(seat, link=link, spent=spent)
    # The chain is used up: the next one was fixed long ago.
    return replace(seat, link=seat.next_anchor, chain=seat.chain + 1, spent=0, next_anchor=b"")


def note_digest(payload: bytes) -> bytes:
    """What `NoteRecorded` keeps of a payload: as blobs, it is named by the BLAKE3 of its bytes."""
    return blake3(payload).digest()
