"""Interaction scripts of our own making, played by `Cluster`: plain numbers and texts."""

import pytest

from meshkit.consensus.raft.confchange import (
    ADD_LEARNER,
    ADD_VOTER,
    REMOVE,
    Change,
    Membership,
)
from meshkit.consensus.raft.log import KEPT_ENTRIES_MAX
from meshkit.consensus.raft.messages import (
    Append,
    AppendReply,
    InstallSnapshot,
    RequestPreVote,
    RequestVote,
)
from meshkit.consensus.raft.script import NOT_NOW, Cluster, Letter, Line, Peer, Status, Wish

MANY = 300  # which no leader waits to be sent in one message


def site(count: int = 3, careful: bool = False) -> Cluster:
    """So many voters, at index 2; the first leads."""
    cluster = Cluster()
    cluster.add(count, range(1, count + 1), index=2, pre_vote=careful, check_quorum=careful)
    cluster.campaign(1)
    cluster.stabilize()
    return cluster


def roles(cluster: Cluster) -> list[str]:
    return [cluster.status(number).role for number in cluster.members]


def test_a_snapshot_s_members_stand_where_it_leaves_them() -> None:
    cluster = Cluster()
    cluster.add(2, [1, 2], [3], index=5)
    cluster.add()
    assert cluster.status(1) == Status("follower", 0, 0, 0, 5, 5, True)
    assert cluster.configuration(2) == Membership(frozenset({1, 2}), learners=frozenset({3}))
    assert cluster.status(3) == Status("follower", 0, 0, 0, 0, 0, False)
    assert cluster.configuration(3) == Membership(), "it knows nobody"
    assert cluster.log(1) == []


def test_an_election_step_by_step() -> None:
    cluster = Cluster()
    cluster.add(3, [1, 2, 3], index=2)
    cluster.campaign(1)
    assert cluster.status(1) == Status("candidate", 1, 1, 0, 2, 2, True)
    asked = cluster.ready(1)
    assert [(letter.to, type(letter.message)) for letter in asked] == [
        (2, RequestVote),
        (3, RequestVote),
    ]
    assert cluster.ready(1) == [], "it has said so"
    assert len(cluster.deliver(2)) == 1
    assert cluster.deliver(3, AppendReply) == [], "there is none"
    assert len(cluster.deliver(3, RequestVote, drop=True)) == 1
    cluster.stabilize(1, 2)
    assert cluster.status(1) == Status("leader", 1, 1, 1, 3, 3, True)
    assert cluster.status(2) == Status("follower", 1, 1, 1, 3, 3, True)
    assert cluster.status(3).term == 0, "what is for it still lies there"
    cluster.stabilize()
    assert cluster.log(3) == [Line(1, 3, "")]
    assert cluster.progress(1) == {2: Peer("replicate", 3, 4), 3: Peer("replicate", 3, 4)}


def test_values_are_taken_passed_on_or_refused() -> None:
    cluster = Cluster()
    cluster.add(3, [1, 2, 3], index=2)
    assert not cluster.propose(1, "lost"), "nobody leads"
    cluster.campaign(1)
    cluster.stabilize()
    assert cluster.propose(1, "a")
    assert cluster.propose(2, "b")
    assert cluster.ready(2) == [Letter(2, 1, Wish("b"))]
    cluster.stabilize()
    assert [line.text for line in cluster.log(3)] == ["", "a", "b"]
    assert [cluster.status(number).commit for number in (1, 2, 3)] == [5, 5, 5]


def test_changes_are_taken_passed_on_or_refused_with_the_reason() -> None:
    cluster = site(3)
    cluster.add()
    assert cluster.change(1, [Change(ADD_VOTER, 4), Change(REMOVE, 1)], "explicit") == ""
    assert cluster.change(1, [Change(ADD_LEARNER, 4)]) == NOT_NOW
    cluster.stabilize()
    joint = cluster.configuration(4)
    assert joint.voters == {2, 3, 4}
    assert joint.outgoing == {1, 2, 3}
    assert cluster.change(1, [Change(REMOVE, 2)]).startswith("can't apply simple config change")
    assert cluster.change(4, []) == "", "whoever leads is to leave it"
    cluster.stabilize()
    assert {cluster.configuration(number).outgoing for number in range(1, 5)} == {frozenset()}
    assert cluster.log(2)[-2:] == [Line(1, 5, None), Line(1, 6, "")], "its last word"
    assert not cluster.status(1).votes
    assert roles(cluster) == ["follower"] * 4, "who was removed has gone"
    stranger = Cluster()
    stranger.add()
    assert stranger.change(1, [Change(ADD_VOTER, 2)]) == NOT_NOW


def test_a_joint_configuration_is_left_by_itself() -> None:
    cluster = site(1)
    cluster.add(2)
    assert cluster.change(1, [Change(ADD_VOTER, 2), Change(ADD_VOTER, 3)]) == ""
    cluster.stabilize()
    assert cluster.configuration(3) == Membership(frozenset({1, 2, 3}))


def test_leadership_is_handed_over() -> None:
    cluster = site(3, careful=True)
    cluster.transfer(1, 2)
    cluster.stabilize()
    assert roles(cluster) == ["follower", "leader", "follower"]
    assert cluster.status(3).term == 2


def test_who_lags_behind_what_is_compacted_takes_a_snapshot_and_the_values() -> None:
    cluster = site(3)
    for text in "abc":
        cluster.propose(1, text)
        cluster.ready(1)
        cluster.deliver(3, drop=True)
        cluster.stabilize(1, 2)
        cluster.ready(1)
        cluster.deliver(3, drop=True)
    cluster.compact(1, 5)
    assert [line.place for line in cluster.log(1)] == [6]
    cluster.unreachable(1, 3)
    assert cluster.progress(1)[3] == Peer("snapshot", 3, 7, True, 0, 6)
    assert [type(letter.message) for letter in cluster.ready(1)] == [InstallSnapshot]
    cluster.stabilize()
    assert cluster.progress(1)[3] == Peer("replicate", 6, 7)
    assert cluster.status(3).commit == 6
    cluster.send_snapshot(2, 3)
    cluster.stabilize()
    assert cluster.status(3).commit == 6, "it has all of that"


def test_a_first_question_that_is_lost_is_asked_again_at_the_same_place() -> None:
    """Another leader's follower has a log; it is not sent all of it, or a snapshot, for that."""
    cluster = site(3)
    for number in range(MANY):
        cluster.propose(1, f"value {number}")
    cluster.stabilize()
    assert MANY < KEPT_ENTRIES_MAX
    cluster.campaign(2)
    cluster.stabilize(2, 3)
    cluster.ready(2)
    cluster.deliver(1, Append, drop=True)
    assert cluster.progress(2)[1] == Peer("probe", 0, 4 + MANY, True)
    cluster.tick(2)
    cluster.stabilize()
    cluster.ready(2)
    assert cluster.progress(2)[1] == Peer("replicate", 4 + MANY, 5 + MANY)


def test_as_many_entries_as_the_leader_s_may_be_others() -> None:
    """A follower with a longer past is asked again, though it lacks nothing by number."""
    cluster = site(3)
    cluster.propose(1, "told nobody")
    cluster.ready(1)
    cluster.under_way.clear()
    cluster.campaign(2)
    cluster.stabilize(2, 3)
    cluster.ready(2)
    cluster.deliver(1, Append, drop=True)
    assert cluster.status(1).last_index == cluster.status(2).last_index
    cluster.stabilize()
    cluster.tick(2)
    cluster.stabilize()
    assert cluster.log(1) == cluster.log(2) == [Line(1, 3, ""), Line(2, 4, "")]


def test_time_passes_for_whom_it_is_told_to() -> None:
    cluster = site(3, careful=True)
    cluster.tick(2, 2)
    assert cluster.status(2).role == "follower"
    cluster.wait(2, 1)
    cluster.tick(2)
    assert cluster.status(2).role == "pre-candidate"
    assert cluster.status(2).leader == 0
    cluster.stabilize(2, 3)
    assert cluster.status(2).role == "pre-candidate", "the other one hears a leader"
    cluster.forget_leader(3)
    cluster.campaign(2)
    cluster.stabilize(2, 3)
    assert cluster.status(2) == Status("leader", 2, 2, 2, 4, 4, True)
    cluster.tick(1, 3)
    assert cluster.status(1).role == "follower", "nobody has answered it"


def test_without_check_quorum_a_leader_leads_until_it_hears_of_another() -> None:
    cluster = site(3)
    cluster.tick(1, 9)
    assert cluster.status(1).role == "leader"
    cluster.campaign(2)
    cluster.stabilize()
    assert roles(cluster) == ["follower", "leader", "follower"]
    asking = Cluster()
    asking.add(2, [1, 2], index=2, pre_vote=True)
    asking.campaign(1)
    assert asking.status(1).role == "pre-candidate"
    assert RequestPreVote in [type(letter.message) for letter in asking.ready(1)]
    asking.stabilize()
    assert asking.status(1).role == "leader"


def test_who_crashes_says_no_more_of_it() -> None:
    cluster = site(3)
    cluster.propose(1, "a")
    cluster.crash(1)
    assert all(not isinstance(letter.message, Append) for letter in cluster.ready(1))
    assert cluster.status(1).role == "follower"
    assert cluster.log(1)[-1] == Line(1, 4, "a"), "which it had made durable"


def test_what_comes_of_reads_is_told() -> None:
    cluster = site(3)
    cluster.read(1, b"first")
    assert cluster.reads == []
    cluster.stabilize()
    assert cluster.reads == [(1, b"first", 3)]
    alone = Cluster()
    alone.add(2, [1, 2], index=2)
    alone.read(1, b"nobody leads")
    assert alone.reads == [(1, b"nobody leads", None)]


def test_what_is_for_a_member_that_is_not_there_yet_waits() -> None:
    cluster = Cluster()
    cluster.add(1, [1, 2, 3], index=2)
    cluster.campaign(1)
    assert len(cluster.ready(1)) == 2
    cluster.deliver(3)
    cluster.add(1, [1, 2, 3], index=2)
    cluster.stabilize()
    assert roles(cluster) == ["leader", "follower"]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_sites_of_any_size(count: int) -> None:
    cluster = site(count)
    cluster.propose(1, "a")
    cluster.stabilize()
    assert {cluster.status(number).commit for number in cluster.members} == {4}
