"""Rare states: what a campaign must have reached, or it has tested little.

FoundationDB and TigerBeetle call them "sometimes" assertions: a line of code that is covered says
nothing about whether the trouble it was written for ever came up. Most rare states have an event of
their own and are counted by its name; here are those that only show in how things come together.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meshkit.consensus.messages import NIL, Committed, Decided
from meshkit.consensus.tendermint.messages import (
    PREVOTE,
    ProposalHeard,
    Proposed,
    RoundStarted,
    ValueJudged,
    VoteCast,
)
from meshkit.core.machine import Entry, Heard
from meshkit.ledger.messages import MemberAdmitted, MemberRemoved
from meshkit.rounds.messages import CandidateChosen, Judged, RoundReopened

if TYPE_CHECKING:
    from meshkit.sim.process import Process

SKIPPED = "a round entered because others are in it"
REPROPOSED = "a value proposed again with its quorum"
NIL_VOTE = "a vote for nothing"
LOCKED = "a vote for nothing, since another block was locked"
BAD_BLOCK = "a block refused"
CAUGHT_UP = "a decision by somebody's certificate"
LATER = "a decision in a later round"
MUCH_LATER = "a decision in the fourth round or later"
STANDBY = "a standby that collects"
PROPOSED_FIRST = "a result judged in a proposal first"
REMOVAL = "a removal amid a round"
JOIN = "a join amid a round"

RARE = (
    SKIPPED, REPROPOSED, NIL_VOTE, LOCKED, BAD_BLOCK, CAUGHT_UP, LATER, MUCH_LATER, STANDBY,
    PROPOSED_FIRST, REMOVAL, JOIN,
)  # fmt: skip
ROUNDS_MANY = 3


def rare(process: "Process", entry: Entry) -> Iterator[str]:
    """The names of the rare states that an entry of an honest member shows."""
    heard = isinstance(entry.command.body, Heard)
    certified = heard and isinstance(entry.command.body.message, Committed)
    reopened = any(isinstance(event.body, RoundReopened) for event in entry.events)
    for event in entry.events:
        match event.body:
            case RoundStarted(round=number) if heard and number > 0:
                yield SKIPPED
            case Proposed(valid_round=vouched) if vouched >= 0:
                yield REPROPOSED
            case VoteCast(kind=kind, value_id=value_id) if value_id == NIL:
                yield NIL_VOTE
                if kind == PREVOTE and _is_locked(process, entry, event.body):
                    yield LOCKED
            case ValueJudged(valid=False):
                yield BAD_BLOCK
            case Decided(certificate):
                yield from _decision(certificate.round, certified)
            case CandidateChosen(task) if _rank(process, task) > 0:
                yield STANDBY
            case Judged(pooled=False):
                yield PROPOSED_FIRST
            case MemberRemoved() if reopened:
                yield REMOVAL
            case MemberAdmitted() if reopened:
                yield JOIN
            case _:
                pass


def _decision(number: int, certified: bool) -> Iterator[str]:
    if certified:
        yield CAUGHT_UP
    if number > 0:
        yield LATER
    if number >= ROUNDS_MANY:
        yield MUCH_LATER


def _is_locked(process: "Process", entry: Entry, vote: VoteCast) -> bool:
    """Did a good proposal meet a lock on something else, newer than what vouches for it?

    The state is that of before this tick or after it, so what this entry tells is looked at first.
    """
    state = process.shell.state["consensus"]
    if state.height != vote.height:
        return False
    at = state.rounds.get(vote.round)
    proposal = at.proposal if at else None
    judged = dict(state.judged)
    for event in entry.events:
        match event.body:
            case ProposalHeard(heard) if heard.round == vote.round:
                proposal = heard
            case ValueJudged(value_id=value_id, valid=valid):
                judged[value_id] = valid
            case _:
                pass
    if proposal is None or not judged.get(proposal.value_id):
        return False
    elsewhere: bool = state.locked_id != proposal.value_id
    return elsewhere and state.locked_round > proposal.valid_round


def _rank(process: "Process", task: bytes) -> int:
    """Its place among those who may collect, as of before this tick or after it."""
    round_ = process.shell.state["rounds"].rounds.get(task)
    return -1 if round_ is None else round_.rank
