"""What PBFT's events and statements are, in the words that all engines share."""

from functools import partial

from meshkit.consensus.account import (
    PROPOSAL,
    VOTE,
    Deed,
    HeightOpened,
    Said,
    TurnBegun,
    ValueFound,
)
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    CommitHeard,
    HeightBegun,
    Prepare,
    PrepareHeard,
    PrePrepare,
    PrePrepareHeard,
    ValueJudged,
    ViewEntered,
)
from meshkit.consensus.pbft.views import primary
from meshkit.core.value import Statement, Value


def said(statement: Statement) -> Said | None:
    """A statement of this engine's that is about one height; None of any other."""
    match statement:
        case Prepare(view, height, value_id, voter):
            return Said(statement, VOTE, "Prepare", "prepares", height, view, voter, value_id)
        case Commit(view, height, value_id, voter):
            return Said(statement, VOTE, "Commit", "commits", height, view, voter, value_id)
        case Checkpoint(height, digest, voter):
            return Said(statement, VOTE, "Checkpoint", "checkpoints", height, 0, voter, digest)
        case PrePrepare(view, height, value_id, proposer):
            deed = "pre-prepares"
            return Said(statement, PROPOSAL, "PrePrepare", deed, height, view, proposer, value_id)
        case _:
            return None


def deed(event: Value) -> Deed | None:
    """What an event of this engine's tells; None if nothing that others ask for."""
    match event:
        case PrepareHeard(prepare):
            return said(prepare)
        case CommitHeard(commit):
            return said(commit)
        case PrePrepareHeard(pre_prepare):
            return said(pre_prepare)
        case ViewEntered(new_view):
            return TurnBegun(None, new_view.view, "view")
        case HeightBegun(height, voters, since):
            return HeightOpened(height, voters, partial(primary, voters, since))
        case ValueJudged(height, value_id, valid):
            return ValueFound(height, value_id, valid)
        case _:
            return None
