"""The paper's rules: what a node does next, given all that it knows.

`next_event` is asked again after every event until it has nothing more to say, so no rule depends
on the order in which messages came (T2). Each rule stands beside its line in "The latest gossip on
BFT consensus" (Buchman, Kwon, Milosevic 2018, algorithm 1), and is a few comparisons: the state
keeps at hand what they compare.

Where we go beyond the paper:

* Line 36 asks for the value, not for the proposal of that very round: a quorum prevoted the value,
  so honest validators had the proposal.
* Line 42 holds for the quorum of an earlier round too, if it comes late. Whatever a quorum
  prevoted in any round may be proposed again with that round; the more recent, the better.
* Line 49 does not ask for our own judgement: a quorum holds honest validators who judged.
"""

from meshkit.consensus.messages import NIL, Decided, ProposalWanted
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Event,
    Proposed,
    RoundStarted,
    TimerStarted,
    ValidFound,
    ValueMissed,
    VoteCast,
)
from meshkit.consensus.tendermint.state import (
    EMPTY,
    MS_NS,
    PROPOSE,
    Round,
    State,
    certificate,
    chosen_id,
    polka_id,
    round_of,
    slot,
)
from meshkit.core.value import Value


class Timeouts(Value):
    """How long each step of round r waits: its base and r times the step."""

    propose_ms: int = 1_000  # as the ledger's policy has it, whose defaults these are
    vote_ms: int = 500
    step_ms: int = 500

    def propose_ns(self, round_: int) -> int:
        return (self.propose_ms + self.step_ms * round_) * MS_NS

    def vote_ns(self, round_: int) -> int:
        return (self.vote_ms + self.step_ms * round_) * MS_NS


def next_event(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> Event | None:
    """What follows from the state by itself; None when every rule has been obeyed."""
    if state.decided:
        return None
    if state.chosen_round >= 0 and (event := _decide(state)):
        return event
    if state.skip_to > state.round:  # line 55
        return start(state, state.skip_to, me, timeouts, now_ns)
    if state.round < 0 or me not in state.weights:
        return None
    at = state.rounds.get(state.round, EMPTY)
    return (
        (_update_valid(state, now_ns) if state.polka_round > state.valid_round else None)
        or (_propose(state, me) if state.step == PROPOSE else None)
        or (_prevote(state, at, now_ns) if state.step == PROPOSE else None)
        or (_precommit(state, at, timeouts, now_ns) if state.step == PREVOTE else None)
        or (_end(state, at, timeouts, now_ns) if at.precommits.weight >= state.quorum else None)
    )


def start(state: State, number: int, me: bytes, timeouts: Timeouts, now_ns: int) -> RoundStarted:
    """Lines 11-21. Who does not vote waits for nothing, and only follows the rounds."""
    due_ns = now_ns + timeouts.propose_ns(number) if me in state.weights else 0
    return RoundStarted(state.height, number, now_ns, due_ns)


def cast(state: State, kind: int, value_id: bytes, now_ns: int) -> VoteCast:
    """A vote of ours. What is journaled is the guard: nothing is ever cast twice (T11)."""
    assert slot(state.round, kind) not in state.cast, "a vote is cast once"
    return VoteCast(state.height, state.round, kind, value_id, now_ns)


def _decide(state: State) -> Event | None:
    """Lines 49-54, for any round, also a past or a later one (T5)."""
    value_id = chosen_id(state)
    assert value_id, "chosen_round is set where a quorum precommitted a value"
    if value_id in state.values:
        return Decided(certificate(state), state.values[value_id])
    return _miss(state, value_id)


def _miss(state: State, value_id: bytes) -> Event | None:
    return None if value_id in state.missed else ValueMissed(state.height, value_id)


def _update_valid(state: State, now_ns: int) -> Event | None:
    """Lines 36-43: lock and precommit in step prevote, later only remember the valid value."""
    number, value_id = state.polka_round, polka_id(state)
    assert value_id, "polka_round is set where a quorum prevoted a value"
    if number > state.round:
        return None
    if value_id not in state.values:
        waiting = number == state.round and state.step == PROPOSE  # it may just be under way
        return None if waiting else _miss(state, value_id)
    if not state.judged.get(value_id, False):
        return None
    if number < state.round or state.step == PRECOMMIT:
        return ValidFound(state.height, number, value_id)
    return cast(state, PRECOMMIT, value_id, now_ns) if state.step == PREVOTE else None


def _propose(state: State, me: bytes) -> Event | None:
    """Lines 14-19: the valid value again (not the locked one), or a new one, when we have it."""
    if state.proposer != me or state.round in state.own:
        return None
    if state.valid_round >= 0:
        return Proposed(state.height, state.round, state.valid_round, state.valid_id)
    return None if state.asked else ProposalWanted(state.height, state.round)


def _prevote(state: State, at: Round, now_ns: int) -> Event | None:
    """Lines 22-27 and 28-33: for what is valid and no lock forbids, else for nothing."""
    proposal = at.proposal
    if proposal is None or proposal.value_id not in state.judged:
        return None
    value_id, vouched = proposal.value_id, proposal.valid_round
    if vouched >= 0 and round_of(state, vouched).prevotes.quorum_for != value_id:
        return None
    free = state.locked_round <= vouched or state.locked_id == value_id
    good = state.judged[value_id] and free
    return cast(state, PREVOTE, value_id if good else NIL, now_ns)


def _precommit(state: State, at: Round, timeouts: Timeouts, now_ns: int) -> Event | None:
    """Lines 44-46: nil at once; lines 34-35: enough votes but not alike, so wait, once a round."""
    if at.prevotes.quorum_for == NIL:
        return cast(state, PRECOMMIT, NIL, now_ns)
    if at.prevotes.weight >= state.quorum and not state.step_due_ns:
        due_ns = now_ns + timeouts.vote_ns(state.round)
        return TimerStarted(state.height, state.round, PREVOTE, due_ns)
    return None


def _end(state: State, at: Round, timeouts: Timeouts, now_ns: int) -> Event | None:
    """Lines 47-48: enough precommits but no decision, so wait, once a round, whatever the step."""
    if state.round_due_ns:
        return None
    due_ns = now_ns + timeouts.vote_ns(state.round)
    return TimerStarted(state.height, state.round, PRECOMMIT, due_ns)
