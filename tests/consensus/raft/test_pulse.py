"""The volatile half: who stands, who is answered, who leads on."""

from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from meshkit.consensus.raft.beat import Beat, Look, Saved, Saving, Tell
from meshkit.consensus.raft.messages import (
    Campaign,
    ChangeConfiguration,
    Configuration,
    Follow,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Learn,
    Nudge,
    PreVoteReply,
    RequestPreVote,
    RequestVote,
    StepDown,
)
from meshkit.consensus.raft.pulse import Pulse, admits, is_led
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import LEADER, State
from meshkit.core.machine import Heard, Moment, Restarted, Send, Wake, step
from meshkit.core.value import Value
from tests.consensus.raft.network import MS, name
from tests.consensus.raft.playbook import Play, append, noop, value_entry

M = TypeVar("M")
T = Timing().election_ns
BEAT = Timing().heartbeat_ns


class Beats:
    """The volatile half beside a journaled one that tests move by hand."""

    def __init__(self, play: Play, timing: Timing = Timing()) -> None:  # noqa: B008 # a value
        self.play, self.timing = play, timing
        self.machine = Pulse(play.machine.me, timing)
        self.beat: Beat = self.machine.initial()
        self.now_ns = 1_000 * MS
        self.effects: list[Any] = []
        self.look()

    def do(self, command: Any, seed: int = 0) -> list[Any]:
        self.now_ns += 1
        self.beat, _, effects = step(self.machine, self.beat, command, Moment(self.now_ns, seed))
        self.effects += effects
        return effects

    def look(self) -> list[Any]:
        return self.do(Look(self.play.state))

    def hear(self, sender: int, message: Value) -> list[Any]:
        return self.do(Heard(name(sender), message))

    def wait(self, ns: int) -> None:
        """Let time pass, with all wakes in it."""
        until = self.now_ns + ns
        while (due := self.machine.deadline(self.beat)) is not None and due <= until:
            self.now_ns = max(self.now_ns, due)
            self.do(Wake())
        self.now_ns = until

    def told(self) -> list[Any]:
        """What the journaled half was told since the last time."""
        told = [effect.command for effect in self.effects if isinstance(effect, Tell)]
        self.effects = [effect for effect in self.effects if not isinstance(effect, Tell)]
        return told

    def sent(self, kind: type[M]) -> list[M]:
        """What was sent since the last time."""
        sent = [effect for effect in self.effects if isinstance(effect, Send)]
        self.effects = [effect for effect in self.effects if effect not in sent]
        return [effect.message for effect in sent if isinstance(effect.message, kind)]


def following(timing: Timing = Timing()) -> Beats:  # noqa: B008 # a value
    """A follower of node 1 in term 1, which has just heard it."""
    play = Play()
    play.hear(1, append(1, [noop(1, 1)]))
    beats = Beats(play, timing)
    beats.hear(1, Heartbeat(1, 1))
    beats.effects = []
    return beats


def leading(count: int = 3, timing: Timing = Timing()) -> Beats:  # noqa: B008 # a value
    beats = Beats(Play(count).lead(), timing)
    beats.effects = []
    return beats


def ask(term: int, index: int = 1, of: int = 1) -> RequestPreVote:
    return RequestPreVote(term, index, of)


def yes(term: int) -> PreVoteReply:
    return PreVoteReply(term, True, 0, 0)


def no(term: int, commit: int = 0, commit_term: int = 0) -> PreVoteReply:
    return PreVoteReply(term, False, commit, commit_term)


# -- standing -------------------------------------------------------------------------------------


def test_R08_who_hears_no_leader_asks_before_it_stands() -> None:
    beats = Beats(Play())
    beats.wait(2 * T)
    assert beats.sent(RequestPreVote) == [RequestPreVote(1, 0, 0)] * 2
    assert beats.told() == []
    beats.hear(1, yes(1))
    assert beats.told() == [Campaign(1)]
    beats.hear(2, yes(1))
    assert beats.told() == [], "it stands once"


def test_R08_grants_for_another_term_are_nothing() -> None:
    beats = Beats(Play())
    beats.wait(2 * T)
    beats.hear(1, yes(2))
    assert beats.told() == []


def test_R08_a_refusal_of_a_higher_term_is_learnt_from_and_a_lost_vote_is_over() -> None:
    beats = Beats(Play())
    beats.wait(2 * T)
    beats.hear(1, no(4))
    assert beats.told() == [Follow(4, b"")]
    beats.hear(1, no(0))
    beats.hear(2, no(0))
    assert beats.beat.standing == 0
    beats.hear(2, yes(1))
    assert beats.told() == []


def test_R08_a_question_changes_nothing_of_who_answers() -> None:
    beats = Beats(Play())
    before = beats.beat
    beats.hear(1, ask(7, 0, 0))
    assert beats.sent(PreVoteReply) == [yes(7)], "a grant echoes the term of the question"
    after = beats.beat
    assert replace(after, now_ns=before.now_ns) == before
    assert beats.told() == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (ask(2, 2, 1), PreVoteReply(2, True, 1, 1)),
        (ask(2, 1, 1), no(1, 1, 1)),
        (ask(1, 9, 1), no(1, 1, 1)),
        (ask(0, 9, 9), no(1, 1, 1)),
    ],
    ids=["granted", "a worse log", "no higher term", "a lower term"],
)
def test_R07_R08_what_is_answered_when_no_leader_is_there(
    question: RequestPreVote, answer: PreVoteReply
) -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1)], commit=1))
    beats = Beats(play)
    beats.hear(2, question)
    assert beats.sent(PreVoteReply) == [answer]


def test_R13_a_refusal_tells_what_is_committed() -> None:
    beats = Beats(Play())
    beats.wait(2 * T)
    beats.hear(1, no(0, 9, 3))
    assert beats.told() == [Learn(9, 3)]


def test_R13_who_may_not_vote_does_not_stand() -> None:
    beats = Beats(Play(me=9))
    beats.wait(20 * T)
    assert beats.effects == []


def test_R17_who_lacks_part_of_its_log_does_not_stand() -> None:
    play = Play()
    play.hear(1, InstallSnapshot(1, 9, 1, 5, Configuration((name(0), name(1)))))
    beats = Beats(play)
    beats.wait(20 * T)
    assert beats.sent(RequestPreVote) == []


def test_R23_a_lone_voter_waits_for_nobody() -> None:
    assert Beats(Play(1)).told() == [Campaign(1)]
    waited = Beats(Play(1))
    waited.told()
    waited.wait(2 * T)
    assert waited.told() == [Campaign(1)], "and asks again"


def test_R12_the_timeout_is_drawn_anew_at_every_change_from_T_to_twice_T() -> None:
    play = Play()
    beats = Beats(play)
    drawn: list[int] = []
    for term in range(1, 1_001):
        play.do(Follow(term, b""))
        beats.do(Look(play.state), seed=term)
        drawn.append(beats.beat.timeout_ns)
    assert all(T <= one < 2 * T for one in drawn)
    assert len(set(drawn)) > 990
    mean = sum(drawn) / len(drawn)
    assert 1.47 * T < mean < 1.53 * T
    tenths = [
        sum(T + k * T // 10 <= one < T + (k + 1) * T // 10 for one in drawn) for k in range(10)
    ]
    assert all(60 < count < 140 for count in tenths)


# -- stickiness -----------------------------------------------------------------------------------


def test_R09_who_hears_a_leader_answers_no_question_for_T() -> None:
    beats = following()
    beats.hear(2, ask(2, 9, 9))
    assert beats.sent(PreVoteReply) == []
    beats.now_ns += T
    beats.hear(2, ask(2, 9, 9))
    assert beats.sent(PreVoteReply) == [PreVoteReply(2, True, 0, 0)]


def test_R09_nor_does_it_hear_a_request_for_its_vote_but_from_whom_the_leader_wants() -> None:
    beats = following()
    now_ns = beats.now_ns + T // 2
    assert not admits(beats.beat, beats.timing, RequestVote(2, 9, 9, False), now_ns)
    assert admits(beats.beat, beats.timing, RequestVote(2, 9, 9, True), now_ns)
    assert admits(beats.beat, beats.timing, RequestVote(1, 9, 9, False), now_ns), "of our term"
    assert admits(beats.beat, beats.timing, append(2), now_ns)
    assert admits(beats.beat, beats.timing, RequestVote(2, 9, 9, False), now_ns + T)


def test_R09_a_leader_is_its_own() -> None:
    beats = leading()
    assert is_led(beats.beat, beats.timing, beats.now_ns + 99 * T)
    beats.hear(1, ask(5, 99, 99))
    assert beats.sent(PreVoteReply) == []


def test_R09_entries_are_as_good_as_a_heartbeat() -> None:
    beats = following()
    beats.now_ns += T - 9
    beats.hear(1, append(1, (), (1, 1)))
    assert is_led(beats.beat, beats.timing, beats.now_ns + T - 9)
    beats.hear(1, append(0))
    assert beats.beat.heard_ns < beats.now_ns


# -- heartbeats -----------------------------------------------------------------------------------


def test_a_leader_beats_at_once_and_ever_after() -> None:
    beats = Beats(Play().lead())
    assert beats.sent(Heartbeat) == [Heartbeat(1, 1)] * 2
    beats.wait(BEAT)
    assert beats.sent(Heartbeat) == [Heartbeat(1, 2)] * 2
    for _ in range(10):
        beats.hear(1, HeartbeatReply(1, 2, 1, 1))
        beats.wait(BEAT)
    assert len(beats.sent(Heartbeat)) == 20


def test_a_follower_that_hears_them_stays_one() -> None:
    beats = following()
    for number in range(50):
        beats.wait(BEAT)
        beats.hear(1, Heartbeat(1, number))
    assert beats.told() == []
    assert len(beats.sent(HeartbeatReply)) == 50


def test_a_new_leader_s_heartbeat_is_followed() -> None:
    beats = following()
    beats.hear(2, Heartbeat(4, 1))
    assert beats.told() == [Follow(4, name(2))]
    candidate = Play()
    candidate.do(Campaign(1))
    beats = Beats(candidate)
    beats.hear(1, Heartbeat(1, 1))
    assert beats.told() == [Follow(1, name(1))]


def test_R07_a_heartbeat_of_a_lower_term_is_answered_with_ours() -> None:
    """A node that stood in vain is not stuck: the leader hears of its term, and another begins."""
    play = Play()
    play.do(Campaign(1))
    play.do(Campaign(2))
    beats = Beats(play)
    beats.hear(1, Heartbeat(1, 5))
    assert [reply.term for reply in beats.sent(HeartbeatReply)] == [2]
    leader = leading()
    leader.hear(0, HeartbeatReply(2, 5, 0, 0))
    leader.hear(1, HeartbeatReply(2, 5, 0, 0))
    assert leader.told() == [Follow(2, b"")]


def test_heartbeats_among_leaders_and_before_the_first_height_are_nothing() -> None:
    beats = leading()
    beats.hear(1, Heartbeat(1, 1))
    assert beats.effects == []
    early = Pulse(name(0), Timing())
    assert early.deadline(early.initial()) is None
    [event] = early.decide(early.initial(), Heard(name(1), Heartbeat(1, 1)), Moment(1, 0))
    assert event.effects == ()
    [event] = early.decide(early.initial(), Wake(), Moment(1, 0))
    assert event.effects == ()
    assert early.decide(early.initial(), Restarted(), Moment(1, 0)) == ()
    beats.hear(1, append(1))
    beats.hear(1, Follow(1, b""))
    assert beats.effects == []


def test_who_lacks_something_twice_in_a_row_is_sent_it_again_and_then_ever_more_rarely() -> None:
    beats = leading()
    beats.play.propose()
    beats.look()
    behind = HeartbeatReply(1, 1, 1, 1)
    for _ in range(3):
        beats.hear(1, behind)
    assert beats.told() == [], "that was asked before the entry was sent"
    beats.wait(BEAT)
    assert beats.beat.sequence == 2
    nudged = []
    for _ in range(16):
        beats.hear(1, HeartbeatReply(1, 2, 1, 1))
        nudged.append(beats.told() == [Nudge(name(1))])
    assert [place for place, told in enumerate(nudged, start=1) if told] == [2, 4, 8, 16]
    for _ in range(2):
        beats.hear(1, HeartbeatReply(1, 2, 2, 1))
    assert beats.told() == [Nudge(name(1))], "it has as many, but they may be others"
    beats.play.acknowledge(1)
    beats.look()
    for _ in range(4):
        beats.hear(1, HeartbeatReply(1, 2, 2, 2))
    assert beats.told() == [], "it has all that there was"
    for _ in range(2):
        beats.hear(1, HeartbeatReply(1, 99, 0, 0))
    assert beats.told() == [], "of a round that nobody remembers"


# -- check-quorum ---------------------------------------------------------------------------------


def test_R10_a_leader_that_hears_no_majority_for_T_steps_down() -> None:
    beats = leading(5)
    for _ in range(3):
        for other in (1, 2):
            beats.hear(other, HeartbeatReply(1, beats.beat.sequence, 1, 1))
        beats.wait(T)
    beats.told()
    beats = leading(5)
    beats.hear(1, HeartbeatReply(1, 1, 1, 1))
    beats.wait(2 * T)
    assert StepDown(1) in beats.told()


def test_R10_with_a_majority_it_leads_on() -> None:
    beats = leading(5)
    for _ in range(20):
        for other in (1, 2):
            beats.hear(other, HeartbeatReply(1, beats.beat.sequence, 1, 1))
        beats.wait(BEAT)
    assert beats.told() == []


def test_R10_a_leader_whose_disk_hangs_falls_silent_and_steps_down() -> None:
    """Its heartbeats would keep the others from electing one that works."""
    beats = leading()
    beats.do(Saving())
    heard = 0
    for _ in range(10):
        for other in (1, 2):
            beats.hear(other, HeartbeatReply(1, beats.beat.sequence, 1, 1))
        beats.wait(BEAT)
        heard += len(beats.sent(Heartbeat))
    assert heard <= 2 * 4
    assert StepDown(1) in beats.told()
    beats.do(Saved())
    beats.wait(BEAT)
    assert beats.sent(Heartbeat)


def test_R13_a_majority_of_both_sets_is_needed_to_lead_on() -> None:
    play = Play(3, targets=False).lead()
    new = Configuration((name(0), name(3), name(4)), (name(0), name(1), name(2)))
    play.do(ChangeConfiguration(new))
    play.acknowledge(1)
    assert play.state.configuration == new
    beats = Beats(play)
    for _ in range(8):
        beats.hear(1, HeartbeatReply(1, 1, 1, 1))
        beats.hear(2, HeartbeatReply(1, 1, 1, 1))
        beats.wait(BEAT)
    assert StepDown(1) in beats.told()


def test_a_newcomer_counts_as_heard_when_it_comes() -> None:
    play = Play(1, targets=False).lead()
    beats = Beats(play)
    play.do(ChangeConfiguration(Configuration((name(0),), learners=(name(1),))))
    beats.look()
    assert name(1) in beats.beat.peers
    play.acknowledge()
    play.do(ChangeConfiguration(Configuration((name(0), name(1)))))
    beats.look()
    beats.wait(T // 2)
    assert beats.told() == []


def test_a_wake_at_the_deadline_moves_it() -> None:
    for beats in (following(), leading(), Beats(Play(1)), Beats(Play(me=9))):
        for _ in range(20):
            due = beats.machine.deadline(beats.beat)
            assert due is not None
            beats.now_ns = max(due, beats.now_ns)
            beats.do(Wake())
            later = beats.machine.deadline(beats.beat)
            assert later is not None
            assert later > due


def test_a_look_at_the_same_state_is_nothing() -> None:
    beats = leading()
    assert beats.look() == []
    assert isinstance(beats.beat.seen, State)
    assert beats.beat.seen.role == LEADER
