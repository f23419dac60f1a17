"""Whom a group can lose, engine by engine."""

import pytest
from msgspec.structs import replace

from meshkit.consensus import raft, tendermint
from meshkit.consensus.losses import may_lose
from meshkit.consensus.raft.messages import Configuration

A, B, C, D, E = (bytes([number]) * 32 for number in range(5))


def state(wanted: tuple[bytes, ...], *voters: bytes) -> raft.State:
    return replace(raft.State(), wanted=wanted, configuration=Configuration(voters))


def test_an_engine_that_takes_who_votes_from_the_ledger_loses_anybody() -> None:
    assert may_lose(tendermint.State(), (A, B, C))


@pytest.mark.parametrize(("wanted", "voters", "gone", "may"), [
    ((A, B), (A, B), (B,), False),
    ((A, B, C), (A, B, C), (C,), True),
    ((A, B, C, D), (A, B, C, D), (C, D), False),
    ((A, B, C, D, E), (A, B, C, D, E), (D, E), True),
    ((A, B, C), (A, B), (B,), False),  # C is named, and has not caught up
    ((A, B, C), (A, B), (C,), True),  # nor need it ever
    ((A, B, C, E), (A, B, C, D), (C,), False),  # D is heard no more, though it still votes
    ((A, B, E), (A, B, C), (E,), True),  # a successor that never came is named no more
    ((A, B, C, D, E), (A, B, C), (D, E), True),
    ((A, B, C, D, E), (A, B), (C, D, E), False),  # they may become voters until it is decided
])  # fmt: skip
def test_under_raft_most_of_those_who_vote_must_be_left(
    wanted: tuple[bytes, ...], voters: tuple[bytes, ...], gone: tuple[bytes, ...], may: bool
) -> None:
    assert may_lose(state(wanted, *voters), gone) is may


def test_nobody_goes_while_a_change_is_under_way() -> None:
    three = state((A, B, C), A, B, C)
    joint = replace(three, configuration=Configuration((A, B, C), (A, B, C, D)))
    assert not may_lose(joint, (C,))
    assert not may_lose(replace(three, log=replace(three.log, configurations=(7,))), (C,))
