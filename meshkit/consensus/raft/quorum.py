"""Majorities, simple and joint: what is committed, and how a vote stands. Plain data in and out.

A majority of n voters is n // 2 + 1 of them; any two share a voter. While a configuration is joint
there are two sets of voters, and everything needs a majority of each (Ongaro 2014, 4.3). The second
set is empty otherwise, and an empty set agrees to anything: all is committed (`UNBOUNDED`), every
vote won. So one rule serves both. As there are no liars here, every voter counts one: the weights
of `meshkit.consensus.quorum` are for other engines.

Voters are ids of any kind that can be compared; `acked` maps some of them to the last index that
each has made durable, `votes` to what each has voted. Others in these maps do not count.
"""

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

UNBOUNDED = 2**64 - 1  # what an empty set has committed: more than any index

PENDING = "pending"
LOST = "lost"
WON = "won"

Voters: TypeAlias = Collection[Any]


def majority(count: int) -> int:
    """How many of `count` voters are enough."""
    return count // 2 + 1


def losses_borne(count: int) -> int:
    """How many of `count` voters may be gone while the rest can decide; -1 where there are none."""
    return (count - 1) // 2


def committed_index(voters: Voters, acked: Mapping[Any, int]) -> int:
    """The highest index that a majority of `voters` has acknowledged; UNBOUNDED without voters."""
    if not voters:
        return UNBOUNDED
    indices = sorted([acked.get(voter, 0) for voter in voters])
    return indices[len(indices) - majority(len(indices))]


def joint_committed_index(incoming: Voters, outgoing: Voters, acked: Mapping[Any, int]) -> int:
    """The highest index that a majority of each set has acknowledged."""
    if not outgoing:
        return committed_index(incoming, acked)
    return min(committed_index(incoming, acked), committed_index(outgoing, acked))


def vote_result(voters: Voters, votes: Mapping[Any, bool]) -> str:
    """Whether the vote is WON, LOST, or PENDING: who has not voted may still do either."""
    if not voters:
        return WON
    granted = sum(1 for voter in voters if votes.get(voter, False))
    missing = sum(1 for voter in voters if voter not in votes)
    enough = majority(len(voters))
    if granted >= enough:
        return WON
    return PENDING if granted + missing >= enough else LOST


def joint_vote_result(incoming: Voters, outgoing: Voters, votes: Mapping[Any, bool]) -> str:
    """WON where both sets have won, LOST as soon as one has lost."""
    first, second = vote_result(incoming, votes), vote_result(outgoing, votes)
    if first == second:
        return first
    return LOST if LOST in (first, second) else PENDING
