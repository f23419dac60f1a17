"""What a replica does next: the three phases, the timers, the change of views."""

import pytest

from meshkit.consensus.messages import Decided, Open, ProposalWanted, Propose
from meshkit.consensus.pbft import Timeouts
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    NewView,
    PrePrepare,
    TimerStarted,
    ValueMissed,
    ViewChange,
    ViewLeft,
    WantValue,
)
from meshkit.consensus.pbft.rules import DOUBLINGS_MAX, wait_ns
from meshkit.core.value import digest
from tests.consensus.pbft.network import MS, Block, equals, name
from tests.consensus.pbft.playbook import (
    Play,
    V,
    W,
    change,
    checkpoint,
    commit,
    committed,
    leader,
    new_view,
    pre_prepare,
    prepare,
    proof,
    v,
    w,
)

# -- the three phases -----------------------------------------------------------------------------


def test_the_normal_case() -> None:
    play = Play(me=1)
    play.hear(pre_prepare(V))
    assert play.said == [("PrepareCast", 1, 0, v)]
    play.hear(prepare(v, 2))
    assert play.said[1:] == [("CommitCast", 1, 0, v)]
    play.hear(commit(v, 0))
    assert not play.state.decided
    play.hear(commit(v, 2))
    [decided] = play.of(Decided)
    assert (decided.value, decided.certificate.round) == (V, 0)


def test_p04_prepared_needs_the_pre_prepare_and_distinct_backups() -> None:
    """The primary's Prepare does not count, nor a second one of the same backup."""
    play = Play(me=3, judge=lambda _: None)  # so that we accept nothing ourselves
    play.hear(pre_prepare(V), prepare(v, 1), prepare(v, 0), prepare(v, 1))
    assert not play.state.prepared
    play.hear(prepare(w, 2))
    assert not play.state.prepared
    assert play.said == []

    play = Play(me=3, judge=lambda _: None)
    play.hear(prepare(v, 1), prepare(v, 2))
    assert not play.state.prepared, "without the primary's word nothing is"
    play.hear(pre_prepare(V))
    assert [vote.voter for vote in play.state.prepared[1].prepares] == [name(1), name(2)]
    assert play.said == [("CommitCast", 1, 0, v)]


def test_p04_the_primary_prepares_nothing_and_commits_when_its_backups_have() -> None:
    play = Play(me=0)
    assert play.do(Open()) == []
    play.do(Propose(1, 0, V))
    assert play.said == []
    play.hear(prepare(v, 1))
    assert play.said == []
    play.hear(prepare(v, 2))
    assert play.said == [("CommitCast", 1, 0, v)]


def test_p05_commits_decide_in_whatever_order_they_come() -> None:
    """Before the prepares, and before the pre-prepare; but not for a value that is not at hand."""
    play = Play(me=3, judge=lambda _: None)
    play.hear(commit(v, 0), commit(v, 1), commit(v, 2))
    assert not play.state.decided
    assert [missed.value_id for missed in play.of(ValueMissed)] == [v]
    assert play.sent(WantValue)
    play.hear(pre_prepare(V))
    assert play.state.decided


def test_p05_heights_are_decided_strictly_in_sequence() -> None:
    """All of height 2 comes before anything of height 1."""
    second = Block(2, "second")
    play = Play(me=3)
    play.hear(pre_prepare(second, height=2))
    play.hear(*(prepare(digest(second), n, height=2) for n in (1, 2)))
    play.hear(*(commit(digest(second), n, height=2) for n in (0, 1, 2)))
    assert play.said == []
    assert not play.of(Decided)
    play.hear(pre_prepare(V), *(commit(v, n) for n in (0, 1, 2)))
    play.go_on(opened=False)
    decided = [(one.certificate.height, one.value) for one in play.of(Decided)]
    assert decided == [(1, V), (2, second)], "what was kept is heard when its turn has come"


def test_p05_two_thirds_are_not_enough_whatever_they_weigh() -> None:
    play = Play(me=3, judge=lambda _: None)
    play.hear(pre_prepare(V), commit(v, 0), commit(v, 1), commit(v, 1), commit(w, 2))
    assert not play.state.decided


def test_an_invalid_value_is_reason_enough_to_leave_the_view() -> None:
    play = Play(me=1, judge=lambda _: False)
    play.hear(pre_prepare(V))
    assert [left.change.view for left in play.of(ViewLeft)] == [1]


def test_who_does_not_vote_follows() -> None:
    play = Play(me=9)
    play.hear(pre_prepare(V), prepare(v, 1), prepare(v, 2), commit(v, 0), commit(v, 1))
    assert not play.effects
    play.hear(commit(v, 2))
    assert play.state.decided
    play.go_on()
    play.hear(*(change(n) for n in (0, 1, 2)))
    assert play.state.active
    play.hear(new_view([change(n) for n in (0, 1, 2)]))
    assert play.state.view == 1
    assert not play.sent(ViewChange)


# -- timers ---------------------------------------------------------------------------------------


def test_p12_the_timer_runs_while_something_waits_and_stops_when_it_is_decided() -> None:
    play = Play(opened=False)
    assert play.state.timer_due_ns == 0
    play.do(Open())
    assert play.state.timer_due_ns == play.now_ns + 1_000 * MS
    play.hear(committed(V))
    play.go_on(opened=False)
    assert play.state.timer_due_ns == 0
    while play.now_ns < 100_000 * MS:
        play.wake()
    assert play.state.view == 0, "an idle mesh changes no views"


def test_p12_a_view_that_takes_too_long_is_left() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V), prepare(v, 1))
    play.time_out()
    [said] = play.sent(ViewChange)
    assert (said.view, said.stable, said.checkpoints) == (1, 0, ())
    assert [shown.pre_prepare.value_id for shown in said.prepared] == [v]
    assert not play.state.active


def test_p12_the_next_timer_waits_for_a_quorum_and_doubles_with_each_failure() -> None:
    play = Play(me=3)
    waits: list[int] = []
    for view in range(1, 6):
        play.time_out()
        assert play.state.view == view
        assert play.state.timer_due_ns == 0, "nobody waits for those who do not wait with him"
        play.hear(change(1, view))
        assert play.state.timer_due_ns == 0
        play.hear(change(2, view))
        waits.append((play.state.timer_due_ns - play.now_ns) // MS)
    assert waits == [1_000, 2_000, 4_000, 8_000, 8_000], "0, whose view the fourth was, is gone"


def test_p12_many_dead_primaries_in_a_row_cost_one_wait_each() -> None:
    """Else a third of a hundred would cost years. After a full turn of them the wait doubles."""
    seven = equals(7)
    play = Play(me=6, validators=seven)
    waits: list[int] = []
    while len(waits) < 9:
        play.time_out()
        view = play.state.view
        view += view == 6  # our own turn is passed over: the others are in the next view already
        first = leader(view, validators=seven)
        play.hear(*(change(voter, view) for voter in range(6) if voter != first))
        assert play.state.view == view
        waits.append((play.state.timer_due_ns - play.now_ns) // MS)
    # It doubles for our own failure, for we were there, and after seven who were not.
    assert waits == [1_000] * 5 + [2_000] * 2 + [4_000] * 2


def test_p12_the_wait_has_an_end_to_its_growth() -> None:
    play = Play()
    state = play.state
    for _ in range(DOUBLINGS_MAX + 5):
        play.time_out()
        play.hear(*(change(n, play.state.view) for n in (0, 2, 3)))
        if play.state.active:  # it was our own turn
            play.do(Open())
    assert wait_ns(play.state, Timeouts()) == 1_000 * MS << DOUBLINGS_MAX
    assert wait_ns(state, Timeouts()) == 1_000 * MS


def test_p12_a_decision_forgives_the_failures() -> None:
    play = Play(me=3)
    play.time_out()
    play.hear(change(1), change(2), new_view([change(1), change(2), change(3)]))
    assert play.state.failures == 1
    play.hear(committed(V))
    assert play.state.failures == 0


@pytest.mark.parametrize("others", [(2, 5), (5, 2), (7, 7), (3, 3)])
def test_p12_more_than_a_third_are_followed_to_the_smallest_of_their_views(
    others: tuple[int, int],
) -> None:
    play = Play(me=1)
    play.hear(change(0, others[0]))
    assert play.state.view == 0, "one alone may be a liar"
    play.hear(change(3, others[1]))
    assert play.state.view == min(others)
    assert not play.state.active


def test_p12_those_who_went_further_count_for_the_timer_too() -> None:
    """Else replicas that gave up on different views could wait for one another for ever."""
    play = Play(me=3)
    play.time_out()
    play.hear(change(1, 1))
    assert not play.state.timer_due_ns
    play.hear(change(2, 2))
    assert play.of(TimerStarted)[-1].view == 1
    play.time_out()
    assert play.state.view == 2


def test_p14_a_new_view_goes_on_where_the_old_one_was() -> None:
    """indy-plenum#673: sequence numbers that begin anew with each view confuse what was decided."""
    play = Play(me=1)
    play.decide(2)
    play.hear(*(change(n) for n in (0, 2, 3)))
    assert (play.state.view, play.state.active, play.state.height) == (1, True, 3)
    assert [wanted.height for wanted in play.of(ProposalWanted)] == [3]
    play.do(Propose(3, 1, Block(3, "v")))
    assert [(said.view, said.height) for said in play.sent(PrePrepare)] == [(1, 3)]
    play.decide()
    assert (play.state.view, play.state.height) == (1, 4)


# -- the change of views --------------------------------------------------------------------------


def test_the_primary_begins_its_view_with_all_who_changed_to_it() -> None:
    play = Play(me=1)
    play.hear(change(0, 1, [proof(V)]), change(2), change(3))
    said = play.sent(NewView)[0]
    assert len(said.changes) == 3
    assert [(one.height, one.value_id) for one in said.chosen] == [(1, v)]
    assert play.state.active
    slot = play.state.slot
    assert slot.pre_prepare is not None
    assert slot.pre_prepare.signature, "our word in it is signed like any other"
    assert play.sent(WantValue), "the value itself did not come with the proof"
    assert not play.of(ProposalWanted)


def test_what_a_view_began_with_is_decided_in_it() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V))  # so the value is at hand
    play.hear(prepare(v, 1))
    changes = [change(0, 1, [proof(V)]), change(1), change(3)]
    play.hear(*changes, new_view(changes))
    play.hear(prepare(v, 3, 1), prepare(v, 0, 1))
    assert play.said[-2:] == [("PrepareCast", 1, 1, v), ("CommitCast", 1, 1, v)]
    play.hear(commit(v, 0, 1), commit(v, 1, 1))
    assert play.of(Decided)[0].certificate.round == 1


def test_p10_where_nothing_was_prepared_the_primary_proposes_its_own() -> None:
    """A null request: no height is wasted on an empty value."""
    play = Play(me=1)
    play.hear(change(0, 1, [proof(Block(3, "x"), height=3)]), change(2), change(3))
    assert play.sent(NewView)[0].nulls == (1, 2)
    assert play.of(ProposalWanted)[0].height == 1
    play.do(Propose(1, 1, W))
    assert play.state.slot.own is not None
    play.hear(prepare(w, 2, 1), prepare(w, 3, 1), commit(w, 2, 1), commit(w, 3, 1))
    assert play.state.decided
    play.go_on()
    play.hear(committed(Block(2, "y"), 2, 1))
    play.go_on()
    assert play.state.slot.pre_prepare is not None, "and at the third it is bound"
    assert play.do(Propose(3, 1, Block(3, "other"))) == []


def test_p08_above_the_window_nothing_moves_and_no_view_fails() -> None:
    """Checkpoints at each second height, none of which becomes stable: after four, we wait."""
    play = Play(me=1, every=2)
    play.decide(4)
    assert [said.height for said in play.sent(Checkpoint)] == [2, 4]
    assert play.state.height == 5
    assert play.state.timer_due_ns == 0
    fifth = Block(5, "fifth")
    play.hear(pre_prepare(fifth, height=5))
    assert play.said == []
    play.pass_ms(30_000)
    play.wake()
    assert play.state.view == 0
    chain = play.state.taken[2]
    play.hear(checkpoint(2, chain, 0), checkpoint(2, chain, 3))
    assert play.state.stable == 2
    assert play.said == [("PrepareCast", 5, 0, digest(fifth))], "it was kept, not dropped"
    assert play.state.timer_due_ns > 0


def test_p08_the_primary_assigns_nothing_above_the_window() -> None:
    play = Play(me=0, every=1)
    play.decide(2)
    assert play.state.height == 3
    assert not [wanted for wanted in play.of(ProposalWanted) if wanted.height == 3]
    assert play.do(Propose(3, 0, Block(3, "v"))) == []
    chain = play.state.taken[2]
    play.hear(checkpoint(2, chain, 1), checkpoint(2, chain, 2))
    assert [wanted for wanted in play.of(ProposalWanted) if wanted.height == 3]


def test_another_set_begins_with_its_first_view() -> None:
    play = Play(me=2)
    play.hear(*(change(n) for n in (0, 1, 3)))
    assert play.state.view == 1
    play.hear(committed(V))
    play.go_on(equals(5))
    state = play.state
    assert (state.view, state.active, state.since, state.stable) == (0, True, 2, 1)
    assert not state.changes
    assert not state.prepared
