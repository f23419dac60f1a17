"""What no peer can end a node by: numbers near the end, entries that are none, other histories."""

import random
from itertools import chain
from typing import Any

import pytest

from meshkit.codec import encode_body
from meshkit.codec.form import NATURAL
from meshkit.consensus.engines import RAFT, TENDERMINT
from meshkit.consensus.messages import Ask, Begin, Certificate, Committed
from meshkit.consensus.raft.both import FLEETING, Both, Halves
from meshkit.consensus.raft.form import NUMBER_MAX, NUMBERED, SIZE_MAX, in_range, is_sound
from meshkit.consensus.raft.log import last_index, last_term
from meshkit.consensus.raft.messages import (
    CONFIG,
    NOOP,
    VALUE,
    Append,
    AppendReply,
    Configuration,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    LogEntry,
    Message,
    PreVoteReply,
    ReadFrom,
    RequestPreVote,
    RequestVote,
    TimeoutNow,
    VoteReply,
    WantRead,
    WantTransfer,
)
from meshkit.consensus.raft.state import LEADER
from meshkit.core.composite import At
from meshkit.core.machine import Heard, Restarted, Send, Wake
from meshkit.core.value import Value, digest
from meshkit.ledger.messages import Block as Ordered
from meshkit.ledger.messages import Note
from meshkit.node import Policies
from tests.box import Box
from tests.consensus.raft.network import MS, Block, equals, name
from tests.consensus.raft.playbook import Play, append, noop, value_entry

END = NATURAL[-1]
VOTERS = tuple(sorted(name(number) for number in range(3)))
CONFIGURATION = Configuration(VOTERS)


def at_the_end(kind: type[Value], field: str) -> Value:
    """A message with this number at the end of all numbers, and the others small."""
    usual: dict[type, Value] = {
        RequestVote: RequestVote(2, 9, 1, True),
        VoteReply: VoteReply(2, True),
        Append: append(2),
        AppendReply: AppendReply(2, 0, False, 0, 0),
        InstallSnapshot: InstallSnapshot(2, 9, 1, 0, CONFIGURATION),
        TimeoutNow: TimeoutNow(2),
        Heartbeat: Heartbeat(2, 1),
        HeartbeatReply: HeartbeatReply(2, 1, 0, 0),
        RequestPreVote: RequestPreVote(2, 9, 1),
        PreVoteReply: PreVoteReply(2, False, 0, 0),
        ReadFrom: ReadFrom(b"r", 1),
        Ask: Ask(2),
    }
    values = {one: getattr(usual[kind], one) for one in kind.__struct_fields__}
    return kind(**{**values, field: END})


FAR = [
    at_the_end(kind, field)
    for kind in NUMBERED
    for field, type_ in kind.__annotations__.items()
    if type_ is int
]


@pytest.mark.parametrize("message", FAR, ids=repr)
def test_a_number_near_the_end_is_heard_by_neither_half(message: Value) -> None:
    assert not in_range(message)
    halves = Halves(name(0))
    both = halves.take(halves.initial(), Begin(1, equals(3)), 1_000 * MS).both
    outcome = halves.take(both, Heard(name(1), message), 1_001 * MS)
    assert (outcome.entries, outcome.early, outcome.late) == ((), (), ())
    assert outcome.both.raft == both.raft


def test_every_message_that_has_numbers_is_looked_at() -> None:
    for kind in (*Message.__args__, *FLEETING):
        assert kind in NUMBERED or kind in (WantTransfer, WantRead), kind


def test_what_is_heard_leaves_room_to_grow() -> None:
    play = Play()
    play.hear(1, TimeoutNow(NUMBER_MAX))
    assert play.state.term == NUMBER_MAX + 1
    play.hear(2, VoteReply(NUMBER_MAX, True))
    assert encode_body(RequestVote(play.state.term + 1, 0, 0, False))


ODD = {
    "a value that is none": [LogEntry(1, 1, VALUE, 1)],
    "a no-op with a value": [LogEntry(1, 1, NOOP, 0, Block(1, "v"))],
    "no configuration": [LogEntry(1, 1, CONFIG, 0, Block(1, "v"))],
    "a configuration that is none": [LogEntry(1, 1, CONFIG, 0)],
    "nobody votes": [LogEntry(1, 1, CONFIG, 0, Configuration())],
    "a learner votes": [LogEntry(1, 1, CONFIG, 0, Configuration(VOTERS, (), VOTERS[:1]))],
    "a learner to be, of nowhere": [
        LogEntry(1, 1, CONFIG, 0, Configuration(VOTERS, (), (), VOTERS[:1]))
    ],
    "no kind": [LogEntry(1, 1, 9, 0)],
    "a gap": [noop(1, 2)],
    "a gap within": [noop(1, 1), noop(1, 3)],
    "backwards": [noop(1, 2), noop(1, 1)],
    "a later term": [noop(2, 1)],
    "a height near the end": [noop(1, 1, END)],
    "a size near the end": [LogEntry(1, 1, VALUE, 1, Block(1, "v"), b"", SIZE_MAX + 1)],
}


@pytest.mark.parametrize("case", ODD)
def test_entries_that_are_none_are_refused_as_a_whole(case: str) -> None:
    play = Play()
    before = play.state
    assert play.hear(1, append(1, ODD[case], commit=1)) == []
    assert play.state is before
    assert play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1)], commit=2))


def test_a_snapshot_in_which_nobody_votes_is_refused() -> None:
    play = Play()
    assert play.hear(1, InstallSnapshot(1, 5, 1, 0, Configuration())) == []
    assert play.hear(1, InstallSnapshot(1, 5, 1, 0, CONFIGURATION))


def test_who_has_another_history_is_not_followed() -> None:
    """As after a home was restored from an older copy, and a majority went on with it."""
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1)], commit=2))
    before = play.state
    assert play.hear(2, append(3, [noop(1, 1), noop(3, 2)], commit=2)) == []
    assert play.hear(2, append(3, [noop(3, 1)])) == []
    assert play.state is before
    stale = play.hear(2, append(0, [noop(0, 1)]))
    assert stale, "whoever leads no more is told so, whatever it has"
    assert play.hear(1, append(1, [noop(1, 3, 1)], previous=(2, 1), commit=3))
    assert play.state.commit == 3


def test_the_node_hears_no_value_that_it_could_not_apply() -> None:
    """Whoever leads is trusted, and no engine looks into a value: the door does."""
    box = Box(4)
    box.settle()
    state, sender = box.shells[0].state, box.ids[1]
    block = Ordered(1, b"p" * 32, sender, b"l" * 32, ())
    for value, fine in ((block, True), (Note(sender, 1, b"no block"), False)):
        proof = Committed(Certificate(1, 1, digest(value), ()), value)
        row = [noop(1, 1), LogEntry(1, 2, VALUE, 1, value, digest(value), 9)]
        admits = Policies(box.ids[0], RAFT).admits
        assert admits(state, At("consensus", Heard(sender, append(1, row)))) is fine
        assert admits(state, At("consensus", Heard(sender, proof))) is fine
        assert admits(state, At("consensus", Heard(b"newcomers' only source", proof))) is fine
        # With an engine that attests, the votes prove it, and nobody votes for such a one.
        attested = Policies(box.ids[0], TENDERMINT).admits
        assert attested(state, At("consensus", Heard(sender, proof)))


# -- whatever else ---------------------------------------------------------------------------------


class Stranger:
    """Says anything that has the form of a message, mostly near where its victim stands."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.far = dice.random() < 0.3  # not always: one such number, and few others count

    def number(self, both: Both) -> int:
        raft = both.raft
        near = (raft.term, raft.commit, raft.applied, last_index(raft.log), raft.height)
        if self.far and self.dice.random() < 0.2:
            return self.dice.choice((END, END - 1, NUMBER_MAX, NUMBER_MAX + 1, 2**40))
        return max(0, self.dice.choice((*near, 0, raft.term)) + self.dice.choice((-1, 0, 0, 1)))

    def configuration(self) -> Configuration:
        sets = [self.dice.sample(VOTERS, self.dice.randrange(4)) for _ in range(4)]
        one, two, three, four = [tuple(sorted(some)) for some in sets]
        if self.dice.random() < 0.5:
            return Configuration(one)
        return Configuration(one, two, three, four, self.dice.random() < 0.5)

    def value(self) -> Value | None:
        note = Note(name(1), self.dice.randrange(9), b"n", b"s" * 64)
        return self.dice.choice((None, note, note, self.configuration()))

    def entries(self, both: Both, first: int) -> tuple[LogEntry, ...]:
        """Half of the time such as a leader might send."""
        dice, raft = self.dice, both.raft
        count = dice.randrange(4)
        if dice.random() < 0.5:
            return tuple(
                LogEntry(raft.term, first + n, NOOP, raft.height - 1) for n in range(count)
            )
        return tuple(self.entry(both, first + n) for n in range(count))

    def entry(self, both: Both, index: int) -> LogEntry:
        value, kind = self.value(), self.dice.choice((NOOP, VALUE, VALUE, CONFIG, 3))
        if self.dice.random() < 0.2:
            index = self.number(both)
        name_ = digest(value) if value is not None else b""
        size = self.number(both)
        return LogEntry(self.number(both), index, kind, self.number(both), value, name_, size)

    def message(self, both: Both) -> Value:
        dice, raft = self.dice, both.raft
        n = [self.number(both) for _ in range(4)]
        yes = dice.random() < 0.7
        end = last_index(raft.log)
        value = Note(name(1), 1, b"n", b"s" * 64)
        certificate = Certificate(raft.height, n[0], digest(value), ())
        return dice.choice(
            (
                Append(raft.term, end, last_term(raft.log), self.entries(both, end + 1), n[3], yes),
                Append(n[0], n[1], n[2], self.entries(both, n[1] + 1), n[3], yes),
                AppendReply(n[0], n[1], not yes, n[2], n[3]),
                AppendReply(raft.term, end, False, 0, 0),
                InstallSnapshot(n[0], n[1], n[2], n[3], self.configuration()),
                RequestVote(n[0], n[1], n[2], yes),
                VoteReply(n[0], yes),
                TimeoutNow(n[0]),
                WantTransfer(dice.choice((*VOTERS, b"nobody"))),
                Ask(n[0]),
                Committed(certificate, value),
                Heartbeat(n[0], n[1]),
                HeartbeatReply(*n),
                RequestPreVote(n[0], n[1], n[2]),
                PreVoteReply(n[0], yes, n[1], n[2]),
                WantRead(b"r"),
                ReadFrom(b"r", n[0]),
            )
        )


def live(seed: int) -> Both:
    """A node that hears a stranger for a while; all it journals and says can be written."""
    dice = random.Random(seed)
    stranger, halves, now_ns = Stranger(dice), Halves(name(0)), 1_000 * MS
    both = halves.initial()
    commands: list[Any] = [Begin(1, equals(3))]
    for _ in range(30):
        while commands:
            now_ns += 100  # an entry has a moment of its own
            outcome = halves.take(both, commands.pop(0), now_ns, dice.getrandbits(60))
            both = outcome.both
            for event in chain.from_iterable(entry.events for entry in outcome.entries):
                encode_body(event)
            for effect in (*outcome.early, *outcome.late):
                if isinstance(effect, Send):
                    encode_body(effect.message)
            if both.raft.decided:
                commands.insert(0, Begin(both.raft.height + 1, equals(3)))
        now_ns += dice.choice((1, MS, 200 * MS))
        due_ns = halves.deadline(both)
        if due_ns is not None and due_ns <= now_ns:
            commands.append(Wake())
        commands.append(Heard(dice.choice(VOTERS[1:]), stranger.message(both)))
        if dice.random() < 0.02:
            both = halves.restarted(both.raft)
            commands.append(Restarted())
    return both


def test_a_node_outlives_whatever_it_hears() -> None:
    ends = [live(seed) for seed in range(300)]
    assert any(both.raft.role == LEADER for both in ends), "some get on, all the same"
    assert max(both.raft.height for both in ends) > 3
    assert max(both.raft.commit for both in ends) > 3


def test_what_is_sound_is_told_from_what_is_not_and_the_rest_is_not_looked_at() -> None:
    assert is_sound(WantTransfer(name(1)))
    assert is_sound(append(1, [noop(1, 1), value_entry(1, 2, 1)]))
    joint = Configuration(VOTERS[:2], VOTERS, (), VOTERS[2:], True)
    assert is_sound(InstallSnapshot(1, 1, 1, 0, joint))
