"""What is enough: quorum arithmetic over weights, and the counting of votes.

A quorum is more than two thirds of the weight, q = floor(2·total/3) + 1: not "2f + 1", which for
five equal validators is three, and two sets of three share one node, which may be the liar. Any two
quorums share more than a third of the weight, so at least one honest validator is in both. More
than a third contains at least one honest validator. All of it in integers.
"""

from typing import Any, Protocol, cast

from immutables import Map

from meshkit.core.value import Statement, Value


def quorum(total: int) -> int:
    """The least weight that is more than two thirds of `total`."""
    return 2 * total // 3 + 1


def more_than_third(weight: int, total: int) -> bool:
    """Whether `weight` must hold an honest validator, wherever a paper says f + 1."""
    return 3 * weight > total


class Ballot(Protocol):
    """What is counted: a statement with the id of the value it is for."""

    @property
    def value_id(self) -> bytes: ...


class Tally(Value):
    """The votes of one kind in one round: the first of each voter, and their weight by value.

    `quorum_for` is the id that first reached a quorum. Where a bundle showed a quorum by itself,
    its votes are `shown`: some of its voters may have told us otherwise.
    """

    by_voter: Map[bytes, Statement] = Map()
    by_value: Map[bytes, int] = Map()
    weight: int = 0
    quorum_for: bytes | None = None
    shown: tuple[Statement, ...] = ()


def count(
    tally: Tally, voter: bytes, value_id: bytes, vote: Statement, weight: int, q: int
) -> Tally:
    """`tally` with the first vote of `voter`, of weight `weight`, where `q` is a quorum."""
    alike = tally.by_value.get(value_id, 0) + weight
    reached = tally.quorum_for
    return Tally(
        tally.by_voter.set(voter, vote),
        tally.by_value.set(value_id, alike),
        tally.weight + weight,
        value_id if reached is None and alike >= q else reached,
        tally.shown,
    )


def show(tally: Tally, value_id: bytes, votes: tuple[Statement, ...]) -> Tally:
    """`tally` with a quorum for `value_id` that `votes` prove together."""
    return Tally(tally.by_voter, tally.by_value, tally.weight, value_id, votes)


def voted(tally: Tally, voter: bytes) -> bytes | None:
    """The id that `voter` voted for first."""
    vote = tally.by_voter.get(voter)
    return None if vote is None else cast(Ballot, vote).value_id


def quorum_votes(tally: Tally) -> tuple[Statement, ...]:
    """The votes that make up the quorum for `quorum_for`, sorted by voter."""
    if tally.shown:
        return tally.shown
    ballots: list[tuple[bytes, Any]] = sorted(tally.by_voter.items())
    return tuple([vote for _, vote in ballots if vote.value_id == tally.quorum_for])
