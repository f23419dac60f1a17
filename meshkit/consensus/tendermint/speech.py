"""What the machine asks of the world, and how it says again what may have been lost.

Nothing here decides anything: each effect follows from one event and the state just after it. Our
own statements go out unsigned and always the same, so that signed again they are the same bytes.

The paper relies on gossip: what one honest node has received, all will. Here everyone tells
everyone, and what a liar told only some is passed on where it matters: the quorum of prevotes that
a lock rests on, with its proposal, as soon as a round seems to fail (lines 34 and 47 leave the time
for it to arrive), with every proposal that refers to it, and whenever we repeat ourselves. And
after a decision each validator shows one other what it heard against it, a different one each
height, so that who tells different things to different nodes is found out.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import cast

from msgspec.structs import replace

from meshkit.consensus.messages import Ask, Decided, EquivocationSeen, ProposalTaken, Serve
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Effect,
    Event,
    HeightAnswered,
    HeightBegun,
    Known,
    Proposal,
    ProposalHeard,
    Proposed,
    Repeated,
    RoundAnswered,
    RoundStarted,
    TimerStarted,
    ValidFound,
    ValueAnswered,
    ValueJudged,
    ValueMissed,
    Vote,
    VoteCast,
    VoteHeard,
    WantValue,
)
from meshkit.consensus.tendermint.state import (
    PROPOSE,
    Round,
    State,
    bare,
    charge,
    polka,
    round_of,
    signed_proposal,
    slot,
)
from meshkit.core.machine import Broadcast, Send

# Most of what happens is nothing to be said about.
SILENT = frozenset(
    {HeightBegun, ProposalHeard, ProposalTaken, RoundStarted, ValueJudged, VoteHeard}
)


def speak(state: State, me: bytes, event: Event) -> Sequence[Effect]:
    match event:
        case VoteCast():
            vote = Vote(event.kind, event.height, event.round, event.value_id, me)
            return (Broadcast(vote),)
        case Decided():
            return tuple(_comparison(state, me, event))
        case Proposed(round=number):
            return tuple(_own_proposal(state, number))
        case TimerStarted(kind=kind, round=number):
            failing = kind == PRECOMMIT and state.valid_round == number
            return (Broadcast(_lock(state)),) if failing else ()
        case ValidFound():
            return (Broadcast(_lock(state)),) if _is_owed(state) else ()
        case ValueMissed(height, value_id):
            return (Broadcast(WantValue(height, value_id)),)
        case Repeated():
            return tuple(_repetition(state, me, event))
        case HeightAnswered(to, height):
            last = state.last
            if last is not None and last.certificate.height == height:
                return (Send(to, last),)
            # How far we are tells it to ask on, when what the store sends at once was not all.
            return (Serve(to, height), Send(to, Ask(state.height)))
        case RoundAnswered(to=to, round=number):
            return (Send(to, Known(_proposed(state, number), tuple(_votes_since(state, number)))),)
        case ValueAnswered(to=to, value_id=value_id):
            proposal = signed_proposal(state, value_id)
            return (Send(to, Known((proposal,), ())),) if proposal else ()
        case EquivocationSeen():
            return (Broadcast(_proof(state, event)),)
        case _:
            return ()


def _repetition(state: State, me: bytes, event: Repeated) -> Iterator[Effect]:
    """All that we owe: our part in this round, what a lock rests on, what we miss, and proofs."""
    if state.round >= 0 and me in state.weights:
        yield from _own_proposal(state, state.round)
        for kind in (PREVOTE, PRECOMMIT):
            value_id = state.cast.get(slot(state.round, kind))
            if value_id is not None:
                yield Broadcast(Vote(kind, state.height, state.round, value_id, me))
        if _is_owed(state):
            yield Broadcast(_lock(state))
    for value_id in sorted(state.missed):
        yield Broadcast(WantValue(state.height, value_id))
    yield from _accusations(state)
    yield _asking(state, event)


def _asking(state: State, event: Repeated) -> Effect:
    """By turns those who seem to be ahead, one at a time, and everyone: a claim may be a lie."""
    claimants = sorted(state.claims)
    if event.restarted or not claimants or state.again_count % 2 == 0:
        return Broadcast(Ask(state.height))
    return Send(claimants[state.again_count // 2 % len(claimants)], Ask(state.height))


def _own_proposal(state: State, number: int) -> Iterator[Effect]:
    """Our proposal of this round, with the quorum that vouches for it (T16)."""
    own = state.own.get(number)
    if own is None:
        return
    yield Broadcast(replace(own, value=state.values[own.value_id]))
    if own.valid_round >= 0:
        yield Broadcast(Known((), polka(state, own.valid_round)))


def _is_owed(state: State) -> bool:
    """Whether others may not know of our valid value, and the round it is from fails or is over."""
    failing = state.round > state.valid_round or state.round_due_ns > 0
    return state.valid_round >= 0 and failing


def _lock(state: State) -> Known:
    proposal = signed_proposal(state, state.valid_id)
    return Known((proposal,) if proposal else (), polka(state, state.valid_round))


def _accusations(state: State) -> Iterator[Effect]:
    open_ = charge(state.height, 0, b"")
    proofs = [proof for key, proof in sorted(state.convicted.items()) if key >= open_]
    if proofs:
        proposals = tuple(chain.from_iterable(proof.proposals for proof in proofs))
        yield Broadcast(
            Known(proposals, tuple(chain.from_iterable(proof.votes for proof in proofs)))
        )


def _proof(state: State, event: EquivocationSeen) -> Known:
    first = event.first
    kind = first.kind if isinstance(first, Vote) else PROPOSE
    return state.convicted[charge(cast("Vote | Proposal", first).height, kind, event.culprit)]


def _proposed(state: State, number: int) -> tuple[Proposal, ...]:
    """The proposal of our round, for who is in it and may have missed it."""
    proposal = round_of(state, number).proposal if number == state.round else None
    if proposal is None or proposal.value_id not in state.values:
        return ()
    return (replace(proposal, value=state.values[proposal.value_id]),)


def _votes_since(state: State, number: int) -> Iterator[Vote]:
    """The votes of a round, and those that brought us to ours (T16)."""
    for other, at in sorted(state.rounds.items()):
        if other == number or other >= state.round - 1:
            yield from _votes(at)


def _votes(at: Round) -> tuple[Vote, ...]:
    """All votes heard of a round, by kind and voter."""
    heard = [*sorted(at.prevotes.by_voter.items()), *sorted(at.precommits.by_voter.items())]
    return cast("tuple[Vote, ...]", tuple([vote for _, vote in heard]))


def _comparison(state: State, me: bytes, event: Decided) -> Iterator[Effect]:
    """What differs from the decision in its round, for one other validator to compare.

    Most of the time there is nothing. Of two that were told different things one at least has
    something to show, since not both can be for what was decided.
    """
    at, value_id = round_of(state, event.certificate.round), event.certificate.value_id
    said = (at.prevotes.by_value, at.precommits.by_value)
    proposal = at.proposal if at.proposal and at.proposal.value_id != value_id else None
    if proposal is None and all(len(ids) == (value_id in ids) for ids in said):
        return
    votes = tuple([vote for vote in _votes(at) if vote.value_id != value_id])
    ids = [validator.id for validator in state.validators]
    if me not in state.weights or len(ids) < 2:
        return
    others = [other for other in ids if other != me]
    other = others[(ids.index(me) + state.height) % len(others)]
    yield Send(other, Known((bare(proposal),) if proposal else (), votes))
