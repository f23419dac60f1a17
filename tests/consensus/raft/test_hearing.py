"""What others say: votes, entries, snapshots, and what is answered to whom."""

import pytest

from meshkit.consensus.messages import Ask, Certificate, Committed, Decided, Serve
from meshkit.consensus.raft.events import (
    Acknowledged,
    AppendRefused,
    CommitAdvanced,
    Elected,
    HeightAnswered,
    LeaderFound,
    PeerAhead,
    Rejected,
    SnapshotInstalled,
    SnapshotOffered,
    StaleRefused,
    SteppedDown,
    Taken,
    TermBegun,
    TransferBegun,
    TransferForwarded,
    VoteCast,
    VoteRefused,
)
from meshkit.consensus.raft.messages import (
    Append,
    AppendReply,
    Campaign,
    Compact,
    Configuration,
    InstallSnapshot,
    Prompt,
    RequestVote,
    TimeoutNow,
    TransferLeadership,
    VoteReply,
    WantTransfer,
)
from meshkit.consensus.raft.progress import PROBE, REPLICATE, SNAPSHOT
from meshkit.consensus.raft.state import CANDIDATE, FOLLOWER, LEADER
from meshkit.core.machine import Send
from meshkit.core.value import Value, digest
from tests.consensus.raft.network import Block, name
from tests.consensus.raft.playbook import ME, Play, accepted, append, noop, refused, value_entry


def ask(term: int, last: tuple[int, int] = (0, 0), transfer: bool = False) -> RequestVote:
    return RequestVote(term, *last, transfer)


# -- votes ----------------------------------------------------------------------------------------


def test_R03_a_vote_is_given_once_and_to_the_same_again() -> None:
    play = Play()
    play.hear(1, ask(1))
    assert play.sent(VoteReply, to=1) == [VoteReply(1, True)]
    play.forget()
    play.hear(2, ask(1))
    assert play.sent(VoteReply, to=2) == [VoteReply(1, False)]
    play.hear(1, ask(1))
    assert play.sent(VoteReply, to=1) == [VoteReply(1, True)], "its answer may have been lost"


def test_R03_a_vote_counts_once_however_often_it_comes() -> None:
    play = Play(5)
    play.do(Campaign(1))
    play.hear(1, VoteReply(1, True), VoteReply(1, True), VoteReply(1, True))
    assert play.state.role == CANDIDATE
    play.hear(2, VoteReply(1, True))
    assert play.of(Elected)


@pytest.mark.parametrize(
    ("last", "granted"),
    [((2, 2), True), ((3, 2), True), ((1, 3), True), ((1, 2), False), ((9, 1), False)],
)
def test_R04_only_for_a_log_no_worse_than_ours(last: tuple[int, int], granted: bool) -> None:
    play = Play()
    play.hear(1, append(2, [noop(2, 1), noop(2, 2)]))
    play.hear(2, ask(3, last))
    assert play.sent(VoteReply) == [VoteReply(3, granted)]
    assert bool(play.of(VoteCast)) == granted
    assert bool(play.of(VoteRefused)) != granted


def test_R04_a_refused_candidate_s_term_is_ours_all_the_same() -> None:
    play = Play()
    play.hear(1, append(2, [noop(2, 1)]))
    play.hear(2, ask(5))
    assert (play.state.term, play.state.vote) == (5, b"")


def test_R07_a_candidate_of_a_lower_term_is_told_ours() -> None:
    play = Play()
    play.hear(1, append(4, [noop(4, 1)]))
    play.hear(2, ask(2, (9, 9)))
    assert play.sent(VoteReply, to=2) == [VoteReply(4, False)]


def test_R07_a_leader_of_a_lower_term_is_told_ours_and_steps_down() -> None:
    old, new = Play(me=0).lead(), Play(me=1)
    new.hear(2, append(7, [noop(7, 1)]))
    new.forget()
    new.hear(0, append(1, [noop(1, 1)]))
    assert new.of(StaleRefused)
    [told] = new.sent(AppendReply, to=0)
    assert told.term == 7
    old.hear(1, told)
    assert (old.state.role, old.state.term) == (FOLLOWER, 7)


def test_R13_votes_are_given_without_a_look_at_our_own_configuration() -> None:
    """The candidate may stand in one that we do not know yet."""
    play = Play()
    play.hear(8, ask(1))
    assert play.sent(VoteReply, to=8) == [VoteReply(1, True)]


def test_R22_a_candidate_yields_to_a_leader_of_its_term() -> None:
    play = Play()
    play.do(Campaign(1))
    play.hear(1, append(1, [noop(1, 1)]))
    assert play.of(LeaderFound)
    assert (play.state.role, play.state.leader, play.state.term) == (FOLLOWER, name(1), 1)
    assert play.state.vote == ME


@pytest.mark.parametrize(
    "message",
    [
        append(5),
        accepted(5, 0),
        ask(5),
        VoteReply(5, False),
        InstallSnapshot(5, 9, 4, 3, Configuration((ME,))),
    ],
    ids=lambda message: type(message).__name__,
)
@pytest.mark.parametrize("role", [FOLLOWER, CANDIDATE, LEADER])
def test_R22_any_higher_term_ends_ours(message: Value, role: int) -> None:
    play = Play()
    if role == LEADER:
        play.lead()
    if role == CANDIDATE:
        play.do(Campaign(1))
    play.hear(1, message)
    assert play.of(TermBegun)
    assert (play.state.role, play.state.term) == (FOLLOWER, 5)


def test_a_lost_election_is_over() -> None:
    play = Play()
    play.do(Campaign(1))
    play.hear(1, VoteReply(1, False))
    assert play.state.role == CANDIDATE
    play.hear(2, VoteReply(1, False))
    assert play.of(SteppedDown)


def test_answers_of_another_term_are_nothing() -> None:
    play = Play()
    play.do(Campaign(1))
    play.do(Campaign(2))
    assert play.hear(1, VoteReply(1, True)) == []
    assert play.state.role == CANDIDATE


# -- entries --------------------------------------------------------------------------------------


def test_R06_the_first_entry_that_differs_and_all_after_it_go() -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1), value_entry(1, 3, 2)]))
    play.hear(2, append(2, [value_entry(1, 2, 1), noop(2, 3, 1)], (1, 1)))
    assert [entry.term for entry in play.state.log.entries] == [1, 1, 2]
    assert play.of(Taken)[-1].entries == (noop(2, 3, 1),), "what was alike is not touched"


def test_R06_a_late_short_append_cuts_nothing_off() -> None:
    play = Play()
    long = append(1, [noop(1, 1), value_entry(1, 2, 1), value_entry(1, 3, 2)])
    play.hear(1, long, append(1, [noop(1, 1)]), append(1, (), (1, 1)))
    assert len(play.state.log.entries) == 3
    assert [reply.index for reply in play.sent(AppendReply)] == [3, 1, 1]


def test_R06_no_more_is_committed_than_is_known_to_be_alike() -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1)]))
    play.hear(2, append(2, (), (1, 1), commit=9))
    assert play.state.commit == 1, "the leader of term 2 may have something else at place 2"


def test_R06_what_is_committed_is_alike_whoever_leads() -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1)], commit=2))
    play.forget()
    play.hear(2, append(2, [noop(1, 1)], (0, 0)))
    assert play.sent(AppendReply) == [accepted(2, 2)]


def test_R06_entries_after_a_gap_are_refused_with_a_hint() -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1)]))
    play.forget()
    play.hear(1, append(1, [noop(1, 5)], (4, 1)))
    assert [type(event) for event in play.events] == [AppendRefused]
    assert play.sent(AppendReply) == [refused(1, 4, (1, 1))]


def test_R19_a_log_that_went_astray_is_found_by_terms() -> None:
    """A hundred entries of a lost term cost one question, not a hundred."""
    leader, astray = Play(), Play(me=1)
    common = [noop(1, 1), noop(1, 2)]
    astray.hear(2, append(1, common))
    lost = [noop(2, index) for index in range(3, 103)]
    astray.hear(2, append(2, lost, (2, 1)))
    leader.hear(2, append(1, common))
    kept = [noop(3, index) for index in range(3, 50)]
    leader.hear(2, append(3, kept, (2, 1)))
    leader.do(Campaign(4))
    leader.hear(2, VoteReply(4, True))
    trips = 0
    while messages := leader.sent(Append, to=1):
        astray.forget()
        astray.hear(0, *messages)
        leader.forget()
        leader.hear(1, *astray.sent(AppendReply))
        trips += 1
    assert leader.state.peers[name(1)].match == leader.end[0]
    assert astray.state.log.entries == leader.state.log.entries
    assert trips <= 3, "a probe, the place by its term, and the entries"


def test_R21_an_answer_of_an_older_term_acknowledges_nothing() -> None:
    """Places are the same, entries are not: what was there in term 1 was lost."""
    play = Play().lead()
    play.propose("lost")
    index = play.end[0]
    play.hear(2, append(2, [noop(2, index)], (index - 1, 1)))
    play.lead(ready=False)
    assert play.state.term == 3
    assert play.hear(1, accepted(1, index)) == []
    assert play.state.commit < index
    play.hear(1, accepted(3, play.end[0]))
    assert play.state.commit == play.end[0]


def test_R21_an_answer_beyond_the_log_is_nothing() -> None:
    play = Play().lead()
    assert play.hear(1, accepted(1, 99)) == []


def test_R18_a_refusal_falls_back_to_probing_and_a_stale_one_to_nothing() -> None:
    play = Play().lead()
    play.propose()
    assert play.hear(1, refused(1, 0)) == [], "below what is acknowledged"
    play.hear(1, refused(1, 2, (1, 1)))
    assert play.of(Rejected)
    assert play.state.peers[name(1)].mode == PROBE
    play.hear(1, accepted(1, 2))
    assert play.of(Acknowledged)
    assert play.state.peers[name(1)].mode == REPLICATE


def test_the_same_entries_are_acknowledged_again() -> None:
    play = Play()
    message = append(1, [noop(1, 1)])
    play.hear(1, message, message)
    assert play.sent(AppendReply) == [accepted(1, 1)] * 2
    assert all(type(effect) is Prompt for effect in play.effects), "after they are durable"


def test_a_notice_commits_and_asks_for_no_answer() -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1)]))
    play.forget()
    play.hear(1, Append(1, 2, 1, (), 2, True))
    assert play.of(CommitAdvanced)
    assert play.of(Decided)
    assert play.sent(AppendReply) == []
    assert play.hear(1, Append(1, 2, 1, (), 2, True)) == []


def test_a_notice_that_does_not_fit_is_refused() -> None:
    play = Play()
    play.hear(1, Append(1, 2, 1, (), 2, True))
    assert play.sent(AppendReply) == [refused(1, 2)]


def test_two_leaders_of_one_term_are_no_raft() -> None:
    play = Play().lead()
    assert play.hear(1, append(1, [noop(1, 1)])) == []


def test_we_hear_nothing_of_ourselves_nor_what_is_not_ours() -> None:
    play = Play()
    assert play.hear(0, append(1)) == []
    assert play.hear(1, Block(1, "v")) == []


# -- snapshots ------------------------------------------------------------------------------------

THREE = Configuration((name(0), name(1), name(2)))


def committed(height: int) -> Committed:
    value = Block(height, "v")
    return Committed(Certificate(height, 1, digest(value), ()), value)


def test_R17_a_snapshot_older_than_the_commit_is_ignored() -> None:
    play = Play()
    play.hear(1, append(2, [noop(2, 1), value_entry(2, 2, 1)], commit=2))
    play.forget()
    play.hear(1, InstallSnapshot(2, 1, 2, 0, THREE))
    assert [type(event) for event in play.events] == [Taken]
    assert play.sent(AppendReply) == [accepted(2, 2)]
    assert len(play.state.log.entries) == 2


def test_R17_a_log_that_is_alike_there_is_kept() -> None:
    play = Play()
    play.hear(1, append(2, [noop(2, 1), value_entry(2, 2, 1), value_entry(2, 3, 2)]))
    play.hear(1, InstallSnapshot(2, 2, 2, 1, THREE))
    assert play.state.commit == 2
    assert play.of(Decided)
    assert len(play.state.log.entries) == 3


def test_R17_a_snapshot_is_taken_when_all_its_values_are_here() -> None:
    """Until then it is not acknowledged: to hold its place in the log is not to hold its values."""
    play = Play()
    offered = InstallSnapshot(3, 9, 2, 2, Configuration((name(0), name(4)), learners=(name(7),)))
    play.hear(1, offered)
    assert play.of(SnapshotOffered)
    assert play.sent(Ask, to=1) == [Ask(1)]
    assert play.sent(AppendReply) == []
    assert play.do(Campaign(4)) == [], "nor may it lead"
    play.hear(1, committed(1))
    assert not play.of(SnapshotInstalled)
    play.hear(2, committed(2))
    assert play.of(SnapshotInstalled)
    assert play.sent(AppendReply, to=1) == [accepted(3, 9)]
    assert (play.state.commit, play.state.applied, play.state.log.offset) == (9, 9, 9)
    assert play.state.configuration == offered.configuration, "R13: configurations are in it"
    play.hear(1, append(3, [value_entry(3, 10, 3)], (9, 2), commit=10))
    assert play.of(Decided)[-1].certificate.height == 3


def test_R17_who_has_the_values_already_takes_it_at_once() -> None:
    play = Play()
    play.hear(1, committed(1))
    play.hear(1, InstallSnapshot(3, 9, 2, 1, THREE))
    assert play.sent(AppendReply, to=1) == [accepted(3, 9)]


def test_R17_entries_that_came_while_the_values_did_are_kept() -> None:
    play = Play()
    play.hear(1, append(2, [noop(2, 1)]))
    play.hear(1, InstallSnapshot(2, 3, 2, 1, THREE))
    play.hear(1, append(2, [value_entry(2, 2, 1), noop(2, 3, 1), noop(2, 4, 1)], (1, 2)))
    play.hear(1, committed(1))
    assert play.of(SnapshotInstalled)
    assert (play.state.commit, play.end) == (3, (4, 2))


def test_R17_who_is_far_behind_is_offered_a_snapshot_and_then_streamed_to() -> None:
    play = Play().lead()
    for text in "abc":
        play.propose(text)
        play.acknowledge(1)
    play.do(Compact(play.state.applied))
    play.forget()
    play.hear(2, refused(1, 3, (1, 1)))
    # 2 acknowledged the no-op and nothing else: what comes after it is compacted.
    [offered] = play.sent(InstallSnapshot, to=2)
    assert (offered.index, offered.height) == (4, 3)
    assert play.state.peers[name(2)].mode == SNAPSHOT
    play.forget()
    play.propose("d")
    assert play.sent(Append, to=2) == []
    play.hear(2, accepted(1, 4))
    assert [message.previous_index for message in play.sent(Append, to=2)] == [4]


# -- heights --------------------------------------------------------------------------------------


def test_a_decision_is_believed_whoever_tells_it_but_not_when_garbled() -> None:
    play = Play()
    garbled = Committed(Certificate(1, 1, digest(Block(1, "w")), ()), Block(1, "v"))
    assert play.hear(2, garbled) == []
    assert play.hear(2, committed(2)) == [], "heights leave no gap"
    assert play.hear(2, committed(1))
    assert play.hear(2, committed(1)) == []


def test_what_was_decided_is_served_once_a_moment() -> None:
    play = Play()
    play.hear(1, committed(1), committed(2))
    play.forget()
    play.hear(1, Ask(2))
    assert play.state.last is not None
    assert play.effects == [Send(name(1), play.state.last)]
    play.forget()
    play.hear(1, Ask(1))
    assert play.of(HeightAnswered)
    assert play.effects == [Serve(name(1), 1), Send(name(1), Ask(3))]
    assert play.hear(1, Ask(3)) == []


def test_a_peer_ahead_is_asked_soon() -> None:
    play = Play()
    play.hear(1, Ask(9))
    assert play.of(PeerAhead)
    assert play.hear(1, Ask(9)) == []
    play.wake()
    assert play.sent(Ask, to=1) == [Ask(1)]
    assert Play().lead().hear(1, Ask(9)) == [], "who leads has what is committed, or leads no more"


# -- transfers ------------------------------------------------------------------------------------


def test_R16_who_is_told_to_stands_at_once() -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1)]))
    play.hear(1, TimeoutNow(1))
    assert play.sent(RequestVote) == [RequestVote(2, 1, 1, True)] * 2
    assert Play().hear(1, TimeoutNow(0))
    assert play.hear(1, TimeoutNow(1)) == [], "of a term that is over"


def test_R16_a_learner_told_to_stand_does_not() -> None:
    play = Play(me=9)
    play.hear(1, append(1, [noop(1, 1)]))
    assert play.hear(1, TimeoutNow(1)) == []


def test_R16_who_does_not_lead_passes_an_operator_s_wish_on() -> None:
    play = Play()
    assert play.do(TransferLeadership(name(2))) == [], "to nobody, if nobody leads"
    play.hear(1, append(1, [noop(1, 1)]))
    play.do(TransferLeadership(name(2)))
    assert play.of(TransferForwarded)
    assert play.sent(WantTransfer, to=1) == [WantTransfer(name(2))]
    assert play.hear(2, WantTransfer(name(2))) == []
    leader = Play(me=1).lead()
    leader.hear(0, WantTransfer(name(2)))
    assert leader.of(TransferBegun)
