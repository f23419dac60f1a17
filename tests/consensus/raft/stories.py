"""Anything that may happen to one journaled half, drawn from a seed, steered to where it matters.

What others say is mostly of the term the node is in, about places near the end of its log, so that
elections are won, entries committed, logs cut off and snapshots taken within a story.
"""

from random import Random
from typing import Any

from meshkit.consensus.messages import Ask, Certificate, Committed, Judge, Open, Propose
from meshkit.consensus.raft.confchange import (
    ADD_LEARNER,
    ADD_VOTER,
    REMOVE,
    Change,
    Refused,
    change,
)
from meshkit.consensus.raft.log import entry_at, last_height, last_index, last_term, term_at
from meshkit.consensus.raft.messages import (
    CONFIG,
    Append,
    AppendReply,
    Campaign,
    ChangeConfiguration,
    Compact,
    Configuration,
    Follow,
    InstallSnapshot,
    Learn,
    LogEntry,
    Nudge,
    RequestVote,
    StepDown,
    TimeoutNow,
    TransferLeadership,
    Unreachable,
    VoteReply,
    WantTransfer,
)
from meshkit.consensus.raft.state import CANDIDATE, LEADER, configured, membership
from meshkit.core.machine import Heard, Restarted, Wake
from meshkit.core.value import Value, canonical, digest
from tests.consensus.raft.network import MS, Block, equals, name
from tests.consensus.raft.playbook import Play, noop, value_entry

LENGTH = 90  # commands: enough for a few terms and a dozen values


def tell(seed: int, length: int = LENGTH) -> Play:
    """A machine after the story of this seed; `story` holds every command, refused ones too."""
    random = Random(seed)
    count = random.choice([1, 2, 3, 3, 3, 5])
    play = Play(count, me=random.choice([0, 0, 0, 9]), targets=random.random() < 0.5)
    for _ in range(length):
        play.now_ns += random.choice([0, 0, 1, 20, 90]) * MS
        play.do(_command(play, random))
        if random.random() < 0.02:
            play.validators = equals(random.randint(1, 5))
    return play


def _command(play: Play, random: Random) -> Any:
    state, draw = play.state, random.randrange(40)
    if draw < 22:
        sender = name(random.choice([1, 1, 2, 2, 3, 4]))
        return Heard(sender, _message(play, random, sender))
    if draw < 26:
        height = last_height(state.log) + random.choice([1, 1, 1, 0, 2])
        return Propose(height, state.term, Block(height, random.choice("vw")))
    if draw < 28:
        return Campaign(state.term + random.choice([1, 1, 1, 0, 2]))
    if draw < 30:
        play.now_ns = max(play.now_ns, play.machine.deadline(state) or 0)
        return Wake()
    return random.choice(
        [
            Open(),
            Open(),
            Restarted(),
            Follow(state.term + random.choice([0, 1]), name(random.choice([1, 2]))),
            Follow(state.term + 1, b""),
            StepDown(state.term),
            Nudge(name(1)),
            Unreachable(name(2)),
            TransferLeadership(name(random.choice([0, 1, 2]))),
            ChangeConfiguration(_configuration(play, random)),
            Compact(max(0, state.applied - random.choice([0, 0, 1, 3]))),
            Learn(last_index(state.log), last_term(state.log)),
            Judge(state.height, b"", True),
        ]
    )


def _configuration(play: Play, random: Random) -> Configuration:
    plain = membership(play.state.configuration)
    kinds = [ADD_VOTER, ADD_LEARNER, REMOVE]
    changes = [Change(random.choice(kinds), name(random.randrange(5))) for _ in range(2)]
    try:
        return configured(change(plain, changes[: random.choice([0, 1, 2])]))
    except Refused:
        return play.state.configuration


def _term(play: Play, random: Random) -> int:
    return max(0, play.state.term + random.choice([0] * 12 + [1, 1, -1]))


def _message(play: Play, random: Random, sender: bytes) -> Value:
    state, term = play.state, _term(play, random)
    last = last_index(state.log)
    if state.role == CANDIDATE and random.random() < 0.6:
        return VoteReply(state.term, random.random() < 0.8)
    if state.role == LEADER and random.random() < 0.7:
        peer = state.peers.get(sender)
        index = random.choice([last, last, last, peer.next - 1 if peer else 0, max(0, last - 2)])
        refused = random.random() < 0.2
        return AppendReply(term, index, refused, max(0, index - 1), random.choice([0, term]))
    draw = random.randrange(12)
    if draw < 7:
        return _append(play, random, max(term, 1))
    height = max(1, state.height + random.choice([0, 0, -1, 1]))
    block = Block(height, "v")
    certificate = Certificate(height, 1, digest(block), ())
    return random.choice(
        [
            RequestVote(term, last + random.choice([0, 1, -1]), last_term(state.log), False),
            RequestVote(term + 1, last + 1, term, random.random() < 0.5),
            TimeoutNow(term),
            WantTransfer(name(1)),
            Ask(height),
            Ask(height + 3),
            Committed(certificate, block),
            InstallSnapshot(max(term, 1), last + 4, max(term, 1), height, state.configuration),
            InstallSnapshot(
                max(term, 1), last, last_term(state.log), last_height(state.log), Configuration()
            ),
        ]
    )


def _append(play: Play, random: Random, term: int) -> Append:
    """What a leader might send: mostly what fits, and never what contradicts a commit."""
    state = play.state
    last = last_index(state.log)
    previous = max(state.commit, last - random.choice([0, 0, 0, 1, 2]))
    if previous <= state.log.offset:
        previous = state.log.offset
    before = term_at(state.log, previous) or 0
    if random.random() < 0.1:
        return Append(term, last + 3, term, (), state.commit, False)
    if random.random() < 0.2:
        return Append(term, previous, before, (), previous, random.random() < 0.5)
    height = state.log.offset_height
    if previous > state.log.offset:
        height = entry_at(state.log, previous).height
    entries: list[LogEntry] = []
    for index in range(previous + 1, previous + 1 + random.choice([1, 1, 2, 3])):
        draw = random.random()
        if draw < 0.2:
            entries.append(noop(term, index, height))
        elif draw < 0.3:
            configuration = state.configuration
            size = len(canonical(configuration))
            entries.append(
                LogEntry(term, index, CONFIG, height, configuration, digest(configuration), size)
            )
        else:
            height += 1
            entries.append(value_entry(term, index, height, random.choice("vw")))
    commit = random.choice([0, previous, previous + 1, previous + len(entries), last + 9])
    return Append(term, previous, before, tuple(entries), commit, False)
