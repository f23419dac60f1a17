"""What an engine brings to the proving ground: who hears what, and how many are enough."""

import pytest

from meshkit.consensus.engines import TENDERMINT
from meshkit.consensus.messages import Ask, Committed
from meshkit.consensus.tendermint.messages import PREVOTE, Known, Vote
from meshkit.sim.engines.kit import addressees, is_borne, is_enough, place_of
from meshkit.sim.engines.service import Call


def test_every_message_has_one_who_hears_it() -> None:
    names = addressees(TENDERMINT)
    assert {names[kind] for kind in (Vote, Known, Ask, Committed)} == {"consensus"}
    assert names[Call] == "service"


def test_what_is_said_once_has_a_place_and_a_call_has_none() -> None:
    vote = Vote(PREVOTE, 3, 1, b"v" * 32, b"m" * 32)
    assert place_of(TENDERMINT, vote) == ("Vote", b"m" * 32, 3, 1, PREVOTE)
    assert place_of(TENDERMINT, Call(b"c" * 32, 1, 0, 0)) is None


@pytest.mark.parametrize(
    ("attests", "part", "total", "enough"),
    [(True, 3, 4, True), (True, 2, 3, False), (False, 2, 3, True), (False, 2, 4, False)],
)
def test_enough_is_more_than_two_thirds_among_liars_and_half_among_friends(
    attests: bool, part: int, total: int, enough: bool
) -> None:
    engine = TENDERMINT._replace(attests=attests)
    assert is_enough(engine, part, total) is enough
    assert is_borne(engine, total - part, total) is enough
