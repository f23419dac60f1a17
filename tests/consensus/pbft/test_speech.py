"""What is said, and said again, to the byte, until it does not matter any more."""

from meshkit.consensus.messages import Ask, Propose
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PrePrepare,
    Shown,
    ViewChange,
    WantValue,
)
from meshkit.core.machine import Broadcast, Restarted, Send
from tests.consensus.pbft.network import name
from tests.consensus.pbft.playbook import (
    Play,
    V,
    W,
    change,
    checkpoint,
    pre_prepare,
    prepare,
    proof,
    v,
)


def again(play: Play) -> list[object]:
    """What a restart says."""
    play.forget()
    play.pass_ms(1)
    play.do(Restarted())
    return [effect.message for effect in play.effects if isinstance(effect, Broadcast)]


def test_a_backup_says_its_part_again() -> None:
    play = Play(me=1)
    play.hear(pre_prepare(V), prepare(v, 2))
    assert again(play) == [Prepare(0, 1, v, name(1)), Commit(0, 1, v, name(1)), Ask(1)]


def test_a_primary_says_its_assignment_again_with_the_value() -> None:
    play = Play(me=0)
    play.do(Propose(1, 0, V))
    assert again(play) == [PrePrepare(0, 1, v, name(0), V), Ask(1)]


def test_who_changes_views_says_so_again_and_nothing_of_the_old_one() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V), prepare(v, 1))
    play.time_out()
    [said] = play.sent(ViewChange)
    assert again(play) == [said, Ask(1)]


def test_a_new_primary_says_again_how_its_view_began() -> None:
    play = Play(me=1)
    play.hear(change(0, 1, [proof(V)]), change(2), change(3))
    [said] = [one for one in play.sent(NewView) if not one.signature]
    assert again(play) == [said, WantValue(1, v), Ask(1)]


def test_checkpoints_are_said_again_until_they_are_stable() -> None:
    play = Play(me=2, every=1)
    play.decide()
    chain = play.state.taken[1]
    assert again(play) == [Checkpoint(1, chain, name(2)), Ask(2)]
    play.hear(checkpoint(1, chain, 0), checkpoint(1, chain, 1))
    assert again(play) == [Ask(2)]


def test_p19_evidence_is_said_again_while_it_is_new() -> None:
    play = Play(me=2)
    play.hear(pre_prepare(V), pre_prepare(W))
    [told] = play.sent(Shown)
    assert told in again(play)
    play.decide()
    assert told in again(play)
    play.decide()
    assert told not in again(play)


def test_claimants_are_asked_by_turns_and_so_is_everyone() -> None:
    play = Play(me=2, opened=False)
    for number in (0, 1, 3):
        play.hear(Ask(7), sender=name(number))
    play.forget()
    for _ in range(8):
        play.wake()
    asked = [effect for effect in play.effects if getattr(effect, "message", None) == Ask(1)]
    assert {effect.to for effect in asked if isinstance(effect, Send)} == {
        name(n) for n in (0, 1, 3)
    }
    assert any(isinstance(effect, Broadcast) for effect in asked)
