"""Anything that may happen to one machine, drawn from a seed and steered to where it matters.

Uniform draws would hardly ever make a quorum: so most of what others say is about the height and
view the machine is in and one of two values, and time passes mostly to its next deadline.
"""

from random import Random

from meshkit.consensus.messages import Ask, Begin, Judge, Open, Propose
from meshkit.consensus.pbft.messages import Offer, Shown, ViewChange, WantValue, WantView
from meshkit.core.machine import Heard, Restarted, Wake
from meshkit.core.value import Value, digest
from tests.consensus.pbft.network import Block, equals, name
from tests.consensus.pbft.playbook import (
    Play,
    change,
    checkpoint,
    commit,
    committed,
    leader,
    new_view,
    pre_prepare,
    prepare,
    proof,
)

LENGTH = 90  # commands: enough to decide a few heights, or to go through a few views


def tell(seed: int, length: int = LENGTH) -> Play:
    """A machine after the story of this seed; `story` holds every command, refused ones too."""
    random = Random(seed)
    verdict = random.choice([True, True, True, True, False, None])
    me = random.choice([0, 0, 1, 2, 3, 9])
    play = Play(me=me, judge=lambda _: verdict, opened=False, every=random.choice([1, 2, 4]))
    for _ in range(length):
        _chapter(play, random)
    return play


def _chapter(play: Play, random: Random) -> None:
    play.pass_ms(random.choice([0, 0, 1, 50, 150]))
    state = play.state
    match random.randrange(20):
        case 0 | 1:
            play.do(Open())
        case 2 | 3 | 4:
            if state.decided:
                count = 5 if random.random() < 0.03 else 4
                play.do(Begin(state.height + 1, equals(count)))
        case 5 | 6:
            due = play.machine.deadline(state)
            play.now_ns = max(play.now_ns, due or 0)
            play.do(Wake())
        case 7:
            play.do(Restarted())
        case 8:
            value = _value(random, state.height)
            if random.random() < 0.7:
                play.do(Propose(state.height, state.view, value))
            else:
                play.do(Judge(state.height, digest(value), random.random() < 0.7))
        case 9 | 10:
            view = _view(play, random)
            height = _height(play, random)
            play.hear(pre_prepare(_value(random, height), view, height))
        case 11 | 12:
            play.do(Heard(name(random.choice([1, 2, 3, 7])), _message(play, random)))
        case 13:
            _change_views(play, random)
        case _:
            _vote(play, random)


def _value(random: Random, height: int) -> Block:
    return Block(height, random.choice("vvvvvw"))


def _view(play: Play, random: Random) -> int:
    return max(0, play.state.view + random.choice([0] * 9 + [1, -1, 3]))


def _height(play: Play, random: Random) -> int:
    return max(1, play.state.height + random.choice([0] * 14 + [1, 1, -1, 30]))


def _other(play: Play, random: Random) -> int:
    return random.choice([n for n in range(4) if name(n) != play.machine.me])


def _vote(play: Play, random: Random) -> None:
    """One word of somebody, or the same of all."""
    height, view = _height(play, random), _view(play, random)
    value_id = digest(_value(random, height))
    kind = random.choice([prepare, prepare, commit])
    voters = range(4) if random.random() < 0.3 else [_other(play, random)]
    for voter in voters:
        if name(voter) != play.machine.me:
            play.hear(kind(value_id, voter, view, height))


def _change_views(play: Play, random: Random) -> None:
    """Others change views; sometimes enough of them, and the new one begins."""
    state = play.state
    view = max(1, state.view + random.choice([0, 1, 1, 2]))
    changes = [_change(play, random, n, view) for n in range(4) if name(n) != play.machine.me]
    for said in changes[: random.randrange(1, 4)]:
        play.hear(said)
    enough = random.random() < 0.6 and len(changes) >= 3 and state.since == 1
    if enough and leader(view) != play.machine.me[0]:
        play.hear(new_view(changes[:3], view))


def _change(play: Play, random: Random, by: int, view: int) -> ViewChange:
    state = play.state
    height = state.height
    shown = []
    if random.random() < 0.3 and view > 0 and height <= state.stable + 2 * state.every:
        shown = [proof(_value(random, height), random.randrange(view), height)]
    return change(by, view, shown, state.proof, state.since)


def _message(play: Play, random: Random) -> Value:
    height = _height(play, random)
    value = _value(random, height)
    state = play.state
    mark = max(1, height // state.every) * state.every
    messages: list[Value] = [
        Shown((pre_prepare(value, height=height), pre_prepare(Block(height, "x"), height=height))),
        Shown(tuple(checkpoint(mark, state.chain, n) for n in range(4))),
        *(checkpoint(mark, state.chain, n) for n in range(4)),
        checkpoint(state.stable, state.stable_chain, _other(play, random)),
        committed(value, height),
        committed(value, height),
        Offer(height, value),
        Ask(height),
        WantValue(height, digest(value)),
        WantView(state.since, 0),
    ]
    return random.choice(messages)
