"""What follows by itself: commits, deliveries, configurations, and what is sent to whom."""

import pytest

from meshkit.consensus.messages import Decided, ProposalWanted
from meshkit.consensus.raft import rules
from meshkit.consensus.raft.events import (
    Appended,
    CommitAdvanced,
    ConfigurationApplied,
    Elected,
    LogCompacted,
    Replicated,
    SteppedDown,
    TransferBegun,
)
from meshkit.consensus.raft.face import BUSY, refusal
from meshkit.consensus.raft.log import KEPT_ENTRIES_MAX, SLACK
from meshkit.consensus.raft.messages import (
    CONFIG,
    NOOP,
    VALUE,
    Append,
    Campaign,
    ChangeConfiguration,
    Configuration,
    Early,
    LogEntry,
    Nudge,
    Prompt,
    VoteReply,
)
from meshkit.consensus.raft.progress import MESSAGE_BYTES_MAX
from meshkit.consensus.raft.state import FOLLOWER, LEADER
from tests.consensus.raft.network import equals, name
from tests.consensus.raft.playbook import TIMING, Play, accepted, append, noop, value_entry


def members(*numbers: int) -> tuple[bytes, ...]:
    return tuple(name(number) for number in numbers)


# -- elections and commits ------------------------------------------------------------------------


def test_R05_a_leader_begins_its_term_with_an_entry_of_its_own() -> None:
    play = Play()
    play.do(Campaign(1))
    play.hear(1, VoteReply(1, True))
    assert play.of(Elected)
    [appended] = play.of(Appended)
    assert appended.entry == noop(1, 1)


def test_R05_entries_of_earlier_terms_are_committed_by_one_of_ours_only() -> None:
    """Figure 8 of the paper: an old entry at a majority may still be overwritten."""
    play = Play(5)
    play.hear(1, append(2, [noop(2, 1), value_entry(2, 2, 1)]))
    play.do(Campaign(3))
    play.hear(1, VoteReply(3, True))
    play.hear(2, VoteReply(3, True))
    assert play.state.role == LEADER
    play.hear(1, accepted(3, 2))
    play.hear(2, accepted(3, 2))
    play.hear(3, accepted(3, 2))
    assert play.state.commit == 0, "four of five have it, and it is not ours"
    play.hear(1, accepted(3, 3))
    play.hear(2, accepted(3, 3))
    assert [event.index for event in play.of(CommitAdvanced)] == [3]
    assert [event.certificate.round for event in play.of(Decided)] == [2]


def test_R05_a_majority_commits_and_one_less_does_not() -> None:
    play = Play(5).lead()
    play.propose()
    play.hear(1, accepted(1, 2))
    assert not play.of(Decided)
    play.hear(2, accepted(1, 2))
    assert play.of(Decided)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_R23_clusters_of_any_size_elect_and_commit(count: int) -> None:
    play = Play(count)
    play.do(Campaign(1))
    needed = count // 2
    for other in play.others[: needed - 1] if needed else []:
        play.hear(other, VoteReply(1, True))
    assert (play.state.role == LEADER) == (count == 1)
    if needed:
        play.hear(play.others[needed - 1], VoteReply(1, True))
    assert play.state.role == LEADER
    for other in play.others[:needed]:
        play.hear(other, accepted(1, 1))
    play.propose()
    for other in play.others[:needed]:
        assert not play.of(Decided)
        play.hear(other, accepted(1, 2))
    assert play.of(Decided)


def test_a_certificate_holds_height_term_and_no_votes() -> None:
    play = Play().lead()
    play.propose()
    play.acknowledge()
    [event] = play.of(Decided)
    certificate = event.certificate
    assert (certificate.height, certificate.round, certificate.votes) == (1, 1, ())


# -- values one by one ----------------------------------------------------------------------------


def test_R25_the_next_value_is_asked_for_when_the_last_is_decided() -> None:
    play = Play().lead()
    play.open()
    assert play.of(ProposalWanted) == [ProposalWanted(1, 1)]
    play.propose()
    assert [type(event) for event in play.open()] == []
    play.acknowledge()
    assert len(play.of(ProposalWanted)) == 1, "the next height waits to be opened"
    play.open()
    assert play.of(ProposalWanted)[1:] == [ProposalWanted(2, 1)]


def test_a_value_is_wanted_only_after_a_commit_of_our_own_term() -> None:
    play = Play()
    play.open()
    play.lead(ready=False)
    assert not play.of(ProposalWanted)
    play.acknowledge(1)
    assert play.of(ProposalWanted)


def test_a_value_that_a_former_leader_left_goes_first() -> None:
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1, "old")]))
    play.open()
    play.lead()
    [event] = [e for entry in play.journal for e in entry.events if isinstance(e, Decided)]
    assert event.certificate.height == 1
    assert play.propose()
    assert play.state.height == 2


def test_below_the_face_many_values_are_under_way_at_once() -> None:
    play = Play().lead()
    for height in range(1, 6):
        assert play.propose(height=height)
    play.acknowledge(1)
    assert [event.certificate.height for event in play.of(Decided)] == [1, 2, 3, 4, 5]


# -- flow control ---------------------------------------------------------------------------------


def test_a_new_leader_takes_values_before_anything_of_its_term_is_committed() -> None:
    """They go after its first entry, and are committed with it; configurations must wait (R13)."""
    play = Play().lead(ready=False)
    play.propose("a")
    play.propose("b", 2)
    assert [(entry.kind, entry.height) for entry in play.state.log.entries] == [
        (NOOP, 0),
        (VALUE, 1),
        (VALUE, 2),
    ]
    assert not play.of(Decided)
    play.acknowledge(1)
    assert [event.certificate.height for event in play.of(Decided)] == [1, 2]


def test_R18_a_leader_with_too_much_under_way_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "UNCOMMITTED_BYTES_MAX", 100)
    play = Play().lead()
    height = 1
    while not refusal(play.state):
        assert play.propose("x" * 30, height)
        height += 1
    assert refusal(play.state) == BUSY
    assert play.propose("x", height) == []
    assert 1 < height < 9
    play.acknowledge(1)
    assert not refusal(play.state), "and takes more when that is committed"
    assert play.state.uncommitted == 0


def test_R18_busy_is_also_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "UNCOMMITTED_ENTRIES_MAX", 3)
    play = Play().lead()
    assert [bool(play.propose(height=height)) for height in range(1, 6)] == [1, 1, 1, 0, 0]


def test_R18_a_message_holds_so_many_bytes_and_at_least_one_entry() -> None:
    play = Play().lead()
    play.hear(1, accepted(1, 1))
    big = "x" * (MESSAGE_BYTES_MAX * 2 // 3)
    for height in (1, 2):
        play.propose(big, height)
    play.hear(2, accepted(1, 3))
    play.hear(1, Append(1, 0, 0, (), 0, False))
    play.forget()
    play.do(Nudge(name(1)))
    play.hear(1, accepted(1, 2))
    assert [len(message.entries) for message in play.sent(Append, to=1)] == [1, 1]


def test_R18_a_silent_follower_is_probed_once_and_then_waited_for() -> None:
    play = Play().lead(ready=False)
    play.acknowledge(1)
    play.forget()
    play.propose()
    play.propose(height=2)
    assert play.sent(Append, to=2) == []
    assert len(play.sent(Append, to=1)) == 2


def test_everyone_is_told_the_commit_once() -> None:
    play = Play().lead()
    play.propose()
    play.forget()
    play.acknowledge()
    told = [message for message in play.sent(Append) if message.notice]
    assert [message.commit for message in told] == [2, 2]
    [event] = play.of(Replicated)
    assert [sending.member for sending in event.sendings] == [name(1), name(2)]


def test_what_is_applied_is_forgotten_at_last() -> None:
    play = Play(1)
    play.do(Campaign(1))
    for _ in range(KEPT_ENTRIES_MAX + SLACK + 9):
        play.propose()
    assert play.of(LogCompacted)
    assert len(play.state.log.entries) <= KEPT_ENTRIES_MAX + SLACK


# -- configurations -------------------------------------------------------------------------------


def test_R13_nothing_is_changed_before_our_own_term_has_committed() -> None:
    play = Play(3, targets=False).lead(ready=False)
    two = ChangeConfiguration(Configuration(members(0, 1)))
    assert play.do(two) == []
    play.acknowledge(1)
    assert play.do(two)


def test_R13_one_change_at_a_time_and_it_counts_from_its_commit() -> None:
    play = Play(3, targets=False).lead()
    four = Configuration(members(0, 1, 2, 3))
    play.do(ChangeConfiguration(four))
    assert play.state.configuration.voters == members(0, 1, 2)
    assert play.do(ChangeConfiguration(Configuration(members(0, 1)))) == []
    play.acknowledge(1)
    assert play.of(ConfigurationApplied)
    assert play.state.configuration == four
    play.propose()
    play.hear(1, accepted(1, play.end[0]))
    assert not play.of(Decided), "two of four are no majority"
    play.hear(2, accepted(1, play.end[0]))
    assert play.of(Decided)


def test_R13_a_change_that_is_none_is_refused() -> None:
    play = Play(3, targets=False).lead()
    assert play.do(ChangeConfiguration(Configuration(members(0, 1, 2)))) == []
    assert play.do(ChangeConfiguration(Configuration(members(3, 4, 5)))) == []
    assert play.do(ChangeConfiguration(Configuration())) == []


def joint(play: Play, auto: bool = True) -> None:
    """From (0, 1, 2) to (0, 3, 4)."""
    new = Configuration(members(0, 3, 4), members(0, 1, 2), auto_leave=auto)
    play.do(ChangeConfiguration(new))
    play.acknowledge(1)
    assert play.state.configuration == new
    play.forget()


def test_R13_a_joint_configuration_needs_a_majority_of_both() -> None:
    play = Play(3, targets=False).lead()
    joint(play, auto=False)
    play.propose()
    last = play.end[0]
    play.hear(1, accepted(1, last))
    play.hear(2, accepted(1, last))
    assert not play.of(Decided), "all of the old, and one of three of the new"
    play.hear(3, accepted(1, last))
    assert play.of(Decided)


def test_R13_a_joint_configuration_elects_by_a_majority_of_both() -> None:
    play = Play(3, targets=False).lead()
    joint(play, auto=False)
    play.hear(1, append(5))
    play.do(Campaign(6))
    play.hear(1, VoteReply(6, True))
    play.hear(2, VoteReply(6, True))
    assert play.state.role != LEADER
    play.hear(4, VoteReply(6, True))
    assert play.state.role == LEADER


def test_R13_joint_is_left_after_its_commit_and_not_before() -> None:
    play = Play(3, targets=False).lead()
    new = Configuration(members(0, 3, 4), members(0, 1, 2), auto_leave=True)
    play.do(ChangeConfiguration(new))
    assert [event.entry.kind for event in play.of(Appended)] == [CONFIG]
    play.acknowledge(1)
    assert [event.entry.kind for event in play.of(Appended)] == [CONFIG, CONFIG]
    assert play.state.configuration == new, "the second is not committed yet"
    last = play.end[0]
    play.hear(1, accepted(1, last))
    play.hear(3, accepted(1, last))
    assert play.state.configuration == Configuration(members(0, 3, 4))


def test_R13_a_new_leader_leaves_the_joint_configuration_too() -> None:
    """Whoever began it may have crashed in the middle."""
    play = Play(3, targets=False)
    new = Configuration(members(0, 3, 4), members(0, 1, 2), auto_leave=True)
    entry = LogEntry(1, 2, CONFIG, 0, new)
    play.hear(1, append(1, [noop(1, 1), entry], commit=2))
    assert play.state.configuration == new
    play.do(Campaign(2))
    for voter in (1, 3):
        play.hear(voter, VoteReply(2, True))
    assert play.state.role == LEADER
    for voter in (1, 3):
        play.hear(voter, accepted(2, 3))
    kinds = [event.entry.kind for event in play.of(Appended)]
    assert kinds == [NOOP, CONFIG], "after something of its own term is committed"


def test_R13_an_operator_s_joint_configuration_is_left_by_the_operator() -> None:
    play = Play(3, targets=False).lead()
    joint(play, auto=False)
    play.acknowledge()
    assert play.state.configuration.outgoing
    assert play.do(ChangeConfiguration(Configuration(members(0, 3)))) == []
    assert play.do(ChangeConfiguration(Configuration(members(0, 3, 4))))


def test_R13_learners_never_count() -> None:
    play = Play(2, targets=False).lead()
    play.do(ChangeConfiguration(Configuration(members(0, 1), learners=members(2, 3))))
    play.acknowledge(1)
    play.propose()
    last = play.end[0]
    play.hear(2, accepted(1, last))
    play.hear(3, accepted(1, last))
    assert not play.of(Decided)
    play.hear(1, accepted(1, last))
    assert play.of(Decided)


def test_R13_a_removed_leader_leads_until_the_others_know_and_then_goes() -> None:
    play = Play(3, targets=False).lead()
    play.do(ChangeConfiguration(Configuration(members(1, 2))))
    play.hear(1, accepted(1, 2))
    assert play.of(ConfigurationApplied)
    assert play.state.role == LEADER
    assert play.end[0] == 3, "one more entry, with which the commit is told"
    assert play.propose() == []
    play.hear(1, accepted(1, 3))
    assert play.state.role == LEADER, "one of the two that remain is no majority of them"
    play.hear(2, accepted(1, 3))
    assert play.of(SteppedDown)
    assert play.state.role == FOLLOWER
    assert [message.commit for message in play.sent(Append, to=1)][-1] == 3, "told before it goes"
    assert play.do(Campaign(2)) == []


def test_R13_the_leader_walks_to_the_validators_of_the_ledger() -> None:
    """A newcomer listens first; when it has caught up it votes."""
    play = Play(2).lead()
    play.validators = equals(3)
    play.propose()
    play.acknowledge()
    assert play.state.target == equals(3)
    assert play.end[0] == 3
    play.hear(1, accepted(1, 3))
    assert play.state.configuration == Configuration(members(0, 1), learners=members(2))
    play.hear(2, accepted(1, 3))
    assert play.end[0] == 4
    play.hear(1, accepted(1, 4))
    assert play.state.configuration == Configuration(members(0, 1, 2))
    play.acknowledge()
    assert play.end[0] == 4, "it is there"


def test_R13_two_changes_at_once_go_through_a_joint_configuration() -> None:
    play = Play(5).lead()
    play.validators = equals(3)
    play.propose()
    play.acknowledge()
    for _ in range(3):
        play.acknowledge()
    assert [len(event.configuration.outgoing) for event in play.of(ConfigurationApplied)] == [5, 0]
    assert play.state.configuration == Configuration(members(0, 1, 2))


# -- what may go early ----------------------------------------------------------------------------


def test_R01_entries_go_before_our_own_are_durable() -> None:
    play = Play().lead()
    play.propose()
    assert {type(effect) for effect in play.effects} == {Early}


def test_R01_who_commits_alone_says_nothing_before_it_is_durable() -> None:
    """Nor just after it has made another a voter, for that is not durable either."""
    play = Play(1, targets=False)
    play.do(Campaign(1))
    play.propose()
    play.do(ChangeConfiguration(Configuration(members(0), learners=members(1))))
    play.acknowledge()
    play.forget()
    play.do(ChangeConfiguration(Configuration(members(0, 1))))
    play.propose()
    assert {type(effect) for effect in play.effects} == {Prompt}
    play.forget()
    play.acknowledge()
    play.propose()
    assert Prompt not in {type(effect) for effect in play.effects}


def test_R16_a_transfer_is_to_another_voter() -> None:
    state = Play(3).lead().state
    assert rules.transfer(state, name(0), TIMING, 7) is None
    assert rules.transfer(state, name(8), TIMING, 7) is None
    begun = rules.transfer(state, name(1), TIMING, 7)
    assert begun == TransferBegun(name(1), 7 + TIMING.election_ns, 7)
    assert rules.is_whole(state, name(1))
    assert not rules.is_whole(state, name(8))
