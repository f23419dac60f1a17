"""Reads: confirmed by a majority, or by a lease, and served when so much is applied."""

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import Begin
from meshkit.consensus.raft import reads
from meshkit.consensus.raft.beat import Read, Readable, Unreadable
from meshkit.consensus.raft.messages import (
    Follow,
    Heartbeat,
    HeartbeatReply,
    ReadFrom,
    RequestVote,
    TimeoutNow,
    TransferLeadership,
    WantRead,
)
from meshkit.consensus.raft.pulse import admits
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.script import Cluster
from tests.consensus.raft.network import name
from tests.consensus.raft.playbook import Play, append, value_entry
from tests.consensus.raft.test_pulse import BEAT, Beats, T, following, leading

LEASE = Timing(lease=True)


def answered(beats: Beats, *others: int, sequence: int | None = None) -> None:
    number = beats.beat.sequence if sequence is None else sequence
    for other in others:
        beats.hear(other, HeartbeatReply(1, number, 1, 1))


def outcomes(beats: Beats) -> list[object]:
    found = [e for e in beats.effects if isinstance(e, Readable | Unreadable)]
    beats.effects = [e for e in beats.effects if e not in found]
    return list(found)


def test_R14_a_read_waits_for_a_majority_that_answers_after_it_came() -> None:
    beats = leading(5)
    answered(beats, 1, 2)
    before = beats.beat.sequence
    beats.do(Read(b"r"))
    assert beats.sent(Heartbeat) == [Heartbeat(1, before + 1)] * 4, "it does not wait for a beat"
    answered(beats, 1, 2, sequence=before)
    assert outcomes(beats) == [], "those answer what was asked before it"
    answered(beats, 1)
    assert outcomes(beats) == []
    answered(beats, 2)
    assert outcomes(beats) == [Readable(b"r", 1)]


def test_R14_a_new_leader_serves_nothing_before_it_has_committed_in_its_term() -> None:
    beats = Beats(Play().lead(ready=False))
    beats.do(Read(b"r"))
    answered(beats, 1, 2)
    assert outcomes(beats) == []
    beats.play.acknowledge(1)
    beats.look()
    answered(beats, 1, 2)
    assert outcomes(beats) == [Readable(b"r", 1)]


def test_R14_a_read_is_served_when_so_much_is_applied() -> None:
    play = Play(begin=False)
    play.hear(1, append(1, [value_entry(1, 1, 1), value_entry(1, 2, 2)], commit=2))
    assert (play.state.commit, play.state.applied) == (2, 1)
    beats = Beats(play)
    beats.do(Read(b"r"))
    assert beats.sent(WantRead) == [WantRead(b"r")]
    beats.hear(1, ReadFrom(b"r", 2))
    assert outcomes(beats) == []
    play.do(Begin(2, play.validators))
    beats.look()
    assert outcomes(beats) == [Readable(b"r", 2)]


def test_R14_a_leader_answers_a_follower_s_read() -> None:
    beats = leading()
    answered(beats, 1)
    beats.hear(2, WantRead(b"r"))
    answered(beats, 1)
    assert beats.sent(ReadFrom) == [ReadFrom(b"r", 1)]
    assert outcomes(beats) == []


def test_R14_who_leads_by_now_asks_nobody_else_from_where_to_read() -> None:
    """A former leader's answer comes late: it may be of another's commit."""
    beats = leading()
    beats.do(Read(b"r"))
    beats.hear(1, ReadFrom(b"r", 1))
    assert outcomes(beats) == []


def test_R25_reads_that_come_together_share_a_round() -> None:
    beats = leading()
    answered(beats, 1)
    for number in range(100):
        beats.do(Read(bytes([number])))
    assert len(beats.sent(Heartbeat)) == 2, "one round, for the first"
    answered(beats, 1)
    assert len(outcomes(beats)) == 1
    assert len(beats.sent(Heartbeat)) == 2, "and one for all that came meanwhile"
    answered(beats, 1)
    assert len(outcomes(beats)) == 99


def test_R14_reads_of_a_leader_that_is_none_any_more_are_given_up() -> None:
    beats = leading()
    beats.do(Read(b"r"))
    beats.play.do(Follow(9, name(1)))
    beats.look()
    assert outcomes(beats) == [Unreadable(b"r")]


def test_R14_a_read_that_nobody_answers_is_given_up_in_time() -> None:
    beats = following()
    beats.do(Read(b"r"))
    for _ in range(8):
        beats.hear(1, Heartbeat(1, 1))
        beats.wait(BEAT)
    assert outcomes(beats) == [Unreadable(b"r")]
    beats.hear(1, ReadFrom(b"r", 1))
    assert outcomes(beats) == []


def test_a_read_without_a_leader_is_refused() -> None:
    beats = Beats(Play())
    beats.do(Read(b"r"))
    assert outcomes(beats) == [Unreadable(b"r")]
    beats.hear(1, WantRead(b"s"))
    assert outcomes(beats) == []
    assert beats.beat.reads == ()


def test_R18_reads_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "READS_MAX", 3)
    beats = leading()
    for number in range(5):
        beats.do(Read(bytes([number])))
    assert outcomes(beats) == [Unreadable(bytes([3])), Unreadable(bytes([4]))]


def test_a_read_asked_twice_is_one() -> None:
    beats = leading()
    answered(beats, 1)
    beats.do(Read(b"r"))
    beats.do(Read(b"r"))
    answered(beats, 1)
    assert outcomes(beats) == [Readable(b"r", 1)]


def test_R23_a_lone_voter_reads_at_once() -> None:
    beats = Beats(Play(1).lead())
    beats.do(Read(b"r"))
    assert outcomes(beats) == [Readable(b"r", 1)]


def test_R15_leases_are_off() -> None:
    assert not Timing().lease
    beats = leading()
    answered(beats, 1, 2)
    beats.do(Read(b"r"))
    assert outcomes(beats) == []


def test_R15_a_lease_serves_at_once_for_less_than_T() -> None:
    beats = leading(timing=LEASE)
    beats.do(Read(b"a"))
    assert outcomes(beats) == [], "nobody has answered yet"
    answered(beats, 1)
    assert outcomes(beats) == [Readable(b"a", 1)]
    beats.do(Read(b"b"))
    assert outcomes(beats) == [Readable(b"b", 1)]
    for _ in range(3):
        beats.wait(BEAT)
    beats.do(Read(b"c"))
    assert outcomes(beats) == [], "the lease is over, so it asks"


def test_R15_a_jump_of_the_clock_voids_the_lease() -> None:
    """However long it says that was, it is not to be believed."""
    slow = Timing(heartbeat_ms=10, election_ms=1_000, lease=True)
    beats = leading(timing=slow)
    answered(beats, 1, 2)
    beats.do(Read(b"a"))
    assert outcomes(beats) == [Readable(b"a", 1)]
    beats.now_ns += slow.election_ns // 2
    beats.do(Read(b"b"))
    assert outcomes(beats) == []


def test_R15_who_hands_over_gives_up_its_lease() -> None:
    beats = leading(timing=LEASE)
    answered(beats, 1, 2)
    beats.play.do(TransferLeadership(name(1)))
    beats.look()
    beats.do(Read(b"r"))
    assert outcomes(beats) == []


def test_R15_who_wanted_to_hand_over_has_no_lease_in_that_term_any_more() -> None:
    """Whoever was told to stand hears it late, wins, and writes: the old leader must not serve."""
    site = Cluster(replace(LEASE, lacking=1))
    site.add(3, [1, 2, 3], index=2, pre_vote=True, check_quorum=True)

    def pass_time(beats: int) -> None:
        for _ in range(beats):
            for number in (1, 2, 3):
                site.tick(number)
            site.stabilize()

    pass_time(20)
    [old] = [number for number in (1, 2, 3) if site.status(number).role == "leader"]
    heir, third = [number for number in (1, 2, 3) if number != old]
    site.read(old, b"before")
    assert site.reads == [(old, b"before", 3)], "by its lease, at once"
    site.transfer(old, heir)
    [late] = [one for one in site.ready(old) if isinstance(one.message, TimeoutNow)]
    site.under_way.clear()
    pass_time(6)
    assert site.status(old).role == "leader", "it was in vain"
    site.under_way.append(late)
    site.stabilize(heir, third)
    assert site.status(heir).role == "leader"
    site.propose(heir, "newer")
    site.stabilize(heir, third)
    assert site.status(heir).commit > site.status(old).commit
    site.read(old, b"after")
    assert site.reads[1:] == []


def test_R15_who_has_just_started_helps_nobody_for_T() -> None:
    """It may have promised that in a former life."""
    for timing, admitted in ((Timing(), True), (LEASE, False)):
        beats = Beats(Play(), timing)
        vote = RequestVote(1, 0, 0, False)
        assert admits(beats.beat, timing, vote, beats.now_ns + T // 2) == admitted
        assert admits(beats.beat, timing, vote, beats.now_ns + T)


def test_R15_whose_clock_jumped_helps_nobody_for_T() -> None:
    """It does not know how long ago it last heard the leader, whatever its clock says."""
    beats = following(LEASE)
    beats.wait(T)
    beats.hear(1, Heartbeat(1, 2))
    beats.now_ns += 10 * T
    vote = RequestVote(2, 9, 9, False)
    assert not admits(beats.beat, LEASE, vote, beats.now_ns)
    beats.do(Read(b"r"))
    assert not admits(beats.beat, LEASE, vote, beats.now_ns + T // 2)
    beats.wait(T)
    assert admits(beats.beat, LEASE, vote, beats.now_ns)
