"""What may have been decided, and whether a view begins with all of it and nothing else."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.consensus.messages import NIL, Validator
from meshkit.consensus.pbft.messages import NewView, PreparedProof, PrePrepare, ViewChange
from meshkit.consensus.pbft.views import (
    compose,
    is_change,
    is_new_view,
    is_proof,
    is_stable,
    outcome,
    primary,
    reach,
)
from meshkit.consensus.quorum import more_than_third, quorum
from tests.consensus.pbft.network import Block, equals, name, sign
from tests.consensus.pbft.playbook import (
    Play,
    V,
    W,
    among,
    change,
    checkpoint,
    checkpoints,
    commit,
    new_view,
    pre_prepare,
    prepare,
    proof,
    v,
    w,
)

# -- quorums --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(4, 101))
def test_p01_any_two_quorums_share_an_honest_replica(count: int) -> None:
    """For every n, and not only for 3f + 1: floor(2n/3) + 1 is enough, and can be reached."""
    faulty, q = (count - 1) // 3, quorum(count)
    assert q == 2 * count // 3 + 1
    assert 2 * q - count >= faulty + 1
    assert count - faulty >= q
    assert more_than_third(count // 3 + 1, count)
    assert not more_than_third(faulty, count)


def test_p01_five_need_four() -> None:
    """With 2f + 1 = 3 of five, two quorums might share only the liar."""
    play = Play(me=4, validators=equals(5), judge=lambda _: None)
    play.hear(pre_prepare(V), *(commit(v, n) for n in (0, 1, 2)))
    assert not play.state.decided
    play.hear(commit(v, 3))
    assert play.state.decided


def test_the_primary_goes_round_from_a_start_that_moves_with_the_set() -> None:
    four = equals(4)
    assert [primary(four, 1, view)[0] for view in range(6)] == [0, 1, 2, 3, 0, 1]
    assert [primary(four, since, 0)[0] for since in range(1, 6)] == [0, 1, 2, 3, 0]


# -- prepared proofs ------------------------------------------------------------------------------


def lacking(shown: PreparedProof, **other: object) -> PreparedProof:
    return replace(shown, **other)


def test_p04_a_proof_is_the_primary_and_distinct_backups_who_are_a_quorum() -> None:
    good = proof(V)
    assert is_proof(good, among())
    one, two = good.prepares
    said = good.pre_prepare
    mutants = {
        "too few": lacking(good, prepares=(one,)),
        "one of them twice": lacking(good, prepares=(one, one)),
        "in disorder": lacking(good, prepares=(two, one)),
        "the primary's own": lacking(good, prepares=(prepare(v, 0), one)),
        "a stranger's": lacking(good, prepares=(one, prepare(v, 9))),
        "for another value": lacking(good, prepares=(one, prepare(w, 2))),
        "of another view": lacking(good, prepares=(one, prepare(v, 2, view=1))),
        "of another height": lacking(good, prepares=(one, prepare(v, 2, height=2))),
        "not from the primary": lacking(good, pre_prepare=sign(replace(said, proposer=name(1)))),
        "for nothing": PreparedProof(
            sign(PrePrepare(0, 1, NIL, name(0))), tuple(prepare(NIL, n) for n in (1, 2))
        ),
        "with its value": lacking(good, pre_prepare=pre_prepare(V)),
    }
    assert [why for why, bad in mutants.items() if is_proof(bad, among())] == []


def test_p04_weights_count_and_not_heads() -> None:
    heavy = tuple(Validator(name(n), weight) for n, weight in enumerate((3, 1, 1, 1)))
    assert is_proof(proof(V, by=[1, 2]), among(heavy))
    light = tuple(Validator(name(n), weight) for n, weight in enumerate((1, 1, 1, 3)))
    assert not is_proof(proof(V, by=[1, 2]), among(light))
    assert is_proof(proof(V, by=[1, 3]), among(light))


def test_p08_a_checkpoint_is_stable_when_a_quorum_took_the_same() -> None:
    chain, other = b"c" * 32, b"d" * 32
    good = checkpoints(4, chain)
    assert is_stable(good, 4, among())
    for bad in (
        good[:2],
        (*good[:2], checkpoint(4, other, 2)),
        (*good[:2], checkpoint(8, chain, 2)),
        (*good[:2], good[1]),
        (*good[:2], checkpoint(4, chain, 9)),
        (),
    ):
        assert not is_stable(bad, 4, among())


# -- view changes ---------------------------------------------------------------------------------


def test_p09_a_view_change_stands_with_all_it_rests_on() -> None:
    assert is_change(change(1), among())
    assert is_change(change(1, 1, [proof(V)]), among())
    shown = [proof(Block(5, "v"), height=5), proof(Block(6, "v"), height=6)]
    assert is_change(change(1, 1, shown, checkpoints(4)), among())
    assert reach(change(1, 1, shown, checkpoints(4))) == 5
    assert reach(change(1, 1, (), checkpoints(4))) == 4


def test_p09_each_certificate_is_checked_by_itself() -> None:
    """What one proof lacks, another cannot lend; one that is wrong voids its message."""
    good = proof(V, height=1)
    half = replace(proof(W, height=2), prepares=(prepare(w, 1, height=2),))
    lent = replace(half, prepares=(*half.prepares, good.prepares[1]))
    bad: dict[str, ViewChange] = {
        "a proof too light": change(1, 1, [good, half]),
        "a word lent by another": change(1, 1, [good, lent]),
        "the same height twice": change(1, 1, [good, proof(W, height=1)]),
        "in disorder": change(1, 1, [proof(W, height=2), good]),
        "of the view it begins": change(1, 1, [proof(V, view=1)]),
        "below the checkpoint": change(1, 1, [good], checkpoints(4)),
        "above the window": change(1, 1, [proof(Block(9, "v"), height=9)]),
        "a checkpoint too light": change(1, 1, [], checkpoints(4)[:2]),
        "a checkpoint of others": change(1, 1, [], checkpoints(4, by=(0, 1, 9))),
        "a proof where none is needed": replace(change(1), checkpoints=checkpoints(0), stable=0),
        "before the set began": replace(change(1, since=3), stable=1),
        "of another set": change(1, since=2),
        "a stranger's": change(9),
        "of the first view": change(1, 0),
        "too many": change(1, 1, [proof(Block(n, "v"), height=n) for n in range(1, 10)]),
    }
    assert [why for why, said in bad.items() if is_change(said, among())] == []


def test_p09_a_liars_proof_does_not_hide_an_honest_one() -> None:
    """concord-bft#50: a false certificate made others' true ones for that height be ignored."""
    false = replace(proof(W, view=1), prepares=(prepare(w, 3, view=1),))
    liar, honest = change(3, 2, [false]), change(1, 2, [proof(V)])
    play = Play(me=2)
    play.hear(liar, honest, change(0, 2))
    made = play.sent(NewView)[0]
    assert [said.voter for said in made.changes] == [name(0), name(1), name(2)]
    assert [(said.height, said.value_id) for said in made.chosen] == [(1, v)]


# -- new views ------------------------------------------------------------------------------------


FIVE = [Block(5, "v"), Block(6, "v")]


def three(view: int = 1) -> list[ViewChange]:
    """One knows 5 and 6 to be prepared, one only 5, one rests on an earlier checkpoint."""
    both = [proof(FIVE[0], height=5), proof(FIVE[1], height=6)]
    return [
        change(0, view, both, checkpoints(4)),
        change(2, view, both[:1], checkpoints(4)),
        change(3, view),
    ]


def test_p10_a_view_begins_with_the_highest_checkpoint_and_what_is_prepared_above() -> None:
    said = new_view(three())
    must = outcome(said.changes)
    assert (must.stable, must.chosen, must.nulls) == (
        4,
        tuple((value.height, pre_prepare(value).value_id) for value in FIVE),
        (),
    )
    assert is_new_view(said, among())


def test_p10_of_two_values_that_of_the_later_view_is_chosen() -> None:
    changes = [change(0, 3, [proof(V, 0)]), change(1, 3, [proof(W, 2)]), change(2, 3)]
    assert outcome(changes).chosen == ((1, w),)
    assert outcome(changes[::-1]).chosen == ((1, w),)


def test_p10_a_gap_below_a_prepared_height_is_a_null_request() -> None:
    changes = [change(0, 1, [proof(W, height=3)]), change(2), change(3)]
    must = outcome(changes)
    assert (must.chosen, must.nulls) == (((3, w),), (1, 2))
    said = new_view(changes)
    assert is_new_view(said, among())
    assert not is_new_view(sign(replace(said, nulls=())), among()), "a missing null"
    assert not is_new_view(sign(replace(said, nulls=(1,))), among())


def wrong(said: NewView, **other: object) -> NewView:
    return sign(replace(said, signature=b"", **other))


def test_p10_whatever_does_not_follow_from_its_view_changes_is_rejected() -> None:
    """Dropping P (raijin#8), a wrong O, a missing null, a V that is no quorum, and more."""
    said = new_view(three())
    five, six = said.chosen
    light = three()[:2]
    bad: dict[str, NewView] = {
        "nothing chosen": wrong(said, chosen=()),
        "one left out": wrong(said, chosen=(six,)),
        "the last left out": wrong(said, chosen=(five,)),
        "another value": wrong(said, chosen=(sign(replace(five, value_id=w)), six)),
        "another height": wrong(said, chosen=(five, six, pre_prepare_at(7))),
        "in disorder": wrong(said, chosen=(six, five)),
        "of another view": wrong(said, chosen=(sign(replace(five, view=0)), six)),
        "not by the primary": wrong(said, chosen=(sign(replace(five, proposer=name(2))), six)),
        "with a value": wrong(said, chosen=(replace(five, value=FIVE[0]), six)),
        "a null for what is prepared": wrong(said, chosen=(six,), nulls=(5,)),
        "no quorum": sign(compose(1, light, name(1), among())),
        "one counted twice": sign(compose(1, [*light, light[1]], name(1), among())),
        "in disorder, V": wrong(said, changes=said.changes[::-1]),
        "of different views": wrong(said, changes=(*light, change(3, 2))),
        "one void": wrong(said, changes=(*light, replace(three()[2], stable=8))),
        "another's turn": wrong(said, proposer=name(2)),
        "another set": wrong(said, since=2),
    }
    assert [why for why, one in bad.items() if is_new_view(one, among())] == []
    for one in bad.values():
        play = Play(me=3)
        play.decide(4)
        play.hear(one)
        assert play.state.view == 0


def pre_prepare_at(height: int) -> PrePrepare:
    return replace(pre_prepare(Block(height, "v"), 1, height), value=None)


def test_p10_backups_work_it_out_afresh_even_from_changes_that_they_know() -> None:
    known = {said.voter: said for said in three()}
    play = Play(me=3)
    play.decide(4)
    play.hear(*three()[:2])
    assert set(play.state.changes) > set(known) - {name(3)}
    play.hear(wrong(new_view(three()), chosen=()))
    assert not play.state.active
    play.hear(new_view(three()))
    assert play.state.active


def test_p11_the_whole_set_counts_and_not_those_who_share_a_checkpoint() -> None:
    """fabric#1111: conditions over the matching subset deadlock, or forget what is prepared.

    Only one of the three rests on the latest checkpoint, so no quorum shares it; and what is
    prepared above is known only to one that rests on an earlier one.
    """
    late = proof(FIVE[0], height=5)
    changes = [
        change(0, 1, [], checkpoints(4)),
        change(2, 1, [proof(V), late]),
        change(3),
    ]
    must = outcome(changes)
    assert (must.stable, must.checkpoints) == (4, checkpoints(4))
    assert [height for height, _ in must.chosen] == [5]
    said = new_view(changes)
    assert is_new_view(said, among())
    for subset in (changes[:1], changes[1:]):  # what such a subset would lead to
        lesser = outcome(subset)
        chosen = tuple(sign(PrePrepare(1, n, id_, name(1))) for n, id_ in lesser.chosen)
        assert not is_new_view(wrong(said, chosen=chosen, nulls=lesser.nulls), among())


values = st.sampled_from([Block(n, text) for n in (1, 2, 3) for text in "vw"])


@given(st.lists(st.tuples(st.integers(0, 3), values), max_size=6), st.permutations(range(4)))
def test_p10_the_outcome_does_not_depend_on_the_order_of_view_changes(
    shown: Sequence[tuple[int, Block]], order: Sequence[int]
) -> None:
    """And every view that it composes is one that everyone accepts."""
    prepared: dict[int, dict[tuple[int, int], PreparedProof]] = {n: {} for n in range(4)}
    said: dict[tuple[int, int], Block] = {}
    for number, (view, value) in enumerate(shown):
        first = said.setdefault((view, value.height), value)  # no quorum prepares two
        mine = prepared[number % 4]
        mine.setdefault((value.height, 0), proof(first, view, value.height))
    changes = [
        change(n, 4, [one for _, one in sorted(mine.items())]) for n, mine in prepared.items()
    ]
    must = outcome(changes)
    again = outcome([changes[n] for n in order])
    assert (must.chosen, must.nulls) == (again.chosen, again.nulls)
    assert is_new_view(sign(compose(4, changes, name(0), among())), among())
