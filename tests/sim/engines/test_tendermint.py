"""Tendermint's kit: each liar lies, and the honest get on with it."""

import pytest
from msgspec.structs import replace

from meshkit.consensus.tendermint.messages import Proposal, Vote
from meshkit.core.value import Value
from meshkit.sim.agenda import SECOND
from meshkit.sim.engines.client import Asked, Habits
from meshkit.sim.engines.service import ADD, CallBatch
from meshkit.sim.engines.tendermint import LIES, SplitProposer
from tests.sim.engines.grounds import KIT, QUIET, called, lying, tried, world

BUSY = replace(QUIET, clients=4, commands=1_200, habits=Habits(attempts=40, think_ns=1_000_000))


@pytest.mark.parametrize("name", sorted(LIES))
def test_one_liar_of_four_is_borne(name: str) -> None:
    done = tried(1, lying(name, ground=BUSY))
    assert done._height(done.world.replicas)[0] > 5


class Listener(SplitProposer):
    """Writes down what its hearers are told."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[tuple[bytes, Value]] = []

    def say(self, to: bytes, message: Value) -> list[Value]:
        lies = list(super().say(to, message))
        self.words += [(to, lie) for lie in lies]
        return lies


def test_a_split_proposer_proposes_two_values_and_votes_for_both() -> None:
    tongue = Listener()
    made = world(tongue)
    for client in made.clients:
        client.resting = False
        client.begin()
    made.agenda.run(made.agenda.now_ns + 3 * SECOND)
    offers = {
        (one.height, one.round, one.value_id)
        for _, one in tongue.words
        if isinstance(one, Proposal) and isinstance(one.value, CallBatch)
    }
    places = [offer[:2] for offer in offers]
    twice = [place for place in places if places.count(place) == 2]
    assert twice
    height, number = twice[0]
    votes = {
        one.value_id
        for _, one in tongue.words
        if isinstance(one, Vote) and (one.height, one.round) == (height, number) and one.value_id
    }
    assert len(votes) == 2


def test_what_is_rare_has_names_that_differ() -> None:
    assert len(set(KIT.sometimes)) == len(KIT.sometimes)
    assert called(world(), Asked(ADD, 0, 1, 0)) == [1]
