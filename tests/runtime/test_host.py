"""The host's loop: what comes in, what becomes durable when, and whom it listens to."""

from collections.abc import Iterator
from typing import Any

import pytest

from meshkit import RULES, __version__
from meshkit.codec import AHEAD, VOLATILE, decode_entry
from meshkit.consensus.messages import NIL, Ask, Certificate, Committed
from meshkit.consensus.raft.messages import (
    NOOP,
    VALUE,
    Append,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    LogEntry,
    PreVoteReply,
    RequestPreVote,
    RequestVote,
    VoteReply,
)
from meshkit.consensus.raft.state import FOLLOWER, LEADER
from meshkit.consensus.tendermint.messages import PRECOMMIT, Vote
from meshkit.core.composite import At
from meshkit.core.history import TALLIED_MIN, Count, Head, HeadNoted, ShowHead, Tallied
from meshkit.core.value import Statement, Value, digest
from meshkit.journal import JournalFailed
from meshkit.journal.memory import Fault
from meshkit.ledger.messages import Block, Note, RemoveMember
from meshkit.node import address
from meshkit.pool.messages import LinkDrawn, Offered
from meshkit.runtime import host as hosts
from meshkit.runtime.host import Host
from meshkit.wire.envelope import open_envelope
from meshkit.wire.port import Delivery
from meshkit.wire.port import Fetched as Arrived
from tests.runtime.world import (
    ME,
    MS,
    OPERATOR,
    OTHER,
    STRANGER,
    World,
    a_genesis,
    a_member,
)


@pytest.fixture
def world() -> Iterator[World]:
    """Two members: ourselves, and one that only trains, so that we decide alone."""
    with World(genesis=a_genesis(a_member(OTHER, "other", ("trainer",)))) as made:
        made.settle()
        yield made


def recorded(world: World) -> Iterator[Any]:
    """Every event in the journal."""
    for record in world.journal.read():
        for event in decode_entry(record.body, address, record.index).events:
            yield event.body


def noted(world: World) -> int:
    """How often somebody's head was noted: what a `Head` that was believed leads to."""
    return sum(isinstance(event, HeadNoted) for event in recorded(world))


# -- starting --------------------------------------------------------------------------------------


def test_a_new_journal_begins_with_the_start_and_the_founding(world: World) -> None:
    history = world.shell.state["history"]
    assert (history.starts, history.release, history.rules) == (1, __version__, RULES)
    assert world.shell.state["ledger"].mesh == digest(world.genesis)


def test_a_restart_goes_on_with_the_journal_and_founds_nothing_again(world: World) -> None:
    task = world.submit(quorum=1)
    world.settle()
    with World(world.disk, world.genesis) as again:
        assert again.shell.state["history"].starts == 2
        assert again.shell.state["ledger"] == world.shell.state["ledger"]
        assert again.course(task).status == "finished"


def test_it_runs_until_it_is_told_to_stop_and_leaves_nothing_unsaved(world: World) -> None:
    turns = iter([False, False, True])
    world.host.run(lambda: next(turns))
    assert world.shell.unsaved == 0
    assert world.shell.state["history"].starts == 2


# -- what members say ------------------------------------------------------------------------------


def test_what_a_member_says_is_heard(world: World) -> None:
    world.hear(Head())
    world.turn()
    world.settle()
    assert noted(world) == 1
    assert not world.host.refused


def test_what_is_not_believed_is_counted_by_the_reason(world: World) -> None:
    world.hear(Head(), mesh=b"m" * 32)
    world.hear(Head(), peer=STRANGER.key)
    world.hear(Head(), kind=VOLATILE, entry=0)
    world.hear(Note(ME.key, 1, b""))
    world.mesh.heard.append(Delivery("direct", OTHER.key, b"noise"))
    world.turn()
    assert world.host.refused == {
        "foreign-mesh": 1,
        "not-the-sender": 1,
        "not-addressed": 1,
        "unsigned-statement": 1,
        "malformed": 1,
    }
    assert world.host.figures()["refused"] == dict(sorted(world.host.refused.items()))


def test_a_flood_leaves_a_few_tallies(world: World) -> None:
    for _ in range(3 * TALLIED_MIN):
        world.mesh.heard.append(Delivery("direct", OTHER.key, b"noise"))
    world.turn()
    world.settle()
    assert [one.counts for one in recorded(world) if isinstance(one, Tallied)] == [
        (Count("malformed", TALLIED_MIN),),
        (Count("malformed", 2 * TALLIED_MIN),),
    ]


def test_so_does_what_was_not_even_read(world: World) -> None:
    for number in (TALLIED_MIN - 1, 1):
        world.mesh.dropped[OTHER.key] += number
        world.turn()
    world.settle()
    tallied = [one for one in recorded(world) if isinstance(one, Tallied)]
    assert tallied == [Tallied(OTHER.key, (Count("flood", TALLIED_MIN),))]
    assert world.host.refused == {"flood": TALLIED_MIN}


def test_a_vote_about_what_is_decided_is_not_even_verified(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.offer(world.sign(Note(ME.key, 1, b""), ME))
    world.settle()
    height = world.shell.state["ledger"].height
    monkeypatch.setattr("meshkit.wire.envelope.verify", None)
    world.hear(Vote(PRECOMMIT, height, 0, NIL, OTHER.key))
    world.turn()
    assert world.host.refused == {"late": 1}


def test_what_nobody_is_addressed_by_is_counted(world: World) -> None:
    world.hear(LinkDrawn(1, b"l" * 32))
    world.turn()
    assert world.host.refused == {"not-addressed": 1}


def test_members_are_not_listened_to_while_the_inbox_is_full(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "WAITING_MAX", 1)
    world.shell.take(At("history", ShowHead()))
    world.hear(Head())
    world.turn()
    assert len(world.mesh.heard) == 1
    world.until(lambda: not world.mesh.heard)


def test_a_stranger_is_not_heard(world: World) -> None:
    world.hear(Head(), by=STRANGER)
    world.turn()
    assert world.shell.counts["history.Head"] == 1


# -- time ------------------------------------------------------------------------------------------


def test_the_loop_sleeps_until_the_next_thing_is_due(world: World) -> None:
    sleep = world.host._sleep_ms
    world.mesh.timeout_ms = lambda: 700  # type: ignore[method-assign]  # as if that were all
    assert sleep(1_000) == 700
    assert sleep(5) == 5
    world.hear(Ask(1))
    world.host._take_in([])
    assert sleep(1_000) == 0  # there is something to do at once
    world.settle()


def test_the_node_is_woken_when_it_is_due_and_not_before() -> None:
    # The other validator is silent, so that a height stays open and its clock runs.
    with World(genesis=a_genesis(a_member(OTHER, "silent"))) as world:
        world.offer(world.sign(Note(ME.key, 1, b""), ME))
        world.settle()
        world.mesh.timeout_ms = lambda: 10_000  # type: ignore[method-assign]  # it never is
        due_ns = world.shell.node.deadline(world.shell.state)
        assert due_ns is not None
        left_ms = world.host._sleep_ms(10**6)
        assert left_ms == -((world.clock.now_ns() - due_ns) // MS)
        before = world.journal.head.index
        world.turn(left_ms - 1)
        assert (world.journal.head.index, world.shell.unsaved) == (before, 0)
        world.turn(1)
        world.settle()
        assert world.journal.head.index > before


# -- what is durable when --------------------------------------------------------------------------


def test_what_binds_us_to_nothing_waits_a_moment_for_what_does(world: World) -> None:
    before = world.journal.head.index
    world.hear(Head())
    world.turn()
    assert world.shell.unsaved == 1
    assert world.journal.head.index == before
    world.mesh.timeout_ms = lambda: 10_000  # type: ignore[method-assign]  # it never is
    assert world.host._sleep_ms(1_000) == hosts.UNSAVED_NS // MS
    world.turn(hosts.UNSAVED_NS // MS)
    assert (world.shell.unsaved, world.journal.head.index) == (0, before + 1)


def test_a_disk_that_fails_stops_the_node(world: World) -> None:
    world.disk.arm(Fault.EIO)
    world.shell.take(At("history", ShowHead()))
    with pytest.raises(JournalFailed):
        world.turn()


def test_an_idle_node_tidies_its_journal(world: World) -> None:
    idle: list[bool] = []
    world.journal.idle = lambda: idle.append(True)  # type: ignore[method-assign]  # to see it asked
    world.turn()
    world.turn()
    assert idle


# -- what else comes in ----------------------------------------------------------------------------


class Window:
    def __init__(self) -> None:
        self.watched, self.served = 0, 0

    def watch(self, poller: Any) -> None:
        self.watched += 1

    def serve(self) -> None:
        self.served += 1


def test_windows_are_served_each_time_round_and_again_after_a_tick(world: World) -> None:
    window = Window()
    world.host.add(window)
    assert window.watched == 1
    world.turn()
    assert window.served == 1
    world.shell.take(At("history", ShowHead()))
    world.turn()
    assert window.served == 3


def test_blobs_that_have_arrived_are_taken_in(world: World) -> None:
    world.mesh.arrived.append(Arrived(b"b" * 32, None, "nobody asked"))
    world.turn()
    assert world.mesh.arrived == []


# -- members ---------------------------------------------------------------------------------------


def test_it_is_connected_to_the_ledgers_members_and_nobody_else(world: World) -> None:
    assert [member.id for member in world.mesh.members] == [OTHER.key]
    item = world.sign(RemoveMember(OPERATOR.key, 1, OTHER.key))
    world.offer(item)
    world.until(lambda: not world.mesh.members)
    # Its messages are refused from the next entry on, by sockets that are still open too.
    world.hear(Head())
    world.turn()
    assert world.shell.counts["history.Head"] == 1


def test_who_is_on_its_way_in_listens_to_who_sent_it_here() -> None:
    contact = a_member(OTHER, "contact")
    genesis = a_genesis()
    with World(genesis=genesis, start=False) as world:
        newcomer = Host(
            genesis, world.shell, world.clock, world.log, world.journal, world.blobs, world.mesh,
            world.performer, world.labour, STRANGER.key, (contact,),
        )  # fmt: skip
        newcomer.start()
        assert {member.id for member in world.mesh.members} == {ME.key, OTHER.key}


# -- snapshots -------------------------------------------------------------------------------------


def test_a_snapshot_is_kept_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "SNAPSHOT_ENTRIES", 15)
    with World() as world:
        world.submit(rounds=4)
        world.settle()
        first = world.shell.state["history"].snapshot
        assert first >= 15
        world.submit(serial=2, rounds=5)
        world.settle()
        assert world.shell.state["history"].snapshot >= first + 15
        assert world.log.snapshot == b""


def test_what_is_offered_by_a_member_reaches_the_pool(world: World) -> None:
    note = world.sign(Note(OTHER.key, 1, b"hello"), OTHER)
    world.hear(Offered(note))
    world.until(lambda: world.shell.state["ledger"].notes == 1)


# -- an engine of two halves -----------------------------------------------------------------------


def a_site() -> World:
    """One of two who agree by Raft."""
    return World(genesis=a_genesis(a_member(OTHER, "other"), engine="raft"))


def said(world: World) -> list[Value]:
    sent, world.mesh.sent = world.mesh.sent, []
    return [open_envelope(data, world.mesh_id).body for _, data in sent]


def test_a_member_of_a_site_that_hears_nobody_stands_for_election_and_beats() -> None:
    with a_site() as world:
        world.settle()
        world.until(lambda: any(type(one) is RequestPreVote for one in said(world)))
        free: dict[str, Any] = {"kind": VOLATILE, "entry": 0}
        world.hear(PreVoteReply(1, True, 0, 0), **free)
        world.until(lambda: any(type(one) is RequestVote for one in said(world)))
        assert not any(record for record in world.host.refused)
        world.hear(VoteReply(1, True))
        world.until(lambda: world.shell.state["consensus"].role == LEADER)
        kinds = [type(one) for one in said(world)]
        assert kinds[-2:] == [Heartbeat, Append] or kinds[-2:] == [Append, Heartbeat]
        world.until(lambda: any(type(one) is Heartbeat for one in said(world)))


def test_what_is_never_journaled_leaves_no_entry_and_may_come_in_no_other_envelope() -> None:
    with a_site() as world:
        world.settle()
        length = world.journal.head.index
        free: dict[str, Any] = {"kind": VOLATILE, "entry": 0}
        world.hear(Heartbeat(0, 1))
        world.hear(Ask(1), **free)
        world.hear(RequestVote(1, 0, 0, False), kind=AHEAD, entry=0)
        world.turn()
        assert world.host.refused["not-addressed"] == 3
        world.hear(Heartbeat(0, 1), **free)
        world.hear(Heartbeat(0, 1), by=STRANGER, peer=STRANGER.key, **free)
        world.turn()
        assert [type(one) for one in said(world)] == [HeartbeatReply]
        world.turn()
        world.settle()
        assert world.journal.head.index == length + 1  # that there is a leader
        world.hear(RequestVote(1, 0, 0, False))
        world.turn()
        assert world.shell.state["consensus"].term == 0
        world.hear(RequestVote(1, 0, 0, True))
        world.turn()
        assert world.shell.state["consensus"].term == 1


def test_a_leaders_entries_are_heard_though_they_left_before_they_were_durable() -> None:
    with a_site() as world:
        world.settle()
        entry = LogEntry(1, 1, NOOP, 0)
        world.hear(Append(1, 0, 0, (entry,), 0, False), kind=AHEAD, entry=0)
        world.until(lambda: world.shell.state["consensus"].log.entries)
        world.settle()
        assert AppendReply(1, 1, False, 0, 0) in said(world)


def test_who_is_alone_in_a_site_leads_it_and_keeps_what_it_decides() -> None:
    with World(genesis=a_genesis(engine="raft")) as world:
        world.settle()
        world.until(lambda: world.shell.state["consensus"].role == LEADER)
        world.settle()
        note = world.sign(Note(ME.key, 1, b"hello"), ME)
        world.offer(note)
        world.turn()
        assert (world.shell.state["ledger"].height, world.shell.unsaved) == (1, 0)
    with World(world.disk, world.genesis) as world:
        assert world.shell.state["consensus"].role == FOLLOWER
        world.until(lambda: world.shell.state["consensus"].role == LEADER)


def test_who_leads_a_site_is_believed_about_notes_of_others() -> None:
    with a_site() as world:
        world.settle()
        bare = Note(STRANGER.key, 1, b"n", b"s" * 64)
        world.hear(_appended(world, bare), kind=AHEAD, entry=0)
        world.hear(Offered(bare))
        world.turn()
        (entry,) = world.shell.state["consensus"].log.entries
        assert entry.value == _block(world, bare)
        assert world.host.refused == {"forged-statement": 1}


def test_nobody_is_believed_about_what_operators_command_and_none_about_what_was_decided() -> None:
    with a_site() as world:
        world.settle()
        command = RemoveMember(OPERATOR.key, 1, OTHER.key, b"s" * 64)
        world.hear(_appended(world, command), kind=AHEAD, entry=0)
        block = _block(world, Note(STRANGER.key, 1, b"n", b"s" * 64))
        world.hear(Committed(Certificate(1, 1, digest(block), ()), block))
        world.turn()
        assert not world.shell.state["consensus"].log.entries
        assert world.host.refused == {"forged-statement": 2}


def _appended(world: World, item: Statement) -> Append:
    block = _block(world, item)
    return Append(1, 0, 0, (LogEntry(1, 1, VALUE, 1, block, digest(block), 9),), 0, False)


def _block(world: World, item: Statement) -> Block:
    return Block(1, world.mesh_id, OTHER.key, b"l" * 32, (item,))
