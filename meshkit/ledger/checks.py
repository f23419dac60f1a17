"""Whether an item may be applied to a state: what each kind must fulfil.

`check` returns "" or a reason, "slug: words". Most reasons are for ever; the slugs in CURABLE may
pass with time, so whoever holds such an item may wait: `hopeless` tells them apart.

Three ways in which nothing is applied twice. An operator's serials only grow, so that a command
held back is void once a later one was applied. A member's notes travel by many hands and arrive out
of order, so each is taken once within a window of the last ones, as IPsec does it (RFC 4303 3.4.3).
A ticket names an identity, and an identity joins once.

What is *not* judged here: signatures, which the opening of an envelope verifies, and the proof of a
round's result, which takes arithmetic: the rounds' machine judges it before a vote.
"""

from collections.abc import Callable
from typing import TypeAlias

from meshkit.core.value import Statement, canonical, digest, signing_digest
from meshkit.ledger.beacon import ANCHOR_MARGIN, LINKS
from meshkit.ledger.forms import (
    DIGEST_BYTES,
    KEY_BYTES,
    MEMBERS_MAX,
    NUMBER_MAX,
    SIGNATURE_BYTES_MAX,
    VALIDATORS_MAX,
    check_member,
    check_task,
    check_vote,
    fits,
)
from meshkit.ledger.messages import (
    Accusation,
    CancelTask,
    Credit,
    Join,
    Member,
    Note,
    Reanchor,
    RemoveMember,
    RoundResult,
    SubmitTask,
)
from meshkit.ledger.state import (
    RUNNING,
    Course,
    State,
    is_fresh,
    is_trainer,
    is_validator,
    running,
    trainers,
    validators,
    validators_at,
)

NOTE_BYTES_MAX = 1_024  # a note is a digest or a few words; data travels in blobs (a guess)
EVIDENCE_BYTES_MAX = 256 * 2**10  # two `Held` lists of a hundred members and more (a guess)
ITEM_BYTES_MAX = 4 * 2**20  # a result with a hundred lists of a hundred updates has 2 MB (reckoned)
CHARGES_MAX = 16  # contradictions kept of one culprit; one would do (a guess)
TASKS_RUNNING_MAX = 64  # each node trains in all of them (a guess)
TASKS_MAX = (
    10_000  # ids stay for ever: a task that came back could be fed its old updates (a guess)
)
IDENTITIES_MAX = 100_000  # that are or were members: they stay for ever too (a guess)

CURABLE = frozenset(
    {"early", "full", "last-validator", "many", "overflow", "stranger", "unknown-task"}
)
MAJORITY_STAYS = frozenset({"raft"})  # engines under which a block may not remove half who vote

Conflicts: TypeAlias = Callable[[Statement, Statement], bool]
"""Do two statements of one class and signer exclude each other? The protocols know, not we."""


def item_id(item: Statement) -> bytes:
    """The id of an item: the digest of what its signature covers, whatever the mesh."""
    return signing_digest(item, b"")


def hopeless(refusal: str) -> bool:
    """Will an item refused for this reason be refused for ever?"""
    return refusal != "" and refusal.partition(":")[0] not in CURABLE


def has_standing(state: State, item: Statement) -> bool:
    """Is somebody of this mesh answerable for the item: a member, an operator, a ticket's giver?

    What strangers sign may become applicable once they are members, so it is not hopeless; but
    anybody can make up any number of strangers, and nobody need keep what they say.
    """
    answerable = item.ticket.operator if type(item) is Join else getattr(item, item.SIGNER)
    return answerable in state.members or answerable in state.operators


def check(state: State, item: Statement, conflicts: Conflicts) -> str:
    """Why this item may not be applied next, or ""."""
    if not _is_signed(item):
        return "unsigned: every item carries its signer's signature"
    match item:
        case Note():
            return _check_note(state, item)
        case RoundResult():
            return _check_result(state, item)
        case SubmitTask():
            return _check_submit(state, item)
        case CancelTask():
            return _check_cancel(state, item)
        case Join():
            return _check_join(state, item)
        case RemoveMember():
            return _check_remove(state, item)
        case Reanchor():
            return _check_reanchor(state, item)
        case Accusation():
            return _check_accusation(state, item, conflicts)
        case _:
            return f"unknown-kind: {type(item).__name__} is no item of a block"


def _is_signed(item: Statement) -> bool:
    return 0 < len(getattr(item, "signature", b"")) <= SIGNATURE_BYTES_MAX


def _check_identity(state: State, who: bytes) -> str:
    if who in state.members:
        return ""
    if who in state.former:
        return "gone: this identity is no member any more"
    return "stranger: this identity is no member"


def _check_right(state: State, operator: bytes, right: str) -> str:
    desk = state.operators.get(operator)
    if desk is None:
        return "unknown-operator: the genesis names no operator with this key"
    if right not in desk.operator.may:
        return f"forbidden: {desk.operator.name} may not {right}"
    return ""


def _check_order(state: State, operator: bytes, serial: int, right: str) -> str:
    """Of a command that counts once: the operator's right, and its serial."""
    if refusal := _check_right(state, operator, right):
        return refusal
    last = state.operators[operator].serial
    if not last < serial <= NUMBER_MAX:
        return f"stale: serial {serial} is not above {last}"
    return ""


# -- tasks ----------------------------------------------------------------------------------------


def _check_submit(state: State, item: SubmitTask) -> str:
    task = item.task
    return (
        _check_order(state, item.operator, item.serial, "submit")
        or check_task(task, state.policy)
        or _check_room_for_task(state, digest(task))
        or _check_trainers(state, task.quorum, task.bits)
    )


def _check_room_for_task(state: State, task: bytes) -> str:
    if task in state.tasks:
        return "known: this very task was submitted before; change its seed to run it again"
    if len(state.tasks) >= TASKS_MAX:
        return f"worn-out: {TASKS_MAX} tasks are all that one mesh can run"
    if len(running(state)) >= TASKS_RUNNING_MAX:
        return f"full: {TASKS_RUNNING_MAX} tasks are under way"
    return ""


def _check_trainers(state: State, quorum: int, bits: int) -> str:
    count = len(trainers(state))
    if not count or quorum > count:
        return f"quorum: {max(quorum, 1)} updates are wanted, of {count} trainers"
    if not fits(bits, state.policy.samples_max, count):
        return "too-wide: bits + log2(samples_max) + log2(trainers) must not be above 62"
    return ""


def _check_cancel(state: State, item: CancelTask) -> str:
    return _check_order(state, item.operator, item.serial, "cancel") or _check_running(
        state, item.task
    )


def _check_running(state: State, task: bytes) -> str:
    course = state.tasks.get(task)
    if course is None:
        return "unknown-task: no such task was opened"
    return "" if course.status == RUNNING else f"ended: this task is {course.status}"


def _check_result(state: State, item: RoundResult) -> str:
    if refusal := _check_identity(state, item.collector) or _check_running(state, item.task):
        return refusal
    if not is_validator(state.members[item.collector].member):
        return "forbidden: only a validator collects"
    return (
        _check_against_course(state.tasks[item.task], item)
        or _check_credits(state, item.credits)
        or _check_size(item, ITEM_BYTES_MAX)
    )


def _check_against_course(course: Course, item: RoundResult) -> str:
    if item.round != course.round:
        slug = "stale" if item.round < course.round else "early"
        return f"{slug}: round {item.round}, but round {course.round} is open"
    if item.base != course.model:
        return "base: the round starts from another model"
    if len(item.model) != DIGEST_BYTES:
        return f"model: a digest has {DIGEST_BYTES} bytes"
    if not item.credits and item.model != item.base:
        return "no-credits: where nothing counted, nothing changes"
    return ""


def _check_credits(state: State, credited: tuple[Credit, ...]) -> str:
    last = b""
    for credit in credited:
        seat = state.members.get(credit.submitter)
        if seat is None or not is_trainer(seat.member):
            return "credit: only a trainer's update counts"
        if credit.submitter <= last:
            return "credit: each submitter once, in ascending order"
        if len(credit.update) != DIGEST_BYTES:
            return f"credit: a digest has {DIGEST_BYTES} bytes"
        if not 1 <= credit.samples <= state.policy.samples_max:
            return f"credit: samples are from 1 to {state.policy.samples_max}"
        last = credit.submitter
    return ""


def _check_size(item: Statement, bytes_max: int) -> str:
    size = len(canonical(item))
    return f"too-large: {size} bytes, of {bytes_max}" if size > bytes_max else ""


# -- members --------------------------------------------------------------------------------------


def _check_join(state: State, item: Join) -> str:
    ticket, member = item.ticket, item.member
    if refusal := _check_right(state, ticket.operator, "admit"):
        return refusal
    if not _is_signed(ticket):
        return "unsigned: the ticket carries its operator's signature"
    if not item.signer == member.id == ticket.member:
        return "mismatch: signer, member and ticket name one identity"
    if (member.roles, member.weight) != (ticket.roles, ticket.weight):
        return "mismatch: roles and weight are those of the ticket"
    return (
        check_member(member) or check_vote(member, state.policy) or _check_newcomer(state, member)
    )


def _check_newcomer(state: State, member: Member) -> str:
    if member.id in state.members:
        return "known: this identity is a member"
    if member.id in state.former:
        return "gone: an identity that left does not return; take a new key and ticket"
    for _, seat in sorted(state.members.items()):
        if seat.member.name == member.name:
            return f"taken: a member is called {member.name}"
        if seat.member.transport == member.transport:
            return f"taken: {seat.member.name} has this transport key"
    return _check_room_for_member(state, member)


def _check_room_for_member(state: State, member: Member) -> str:
    if len(state.members) >= MEMBERS_MAX:
        return f"full: {MEMBERS_MAX} members are all that a mesh can have"
    if is_validator(member) and len(validators(state)) >= VALIDATORS_MAX:
        return f"full: {VALIDATORS_MAX} validators are all that a mesh can have"
    if _identities(state) >= IDENTITIES_MAX:
        return f"worn-out: {IDENTITIES_MAX} identities are all that a mesh can have had"
    if is_trainer(member):
        count = len(trainers(state)) + 1
        for task in running(state):
            if not fits(state.tasks[task].task.bits, state.policy.samples_max, count):
                return "overflow: a task under way has no room for another trainer's update"
    return ""


def _identities(state: State) -> int:
    return len(state.members) + len(state.former)


def _check_remove(state: State, item: RemoveMember) -> str:
    if refusal := _check_order(state, item.operator, item.serial, "remove"):
        return refusal
    if item.member in state.former:
        return "gone: this identity is no member any more"
    if item.member not in state.members:
        if len(item.member) != KEY_BYTES or _identities(state) >= IDENTITIES_MAX:
            return "stranger: no member has this identity"
        return ""  # its ticket is void from now on
    if [who for who, _ in validators(state)] == [item.member]:
        return "last-validator: a mesh without validators decides nothing"
    return _check_those_who_stay(state, item.member)


def _check_those_who_stay(state: State, leaving: bytes) -> str:
    """Whether those who stay can confirm to each other that somebody has left.

    Under engines that change who votes by entries of their own log, the old voters must agree to
    it, and who is removed is heard no more. So most of the validators that this block began with
    must stay, which one block may not forestall by halves.
    """
    if state.policy.engine not in MAJORITY_STAYS or not is_validator(state.members[leaving].member):
        return ""
    voting = [who for who, _ in validators(state)]
    if 2 * (len(voting) - 1) <= len(voting):
        return "majority: of two validators neither can go; admit a third first"
    before = [who for who, _ in validators_at(state, state.height + 1)]
    stay = [who for who in before if who in state.members and who != leaving]
    if 2 * len(stay) <= len(before):
        return "many: most of the validators must stay from one block to the next; the rest waits"
    return ""


def _check_reanchor(state: State, item: Reanchor) -> str:
    if refusal := _check_identity(state, item.member):
        return refusal
    seat = state.members[item.member]
    if item.chain != seat.chain + 1:
        slug = "stale" if item.chain <= seat.chain else "early"
        return f"{slug}: chain {item.chain}, but chain {seat.chain} is in use"
    if seat.next_anchor:
        return "stale: the next chain is fixed already"
    if len(item.anchor) != DIGEST_BYTES:
        return f"anchor: an anchor has {DIGEST_BYTES} bytes"
    if LINKS - seat.spent < ANCHOR_MARGIN:
        return "late: its links would be mixed with seeds that can be foreseen"
    return ""


# -- words ----------------------------------------------------------------------------------------


def _check_note(state: State, item: Note) -> str:
    if len(item.payload) > NOTE_BYTES_MAX:
        return f"too-large: {len(item.payload)} bytes, of {NOTE_BYTES_MAX}"
    seat = state.members.get(item.author)
    if seat is None:
        return _check_identity(state, item.author)
    if not 1 <= item.serial <= NUMBER_MAX:
        return f"number: a serial is from 1 to {NUMBER_MAX}"
    if not is_fresh(seat.serials, item.serial):
        return f"stale: serial {item.serial} was used, or is too far behind"
    return ""


def _check_accusation(state: State, item: Accusation, conflicts: Conflicts) -> str:
    first, second = item.first, item.second
    if refusal := _check_identity(state, item.accuser):
        return refusal
    if item.culprit not in state.members and item.culprit not in state.former:
        return "stranger: the accused was never a member"
    if type(first) is not type(second):
        return "evidence: two statements of one kind"
    if not all(_is_by(statement, item.culprit) for statement in (first, second)):
        return "evidence: both statements are signed by the accused"
    if refusal := _check_size(item, EVIDENCE_BYTES_MAX):
        return refusal
    charges = state.accused.get(item.culprit, ())
    ids = evidence_ids(item)
    if any((charge.first, charge.second) == ids for charge in charges):
        return "known: this was proved before"
    if len(charges) >= CHARGES_MAX:
        return f"enough: {CHARGES_MAX} contradictions of this identity are proved"
    if ids[0] == ids[1] or not conflicts(first, second):
        return "evidence: one signer may have signed both"
    return ""


def _is_by(statement: Statement, signer: bytes) -> bool:
    return _is_signed(statement) and getattr(statement, statement.SIGNER) == signer


def evidence_ids(item: Accusation) -> tuple[bytes, bytes]:
    """The ids of the two statements in ascending order, so that a pair has one name."""
    first, second = sorted((item_id(item.first), item_id(item.second)))
    return first, second
