"""The statements of Tendermint, the messages they travel in, and the events of its machine.

Two kinds of statement are signed: proposals and votes. They may reach a node by any hand, alone or
in a bundle (`Known`); only their own signatures count. What every engine shares (commands, the
events for the ledger, `Ask` and `Committed`) is in `meshkit.consensus.messages`.
"""

from typing import ClassVar, TypeAlias

from meshkit.consensus.messages import (
    Begin,
    Decided,
    EquivocationSeen,
    Judge,
    Open,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Serve,
    Validator,
)
from meshkit.core.machine import Broadcast, Heard, Restarted, Send, Wake
from meshkit.core.value import Statement, Value

PREVOTE = 1  # the paper's two kinds of vote; their numbers are ours, and signed
PRECOMMIT = 2  # likewise


# -- statements -----------------------------------------------------------------------------------


class Vote(Statement):
    """A prevote or precommit for `value_id`, or for nothing (`NIL`)."""

    DOMAIN: ClassVar[str] = "meshkit/tendermint/vote/1"
    SIGNER: ClassVar[str] = "voter"

    kind: int
    height: int
    round: int
    value_id: bytes
    voter: bytes
    signature: bytes = b""


class Proposal(Statement):
    """A value for one round; `valid_round` is -1, or the round whose prevotes vouch for it.

    The signature covers the value through `value_id`, so evidence stays small.
    """

    DOMAIN: ClassVar[str] = "meshkit/tendermint/proposal/1"
    SIGNER: ClassVar[str] = "proposer"
    UNSIGNED: ClassVar[tuple[str, ...]] = ("value", "signature")

    height: int
    round: int
    valid_round: int
    value_id: bytes
    proposer: bytes
    value: Value | None = None
    signature: bytes = b""


# -- messages -------------------------------------------------------------------------------------


class Known(Value):
    """Statements of one height that the receiver may lack, or that convict one of their signers.

    More than two thirds of the weight voting alike are believed together, even where single votes
    contradict what a voter told the receiver before.
    """

    proposals: tuple[Proposal, ...]
    votes: tuple[Vote, ...]


class WantValue(Value):
    """A quorum voted for a value that never reached me: who has it?"""

    height: int
    value_id: bytes


# -- events: those that only the machine itself reads ---------------------------------------------


class HeightBegun(Value):
    """These validators decide this height; `turns` are those who are given turns to propose."""

    height: int
    validators: tuple[Validator, ...]  # sorted by id
    now_ns: int
    builder: bytes = b""  # of the value of the height before
    turns: tuple[Validator, ...] = ()  # sorted by id; empty: all


class RoundStarted(Value):
    """Line 11. `due_ns` is when waiting for a proposal ends; 0 for those who do not vote."""

    height: int
    round: int
    now_ns: int
    due_ns: int


class ProposalHeard(Value):
    """The first proposal of its round; the value is in the `ProposalTaken` that goes before."""

    proposal: Proposal  # without its value


class VoteHeard(Value):
    """The first vote of its voter, round and kind."""

    vote: Vote


class QuorumShown(Value):
    """A bundle of votes is a quorum by itself, whatever its voters told us."""

    height: int
    round: int
    kind: int
    value_id: bytes
    votes: tuple[Vote, ...]


class ValueJudged(Value):
    """The node found a proposed value valid, or not."""

    height: int
    value_id: bytes
    valid: bool


class ValueMissed(Value):
    """A quorum voted for a value that we do not have."""

    height: int
    value_id: bytes


class Proposed(Value):
    """We propose. Once journaled, we never propose otherwise in this round."""

    height: int
    round: int
    valid_round: int
    value_id: bytes


class VoteCast(Value):
    """We vote. Once journaled, we never vote otherwise in this round and step."""

    height: int
    round: int
    kind: int
    value_id: bytes
    now_ns: int


class ValidFound(Value):
    """Line 42: a quorum prevoted this value in this round, so we may propose it again."""

    height: int
    round: int
    value_id: bytes


class TimerStarted(Value):
    """Lines 34 and 47: enough votes of this kind came, though not alike; wait until `due_ns`."""

    height: int
    round: int
    kind: int
    due_ns: int


class Repeated(Value):
    """Nothing moved for a while, or we were away: say again what the others may not have heard."""

    height: int
    now_ns: int
    restarted: bool


class PeerAhead(Value):
    """A peer speaks of a height above ours: we shall ask it."""

    sender: bytes
    height: int
    now_ns: int


class StatementKept(Value):
    """A peer is one height ahead: what it said waits until we are there."""

    sender: bytes
    statement: Vote | Proposal
    now_ns: int


class HeightAnswered(Value):
    """A peer is at a height that is decided: it is told how."""

    to: bytes
    height: int
    now_ns: int


class RoundAnswered(Value):
    """A peer is in a round that is over, or in ours and knows nothing of it: it is told what we
    know of that one and of later ones."""

    to: bytes
    height: int
    round: int
    now_ns: int


class ValueAnswered(Value):
    """A peer lacks a value that we have."""

    to: bytes
    height: int
    value_id: bytes
    now_ns: int


Command: TypeAlias = Begin | Open | Propose | Judge | Heard | Wake | Restarted

Event: TypeAlias = (
    VoteHeard
    | VoteCast
    | HeightBegun
    | RoundStarted
    | ProposalTaken
    | ProposalHeard
    | ProposalWanted
    | Proposed
    | ValueJudged
    | ValueMissed
    | ValidFound
    | TimerStarted
    | QuorumShown
    | Decided
    | EquivocationSeen
    | Repeated
    | PeerAhead
    | StatementKept
    | HeightAnswered
    | RoundAnswered
    | ValueAnswered
)

Effect: TypeAlias = Broadcast | Send | Serve
