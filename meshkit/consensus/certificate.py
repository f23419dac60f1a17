"""Whether statements amount to a proof of a decision, to anyone who knows the validators.

A certificate holds the engine's own statements. Three questions are apart: whether each is a final
vote for what the certificate says (the engine's `vouches`), whether they weigh enough (`stands`,
here), and whether each is signed (whoever opens an envelope or reads a store asks that of every
statement, these included). A certificate proves a decision to those who know the validator set of
its height; that set follows from the genesis by the certified heights before.
"""

from collections.abc import Callable, Iterable

from immutables import Map

from meshkit.consensus.messages import Certificate, Validator
from meshkit.consensus.quorum import quorum
from meshkit.core.value import Statement

# The voter, if the statement is a final vote for just what the certificate says; else None.
Vouches = Callable[[Certificate, Statement], bytes | None]


def weights_of(validators: Iterable[Validator]) -> Map[bytes, int]:
    """The weights by id."""
    return Map({validator.id: validator.weight for validator in validators})


def stands(certificate: Certificate, weights: Map[bytes, int], vouches: Vouches) -> bool:
    """Whether distinct validators, in order, vouch for it, and weigh more than two thirds."""
    weight, last = 0, b""
    for vote in certificate.votes:
        voter = vouches(certificate, vote)
        if voter is None or voter <= last or voter not in weights:
            return False
        weight, last = weight + weights[voter], voter
    return weight >= quorum(sum(weights.values()))
