"""Anything that may happen to one machine, drawn from a seed and steered to where it matters.

Uniform draws would hardly ever make a quorum: so most of what others say is about the round the
machine is in and one of two values, and time passes mostly to its next deadline.
"""

from random import Random
from typing import Any

from meshkit.consensus.messages import (
    NIL,
    Ask,
    Begin,
    Certificate,
    Committed,
    Judge,
    Open,
    Propose,
)
from meshkit.consensus.rotation import proposer
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Known, Vote, WantValue
from meshkit.core.machine import Heard, Restarted, Wake
from meshkit.core.value import Value, digest
from tests.consensus.tendermint.network import Block, equals, name
from tests.consensus.tendermint.playbook import Play, proposal, vote

LENGTH = 70  # commands: enough to decide two heights, or to go through five rounds


def tell(seed: int, length: int = LENGTH) -> Play:
    """A machine after the story of this seed; `story` holds every command, refused ones too."""
    random = Random(seed)
    verdict = random.choice([True, True, True, False, None])
    play = Play(me=random.choice([0, 1, 2, 3, 9]), judge=lambda _: verdict, opened=False)
    for _ in range(length):
        _chapter(play, random)
    return play


def _chapter(play: Play, random: Random) -> None:
    play.pass_ms(random.choice([0, 0, 1, 50, 150]))
    state = play.state
    match random.randrange(20):
        case 0 | 1:
            play.do(Open())
        case 2 | 3:
            if state.decided:
                play.do(Begin(state.height + 1, equals(4)))
        case 4 | 5:
            due = play.machine.deadline(state)
            play.now_ns = max(play.now_ns, due or 0)
            play.do(Wake())
        case 6:
            play.do(Restarted())
        case 7 | 8:
            value = _value(random, state.height)
            if random.random() < 0.5:
                play.do(Propose(state.height, state.round, value))
            else:
                play.do(Judge(state.height, digest(value), random.random() < 0.7))
        case 9 | 10:
            one = _proposal(play, random)
            play.do(Heard(one.proposer, one))
        case 11:
            sender = name(random.choice([1, 2, 3, 7]))
            play.do(Heard(sender, _message(play, random)))
        case _:
            ballot = _vote(play, random)
            play.do(Heard(random.choice([ballot.voter, ballot.voter, name(1)]), ballot))


def _value(random: Random, height: int) -> Block:
    return Block(height, random.choice("vvvvw"))


def _number(play: Play, random: Random) -> int:
    now = max(play.state.round, 0)
    return max(0, now + random.choice([0, 0, 0, 0, 0, 0, 0, 1, -1, 3]))


def _height(play: Play, random: Random) -> int:
    return max(1, play.state.height + random.choice([0] * 12 + [1, -1, 4]))


def _vote(play: Play, random: Random) -> Vote:
    height = _height(play, random)
    others = [n for n in range(4) if name(n) != play.machine.me]
    value_id = random.choice([digest(_value(random, height))] * 4 + [NIL])
    kind = random.choice([PREVOTE, PREVOTE, PRECOMMIT])
    return vote(kind, _number(play, random), value_id, random.choice(others), height)


def _proposal(play: Play, random: Random) -> Any:
    height, number = _height(play, random), _number(play, random)
    if proposer(equals(4), height, number) == play.machine.me:
        number += 1
    vouched = random.choice([-1, -1, number - 1, 0])
    return proposal(number, _value(random, height), vouched, height)


def _message(play: Play, random: Random) -> Value:
    height = _height(play, random)
    value = _value(random, height)
    bundle = tuple(_vote(play, random) for _ in range(4))
    number = _number(play, random)
    alike = tuple(vote(PREVOTE, number, digest(value), n, height) for n in (1, 2, 3))
    final = tuple(vote(PRECOMMIT, number, digest(value), n, height) for n in (1, 2, 3))
    messages: list[Value] = [
        Known((), bundle),
        Known((proposal(number, value, -1, height),), alike),
        Committed(Certificate(height, number, digest(value), final), value),
        Ask(height),
        WantValue(height, digest(value)),
    ]
    return random.choice(messages)
