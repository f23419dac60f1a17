"""What Tendermint's events and statements are, in the words that all engines share."""

from functools import partial

from meshkit.consensus.absence import whose_turn
from meshkit.consensus.account import (
    PROPOSAL,
    VOTE,
    Deed,
    HeightOpened,
    Said,
    TurnBegun,
    ValueFound,
)
from meshkit.consensus.tendermint.messages import (
    PREVOTE,
    HeightBegun,
    Proposal,
    ProposalHeard,
    RoundStarted,
    ValueJudged,
    Vote,
    VoteHeard,
)
from meshkit.core.value import Statement, Value


def said(statement: Statement) -> Said | None:
    """A statement of this engine's; None of any other."""
    match statement:
        case Vote(kind, height, number, value_id, voter):
            name, deed = ("Prevote", "prevotes") if kind == PREVOTE else ("Precommit", "precommits")
            return Said(statement, VOTE, name, deed, height, number, voter, value_id)
        case Proposal(height, number, _, value_id, proposer):
            name, deed = "Proposal", "proposes"
            return Said(statement, PROPOSAL, name, deed, height, number, proposer, value_id)
        case _:
            return None


def deed(event: Value) -> Deed | None:
    """What an event of this engine's tells; None if nothing that others ask for."""
    match event:
        case VoteHeard(vote):
            return said(vote)
        case ProposalHeard(proposal):
            return said(proposal)
        case RoundStarted(height, number):
            return TurnBegun(height, number, "round")
        case HeightBegun(height, voters, _, _, turns):
            return HeightOpened(
                height, voters, partial(whose_turn, voters, turns or voters, height)
            )
        case ValueJudged(height, value_id, valid):
            return ValueFound(height, value_id, valid)
        case _:
            return None
