"""What is told from the state: deadlines, bounds, and that all of it can be snapshotted."""

# A line of a playbook is an expression, and that is all it is.
# pyright: reportUnusedExpression=false

import pytest
from msgspec.structs import replace

from meshkit.core.value import canonical, from_canonical
from meshkit.rounds.messages import MODEL, Fetched
from meshkit.rounds.state import (
    MS,
    REPEAT_MS,
    UPDATE_BYTES,
    State,
    list_bytes,
    repeat_at_ns,
    verdict,
)
from tests.rounds.playbook import (
    BASE,
    TASK,
    A,
    B,
    C,
    D,
    Playbook,
    attested,
    held,
    opening,
    size_of,
    update,
)
from tests.rounds.world import World

HUGE = 2**64 - 1  # the largest number with a canonical form


def test_a_statement_is_never_larger_than_it_is_reckoned() -> None:
    biggest = update(B, round=HUGE, size=HUGE, samples=HUGE, accuracy_ppm=HUGE, loss_micro=-(2**63))
    assert size_of(biggest) <= UPDATE_BYTES
    assert size_of(attested(B, BASE, BASE, round=HUGE)) <= UPDATE_BYTES
    for count in (0, 1, 100):
        many = replace(held(B), round=HUGE, updates=(biggest,) * count)
        assert size_of(many) <= list_bytes(many)


def test_repeats_slow_down_but_never_stop() -> None:
    waits = [repeat_at_ns(0, repeats) // MS for repeats in range(8)]
    assert waits == [400, 800, 1_600, 3_200, 6_400, 6_400, 6_400, 6_400]


def test_what_is_new_is_repeated_soon() -> None:
    play = (Playbook(A) >> opening()).later(9_900)
    assert play.round.repeats >= 4
    play >> Fetched(TASK, MODEL, BASE, 8_192, "") >> attested(B, BASE, BASE)
    play >> opening(round=2)
    assert play.machine.deadline(play.state) == play.now_ns + REPEAT_MS * MS


def test_a_node_without_rounds_sleeps() -> None:
    play = Playbook(A)
    assert play.machine.deadline(play.state) is None


def test_the_deadline_is_the_earliest_of_all_rounds() -> None:
    play = Playbook(A) >> opening()
    first = play.machine.deadline(play.state)
    play.later(100) >> opening(task=BASE)
    assert play.machine.deadline(play.state) == first


def test_what_was_never_judged_has_no_verdict() -> None:
    play = Playbook(A) >> opening() >> opening(task=BASE)
    assert verdict(play.state, b"nothing") is None
    assert verdict(State(A), b"nothing") is None


@pytest.mark.parametrize("until", range(1, 40, 3))
def test_a_state_comes_back_from_its_canonical_form(until: int) -> None:
    world = World((A, B, C, D), rounds=1, seed=2).run()
    play = Playbook(A)
    for entry in world.nodes[A].journal[:until]:
        play >> entry.command
    assert from_canonical(State, canonical(play.state)) == play.state
