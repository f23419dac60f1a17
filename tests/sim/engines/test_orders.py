"""Orders: what each asks of a replica, and of whom nothing can be asked."""

import pytest
from msgspec.structs import replace

from meshkit.consensus.raft.log import last_index
from meshkit.consensus.raft.messages import ChangeConfiguration, Compact, TransferLeadership
from meshkit.consensus.raft.progress import SNAPSHOT
from meshkit.core.composite import At
from meshkit.sim.agenda import SECOND
from meshkit.sim.dice import Dice
from meshkit.sim.engines import KITS, orders
from meshkit.sim.engines.client import Asked
from meshkit.sim.engines.kit import CONSENSUS
from meshkit.sim.engines.orders import RAFT_ORDERS
from meshkit.sim.engines.replica import Replica
from meshkit.sim.engines.service import ADD
from meshkit.sim.engines.setting import SCENARIOS
from meshkit.sim.engines.trial import ORDERED
from meshkit.sim.engines.world import World
from tests.sim.engines.grounds import called, tried, world
from tests.sim.engines.test_raft import leader, state_of

KIT = KITS["raft"]
ONE_MORE = Asked(ADD, 0, 1, 0)
DICE = Dice(1, "orders")


def begun() -> tuple[World, Replica]:
    """A site of four that has decided something, and its leader."""
    made = world(kit=KIT)
    assert called(made, ONE_MORE, ONE_MORE) == [1, 2]
    made.agenda.run(made.agenda.now_ns + SECOND)
    return made, leader(made)


def obeyed(made: World, one: Replica, name: str) -> None:
    command = RAFT_ORDERS[name](DICE, state_of(one), made.ids)
    assert command is not None
    one.take(At(CONSENSUS, command))
    made.agenda.run(made.agenda.now_ns + SECOND)


def test_anybody_may_be_named_to_lead_or_said_to_be_out_of_reach() -> None:
    made, one = begun()
    heirs = [orders.transfer(DICE, state_of(one), made.ids) for _ in range(40)]
    assert {heir.member for heir in heirs if isinstance(heir, TransferLeadership)} == set(made.ids)
    obeyed(made, one, "unreachable")
    obeyed(made, one, "transfer")
    assert called(made, ONE_MORE)[-1] == 3


def test_what_is_applied_may_be_forgotten_and_who_lags_takes_a_snapshot() -> None:
    made, one = begun()
    lagging = next(other for other in made.replicas if other is not one)
    lagging.crash("test")
    assert called(made, ONE_MORE, ONE_MORE)[-1] == 4
    end = last_index(state_of(one).log)
    part = orders.forget(DICE, state_of(one), made.ids)
    assert isinstance(part, Compact)
    assert 0 < part.index <= end
    one.take(At(CONSENSUS, Compact(end)))
    made.agenda.run(made.agenda.now_ns + 5 * SECOND)
    assert state_of(one).log.offset == end
    assert orders.forget(DICE, state_of(one), made.ids) is None, "nothing is left"
    assert state_of(one).peers[lagging.me].mode == SNAPSHOT
    lagging.start()
    made.agenda.run(made.agenda.now_ns + 5 * SECOND)
    assert lagging.books == one.books
    assert state_of(lagging).log.offset == end


def test_the_same_voters_may_be_joint_with_themselves() -> None:
    made, one = begun()
    before = state_of(one).configuration
    obeyed(made, one, "rejoin")
    assert state_of(one).configuration == before, "and are not for long"
    assert state_of(one).log.entries[-1].kind == state_of(one).log.entries[-2].kind


def test_only_a_leader_is_asked_to_change_its_configuration_and_none_that_is_joint() -> None:
    made, one = begun()
    other = next(other for other in made.replicas if other is not one)
    for order in (orders.rejoin, orders.listen):
        assert order(DICE, state_of(other), made.ids) is None
        joint = replace(state_of(one).configuration, outgoing=(one.me,))
        assert order(DICE, replace(state_of(one), configuration=joint), made.ids) is None


def test_who_has_no_vote_may_listen() -> None:
    made, one = begun()
    assert orders.listen(DICE, state_of(one), made.ids) is None, "all vote"
    stranger = b"s" * 32
    command = orders.listen(DICE, state_of(one), [*made.ids, stranger])
    assert isinstance(command, ChangeConfiguration)
    assert command.configuration.learners == (stranger,)


@pytest.mark.parametrize("seed", range(2))
def test_orders_are_given_until_all_is_healed(seed: int) -> None:
    done = tried(seed, SCENARIOS["orders"](KIT, seed), KIT)
    counts = done.world.watch.counts
    given = [name for name in RAFT_ORDERS if counts[f"{ORDERED} {name}"]]
    assert len(given) >= 3
    before = sum(counts.values())
    done._order()
    assert sum(counts.values()) == before
