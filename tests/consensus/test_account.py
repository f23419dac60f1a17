"""The words that all engines share: of each engine's own statements one knows what they say."""

from meshkit.consensus.account import PROPOSAL, VOTE
from meshkit.consensus.engines import ENGINES, deed_of, said_by
from meshkit.consensus.messages import Ask, EquivocationSeen
from meshkit.consensus.pbft.messages import Prepare, PrePrepare
from meshkit.consensus.tendermint.messages import PREVOTE, Proposal, Vote
from meshkit.ledger.messages import Note

WHO, VALUE = b"w" * 32, b"v" * 32


def test_whose_statement_it_is_need_not_be_known() -> None:
    votes = (Vote(PREVOTE, 5, 1, VALUE, WHO), Prepare(1, 5, VALUE, WHO))
    offers = (Proposal(5, 1, -1, VALUE, WHO), PrePrepare(1, 5, VALUE, WHO))
    for kind, statements in ((VOTE, votes), (PROPOSAL, offers)):
        for statement in statements:
            said = said_by(statement)
            assert said is not None
            assert (said.kind, said.height, said.turn) == (kind, 5, 1)
            assert (said.signer, said.value_id) == (WHO, VALUE)
    assert said_by(Note(WHO, 1, b"")) is None


def test_what_all_engines_tell_alike_is_no_deed_of_one() -> None:
    note = Note(WHO, 1, b"")
    for event in (Ask(1), EquivocationSeen(WHO, note, note)):
        assert deed_of(event) is None
    assert len(ENGINES) > 1
