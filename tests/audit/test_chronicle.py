"""What the mesh decided, against validators who all lie together: they can sign what they like."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest
from msgspec.structs import replace

from meshkit.audit.chronicle import Chronicle, Verified
from meshkit.audit.exhibits import Exhibit
from meshkit.audit.findings import Findings, Note
from meshkit.audit.folding import genesis_in
from meshkit.audit.shelves import Shelves
from meshkit.audit.trial import Decision, Deposition, Trial
from meshkit.consensus.messages import Certificate
from meshkit.consensus.tendermint.messages import PRECOMMIT, Vote
from meshkit.core.value import Statement, Value, digest
from meshkit.journal import Record
from meshkit.journal import audit as journals
from meshkit.ledger.messages import Block, Genesis, RoundResult
from meshkit.rounds.messages import Proof
from meshkit.wire.envelope import sign_statements
from tests.audit import forger
from tests.audit.world import identity_of, member

S = TypeVar("S", bound=Value)
LIE = b"l" * 32


class Heard(NamedTuple):
    """What one true journal says."""

    genesis: Genesis
    said: Deposition


@pytest.fixture
def shelves(peaceful: Path) -> Iterable[Shelves]:
    opened = Shelves()
    opened.add(Exhibit(peaceful / "node-0"))
    yield opened
    opened.close()


@pytest.fixture
def heard(peaceful: Path, shelves: Shelves) -> Heard:
    home = peaceful / "node-0"
    found: list[Record] = list(journals.entries(home / "journal.sqlite", forger.identity(home)))
    genesis = genesis_in(iter(found))
    assert genesis is not None
    trial = Trial(member(0).id, genesis, {}, shelves, Findings())
    for record in found:
        trial.take(record)
    return Heard(genesis, trial.end())


def walk(
    heard: Heard, shelves: Shelves, *more: Deposition, votes: Iterable[Vote] = ()
) -> tuple[Verified, list[tuple[int, str]], list[Note]]:
    findings, notes = Findings(), list[Note]()
    chronicle = Chronicle(
        heard.genesis, [heard.said, *more], shelves, lambda _: iter(votes), findings, notes
    )
    verified = chronicle.walk()
    return verified, [(one.entry, one.kind) for one in findings], notes


def signed_by_all(heard: Heard, statement: S) -> S:
    for number in range(4):
        statement = sign_statements(statement, identity_of(number), digest(heard.genesis))
    return statement


def certified(heard: Heard, height: int, value_id: bytes, voters: int = 4) -> Certificate:
    votes = [Vote(PRECOMMIT, height, 0, value_id, member(n).id) for n in range(voters)]
    signed = [signed_by_all(heard, vote) for vote in votes]
    by_voter = {vote.voter: vote for vote in signed}
    return Certificate(height, 0, value_id, tuple(by_voter[id_] for id_ in sorted(by_voter)))


def last_with(heard: Heard, kind: type[Statement]) -> int:
    """The last height whose block holds such an item."""
    return max(
        height
        for height, decision in heard.said.decisions.items()
        if any(isinstance(item, kind) for item in block_of(decision).items)
    )


def block_of(decision: Decision) -> Block:
    assert isinstance(decision.block, Block)
    return decision.block


def decide(heard: Heard, height: int, block: Block) -> int:
    """Let all have decided this block instead; the entry that says so."""
    old = heard.said.decisions[height]
    certificate = certified(heard, height, digest(block))
    heard.said.decisions[height] = old._replace(certificate=certificate, block=block)
    for above in [number for number in heard.said.decisions if number > height]:
        del heard.said.decisions[above]
    return old.entry


def test_what_is_true(heard: Heard, shelves: Shelves) -> None:
    heights = len(heard.said.decisions)
    verified, found, notes = walk(heard, shelves)
    assert verified == Verified(certificates=heights, aggregates=2, height=heights)
    assert found == []
    assert notes == []


def test_nothing_decided_yet(heard: Heard, shelves: Shelves) -> None:
    heard.said.decisions.clear()
    assert walk(heard, shelves) == (Verified(0, 0, 0), [], [])


def test_a_height_that_nobody_knows(heard: Heard, shelves: Shelves) -> None:
    del heard.said.decisions[3]
    verified, found, notes = walk(heard, shelves)
    assert (verified.height, found) == (2, [])
    assert "nothing at hand proves what was decided at height 3" in notes[0].what


# -- certificates ----------------------------------------------------------------------------------


def too_few(certificate: Certificate) -> Certificate:
    return replace(certificate, votes=certificate.votes[:2])


def nobody(certificate: Certificate) -> Certificate:
    return replace(certificate, votes=())


def other_block(certificate: Certificate) -> Certificate:
    return replace(certificate, value_id=LIE)


def unsigned(certificate: Certificate) -> Certificate:
    votes = [replace(vote, signature=b"s" * 64) for vote in certificate.votes]
    return replace(certificate, votes=tuple(votes))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (too_few, "not of more than two thirds"),
        (nobody, "not of more than two thirds"),
        (other_block, "not the one that was voted for"),
        (unsigned, "did not sign"),
    ],
)
def test_a_certificate_that_proves_nothing(
    heard: Heard, shelves: Shelves, change: Callable[[Certificate], Certificate], why: str
) -> None:
    old = heard.said.decisions[2]
    heard.said.decisions[2] = old._replace(certificate=change(old.certificate))
    findings, notes = Findings(), list[Note]()
    Chronicle(heard.genesis, [heard.said], shelves, lambda _: iter(()), findings, notes).walk()
    [one] = findings
    assert (one.entry, one.kind) == (old.entry, "certificate")
    assert why in one.what
    assert len(notes) == 1, "and there the walk ends"


def test_each_journal_may_have_a_certificate_of_its_own(heard: Heard, shelves: Shelves) -> None:
    other = Deposition(member(1).id)
    for height, decision in heard.said.decisions.items():
        certificate = certified(heard, height, decision.certificate.value_id, voters=3)
        other.decisions[height] = Decision(other.node, 7, certificate, decision.block)
    verified, found, _ = walk(heard, shelves, other)
    assert (verified.certificates, found) == (2 * verified.height, [])


@pytest.mark.parametrize("spoilt_first", [True, False])
def test_one_spoilt_block_says_nothing_of_others_with_the_same_certificate(
    heard: Heard, shelves: Shelves, spoilt_first: bool
) -> None:
    other, heights = Deposition(member(1).id), len(heard.said.decisions)
    for height, decision in heard.said.decisions.items():
        other.decisions[height] = decision._replace(node=other.node, entry=decision.entry + 1_000)
    spoilt = heard.said if spoilt_first else other
    decision = spoilt.decisions[2]
    block = replace(block_of(decision), previous=LIE)
    spoilt.decisions[2] = decision._replace(block=block)
    verified, found, notes = walk(heard, shelves, other)
    assert found == [(decision.entry, "certificate")]
    assert (verified.height, notes) == (heights, []), "the other journal proves it"


def test_two_blocks_at_one_height(heard: Heard, shelves: Shelves) -> None:
    height = 2
    decision = heard.said.decisions[height]
    other = Deposition(member(1).id)
    block = replace(block_of(decision), items=())
    certificate = certified(heard, height, digest(block))
    other.decisions[height] = Decision(other.node, 77, certificate, block)
    first = certified(heard, height, decision.certificate.value_id)
    heard.said.decisions[height] = decision._replace(certificate=first)
    findings = Findings()
    Chronicle(heard.genesis, [heard.said, other], shelves, lambda _: iter(()), findings, []).walk()
    [one] = findings
    assert (one.node, one.entry, one.kind) == (other.node, 77, "split")
    assert all(member(number).id.hex() in one.what for number in range(4)), "who voted for both"


# -- blocks ----------------------------------------------------------------------------------------


def test_a_block_that_the_rules_forbid(heard: Heard, shelves: Shelves) -> None:
    block = replace(block_of(heard.said.decisions[2]), previous=LIE)
    entry = decide(heard, 2, block)
    _, found, _ = walk(heard, shelves)
    assert found == [(entry, "rule")]


def test_an_item_that_nobody_signed(heard: Heard, shelves: Shelves) -> None:
    height = last_with(heard, RoundResult)
    block = block_of(heard.said.decisions[height])
    items = tuple(replace(item, signature=b"s" * 64) for item in block.items)
    entry = decide(heard, height, replace(block, items=items))
    _, found, _ = walk(heard, shelves)
    assert (entry, "statement") in found


def forged(heard: Heard, change: Callable[[RoundResult], RoundResult]) -> int:
    """Let all have decided a changed result, with every signature it takes."""
    height = last_with(heard, RoundResult)
    block = block_of(heard.said.decisions[height])
    items: list[Statement] = []
    for item in block.items:
        if isinstance(item, RoundResult):
            item = change(item)
            assert isinstance(item.proof, Proof)
            attested = tuple(
                signed_by_all(heard, replace(one, model=item.model, signature=b""))
                for one in item.proof.attestations
            )
            proof = replace(item.proof, attestations=attested)
            item = signed_by_all(heard, replace(item, proof=proof, signature=b""))
        items.append(item)
    return decide(heard, height, replace(block, items=tuple(items)))


def test_a_model_that_was_not_computed(heard: Heard, shelves: Shelves) -> None:
    entry = forged(heard, lambda item: replace(item, model=LIE))
    verified, found, _ = walk(heard, shelves)
    assert found == [(entry, "aggregate")]
    assert verified.aggregates == 2


def test_credits_that_do_not_follow_from_the_lists(heard: Heard, shelves: Shelves) -> None:
    entry = forged(heard, lambda item: replace(item, credits=item.credits[1:]))
    _, found, _ = walk(heard, shelves)
    assert set(found) == {(entry, "rule"), (entry, "aggregate")}


def test_credits_for_what_makes_no_model(heard: Heard, shelves: Shelves) -> None:
    def change(item: RoundResult) -> RoundResult:
        first = replace(item.credits[0], update=item.base)
        return replace(item, credits=(first, *item.credits[1:]))

    entry = forged(heard, change)
    _, found, _ = walk(heard, shelves)
    assert set(found) == {(entry, "rule"), (entry, "aggregate")}


def test_a_round_in_which_nothing_counted(heard: Heard, shelves: Shelves) -> None:
    entry = forged(heard, lambda item: replace(item, credits=(), model=item.base))
    verified, found, _ = walk(heard, shelves)
    assert found == [(entry, "rule")], "for the lists include something"
    assert verified.aggregates == 2


def test_a_result_of_no_task(heard: Heard, shelves: Shelves) -> None:
    entry = forged(heard, lambda item: replace(item, task=LIE))
    verified, found, _ = walk(heard, shelves)
    assert found == [(entry, "rule")]
    assert verified.aggregates == 1


# -- blobs -----------------------------------------------------------------------------------------


def test_updates_that_expired(heard: Heard) -> None:
    shelves = Shelves()
    shelves.expired = lambda blob: True  # type: ignore[method-assign]  # no store has to be made
    verified, found, notes = walk(heard, shelves)
    assert (verified.aggregates, found) == (0, [])
    assert all("has expired" in note.what for note in notes)


def test_updates_that_nobody_has(heard: Heard) -> None:
    _, found, notes = walk(heard, Shelves())
    assert {kind for _, kind in found} == {"missing"}
    assert notes == []
    heard.said.held.clear()
    heard.said.named.clear()
    _, found, notes = walk(heard, Shelves())
    assert found == []
    assert all("no journal at hand ever named" in note.what for note in notes)


def test_a_model_that_nobody_has(
    heard: Heard, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    height = last_with(heard, RoundResult)
    [result] = [
        i for i in block_of(heard.said.decisions[height]).items if isinstance(i, RoundResult)
    ]
    get = shelves.get

    def but_for_one(blob: bytes) -> bytes | None:
        return None if blob == result.model else get(blob)

    monkeypatch.setattr(shelves, "get", but_for_one)
    verified, found, _ = walk(heard, shelves)
    assert verified.aggregates == 2
    assert [kind for _, kind in found] == ["missing"]


def test_where_nobody_votes_a_decision_shows_no_votes(heard: Heard, shelves: Shelves) -> None:
    policy = replace(heard.genesis.policy, engine="raft")
    heard = heard._replace(genesis=replace(heard.genesis, policy=policy))
    entries = [one.entry for one in heard.said.decisions.values()]
    verified, found, _ = walk(heard, shelves)
    assert (verified.height, found) == (0, [(entries[0], "certificate")])
    for height, one in heard.said.decisions.items():
        bare = replace(one.certificate, votes=())
        heard.said.decisions[height] = one._replace(certificate=bare)
    verified, found, _ = walk(heard, shelves)
    assert verified.certificates == len(entries)
    assert "certificate" not in {kind for _, kind in found}  # the rest is of another mesh
