"""What single events say, where no whole story is needed for it."""

import pytest

from meshkit.audit.facts import Fact, facts_of
from meshkit.consensus.messages import EquivocationSeen, ProposalTaken
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Proposal,
    RoundStarted,
    Vote,
    VoteHeard,
)
from meshkit.core.history import HeadShown
from meshkit.core.value import Value
from meshkit.ledger import messages as ledger
from meshkit.rounds import messages as rounds

NODE, WHO, TASK = b"n" * 32, b"w" * 32, b"t" * 32
ONE, TWO = b"1" * 32, b"2" * 32
HELD = rounds.Held(WHO, TASK, 3, ())
ATTESTED = rounds.Attestation(WHO, TASK, 3, ONE, TWO)


def update(blob: bytes = ONE, samples: int = 1) -> rounds.Update:
    return rounds.Update(WHO, TASK, 3, blob, 1, samples, -1, -1)


def facts(event: Value, task: bytes = TASK) -> list[Fact]:
    return list(facts_of(NODE, task, event))


@pytest.mark.parametrize(
    ("event", "crime"),
    [
        (rounds.UpdateRefused(update(), rounds.OVER_CAP), rounds.OVER_CAP),
        (rounds.UpdateConflict(update(), update(TWO)), rounds.TWO_UPDATES),
        (rounds.HeldRefused(HELD, "is not in order"), "improper-list"),
        (rounds.HeldConflict(HELD, HELD), "two-lists"),
        (rounds.AttestationConflict(ATTESTED, ATTESTED), "two-attestations"),
        (
            rounds.ResultRefused(
                rounds.Result(WHO, TASK, 3, ONE, TWO, (), rounds.Proof((), (ATTESTED,))), "lies"
            ),
            "wrong-result",
        ),
    ],
)
def test_events_that_convict_somebody_in_a_round(event: Value, crime: str) -> None:
    [fact] = facts(event)
    assert (fact.scope, fact.kind, fact.who, fact.crime) == (("round", 3), "evidence", WHO, crime)
    assert fact.proof
    assert facts(event, b"o" * 32) == []


@pytest.mark.parametrize(
    ("first", "crime", "words"),
    [
        (Vote(PREVOTE, 5, 1, ONE, WHO), "double-vote", "two prevotes in round 1 of height 5"),
        (Vote(PRECOMMIT, 5, 1, ONE, WHO), "double-vote", "two precommits"),
        (Proposal(5, 1, -1, ONE, WHO), "double-proposal", "two proposals"),
    ],
)
def test_events_that_convict_somebody_at_a_height(
    first: Vote | Proposal, crime: str, words: str
) -> None:
    [fact] = facts(EquivocationSeen(WHO, first, first))
    assert (fact.scope, fact.who, fact.crime) == (("height", 5), WHO, crime)
    assert words in fact.what


def test_votes_proposals_and_rounds_of_a_height() -> None:
    [vote] = facts(VoteHeard(Vote(PREVOTE, 5, 1, b"", WHO)))
    assert (vote.who, vote.what) == (WHO, "prevotes nil in round 1")
    [proposal] = facts(ProposalTaken(5, 1, ONE, WHO, HELD))
    assert (proposal.who, proposal.what) == (WHO, f"proposes {ONE.hex()[:16]}, 0 items, in round 1")
    assert facts(RoundStarted(5, 0, 1, 1)) == []
    [later] = facts(RoundStarted(5, 1, 1, 1))
    assert (later.who, later.kind) == (NODE, "next-round")


def test_what_became_of_training() -> None:
    [trained] = facts(rounds.UpdateFormed(update(samples=2), 1))
    assert trained.what.startswith("has trained on 2 samples")
    [lost] = facts(rounds.TrainingLost(TASK, 3, "no data"))
    assert (lost.who, lost.what) == (NODE, "did not train: no data")


def test_verdicts() -> None:
    judged = rounds.Judged(ONE, TASK, 3, WHO, True, False, "makes another model")
    [fact] = facts(judged)
    assert fact.what.endswith("wrong: it makes another model")


def test_a_round_that_counted_nothing() -> None:
    [fact] = facts(ledger.RoundCommitted(TASK, 3, ONE, ()))
    assert fact.what.endswith("of nothing")


@pytest.mark.parametrize(
    "event",
    [
        ledger.TaskFinished(TASK, ONE),
        rounds.ModelHeld(TASK, ONE),
        rounds.CaseOpened(
            rounds.Case(
                rounds.Judge(
                    ONE, rounds.Result(WHO, TASK, 3, ONE, TWO, (), rounds.Proof((), ())), True
                ),
                (),
                ONE,
            )
        ),
        HeadShown(),
        ledger.SerialUsed(WHO, 1),
    ],
)
def test_what_is_no_part_of_a_story(event: Value) -> None:
    assert facts(event) == []
