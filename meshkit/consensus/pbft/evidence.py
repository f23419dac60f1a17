"""Who lied: two statements for one place that say different things.

A place is where an honest signer speaks once: a primary of a height in a view, a backup likewise, a
checkpoint of a height. Each node's journal refuses the second, so the pair convicts its signer
before anyone who knows the validators, and no honest signer can be framed. That nothing was
prepared at a height is said in a new view by a number, and not by a pre-prepare for no value: so a
primary may still propose there and has not contradicted itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from meshkit.consensus.messages import Certificate, EquivocationSeen, Validator
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    Prepare,
    PrePrepare,
    Showable,
    Shown,
)
from meshkit.core.value import Statement, signing_digest

# Of which fields no honest signer signs two different statements.
PLACES: Mapping[type[Statement], tuple[str, ...]] = {
    PrePrepare: ("proposer", "view", "height"),
    Prepare: ("voter", "view", "height"),
    Commit: ("voter", "view", "height"),
    Checkpoint: ("voter", "height"),
}

# Whether this is the signature of this key over this digest.
Verify = Callable[[bytes, bytes, bytes], bool]


def vouches(certificate: Certificate, statement: Statement) -> bytes | None:
    """The voter, if the statement is a commit for just what the certificate says."""
    if not isinstance(statement, Commit):
        return None
    said = (statement.height, statement.view, statement.value_id)
    meant = (certificate.height, certificate.round, certificate.value_id)
    return statement.voter if said == meant and statement.value_id else None


def signer(statement: Statement) -> bytes:
    """Whose statement it is."""
    who: bytes = getattr(statement, statement.SIGNER)
    return who


def place(statement: Statement) -> tuple[object, ...] | None:
    """Where its signer speaks once; None of a statement that is no evidence."""
    names = PLACES.get(type(statement))
    if names is None:
        return None
    return (type(statement).__name__, *[getattr(statement, name) for name in names])


def conflict(first: Statement, second: Statement) -> bytes | None:
    """The signer, if the two are for one place and say different things; else None."""
    where = place(first)
    if where is None or where != place(second) or _content(first) == _content(second):
        return None
    return signer(first)


def proves(
    culprit: bytes, first: Statement, second: Statement, mesh: bytes, verify: Verify
) -> bool:
    """Whether the pair convicts `culprit` before an outsider: a conflict, signed in this mesh."""
    if conflict(first, second) != culprit:
        return False
    return all(
        verify(culprit, signing_digest(statement, mesh), getattr(statement, "signature", b""))
        for statement in (first, second)
    )


def accusation(seen: EquivocationSeen) -> Shown:
    """The message that convicts whoever was seen to equivocate."""
    pair = (seen.first, seen.second)
    return Shown(tuple([one for one in pair if isinstance(one, Showable)]))


def _content(statement: Statement) -> bytes:
    said: bytes = getattr(statement, "digest" if type(statement) is Checkpoint else "value_id")
    return said


def culprits(
    first: Certificate,
    second: Certificate,
    statements: Iterable[Statement],
    validators: Sequence[Validator],
) -> tuple[bytes, ...]:
    """Who committed both values, of two certificates that contradict each other in one view.

    In two views it takes the view changes between them to tell who hid what it had committed; they
    are of no single height, and nobody is named by this.
    """
    if first.round != second.round:
        return ()
    known = frozenset(validator.id for validator in validators)
    both = [
        {voter for vote in proof.votes if (voter := vouches(proof, vote)) is not None}
        for proof in (first, second)
    ]
    said = [statement for statement in statements if isinstance(statement, Commit)]
    for proof, voters in zip((first, second), both, strict=True):
        voters.update(vote.voter for vote in said if vouches(proof, vote) is not None)
    return tuple(sorted(both[0] & both[1] & known))
