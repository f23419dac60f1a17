"""Each promise of Raft can be broken, and is then named."""

from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import Validator
from meshkit.consensus.raft.events import (
    Appended,
    Campaigned,
    CommitAdvanced,
    ConfigurationApplied,
    Elected,
    HeightBegun,
    LeaderFound,
    LogCompacted,
    Opened,
    SnapshotInstalled,
    SteppedDown,
    Taken,
    TermBegun,
    VoteCast,
    VoteRefused,
)
from meshkit.consensus.raft.messages import (
    NOOP,
    Configuration,
    InstallSnapshot,
    LogEntry,
    RequestVote,
)
from meshkit.consensus.raft.state import State
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Heard, Moment, Wake
from meshkit.sim.check import Broken
from meshkit.sim.engines import KITS
from meshkit.sim.engines.raft_promises import Promises, is_agreed
from meshkit.sim.engines.replica import Replica
from tests.sim.engines.grounds import world

WORLD = world(kit=KITS["raft"])
A, B, C, D = WORLD.replicas
BEGUN = HeightBegun(1, tuple([Validator(one.me, 1) for one in (A, B, C)]), 0)


def entry(index: int, term: int, name: bytes = b"") -> LogEntry:
    return LogEntry(term, index, NOOP, 0, None, name)


class Story:
    """What happens to three voters whose logs are empty at first."""

    def __init__(self) -> None:
        self.promises = Promises()
        for replica in (A, B, C):
            self.begin(replica, State(me=replica.me))
            self.tell(replica, BEGUN)

    def begin(self, replica: Replica, state: State) -> None:
        shell = replica.shell
        shell.state = {**shell.state, "consensus": state}
        self.promises.began(replica)
        self.promises.rest(replica, state)

    def tell(self, replica: Replica, *events: Any, command: Any = None) -> None:
        bodies = tuple([At("consensus", event) for event in events])
        self.promises.look(replica, Entry(Moment(0, 0), At("consensus", command or Wake()), bodies))

    def elect(self, leader: Replica, voter: Replica, term: int) -> None:
        self.tell(leader, Campaigned(term, False, 0))
        self.tell(voter, TermBegun(term, b"", 0), VoteCast(term, leader.me, 0))
        self.tell(leader, Elected(term, 0))

    def append(self, leader: Replica, follower: Replica, one: LogEntry) -> None:
        self.tell(leader, Appended(one, 0))
        self.take(leader, follower, one)

    def take(self, leader: Replica, follower: Replica, *entries: LogEntry) -> None:
        self.tell(follower, Taken(leader.me, entries[-1].index, entries, 0))


def led() -> Story:
    """A leads term 1 by B's vote; its first entry is at both, and committed."""
    story = Story()
    story.elect(A, B, 1)
    story.append(A, B, entry(1, 1))
    story.tell(A, CommitAdvanced(1, 0))
    return story


def test_a_usual_course_breaks_nothing() -> None:
    story = led()
    story.take(A, C, entry(1, 1))
    story.tell(C, LeaderFound(1, A.me, 0), Opened(1, 0), Taken(A.me, 1, (), 0))
    story.tell(B, CommitAdvanced(1, 0), LogCompacted(1))
    story.append(A, B, entry(2, 1))
    story.tell(A, SteppedDown(1, 0))
    story.elect(B, C, 2)
    story.append(B, C, entry(3, 2))
    story.tell(A, TermBegun(2, B.me, 0), Appended(entry(3, 1), 0))
    story.tell(A, Appended(entry(4, 1), 0))
    story.take(B, A, entry(3, 2))
    story.tell(C, SnapshotInstalled(InstallSnapshot(2, 1, 1, 0, Configuration((A.me,))), 0))
    three = Configuration((B.me, C.me))
    story.tell(C, SnapshotInstalled(InstallSnapshot(2, 9, 2, 0, three), 0))
    story.begin(C, State(me=C.me, term=2))


def test_a_term_has_one_leader() -> None:
    story = led()
    story.promises._votes.update({(one.me, 1): C.me for one in (A, B, C)})
    with pytest.raises(Broken, match="term 1 has two leaders"):
        story.tell(C, Campaigned(1, False, 0), Elected(1, 0))


def test_r1_r13_votes_that_elect_are_durable() -> None:
    story = Story()
    with pytest.raises(Broken, match="too few votes for it are durable"):
        story.tell(A, Campaigned(1, False, 0), Elected(1, 0))


def test_r1_r13_what_is_committed_is_durable_at_a_majority_of_both_sets() -> None:
    story = led()
    story.tell(A, Appended(entry(2, 1), 0))
    with pytest.raises(Broken, match="too few hold 2"):
        story.tell(A, CommitAdvanced(2, 0))
    story = led()
    joint = Configuration((A.me, B.me), (C.me, D.me))
    story.tell(A, ConfigurationApplied(1, joint))
    story.append(A, B, entry(2, 1))
    with pytest.raises(Broken, match="too few hold 2"):
        story.tell(A, CommitAdvanced(2, 0))
    assert is_agreed(Configuration((A.me,)), [A.me])


def test_r3_one_vote_a_term_and_again_for_the_same() -> None:
    story = Story()
    story.tell(B, TermBegun(1, b"", 0), VoteCast(1, A.me, 0), VoteCast(1, A.me, 0))
    again = Heard(A.me, RequestVote(1, 0, 0, False))
    with pytest.raises(Broken, match="R3: it refused"):
        story.tell(B, VoteRefused(1, A.me, 0), command=again)
    story.tell(B, VoteRefused(1, A.me, 0), command=Heard(A.me, RequestVote(0, 0, 0, False)))
    with pytest.raises(Broken, match="R3: it voted twice"):
        story.tell(B, VoteCast(1, C.me, 0))


def test_r4_whoever_leads_has_all_that_is_committed() -> None:
    story = led()
    with pytest.raises(Broken, match="without all that is committed"):
        story.elect(C, B, 2)


def test_r5_a_leader_counts_its_own_entries_only() -> None:
    story = led()
    story.append(A, B, entry(2, 1))
    story.tell(A, SteppedDown(1, 0))
    story.elect(B, A, 2)
    with pytest.raises(Broken, match="R5"):
        story.tell(B, CommitAdvanced(2, 0))


def test_r6_what_the_leader_sent_is_not_cut_off_nor_committed_before_it_came() -> None:
    story = led()
    story.append(A, B, entry(2, 1))
    with pytest.raises(Broken, match="R6: it cut off 2"):
        story.take(A, B, entry(1, 1))
    with pytest.raises(Broken, match="R6: it committed 5"):
        story.tell(B, CommitAdvanced(5, 0))


def test_one_place_of_a_term_is_one_entry() -> None:
    story = led()
    with pytest.raises(Broken, match="index 1 of term 1 is two entries"):
        story.take(A, C, entry(1, 1, b"another"))


def test_r24_one_entry_is_committed_at_a_place_and_commits_go_on() -> None:
    story = led()
    story.take(A, C, entry(1, 7))
    with pytest.raises(Broken, match="a second entry was committed at 1"):
        story.tell(C, CommitAdvanced(1, 0))
    story = led()
    story.append(A, B, entry(2, 1))
    story.tell(A, CommitAdvanced(2, 0))
    with pytest.raises(Broken, match="R24"):
        story.tell(A, CommitAdvanced(1, 0))


def test_below_what_was_compacted_nothing_is_compared() -> None:
    story = led()
    log = replace(State().log, offset=5, offset_term=1)
    story.begin(C, State(me=C.me, log=log, commit=0))
    story.tell(C, CommitAdvanced(5, 0))
