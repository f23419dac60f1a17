"""Who lied: what two statements prove by themselves, and what a disagreement proves afterwards.

*Equivocation* is two statements for one place (height, round, kind) that differ in what they say.
Each node's guard refuses to sign the second, so the pair convicts its signer before anyone who
knows the validators, and no honest signer can be framed. Two signatures over one content are no
evidence, nor is a value that a relay changed, for no signature covers it.

*Amnesia* is a precommit for one value and a later prevote for another, though no quorum prevoted
the other value in between, which alone may undo a lock. It shows only beside the prevotes of the
whole height, so it is judged afterwards, over the votes of all journals at hand: an accused node
clears itself by the quorum that its own journal holds (line 28 of the paper, read backwards).

If two certificates of one height contradict each other, either more than a third of the weight
precommitted both in one round, or more than a third precommitted the earlier value and prevoted
another in the first later round whose quorum forgot it. `culprits` finds them.
"""

from collections.abc import Callable, Iterable, Sequence

from immutables import Map

from meshkit.consensus.certificate import weights_of
from meshkit.consensus.messages import NIL, Certificate, Validator
from meshkit.consensus.quorum import quorum
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Proposal, Vote
from meshkit.core.value import Statement, Value, signing_digest

# Whether this is the signature of this key over this digest.
Verify = Callable[[bytes, bytes, bytes], bool]


class Fault(Value):
    """Two votes of `culprit` that no honest validator casts both."""

    culprit: bytes
    first: Vote
    second: Vote


def vouches(certificate: Certificate, statement: Statement) -> bytes | None:
    """The voter, if the statement is a precommit for just what the certificate says."""
    if not isinstance(statement, Vote):
        return None
    vote = statement
    alike = (vote.kind, vote.height, vote.round, vote.value_id) == (
        PRECOMMIT,
        certificate.height,
        certificate.round,
        certificate.value_id,
    )
    return vote.voter if alike and vote.value_id != NIL else None


def place(statement: Vote | Proposal) -> tuple[bytes, int, int, int]:
    """Signer, height, round, kind: there an honest signer says one thing. A proposal is kind 0."""
    if isinstance(statement, Vote):
        return statement.voter, statement.height, statement.round, statement.kind
    return statement.proposer, statement.height, statement.round, 0


def conflict(first: Statement, second: Statement) -> bytes | None:
    """The signer, if the two are for one place and say different things; else None."""
    if not isinstance(first, Vote | Proposal) or not isinstance(second, Vote | Proposal):
        return None
    if type(first) is not type(second) or place(first) != place(second):
        return None
    return None if _content(first) == _content(second) else place(first)[0]


def proves(
    culprit: bytes, first: Statement, second: Statement, mesh: bytes, verify: Verify
) -> bool:
    """Whether the pair convicts `culprit` before an outsider: a conflict, signed in this mesh.

    Whether it was a validator of that height, and whether the height is recent enough to matter,
    is for the ledger to say.
    """
    if conflict(first, second) != culprit:
        return False
    return all(
        verify(culprit, signing_digest(statement, mesh), getattr(statement, "signature", b""))
        for statement in (first, second)
    )


def equivocations(votes: Iterable[Vote]) -> tuple[Fault, ...]:
    """For each place at which someone voted twice, one pair; sorted."""
    first: dict[tuple[bytes, int, int, int], Vote] = {}
    pairs: dict[tuple[bytes, int, int, int], Fault] = {}
    for vote in sorted(votes, key=_order):
        known = first.setdefault(place(vote), vote)
        if conflict(known, vote):
            pairs.setdefault(place(vote), Fault(vote.voter, known, vote))
    return tuple(pairs[where] for where in sorted(pairs))


def amnesias(votes: Iterable[Vote], validators: Sequence[Validator]) -> tuple[Fault, ...]:
    """For each voter its first prevote against its own lock that these votes do not justify.

    `votes` are of one height. What is missing from them may clear an accused.
    """
    ordered = sorted(votes, key=_order)
    quorums = _prevoted(ordered, weights_of(validators))
    locks: dict[bytes, list[Vote]] = {}
    for vote in ordered:
        if vote.kind == PRECOMMIT and vote.value_id != NIL:
            locks.setdefault(vote.voter, []).append(vote)
    found: dict[bytes, Fault] = {}
    for vote in ordered:
        if vote.kind != PREVOTE or vote.value_id == NIL:
            continue
        for lock in locks.get(vote.voter, ()):
            if _forgets(lock, vote, quorums.get(vote.value_id, ())):
                found.setdefault(vote.voter, Fault(vote.voter, lock, vote))
    return tuple(found[culprit] for culprit in sorted(found))


def culprits(
    first: Certificate,
    second: Certificate,
    votes: Iterable[Vote],
    validators: Sequence[Validator],
) -> tuple[Fault, ...]:
    """For each liar, one of the faults that made two contradicting certificates possible.

    `votes` are those of the height from every journal at hand. If they hold the prevotes that the
    honest voters of the later certificate relied on, more than a third of the weight is named, and
    nobody who is honest.
    """
    certified = [v for c in (first, second) for v in c.votes if isinstance(v, Vote)]
    known = [vote for vote in (*certified, *votes) if vote.height == first.height]
    named: dict[bytes, Fault] = {}
    for fault in (*equivocations(known), *amnesias(known, validators)):
        named.setdefault(fault.culprit, fault)
    return tuple(named[culprit] for culprit in sorted(named))


def _forgets(lock: Vote, prevote: Vote, quorums: Sequence[int]) -> bool:
    """Whether a prevote breaks a lock although no round from the lock's on justified its value."""
    later = prevote.round > lock.round and prevote.value_id != lock.value_id
    return later and not any(lock.round <= number < prevote.round for number in quorums)


def _prevoted(votes: Iterable[Vote], weights: Map[bytes, int]) -> dict[bytes, list[int]]:
    """For each value the rounds in which a quorum prevoted it."""
    voters: dict[tuple[int, bytes], dict[bytes, int]] = {}
    for vote in votes:
        if vote.kind == PREVOTE and vote.value_id != NIL and vote.voter in weights:
            alike = voters.setdefault((vote.round, vote.value_id), {})
            alike[vote.voter] = weights[vote.voter]
    q = quorum(sum(weights.values()))
    rounds: dict[bytes, list[int]] = {}
    for (number, value_id), alike in voters.items():
        if sum(alike.values()) >= q:
            rounds.setdefault(value_id, []).append(number)
    return rounds


def _content(statement: Vote | Proposal) -> tuple[bytes, int]:
    """What the signature covers besides the place."""
    if isinstance(statement, Vote):
        return statement.value_id, 0
    return statement.value_id, statement.valid_round


def _order(vote: Vote) -> tuple[int, int, bytes, bytes, bytes]:
    return vote.round, vote.kind, vote.voter, vote.value_id, vote.signature
