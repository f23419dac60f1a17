"""What events and statements are in words that all engines share."""

from meshkit.consensus.account import HeightOpened, Said, TurnBegun, ValueFound
from meshkit.consensus.messages import Ask, Validator
from meshkit.consensus.pbft.account import deed, said
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    CommitHeard,
    HeightBegun,
    NewView,
    Prepare,
    PrepareHeard,
    PrePrepare,
    PrePrepareHeard,
    ValueJudged,
    ViewChange,
    ViewEntered,
)

WHO, VALUE = b"w" * 32, b"v" * 32
FOUR = tuple(Validator(bytes([number]) * 32, 1) for number in range(4))


def test_statements() -> None:
    prepare, commit = Prepare(2, 7, VALUE, WHO), Commit(2, 7, VALUE, WHO)
    offer, checkpoint = PrePrepare(2, 7, VALUE, WHO), Checkpoint(8, VALUE, WHO)
    assert said(prepare) == Said(prepare, "vote", "Prepare", "prepares", 7, 2, WHO, VALUE)
    assert said(commit) == Said(commit, "vote", "Commit", "commits", 7, 2, WHO, VALUE)
    assert said(checkpoint) == Said(
        checkpoint, "vote", "Checkpoint", "checkpoints", 8, 0, WHO, VALUE
    )
    told = Said(offer, "proposal", "PrePrepare", "pre-prepares", 7, 2, WHO, VALUE)
    assert said(offer) == told
    assert said(ViewChange(1, 2, 0, (), (), WHO)) is None
    assert deed(PrepareHeard(prepare)) == said(prepare)
    assert deed(CommitHeard(commit)) == said(commit)
    assert deed(PrePrepareHeard(offer, 1)) == told


def test_events() -> None:
    assert deed(ViewEntered(NewView(1, 3, (), (), (), WHO), 1)) == TurnBegun(None, 3, "view")
    assert deed(ValueJudged(7, VALUE, True)) == ValueFound(7, VALUE, True)
    assert deed(Ask(1)) is None
    opened = deed(HeightBegun(7, FOUR, 3, 4, 1))
    assert isinstance(opened, HeightOpened)
    assert [opened.proposer(view) for view in range(3)] == [FOUR[n].id for n in (2, 3, 0)]
