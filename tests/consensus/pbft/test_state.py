"""What is read from a replica's state: where its window ends, what is ahead of it."""

import pytest

from meshkit.consensus.pbft import Timeouts
from meshkit.consensus.pbft.messages import CheckpointHeard, Prepare, Repeated
from meshkit.consensus.pbft.state import (
    GRACE_NS,
    MS_NS,
    WINDOW_NS,
    bare,
    certificate,
    charge,
    first_again_ns,
    is_ahead,
    is_blocked,
    is_prepared,
    may_answer,
    patience_ns,
    primary,
    question,
    replicas,
    stable_proof,
)
from meshkit.core.machine import Heard, Moment
from tests.consensus.pbft.network import name
from tests.consensus.pbft.playbook import (
    Play,
    V,
    change,
    checkpoint,
    checkpoints,
    commit,
    new_view,
    pre_prepare,
    prepare,
    v,
    w,
)


def test_p08_the_window_is_two_checkpoints_wide() -> None:
    play = Play(every=2)
    assert replicas(play.state).window == 4
    blocked: list[bool] = []
    for _ in range(6):
        blocked.append(is_blocked(play.state))
        play.decide()
    assert blocked == [False] * 4 + [True] * 2
    play = Play(every=2)
    play.hear(*checkpoints(2, by=(0, 2, 3)))
    assert is_blocked(play.state), "behind the checkpoint it is blocked as well"


@pytest.mark.parametrize(
    ("view", "height", "ahead"),
    [(0, 1, False), (1, 1, True), (0, 2, True), (5, 0, False), (0, 0, False)],
)
def test_what_is_ahead(view: int, height: int, ahead: bool) -> None:
    said = Prepare(view, height, v, name(0))
    assert is_ahead(Play().state, said) == ahead


def test_while_we_wait_for_a_view_what_is_of_it_is_ahead() -> None:
    play = Play(me=2)
    play.time_out()
    assert is_ahead(play.state, Prepare(1, 1, v, name(0)))
    assert not is_ahead(play.state, Prepare(0, 1, v, name(0)))


def test_a_charge_is_of_one_place_in_time() -> None:
    charges = {
        charge(said)
        for said in (
            prepare(v, 1),
            prepare(w, 1),
            commit(v, 1),
            prepare(v, 2),
            prepare(v, 1, height=2),
            checkpoint(1, v, 1),
            bare(pre_prepare(V)),
        )
    }
    assert len(charges) == 6


def test_a_question_is_answered_once_a_window() -> None:
    play = Play()
    play.decide()
    play.pass_ms(500)
    play.hear(prepare(v, 3))
    now = play.now_ns
    assert not may_answer(play.state, "height", name(3), now)
    assert may_answer(play.state, "view", name(3), now)
    assert may_answer(play.state, "height", name(2), now)
    assert may_answer(play.state, "height", name(3), now + WINDOW_NS)
    assert question("height", name(1)) != question("view", name(1))


def test_who_is_behind_is_impatient() -> None:
    play = Play()
    assert patience_ns(play.state) == first_again_ns(1_000 * MS_NS) == 250 * MS_NS
    play.hear(*checkpoints(4, by=(0, 2, 3)))
    assert patience_ns(play.state) == GRACE_NS


def test_what_was_lost_is_said_again_twice_before_a_view_is_given_up() -> None:
    """Also where views are short; nor more often than a round trip takes."""
    assert [first_again_ns(ms * MS_NS) // MS_NS for ms in (40, 400, 1_200, 2_000, 60_000)] == [
        50, 100, 300, 400, 400,
    ]  # fmt: skip
    play = Play(timeouts=Timeouts(400, 200))
    begun_ns = play.now_ns
    said: list[int] = []
    while play.state.active:
        play.wake()
        said += [play.now_ns] if play.of(Repeated) and play.state.active else []
        play.forget()
    assert [(at - begun_ns) // MS_NS for at in said] == [100, 300]


def test_a_bare_pre_prepare_is_signed_all_the_same() -> None:
    said = pre_prepare(V)
    plain = bare(said)
    assert (plain.value, plain.signature) == (None, said.signature)
    assert bare(plain) is plain


def test_the_certificate_is_of_those_who_committed() -> None:
    play = Play(me=3, judge=lambda _: None)
    play.hear(pre_prepare(V), commit(v, 0), commit(v, 1))
    with pytest.raises(AssertionError):
        certificate(play.state)
    play.hear(commit(v, 2))
    assert [getattr(vote, "voter", b"") for vote in certificate(play.state).votes] == [
        name(0),
        name(1),
        name(2),
    ]


def test_prepared_is_of_our_view() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V), prepare(v, 1))
    assert is_prepared(play.state)
    changes = [change(0), change(1), change(3)]
    play.hear(*changes, new_view(changes))
    assert not is_prepared(play.state)
    assert primary(play.state) == name(1)


def test_the_proof_of_a_checkpoint_leaves_out_who_took_another() -> None:
    play = Play(me=9)
    for number, chain in enumerate((v, w, v)):
        play.hear(checkpoint(4, chain, number))
    assert stable_proof(play.state, 4) == ()
    said = Heard(name(3), checkpoint(4, v, 3))
    events = play.machine.decide(play.state, said, Moment(play.now_ns, 0))
    [heard] = [event for event in events if isinstance(event, CheckpointHeard)]
    found = stable_proof(play.machine.evolve(play.state, heard), 4)
    assert [vote.voter for vote in found] == [name(0), name(2), name(3)]
