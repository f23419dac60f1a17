"""What events and statements are in words that all engines share: each vote, each proposal."""

from meshkit.consensus.absence import whose_turn
from meshkit.consensus.account import HeightOpened, Said, TurnBegun, ValueFound
from meshkit.consensus.messages import Ask, ProposalWanted
from meshkit.consensus.tendermint.account import deed, said
from meshkit.consensus.tendermint.messages import (
    HeightBegun,
    ProposalHeard,
    RoundStarted,
    ValueJudged,
    VoteHeard,
)
from meshkit.consensus.tendermint.state import bare
from tests.consensus.tendermint.network import equals, name
from tests.consensus.tendermint.playbook import V, precommit, prevote, proposal, v


def test_statements() -> None:
    first, second, third = prevote(2, v, 1), precommit(0, v, 3), bare(proposal(1, V))
    assert said(first) == Said(first, "vote", "Prevote", "prevotes", 1, 2, name(1), v)
    assert said(second) == Said(second, "vote", "Precommit", "precommits", 1, 0, name(3), v)
    assert said(third) == Said(third, "proposal", "Proposal", "proposes", 1, 1, third.proposer, v)
    assert (deed(VoteHeard(first)), deed(ProposalHeard(third))) == (said(first), said(third))


def test_events() -> None:
    assert deed(RoundStarted(4, 2, 1, 1)) == TurnBegun(4, 2, "round")
    assert deed(ValueJudged(4, v, False)) == ValueFound(4, v, False)
    assert deed(ProposalWanted(4, 2)) is None
    opened = deed(HeightBegun(4, equals(4), 1, b"", equals(4)[:3]))
    assert isinstance(opened, HeightOpened)
    assert (opened.height, opened.voters) == (4, equals(4))
    turns = [whose_turn(equals(4), equals(4)[:3], 4, number) for number in range(6)]
    assert [opened.proposer(number) for number in range(6)] == turns
    everybody = deed(HeightBegun(4, equals(4), 1))
    assert isinstance(everybody, HeightOpened)
    assert {everybody.proposer(number) for number in range(4)} == {name(n) for n in range(4)}


def test_what_is_no_statement_of_this_engine() -> None:
    assert deed(Ask(1)) is None
