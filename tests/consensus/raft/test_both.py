"""Both halves by single steps, in the way an interaction script plays a cluster.

A `Script` knows the verbs of such scripts: campaign, propose, deliver, stabilize, tick, transfer,
change, compact. Messages lie where they are until they are delivered; nothing happens by itself.
"""

from typing import Any

import pytest

from meshkit.consensus.messages import Begin, Committed, Decided, Propose
from meshkit.consensus.raft.beat import Read, Readable
from meshkit.consensus.raft.both import Both, Halves
from meshkit.consensus.raft.confchange import (
    ADD_LEARNER,
    ADD_VOTER,
    REMOVE,
    Change,
    Membership,
    change,
)
from meshkit.consensus.raft.events import ConfigurationApplied
from meshkit.consensus.raft.log import last_height, last_index
from meshkit.consensus.raft.messages import (
    Append,
    Campaign,
    ChangeConfiguration,
    Compact,
    Heartbeat,
    InstallSnapshot,
    Keep,
    RequestPreVote,
    RequestVote,
    TransferLeadership,
    Unreachable,
    VoteReply,
)
from meshkit.consensus.raft.progress import REPLICATE, SNAPSHOT
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import CANDIDATE, FOLLOWER, LEADER, State, configured, membership
from meshkit.core.machine import Broadcast, Entry, Heard, Restarted, Send, Wake
from meshkit.core.value import Value
from tests.consensus.raft.network import MS, Block, equals, name

T = Timing()


class Script:
    """A few nodes, and the messages under way between them, in order."""

    def __init__(self, count: int, voters: int | None = None) -> None:
        self.now_ns = 1_000 * MS
        self.voters = equals(voters or count)
        self.halves = [Halves(name(n), T, targets=False) for n in range(count)]
        self.both: list[Both] = [one.initial() for one in self.halves]
        self.journals: list[list[Entry]] = [[] for _ in range(count)]
        self.under_way: list[tuple[int, int, Value]] = []
        self.done: list[Any] = []  # effects that are no messages
        for node in range(count):
            self.take(node, Begin(1, self.voters))

    def take(self, node: int, command: Any) -> list[Any]:
        """A command, and what comes of it; the events."""
        self.now_ns += 1_000
        outcome = self.halves[node].take(self.both[node], command, self.now_ns, seed=node)
        self.both[node] = outcome.both
        self.journals[node] += outcome.entries
        for effect in (*outcome.early, *outcome.late):
            if isinstance(effect, Send):
                self.under_way.append((node, effect.to[0], effect.message))
            elif isinstance(effect, Broadcast):
                others = [n for n in range(len(self.both)) if n != node]
                self.under_way += [(node, other, effect.message) for other in others]
            else:
                self.done.append(effect)
        events = [event for entry in outcome.entries for event in entry.events]
        for event in list(events):
            if isinstance(event, Decided):
                events += self.take(node, Begin(event.certificate.height + 1, self.voters))
        return events

    def raft(self, node: int) -> State:
        return self.both[node].raft

    def campaign(self, node: int) -> None:
        """Stand; whoever led was not heard for long enough."""
        self.now_ns += T.election_ns
        self.take(node, Campaign(self.raft(node).term + 1))

    def propose(self, node: int, text: str) -> list[Any]:
        state = self.raft(node)
        height = last_height(state.log) + 1
        return self.take(node, Propose(height, state.term, Block(height, text)))

    def change(self, node: int, *changes: Change, transition: str = "auto") -> list[Any]:
        plain = change(membership(self.raft(node).configuration), changes, transition)
        return self.take(node, ChangeConfiguration(configured(plain)))

    def deliver(self, to: int, kind: type = Value, drop: bool = False) -> int:
        """Deliver, or drop, what is under way to a node; how much that was."""
        due = [one for one in self.under_way if one[1] == to and isinstance(one[2], kind)]
        self.under_way = [one for one in self.under_way if one not in due]
        for sender, _, message in due if not drop else []:
            self.take(to, Heard(name(sender), message))
        return len(due)

    def stabilize(self, *nodes: int) -> None:
        """Deliver all among these nodes (or all) until nothing is under way."""
        among = nodes or range(len(self.both))
        while due := [one for one in self.under_way if one[0] in among and one[1] in among]:
            self.under_way = [one for one in self.under_way if one not in due]
            for sender, to, message in due:
                self.take(to, Heard(name(sender), message))

    def tick(self, node: int) -> None:
        """Until this node is woken next."""
        due = self.halves[node].deadline(self.both[node])
        assert due is not None
        self.now_ns = max(self.now_ns, due)
        self.take(node, Wake())

    def crash(self, node: int) -> None:
        """It comes back with its journal and nothing else."""
        self.both[node] = self.halves[node].restarted(self.raft(node))
        self.take(node, Restarted())

    def logs(self) -> list[list[tuple[int, int]]]:
        return [[(e.index, e.term) for e in one.raft.log.entries] for one in self.both]


def started(count: int = 3, voters: int | None = None) -> Script:
    script = Script(count, voters)
    script.campaign(0)
    script.stabilize()
    assert script.raft(0).role == LEADER
    return script


def test_R23_a_single_node_leads_and_decides_by_itself() -> None:
    script = Script(1)
    assert script.raft(0).role == LEADER
    script.propose(0, "a")
    assert script.raft(0).height == 2
    assert script.under_way == []
    script.take(0, Read(b"r"))
    assert script.done == [Keep(), Readable(b"r", 2)]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_R23_campaign(count: int) -> None:
    script = Script(count)
    script.campaign(0)
    assert script.raft(0).role == CANDIDATE
    assert [type(message) for _, _, message in script.under_way] == [RequestVote] * (count - 1)
    script.deliver(1)
    [reply] = [message for _, to, message in script.under_way if to == 0]
    assert reply == VoteReply(1, True)
    script.stabilize()
    assert [script.raft(n).role for n in range(count)] == [LEADER] + [FOLLOWER] * (count - 1)
    assert script.logs() == [[(1, 1)]] * count
    assert {script.raft(n).commit for n in range(count)} == {1}


def test_R08_a_node_that_was_cut_off_disturbs_nobody() -> None:
    script = started()
    asked = 0
    for _ in range(60):
        script.tick(min((script.halves[n].deadline(script.both[n]) or 0, n) for n in range(3))[1])
        script.stabilize(0, 1)
        asked += script.deliver(0, RequestPreVote, drop=True)
        script.under_way = []
    assert asked > 2
    assert script.raft(2).term == 1, "it asked, and never stood"
    script.tick(0)
    script.stabilize()
    assert script.raft(0).role == LEADER
    assert [script.raft(n).term for n in range(3)] == [1, 1, 1]


def test_R08_a_lost_leader_is_succeeded_by_question_and_vote() -> None:
    script = started()
    while script.raft(1).role != CANDIDATE:
        script.tick(1)
        script.stabilize(1, 2)
        if script.raft(1).role == LEADER:
            break
    assert script.raft(1).role == LEADER
    assert script.raft(1).term == 2
    script.stabilize()
    assert script.raft(0).role == FOLLOWER
    assert script.logs() == [[(1, 1), (2, 2)]] * 3


def test_R05_what_a_dead_leader_left_is_committed_with_its_successor_s_entry() -> None:
    script = started()
    script.propose(0, "a")
    script.deliver(1, Append)
    script.under_way = []
    script.campaign(1)
    script.stabilize(1, 2)
    assert script.raft(1).role == LEADER
    assert script.logs()[1] == [(1, 1), (2, 1), (3, 2)]
    assert script.raft(1).height == script.raft(2).height == 2


def test_R06_what_a_dead_leader_told_nobody_is_cut_off() -> None:
    script = started()
    script.propose(0, "lost")
    script.under_way = []
    script.campaign(1)
    script.stabilize(1, 2)
    script.propose(1, "kept")
    script.stabilize()
    assert script.logs() == [[(1, 1), (2, 2), (3, 2)]] * 3
    last = script.raft(0).last
    assert last is not None
    assert last.value == Block(1, "kept")


def test_R17_a_slow_follower_after_compaction() -> None:
    script = started()
    for text in "abcd":
        script.propose(0, text)
        script.deliver(2, drop=True)
        script.stabilize(0, 1)
    script.take(0, Compact(4))
    script.deliver(2, drop=True)
    script.take(0, Unreachable(name(2)))
    assert [type(m) for _, to, m in script.under_way if to == 2] == [InstallSnapshot]
    assert script.raft(0).peers[name(2)].mode == SNAPSHOT
    script.deliver(2)
    assert script.raft(0).peers[name(2)].mode == SNAPSHOT, "offered is not taken"
    script.stabilize()
    [serve] = script.done
    assert (serve.to, serve.height) == (name(2), 1)
    # The driver serves what was decided from its store.
    decided = [e for j in script.journals[0] for e in j.events if isinstance(e, Decided)]
    for event in decided:
        script.take(2, Heard(name(0), Committed(event.certificate, event.value)))
    script.stabilize()
    assert script.raft(0).peers[name(2)].mode == REPLICATE
    assert script.raft(2).commit == script.raft(0).commit == 5
    script.propose(0, "e")
    script.stabilize()
    assert script.raft(2).height == 6


def test_R18_a_follower_that_hangs_gets_no_more_than_one_question() -> None:
    script = started()
    script.take(0, Unreachable(name(2)))
    script.deliver(2, drop=True)
    for text in "abc":
        script.propose(0, text)
        script.stabilize(0, 1)
    assert [m for _, to, m in script.under_way if to == 2] == []
    assert script.raft(0).height == 4
    while last_index(script.raft(2).log) < 4:
        script.tick(0)
        script.stabilize()
    assert script.raft(2).height == 4


def test_R16_leadership_is_handed_over() -> None:
    script = started()
    script.take(0, TransferLeadership(name(1)))
    script.stabilize()
    assert [script.raft(n).role for n in range(3)] == [FOLLOWER, LEADER, FOLLOWER]
    assert {script.raft(n).term for n in range(3)} == {2}


def test_R13_a_voter_is_added() -> None:
    script = started(2, voters=1)
    assert script.change(0, Change(ADD_VOTER, name(1)))
    script.stabilize()
    assert script.raft(1).configuration.voters == (name(0), name(1))
    script.propose(0, "a")
    assert script.raft(0).height == 1, "one of two"
    script.stabilize()
    assert script.raft(0).height == script.raft(1).height == 2


def test_R13_two_voters_are_added_through_a_joint_configuration_that_ends_itself() -> None:
    script = started(3, voters=1)
    script.change(0, Change(ADD_VOTER, name(1)), Change(ADD_VOTER, name(2)))
    assert script.raft(0).configuration.outgoing == (name(0),)
    script.stabilize()
    assert script.raft(2).configuration == script.raft(0).configuration
    assert script.raft(0).configuration.voters == (name(0), name(1), name(2))
    assert not script.raft(0).configuration.outgoing
    applied = [e for j in script.journals[0] for e in j.events]
    assert len([e for e in applied if isinstance(e, ConfigurationApplied)]) == 2


def test_R13_an_explicit_joint_configuration_stays_until_it_is_left() -> None:
    script = started(4, voters=3)
    script.change(0, Change(REMOVE, name(2)), Change(ADD_LEARNER, name(3)), transition="explicit")
    script.stabilize()
    assert script.raft(0).configuration.outgoing
    with pytest.raises(ValueError, match="joint"):
        script.change(0, Change(REMOVE, name(1)))
    script.change(0)
    script.stabilize()
    assert script.raft(0).configuration.voters == (name(0), name(1))
    assert script.raft(3).configuration.learners == (name(3),)


def test_R13_whoever_is_removed_is_told_so() -> None:
    """The leader decides by itself that they are gone, and tells them while it still knows them."""
    script = started(3)
    script.change(0, Change(REMOVE, name(1)), Change(REMOVE, name(2)))
    script.stabilize()
    final = configured(Membership(frozenset({name(0)})))
    assert [script.raft(n).configuration for n in range(3)] == [final] * 3
    assert script.raft(0).others == ()
    script.propose(0, "a")
    script.stabilize()
    assert [script.raft(n).height for n in range(3)] == [2, 1, 1], "and of nothing after that"


def test_a_follower_that_missed_the_commit_learns_it_by_the_second_heartbeat() -> None:
    """Not by the first: it may have answered that while it made durable what it had been told."""
    script = started(3)
    script.propose(0, "a")
    script.deliver(1)
    script.deliver(2)
    script.deliver(0)
    assert script.deliver(2, Append, drop=True) == 1
    script.stabilize()
    heights = []
    for _ in range(2):
        script.tick(0)
        script.stabilize()
        heights.append(script.raft(2).height)
    assert heights == [1, 2]


@pytest.mark.parametrize("crashed", [0, 1])
@pytest.mark.parametrize("after", range(1, 9))
def test_R13_a_crash_at_each_step_of_a_joint_change(crashed: int, after: int) -> None:
    """Whoever leads then ends what was begun, or nothing of it is left."""
    script = started(5, voters=3)
    swap = [Change(REMOVE, name(0)), Change(ADD_VOTER, name(3)), Change(ADD_VOTER, name(4))]
    script.change(0, *swap)
    for _ in range(after):
        if script.under_way:
            sender, to, message = script.under_way.pop(0)
            script.take(to, Heard(name(sender), message))
    script.crash(crashed)
    for _ in range(200):
        script.stabilize()
        leaders = [n for n in range(5) if script.raft(n).role == LEADER]
        if leaders and not script.raft(leaders[0]).configuration.outgoing:
            break
        due = [(script.halves[n].deadline(script.both[n]) or 0, n) for n in range(5)]
        script.tick(min(due)[1])
    script.stabilize()
    [leader] = [n for n in range(5) if script.raft(n).role == LEADER]
    final = script.raft(leader).configuration
    assert not final.outgoing
    members = [voter[0] for voter in final.voters]
    assert members in ([0, 1, 2], [1, 2, 3, 4])
    assert script.propose(leader, "a")
    script.stabilize()
    assert all(script.raft(n).last for n in members)


def test_a_wake_goes_to_whom_it_is_due() -> None:
    script = started()
    before = len(script.journals[0])
    script.tick(0)
    assert [type(m) for _, _, m in script.under_way] == [Heartbeat] * 2
    assert len(script.journals[0]) == before, "heartbeats are in no journal"


def test_a_vote_is_not_asked_of_who_hears_a_leader() -> None:
    script = started()
    script.tick(0)
    script.stabilize()
    before = script.both[1]
    script.take(1, Heard(name(2), RequestVote(9, 9, 9, False)))
    assert script.both[1] == before
