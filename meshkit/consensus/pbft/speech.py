"""What the machine asks of the world, and how it says again what may have been lost.

Nothing here decides anything: each effect follows from one event and the state just after it. Our
own statements go out unsigned and always the same, so that signed again they are the same bytes.

Everyone tells everyone. Who was told something else than we were is shown what the primary told us,
and so finds the primary out (P19); whoever speaks of a height, view or checkpoint that is over is
shown how it ended.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from meshkit.consensus.messages import Ask, EquivocationSeen, Serve
from meshkit.consensus.pbft.evidence import accusation
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    CheckpointHeard,
    CheckpointTaken,
    Commit,
    CommitCast,
    CommitHeard,
    ConflictShown,
    Effect,
    Event,
    HeightAnswered,
    HeightBegun,
    NewViewMade,
    Offer,
    Opened,
    Prepare,
    PrepareCast,
    PrepareHeard,
    PrePrepareHeard,
    Proposed,
    Repeated,
    Shown,
    StableAnswered,
    StableFound,
    TimerStarted,
    ValueAnswered,
    ValueJudged,
    ValueMissed,
    ViewAnswered,
    ViewChangeHeard,
    ViewLeft,
    WantValue,
    WantView,
)
from meshkit.consensus.pbft.state import State
from meshkit.core.machine import Broadcast, Send

# Most of what happens is nothing to be said about.
SILENT = frozenset(
    {
        CheckpointHeard,
        CommitHeard,
        HeightBegun,
        Opened,
        PrePrepareHeard,
        PrepareHeard,
        StableFound,
        TimerStarted,
        ValueJudged,
        ViewChangeHeard,
    }
)


def speak(state: State, me: bytes, event: Event) -> Sequence[Effect]:
    match event:
        case Proposed():
            return tuple(_own_proposal(state))
        case PrepareCast(height=height, view=view, value_id=value_id):
            return (Broadcast(Prepare(view, height, value_id, me)),)
        case CommitCast(height=height, view=view, value_id=value_id):
            return (Broadcast(Commit(view, height, value_id, me)),)
        case CheckpointTaken(height=height, digest=chain):
            return (Broadcast(Checkpoint(height, chain, me)),)
        case ViewLeft(change=change):
            return (Broadcast(change),)
        case NewViewMade(new_view=made):
            return (Broadcast(made),)
        case ValueMissed(height=height, value_id=value_id):
            return (Broadcast(WantValue(height, value_id)),)
        case EquivocationSeen():
            return (Broadcast(accusation(event)),)
        case Repeated():
            return tuple(_repetition(state, me, event))
        case _:
            return tuple(_answer(state, event))


def _answer(state: State, event: Event) -> Iterator[Effect]:
    match event:
        case ConflictShown(to=to, pre_prepare=said):
            yield Send(to, Shown((said,)))
        case HeightAnswered(to=to, height=height):
            # The peer takes them one by one; it asks on, when what the store sends was not all.
            yield Serve(to, height)
            yield Send(to, Ask(state.height))
        case ViewAnswered(to=to):
            assert state.new_view is not None, "who answers has entered one"
            yield Send(to, state.new_view)
        case StableAnswered(to=to):
            yield Send(to, Shown(state.proof))
        case ValueAnswered(to=to, height=height, value_id=value_id):
            yield Send(to, Offer(height, state.values[value_id]))
        case _:
            return


def _repetition(state: State, me: bytes, event: Repeated) -> Iterator[Effect]:
    """All that we owe: our part in this view, our checkpoints, what we miss, and proofs."""
    if state.change is not None:
        yield Broadcast(state.change)
    if state.made is not None:
        yield Broadcast(state.made)
    yield from _own_proposal(state)
    slot = state.slot
    if slot.prepared_id is not None:
        yield Broadcast(Prepare(state.view, state.height, slot.prepared_id, me))
    if slot.committed_id is not None:
        yield Broadcast(Commit(state.view, state.height, slot.committed_id, me))
    for height, chain in sorted(state.taken.items()):
        yield Broadcast(Checkpoint(height, chain, me))
    for value_id in sorted(state.missed):
        yield Broadcast(WantValue(state.height, value_id))
    for _, proof in sorted(state.convicted.items()):
        yield Broadcast(proof)
    yield from _asking(state, event)


def _asking(state: State, event: Repeated) -> Iterator[Effect]:
    """By turns those who seem to be ahead, one at a time, and everyone: a claim may be a lie."""
    turn, ahead = state.again_count // 2, sorted(state.ahead)
    if ahead:
        yield Send(ahead[turn % len(ahead)], WantView(state.since, state.view))
    claimants = sorted(state.claims)
    if event.restarted or not claimants or state.again_count % 2 == 0:
        yield Broadcast(Ask(state.height))
    else:
        yield Send(claimants[turn % len(claimants)], Ask(state.height))


def _own_proposal(state: State) -> Iterator[Effect]:
    own = state.slot.own
    if own is not None:
        yield Broadcast(replace(own, value=state.values[own.value_id]))
