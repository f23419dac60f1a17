"""What passes the gates, what is kept for later, what is refused, and who is answered."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import (
    Ask,
    Begin,
    Certificate,
    Committed,
    Decided,
    EquivocationSeen,
    Serve,
    Validator,
)
from meshkit.consensus.pbft.face import is_late
from meshkit.consensus.pbft.hearing import LATER_MAX, LEAPS_MAX, SHOWN_MAX
from meshkit.consensus.pbft.messages import (
    CheckpointHeard,
    ConflictShown,
    HeightAnswered,
    Offer,
    PeerAhead,
    PrePrepare,
    PrePrepareHeard,
    Shown,
    StableAnswered,
    StatementKept,
    ValueAnswered,
    ViewAnswered,
    ViewChangeHeard,
    WantValue,
    WantView,
)
from meshkit.consensus.pbft.state import ANSWERED_MAX
from meshkit.core.machine import Heard, Send
from meshkit.core.value import Value, digest
from tests.consensus.pbft.network import MS, Block, equals, name, sign
from tests.consensus.pbft.playbook import (
    Play,
    V,
    W,
    change,
    checkpoint,
    checkpoints,
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

NOTHING = PrePrepare(0, 1, b"", name(0))


@pytest.mark.parametrize(
    "said",
    [
        pre_prepare(V, by=1),
        pre_prepare(V, by=9),
        pre_prepare(V, view=4, by=0).__class__(0, 0, v, name(0), V),
        replace(pre_prepare(V), value=None),
        replace(pre_prepare(V), value=W),
        sign(NOTHING),
    ],
)
def test_p03_a_pre_prepare_in_improper_form_is_refused(said: PrePrepare) -> None:
    play = Play(me=2)
    play.hear(said)
    assert play.state.slot.pre_prepare is None
    assert not play.state.values


def test_p03_one_value_for_each_height_and_view() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V))
    assert play.of(PrePrepareHeard)
    play.hear(pre_prepare(W))
    assert len(play.of(PrePrepareHeard)) == 1
    assert play.said == [("PrepareCast", 1, 0, v)]


def test_p03_a_later_view_or_height_waits_for_its_turn() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V, view=1))
    assert play.state.slot.pre_prepare is None
    assert play.of(StatementKept)
    changes = [change(0), change(1), change(3)]
    play.hear(*changes, new_view(changes))
    assert play.state.slot.pre_prepare is not None, "its view has begun"


def test_p03_nothing_is_accepted_at_or_below_the_stable_checkpoint() -> None:
    """A laggard could else help to decide what was long decided otherwise."""
    play = Play(me=2, every=2)
    play.hear(*checkpoints(4, by=(0, 1, 3)))
    assert (play.state.stable, play.state.height) == (4, 1)
    play.hear(pre_prepare(V), prepare(v, 1), prepare(v, 3))
    assert play.said == []
    assert not play.state.prepared
    play.hear(committed(V))
    assert play.state.decided


OTHERS: Sequence[Value] = (
    pre_prepare(V),
    prepare(v, 0),
    prepare(v, 3),
    commit(v, 0),
    commit(v, 1),
    commit(v, 3),
    WantView(1, 5),
    Offer(1, V),
)


def test_p13_while_views_change_other_messages_change_nothing() -> None:
    play = Play(me=2)
    play.time_out()
    before = play.state
    for said in OTHERS:
        assert play.do(Heard(name(3), said)) == []
    assert play.state == before
    play.forget()
    play.hear(prepare(v, 0, view=1), commit(v, 3, view=1))
    now = play.state
    assert (now.slot, now.prepared, play.said) == (before.slot, before.prepared, [])
    kept = [said for _, some in sorted(now.later.items()) for said in some]
    assert len(kept) == 2, "what is of the view we wait for waits with us"


def test_p13_checkpoints_view_changes_and_new_views_are_heard_all_the_same() -> None:
    play = Play(me=2, every=1)
    play.decide()
    play.time_out()
    play.hear(checkpoint(1, play.state.chain, 0))
    assert play.of(CheckpointHeard)
    changes = [change(0), change(1), change(3)]
    play.hear(changes[0])
    assert play.of(ViewChangeHeard)
    play.hear(new_view(changes))
    assert play.state.active


def test_p13_what_proves_itself_is_believed_in_any_state() -> None:
    play = Play(me=2)
    play.time_out()
    play.hear(committed(V))
    assert play.of(Decided)


# -- checkpoints ----------------------------------------------------------------------------------


def test_p08_checkpoints_count_where_they_are_due_once_each_and_alike() -> None:
    play = Play(me=3, every=2)
    mark = b"c" * 32
    play.hear(checkpoint(3, mark, 0), checkpoint(40, mark, 0), checkpoint(2, mark, 9))
    play.hear(checkpoint(2, mark, 3))  # signed by us, but never taken
    assert not play.of(CheckpointHeard)
    play.hear(checkpoint(2, mark, 0), checkpoint(2, mark, 0), checkpoint(2, b"d" * 32, 1))
    assert len(play.of(CheckpointHeard)) == 2
    play.hear(checkpoint(2, mark, 2))
    assert play.state.stable == 0, "three, but not alike"


def test_p08_what_is_below_the_stable_checkpoint_is_forgotten() -> None:
    play = Play(me=2, every=2)
    play.hear(pre_prepare(V), prepare(v, 1), commit(v, 0), commit(v, 1))
    play.go_on()
    play.decide()
    chain = play.state.taken[2]
    assert 1 in play.state.prepared
    play.hear(checkpoint(2, chain, 0), checkpoint(2, chain, 1))
    state = play.state
    assert (state.stable, state.stable_chain) == (2, chain)
    assert not state.prepared
    assert not state.taken
    assert not state.checkpoints
    play.time_out()
    [left] = [event.change for event in play.events if hasattr(event, "change")][-1:]
    assert (left.stable, left.checkpoints) == (2, state.proof)


def test_who_does_not_know_that_a_checkpoint_is_stable_is_shown_the_proof() -> None:
    play = Play(me=2, every=1)
    play.decide()
    chain = play.state.taken[1]
    play.hear(checkpoint(1, chain, 0), checkpoint(1, chain, 1))
    play.forget()
    play.hear(checkpoint(1, chain, 3))
    assert not play.events, "it may just have been under way"
    play.pass_ms(150)
    play.hear(checkpoint(1, chain, 3), checkpoint(1, chain, 3))
    [answer] = play.of(StableAnswered)
    assert play.effects == [Send(name(3), Shown(play.state.proof))]
    assert answer.to == name(3)

    other = Play(me=3, every=1)
    other.decide()
    other.hear(Shown(play.state.proof))
    assert other.state.stable == 1


# -- state transfer -------------------------------------------------------------------------------


def test_p18_a_lying_donor_is_not_believed() -> None:
    play = Play(me=3)
    good = committed(V)
    proof_ = good.certificate
    lies = {
        "another value": Committed(proof_, W),
        "too few": Committed(replace(proof_, votes=proof_.votes[:2]), V),
        "one twice": Committed(replace(proof_, votes=(proof_.votes[0],) * 3), V),
        "of another height": committed(Block(2, "v"), 2),
        "of another view": Committed(replace(proof_, round=1), V),
        "prepares": Committed(replace(proof_, votes=tuple(prepare(v, n) for n in (1, 2, 3))), V),
        "strangers": Committed(replace(proof_, votes=tuple(commit(v, n) for n in (7, 8, 9))), V),
        "for nothing": Committed(Certificate(1, 0, b"", proof_.votes), V),
    }
    for why, lie in lies.items():
        play.hear(lie, sender=name(2))
        assert not play.state.decided, why
    play.hear(good, sender=name(2))
    assert play.state.decided


def test_p18_what_is_transferred_must_lead_to_the_digest_that_a_quorum_took() -> None:
    """Even with a certificate (of more than a third who lie) nothing else is taken over."""
    honest = Play(me=2, every=2)
    honest.decide(2)
    chain = honest.state.taken[2]
    play = Play(me=3, every=2)
    play.hear(*(checkpoint(2, chain, n) for n in (0, 1, 2)))
    assert play.state.stable == 2
    play.hear(committed(Block(1, "passed")))
    play.go_on()
    play.forget()
    play.hear(committed(Block(2, "forged"), 2))
    assert not play.of(Decided)
    play.hear(committed(Block(2, "passed"), 2))
    assert play.of(Decided)
    assert play.state.chain == chain


# -- who is behind, who is ahead ------------------------------------------------------------------


def test_who_is_at_a_decided_height_is_told_how_it_ended() -> None:
    play = Play(me=2)
    play.decide()
    play.hear(prepare(v, 0), sender=name(0))
    assert not play.of(HeightAnswered), "it may just have been under way"
    play.hear(Ask(1), Ask(1), sender=name(3))
    assert [answer.to for answer in play.of(HeightAnswered)] == [name(3)]
    assert play.effects[-2:] == [Serve(name(3), 1), Send(name(3), Ask(2))]
    play.pass_ms(150)
    play.hear(prepare(v, 0), sender=name(0))
    play.hear(WantValue(1, v), sender=name(1))
    assert [answer.to for answer in play.of(HeightAnswered)] == [name(3), name(0), name(1)]


def test_who_misses_the_value_of_a_height_that_is_just_decided_is_told_at_once() -> None:
    play = Play(me=2)
    play.decide()
    play.hear(WantValue(1, v), sender=name(3))
    assert [answer.to for answer in play.of(HeightAnswered)] == [name(3)]


def test_who_is_in_a_view_that_is_over_is_shown_how_ours_began() -> None:
    play = Play(me=2)
    changes = [change(0), change(1), change(3)]
    play.hear(WantView(1, 0), sender=name(3))
    play.hear(*changes, new_view(changes))
    play.pass_ms(150)
    play.forget()
    play.hear(prepare(v, 3), change(0), sender=None)
    assert [answer.to for answer in play.of(ViewAnswered)] == [name(3), name(0)]
    play.hear(WantView(1, 0), WantView(1, 1), WantView(7, 0), sender=name(1))
    assert [answer.to for answer in play.of(ViewAnswered)][2:] == [name(1)]
    assert play.effects == [
        Send(to, play.state.new_view) for to in (name(3), name(0), name(1)) if play.state.new_view
    ]


def test_who_is_ahead_is_asked_soon() -> None:
    play = Play(me=2, opened=False)
    play.hear(Ask(9), sender=name(0))
    play.hear(prepare(v, 1, view=5))
    play.hear(change(3, since=4))
    play.hear(change(3, since=4))
    assert [(one.sender, one.height, one.view) for one in play.of(PeerAhead)] == [
        (name(0), 9, 0),
        (name(3), 4, 0),
    ]
    assert dict(play.state.ahead) == {name(1): 5}
    assert play.state.again_due_ns <= play.now_ns + 100 * MS
    play.forget()
    while not play.sent(Ask):
        play.wake()
    assert WantView(1, 0) in play.sent(WantView)
    while len(play.sent(Ask)) < 6:
        play.wake()
    asked = {effect.to for effect in play.effects if isinstance(effect, Send)}
    assert {name(0), name(3)} <= asked


def test_a_new_view_of_a_set_that_we_do_not_know_yet_is_a_reason_to_ask() -> None:
    play = Play(me=2)
    play.hear(sign(replace(new_view([change(0), change(1), change(3)]), since=5, signature=b"")))
    assert [one.height for one in play.of(PeerAhead)] == [5]


def test_view_changes_show_who_has_decided_more() -> None:
    play = Play(me=2)
    ahead = [proof(Block(3, "x"), height=3)]
    play.hear(change(0, 1, ahead))
    assert [(one.sender, one.height) for one in play.of(PeerAhead)] == [(name(0), 3)]
    changes = [change(0, 1, ahead), change(1, 1, [], checkpoints(4)), change(3)]
    play.hear(new_view(changes), sender=name(3))
    assert [(one.sender, one.height) for one in play.of(PeerAhead)][1:] == [(name(1), 5)]
    assert play.state.stable == 4


def test_a_missing_value_is_asked_for_and_given() -> None:
    play = Play(me=3)
    changes = [change(0, 1, [proof(V)]), change(1), change(2)]
    play.hear(*changes, new_view(changes))
    assert WantValue(1, v) in play.sent(WantValue)
    play.hear(Offer(2, V), Offer(1, W), sender=name(1))
    assert v not in play.state.values
    play.hear(Offer(1, V), sender=name(1))
    assert v in play.state.values
    play.forget()
    play.hear(WantValue(1, v), WantValue(1, v), WantValue(1, w), sender=name(1))
    assert len(play.of(ValueAnswered)) == 1
    assert play.effects == [Send(name(1), Offer(1, V))]
    assert play.hear(Offer(1, V)) == []


# -- evidence and bounds --------------------------------------------------------------------------


def test_p19_two_pre_prepares_are_evidence_and_everyone_is_told() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V), pre_prepare(W))
    [seen] = play.of(EquivocationSeen)
    assert seen.culprit == name(0)
    [told] = play.sent(Shown)
    assert {said.value_id for said in told.statements if isinstance(said, PrePrepare)} == {v, w}
    play.hear(pre_prepare(W), told)
    assert len(play.of(EquivocationSeen)) == 1

    other = Play(me=3)
    other.hear(told)
    assert [seen.culprit for seen in other.of(EquivocationSeen)] == [name(0)]


def test_p19_backups_that_were_told_different_things_find_out() -> None:
    """One shows the other what the primary told it, whichever came first."""
    for early in (True, False):
        one, other = Play(me=1), Play(me=2)
        other.hear(pre_prepare(W))
        accepted = prepare(w, 2)
        one.hear(*((accepted, pre_prepare(V)) if early else (pre_prepare(V), accepted)))
        [shown] = one.of(ConflictShown)
        assert shown.to == name(2)
        [effect] = [effect for effect in one.effects if isinstance(effect, Send)]
        other.hear(effect.message, sender=name(1))
        assert [seen.culprit for seen in other.of(EquivocationSeen)] == [name(0)]


def test_p19_also_when_the_height_is_over() -> None:
    play = Play(me=1)
    play.hear(pre_prepare(V))
    play.hear(committed(V))
    play.hear(prepare(w, 2))
    assert play.of(ConflictShown)
    play.hear(pre_prepare(W))
    assert play.of(EquivocationSeen)
    play.go_on()
    play.forget()
    play.hear(prepare(w, 3), Shown((pre_prepare(W), pre_prepare(V))))
    assert [shown.to for shown in play.of(ConflictShown)] == [name(3)]


@pytest.mark.parametrize(
    "pair",
    [
        (prepare(v, 3), prepare(w, 3)),
        (commit(v, 3), commit(w, 3)),
        (checkpoint(4, v, 3), checkpoint(4, w, 3)),
    ],
)
def test_p19_whoever_says_two_things_in_one_place_is_found_out(pair: tuple[Any, Any]) -> None:
    play = Play(me=2)
    play.hear(*pair)
    assert [seen.culprit for seen in play.of(EquivocationSeen)] == [name(3)]


def test_p20_of_what_is_ahead_a_few_statements_of_each_replica_are_kept() -> None:
    play = Play(me=2)
    for height in range(2, 8):
        value = Block(height, "x")
        for said in (
            prepare(digest(value), 3, height=height),
            commit(digest(value), 3, height=height),
            prepare(digest(value), 3, view=height),
            pre_prepare(value, view=height, height=height),
        ):
            play.hear(said, said)
    assert len(play.state.later[name(3)]) == LATER_MAX
    assert all(len(kept) <= LATER_MAX for _, kept in sorted(play.state.later.items()))
    before = play.state
    play.hear(prepare(v, 9, height=2), prepare(v, 1, height=100))
    assert play.state.later == before.later, "nothing of strangers, or far away"
    play.hear(prepare(v, 1, height=2), sender=name(0))
    assert play.state.later == before.later, "only from who said it"
    play.hear(pre_prepare(V, view=leader(3) + 1, by=3))
    assert play.state.later == before.later, "and only from whose turn it will be"


def test_p20_of_each_replica_one_view_change_is_kept_and_leaps_are_counted() -> None:
    play = Play(me=2)
    play.hear(change(3, 5), change(3, 5), change(3, 4))
    assert len(play.of(ViewChangeHeard)) == 1
    for view in range(6, 40):
        play.hear(change(3, view))
    assert len(play.of(ViewChangeHeard)) == 1 + LEAPS_MAX
    assert len(play.state.changes) == 1


def test_p20_a_bundle_has_a_size() -> None:
    play = Play(me=2)
    many = tuple(prepare(v, 3) for _ in range(SHOWN_MAX * 4 + 1))
    play.hear(Shown(many))
    assert not play.events


def test_p20_answers_have_a_limit() -> None:
    play = Play(me=2)
    play.decide()
    play.pass_ms(150)
    for number in range(ANSWERED_MAX + 10):
        play.do(Heard(number.to_bytes(32), Ask(1)))
    assert len(play.of(HeightAnswered)) == ANSWERED_MAX


def test_what_comes_late_need_not_be_verified() -> None:
    """Where the machine says so, hearing it yields no event."""
    play = Play(me=1)
    play.hear(pre_prepare(V), prepare(v, 2), commit(v, 0), commit(v, 2))
    late = [prepare(v, 3), commit(v, 3), commit(w, 3)]
    for _ in range(2):
        for said in late:
            assert is_late(play.state, name(3), said, play.now_ns)
            assert play.hear(said) == []
        if play.state.decided:
            play.go_on()
    assert not is_late(play.state, name(3), prepare(w, 3), play.now_ns), "it may be evidence"
    assert not is_late(play.state, name(3), prepare(v, 3, height=2), play.now_ns)
    assert not is_late(play.state, name(3), pre_prepare(V), play.now_ns)
    play.pass_ms(150)
    assert not is_late(play.state, name(3), prepare(v, 3), play.now_ns), "a question"
    assert is_late(play.state, name(0), prepare(v, 3), play.now_ns)


def test_strangers_and_unknown_messages_are_refused() -> None:
    play = Play(me=2)
    for said in (prepare(v, 9), commit(v, 9), change(9), Block(1, "no message")):
        assert play.do(Heard(name(9), said)) == []
    play.hear(committed(V))
    two = (Validator(name(2), 1), Validator(name(3), 1))
    play.do(Begin(2, two))
    play.forget()
    play.hear(prepare(v, 0, height=2), checkpoint(4, v, 0))
    assert not play.events
    assert equals(2)
