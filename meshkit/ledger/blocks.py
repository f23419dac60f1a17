"""Blocks: how one is built, how one is judged, and what follows from one that was decided.

All three take the items one after another, each against the state that those before it have left.
Who builds a block leaves out what does not fit; who judges one refuses it for a single item that
does not; but a decided block is applied whatever it holds: items that do not fit are refused one
by one and the rest counts. That happens only if more than a third of the weight has lied, and even
then all honest nodes keep one state.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from blake3 import blake3

from meshkit.core.value import Statement, canonical, digest
from meshkit.ledger import beacon
from meshkit.ledger.checks import Conflicts, check, evidence_ids, item_id
from meshkit.ledger.messages import (
    Accusation,
    Accused,
    Block,
    BlockApplied,
    CancelTask,
    Event,
    ItemRefused,
    Join,
    MemberAdmitted,
    MemberRemoved,
    Note,
    NoteRecorded,
    Reanchor,
    Reanchored,
    RemoveMember,
    RoundCommitted,
    RoundOpened,
    RoundResult,
    SerialUsed,
    SubmitTask,
    TaskCancelled,
    TaskFinished,
    TaskOpened,
    TicketVoided,
)
from meshkit.ledger.state import State, evolve, is_validator, note_digest

BLOCK_BYTES_MAX = 6 * 2**20  # with its proposal it must fit an envelope, which has 8 MiB
BLOCK_HEAD_BYTES = 256  # more than four digests, a height and their tags take (reckoned)

Unfolded: TypeAlias = list[tuple[Event, State]]
"""What follows, each event with the state after it."""

Step: TypeAlias = tuple[Statement, str, Unfolded]
"""An item, why it does not fit or "", and what follows from it."""


def build(
    state: State,
    proposer: bytes,
    link: bytes,
    candidates: Iterable[Statement],
    conflicts: Conflicts,
) -> Block:
    """The next block: the candidates that fit, in their order, as far as there is room."""
    items: list[Statement] = []
    room_bytes = BLOCK_BYTES_MAX - BLOCK_HEAD_BYTES
    for item, refusal, _ in _walk(state, beacon.next_seed(state.seed, link), candidates, conflicts):
        if refusal:
            continue
        room_bytes -= len(canonical(item))
        if room_bytes < 0 or len(items) == state.policy.block_items_max:
            break
        items.append(item)
    return Block(state.height + 1, state.previous, proposer, link, tuple(items))


def check_block(state: State, block: Block, conflicts: Conflicts) -> tuple[str, Unfolded]:
    """Why a validator in this state must not vote for this block ("slug: words"), or "" and all
    that will follow from it."""
    if refusal := _check_head(state, block):
        return refusal, []
    if len(block.items) > state.policy.block_items_max:
        return f"too-many: {len(block.items)} items, of {state.policy.block_items_max}", []
    data = canonical(block)
    if len(data) > BLOCK_BYTES_MAX:
        return f"too-large: {len(data)} bytes, of {BLOCK_BYTES_MAX}", []
    seed = beacon.next_seed(state.seed, block.link)
    steps: list[Step] = []
    for step in _walk(state, seed, block.items, conflicts):
        if refusal := step[1]:
            return f"item: number {len(steps)}: {refusal}", []
        steps.append(step)
    return "", _unfold(state, seed, block.height, block, blake3(data).digest(), steps)


def _check_head(state: State, block: Block) -> str:
    if block.height != state.height + 1:
        return f"height: {block.height}, but {state.height + 1} is next"
    if block.previous != state.previous:
        return "previous: it follows another block"
    seat = state.members.get(block.proposer)
    if seat is None or not is_validator(seat.member):
        return "proposer: only a validator builds blocks"
    if not beacon.follows(block.link, seat.link):
        return "link: not the next of the proposer's chain"
    return ""


def unfold(state: State, height: int, block: Block, conflicts: Conflicts) -> Unfolded:
    """What follows from a decided block. Total."""
    seed = beacon.next_seed(state.seed, block.link)
    steps = _walk(state, seed, block.items, conflicts)
    return _unfold(state, seed, height, block, digest(block), steps)


def _unfold(
    state: State, seed: bytes, height: int, block: Block, name: bytes, steps: Iterable[Step]
) -> Unfolded:
    unfolded: Unfolded = []
    for item, refusal, facts in steps:
        if refusal:
            unfolded.append((ItemRefused(item_id(item), refusal), state))
        else:
            unfolded.extend(facts)
            state = facts[-1][1]
    applied = BlockApplied(height, name, block.proposer, block.link, seed)
    unfolded.append((applied, evolve(state, applied)))
    return unfolded


def _walk(
    state: State, seed: bytes, items: Iterable[Statement], conflicts: Conflicts
) -> Iterator[Step]:
    """Items one after another, in a block with this seed."""
    for item in items:
        facts: Unfolded = []
        refusal = check(state, item, conflicts)
        if not refusal:
            for fact in _facts(state, seed, item):
                state = evolve(state, fact)
                facts.append((fact, state))
        yield item, refusal, facts


def _facts(state: State, seed: bytes, item: Statement) -> Sequence[Event]:
    """What follows from an item that `check` has passed."""
    match item:
        case Note():
            return (NoteRecorded(item.author, item.serial, note_digest(item.payload)),)
        case RoundResult():
            return _round_facts(state, seed, item)
        case SubmitTask(operator, serial, task):
            return (
                SerialUsed(operator, serial),
                TaskOpened(digest(task), task),
                RoundOpened(digest(task), 0, task.initial, seed),
            )
        case CancelTask(operator, serial, task):
            return (SerialUsed(operator, serial), TaskCancelled(task))
        case Join(_, _, member):
            return (MemberAdmitted(member),)
        case RemoveMember(operator, serial, who):
            gone = MemberRemoved(who) if who in state.members else TicketVoided(who)
            return (SerialUsed(operator, serial), gone)
        case Reanchor(who, chain, anchor):
            return (Reanchored(who, chain, anchor),)
        case Accusation(accuser, culprit, first):
            return (Accused(culprit, accuser, first.DOMAIN, *evidence_ids(item)),)
        case _:
            raise AssertionError(f"an item that no check passes: {item!r:.200}")


def _round_facts(state: State, seed: bytes, item: RoundResult) -> Sequence[Event]:
    task, number, model = item.task, item.round, item.model
    committed = RoundCommitted(task, number, model, item.credits)
    if number + 1 < state.tasks[task].task.rounds:
        return (committed, RoundOpened(task, number + 1, model, seed))
    return (committed, TaskFinished(task, model))
