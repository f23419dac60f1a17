"""Stories that are put together out of single entries."""

from typing import Any

from meshkit.audit.places import Place
from meshkit.audit.teller import OPEN_HEIGHTS_MAX, Teller
from meshkit.consensus.tendermint.messages import PREVOTE, Known, Proposal, Vote
from meshkit.core.composite import At
from meshkit.core.history import Count, Tallied
from meshkit.core.machine import Entry, Heard, Moment, Wake
from meshkit.core.value import Value
from meshkit.ledger.messages import BlockApplied, Credit, RoundCommitted, RoundOpened
from meshkit.rounds import messages as rounds
from meshkit.wire.envelope import sign_statements
from tests.audit.test_letters import ANN, BEN, CEM, MESH, letter
from tests.audit.test_silence import OPENED

TASK, OTHER, ONE = b"t" * 32, b"o" * 32, b"1" * 32


def entry(*events: tuple[str, Value], now_ns: int = 1, envelope: bytes = b"") -> Entry:
    command: Any = At("", Wake())
    if envelope:
        command = At("consensus", Heard(ANN.key, Known((), ())))
    return Entry(Moment(now_ns, 1), command, tuple(At(*one) for one in events), envelope)


def opened(number: int, height: int, task: bytes = TASK) -> Entry:
    applied = BlockApplied(height, ONE, ANN.key, ONE, ONE)
    return entry(("ledger", RoundOpened(task, number, ONE, ONE)), ("ledger", applied))


def teller(*held: tuple[bytes, Entry]) -> Teller:
    found = Teller(TASK, MESH)
    for index, (node, one) in enumerate(held, start=1):
        found.take(node, index, one)
    return found


def test_a_round_that_has_not_ended() -> None:
    [chapter] = teller((ANN.key, opened(0, 3))).chapters(None)
    assert (chapter.round, chapter.opened_height, chapter.committed_height) == (0, 3, 0)
    assert chapter.opened is None
    assert not chapter.parts
    assert not chapter.silences
    assert OPEN_HEIGHTS_MAX > 1


def test_other_tasks_are_other_stories() -> None:
    done = RoundCommitted(OTHER, 0, ONE, ())
    story = teller((ANN.key, opened(0, 3, OTHER)), (ANN.key, entry(("ledger", done))))
    assert list(story.chapters(None)) == []
    assert list(teller((ANN.key, opened(0, 3))).chapters(4)) == []


def signed(statement: Any) -> Any:
    return sign_statements(statement, ANN, MESH)


def contradicting(first: Any, second: Any) -> Teller:
    """Two statements of Ann's that no single journal has both of."""
    held = [letter(first), letter(second, entry=4, sequence=10)]
    return teller(
        (BEN.key, opened(0, 3)),
        *(
            (node, entry(envelope=data))
            for node, data in zip((BEN.key, CEM.key), held, strict=True)
        ),
    )


def crimes(story: Teller) -> list[tuple[bytes, str, bool]]:
    [chapter] = story.chapters(None)
    return [(proof.culprit, proof.crime, proof.signed) for proof in chapter.evidence]


def test_what_two_journals_show_together() -> None:
    votes = [signed(Vote(PREVOTE, 4, 0, id_ * 32, ANN.key)) for id_ in (b"v", b"w")]
    assert crimes(contradicting(*votes)) == [(ANN.key, "double-vote", True)]
    proposals = [signed(Proposal(4, 0, -1, id_ * 32, ANN.key)) for id_ in (b"v", b"w")]
    assert crimes(contradicting(*proposals)) == [(ANN.key, "double-proposal", True)]
    updates = [signed(rounds.Update(ANN.key, TASK, 0, ONE, 1, n, -1, -1)) for n in (1, 2)]
    assert crimes(contradicting(*updates)) == [(ANN.key, "two-updates", True)]
    lists = [signed(rounds.Held(ANN.key, TASK, 0, each)) for each in ((), (updates[0],))]
    assert crimes(contradicting(*lists)) == [(ANN.key, "two-lists", True)]
    said = [signed(rounds.Attestation(ANN.key, TASK, 0, ONE, id_ * 32)) for id_ in (b"v", b"w")]
    assert crimes(contradicting(*said)) == [(ANN.key, "two-attestations", True)]


def test_what_was_done_in_another_task_or_at_another_time() -> None:
    updates = [signed(rounds.Update(ANN.key, OTHER, 0, ONE, 1, n, -1, -1)) for n in (1, 2)]
    assert crimes(contradicting(*updates)) == []
    votes = [signed(Vote(PREVOTE, 900, 0, id_ * 32, ANN.key)) for id_ in (b"v", b"w")]
    assert crimes(contradicting(*votes)) == []


def test_letters_that_contradict_without_any_statement() -> None:
    held = [letter(Known((), ())), letter(Known((), ()), hash_=b"x" * 32)]
    story = teller((BEN.key, opened(0, 3)), *((BEN.key, entry(envelope=one)) for one in held))
    assert crimes(story) == []


def test_whose_update_counts_has_not_kept_it_back() -> None:
    """Though the one journal at hand never saw it: its node was told of the decision alone."""
    begun = entry(("rounds", rounds.RoundOpened(OPENED, 1)))
    credit = Credit(OPENED.trainers[0], ONE, 3)
    done = entry(("ledger", RoundCommitted(TASK, 0, ONE, (credit,))))
    [chapter] = teller(*((ANN.key, one) for one in (opened(0, 3), begun, done))).chapters(None)
    late = [one.who for one in chapter.silences if one.kind == "no-update"]
    assert late == list(OPENED.trainers[1:])
    assert all(one.places == (Place(ANN.key, 3, 1),) for one in chapter.silences)


def test_how_much_was_refused_by_the_end_of_each_round() -> None:
    done = [entry(("ledger", RoundCommitted(TASK, number, ONE, ()))) for number in range(2)]
    told = [entry(("history", Tallied(CEM.key, (Count("malformed", n),)))) for n in (100, 200, 400)]
    story = teller(
        *((BEN.key, one) for one in (opened(0, 3), told[0], told[1], done[0])),
        *((BEN.key, one) for one in (opened(1, 4), done[1], told[2])),
        (ANN.key, told[0]),
    )
    first, second = (chapter.refusals for chapter in story.chapters(None))
    assert first == second
    assert {(one.who, one.place.node, one.counts[0].number) for one in first} == {
        (CEM.key, ANN.key, 100),
        (CEM.key, BEN.key, 200),
    }


def test_an_envelope_that_cannot_be_opened_causes_nothing_known() -> None:
    story = teller((BEN.key, opened(0, 3)), (BEN.key, entry(envelope=b"\x01 no envelope")))
    assert len(list(story.chapters(None))) == 1
