"""Bugs planted in Raft, by the rows of the checklist."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from meshkit.consensus.raft import confchange, evolve, hearing, machine, quorum, reads, rules
from meshkit.consensus.raft import log as logs
from meshkit.consensus.raft.beat import Turn
from meshkit.consensus.raft.events import (
    AppendRefused,
    CommitAdvanced,
    Elected,
    Repeated,
    Taken,
    VoteCast,
    VoteRefused,
)
from meshkit.consensus.raft.hearing import Deciding
from meshkit.consensus.raft.log import is_newer, last_index, likeness, term_at
from meshkit.consensus.raft.messages import Append, Prompt, RequestVote
from meshkit.consensus.raft.state import FOLLOWER, LEADER, State
from meshkit.core.machine import Entry
from meshkit.journal import JournalFailed
from meshkit.sim import store
from meshkit.sim.engines import campaign
from tests.sim.engines.planting import Bug, Patch, calls_done_by_one, everywhere

# -- what is on the disk ---------------------------------------------------------------------------


def answers_go_first(patch: Patch) -> None:
    """answers and votes may leave before the write that fails, as a leader's entries may"""
    kit = campaign.KITS["raft"]
    patch.setitem(campaign.KITS, "raft", kit._replace(early=(*kit.early, Prompt)))


def a_leader_restarts_as_one(patch: Patch) -> None:
    """a leader that restarts leads on in its term, though it may have lost what it had sent"""

    def restart(deciding: Deciding) -> None:
        if deciding.state.again_ns != deciding.now_ns:
            deciding.add(Repeated(deciding.now_ns))

    everywhere(patch, machine._restart, restart)


def a_failed_write_passes(patch: Patch) -> None:
    """what the disk says about a write is not looked at"""
    append = store.ModelledLog.append

    def hopeful(self: store.ModelledLog, entries: Sequence[Entry]) -> int:
        try:
            return append(self, entries)
        except JournalFailed:
            return len(self._disk.entries) + len(entries)

    patch.setattr(store.ModelledLog, "append", hopeful)


# -- votes -----------------------------------------------------------------------------------------


def votes_for_all(patch: Patch) -> None:
    """a vote that was given does not keep us from giving another in the same term"""

    def request(deciding: Deciding, sender: bytes, message: RequestVote) -> None:
        ours = hearing._enters(deciding, message.term, b"")
        state = deciding.state
        if deciding.answered:
            return
        may = ours and state.role == FOLLOWER and not state.leader
        if may and is_newer(state.log, message.last_term, message.last_index):
            deciding.add(VoteCast(state.term, sender, deciding.now_ns))
        else:
            deciding.add(VoteRefused(state.term, sender, deciding.now_ns))

    everywhere(patch, hearing._request_vote, request)


def votes_once_only(patch: Patch) -> None:
    """whoever was given our vote is refused when it asks again"""
    original = hearing._request_vote

    def request(deciding: Deciding, sender: bytes, message: RequestVote) -> None:
        state = deciding.state
        if (message.term, sender) != (state.term, state.vote):
            original(deciding, sender, message)
        elif not deciding.answered:
            deciding.add(VoteRefused(state.term, sender, deciding.now_ns))

    everywhere(patch, original, request)


def votes_for_any_log(patch: Patch) -> None:
    """a vote is given whatever the candidate's log lacks"""

    def newer(log: logs.Log, term: int, index: int) -> bool:
        return True

    everywhere(patch, is_newer, newer)


def half_elects(patch: Patch) -> None:
    """half of the voters is a majority"""

    def half(count: int) -> int:
        return (count + 1) // 2

    everywhere(patch, quorum.majority, half)


# -- entries ---------------------------------------------------------------------------------------


def old_entries_count(patch: Patch) -> None:
    """entries of earlier terms are counted, and a new leader appends no no-op"""
    elected = evolve._elected

    def commit(state: State, now_ns: int) -> CommitAdvanced | None:
        index = min(state.quorum_index, last_index(state.log))
        return CommitAdvanced(index, now_ns) if index > state.commit else None

    def bare(state: State, event: Elected) -> State:
        return replace(elected(state, event), first_index=last_index(state.log))

    everywhere(patch, rules._commit, commit)
    everywhere(patch, elected, bare)


def logs_are_cut(patch: Patch) -> None:
    """a log ends where an append ends, whether or not it contradicts it"""

    def append(deciding: Deciding, sender: bytes, message: Append) -> None:
        if not hearing._follows(deciding, sender, message.term):
            return
        state, now_ns, previous = deciding.state, deciding.now_ns, message.previous_index
        if previous >= state.commit and term_at(state.log, previous) != message.previous_term:
            if not deciding.answered:
                hint = likeness(state.log, previous, message.previous_term)
                deciding.add(AppendRefused(sender, previous, *hint, now_ns))
            return
        last = previous + len(message.entries)
        new = tuple([one for one in message.entries if one.index > state.commit])
        if new or not (message.notice or deciding.answered):
            deciding.add(Taken(sender, max(last, state.commit), new, now_ns))
        commit = min(message.commit, last)
        if commit > state.commit:
            deciding.add(CommitAdvanced(commit, now_ns))

    everywhere(patch, hearing._append, append)


def commits_what_was_not_compared(patch: Patch) -> None:
    """a follower takes its leader's commit for all of its log, not for what was compared"""
    original = hearing._append

    def append(deciding: Deciding, sender: bytes, message: Append) -> None:
        original(deciding, sender, message)
        state = deciding.state
        commit = min(message.commit, last_index(state.log))
        follows = state.leader == sender and state.role == FOLLOWER
        if follows and commit > state.commit:
            deciding.add(CommitAdvanced(commit, deciding.now_ns))

    everywhere(patch, original, append)


def commits_before_others_do(patch: Patch) -> None:
    """a follower holds for committed what it has taken"""
    original = hearing._append

    def append(deciding: Deciding, sender: bytes, message: Append) -> None:
        original(deciding, sender, message)
        state = deciding.state
        last = last_index(state.log)
        follows = state.leader == sender and state.role == FOLLOWER
        if follows and message.entries and last > state.commit:
            deciding.add(CommitAdvanced(last, deciding.now_ns))

    everywhere(patch, original, append)


# -- members ---------------------------------------------------------------------------------------


def the_new_decide_alone(patch: Patch) -> None:
    """in a joint configuration a majority of the new voters is enough"""

    def index(incoming: Collection[Any], outgoing: object, acked: Mapping[Any, int]) -> int:
        return quorum.committed_index(incoming, acked)

    def result(incoming: Collection[Any], outgoing: object, votes: Mapping[Any, bool]) -> str:
        return quorum.vote_result(incoming, votes)

    everywhere(patch, quorum.joint_committed_index, index)
    everywhere(patch, quorum.joint_vote_result, result)


def members_change_at_once(patch: Patch) -> None:
    """any number of voters changes in one step, without a joint configuration"""

    def towards(
        membership: confchange.Membership, target: Sequence[Any], caught_up: object
    ) -> confchange.Membership | None:
        wanted = confchange.Membership(frozenset(target))
        return None if membership == wanted else wanted

    everywhere(patch, confchange.towards, towards)


# -- reads -----------------------------------------------------------------------------------------


def reads_are_not_confirmed(patch: Patch) -> None:
    """a leader serves reads without asking whether it still leads"""

    def confirmed(self: Turn) -> int:
        return self.beat.sequence + 1

    patch.setattr(Turn, "confirmed", confirmed)


def reads_by_whoever_is_new(patch: Patch) -> None:
    """a new leader serves reads before it has committed an entry of its own term"""

    def leads(state: State) -> bool:
        return state.role == LEADER

    patch.setattr(reads, "is_fresh", leads)


def reads_before_all_is_applied(patch: Patch) -> None:
    """a read is served from what is applied, though more was committed when it came"""
    original = reads.confirm

    def confirm(turn: Turn) -> None:
        seen = turn.beat.seen
        turn.beat = replace(turn.beat, seen=replace(seen, applied=2**60))
        original(turn)
        turn.beat = replace(turn.beat, seen=seen)

    everywhere(patch, original, confirm)


BUGS = (
    Bug("R1", answers_go_first, "raft/crashes"),
    Bug("R1", a_leader_restarts_as_one, "raft/crashes", 25),
    Bug("R2", a_failed_write_passes, "raft/crashes"),
    Bug("R3", votes_for_all, "raft/quarrels"),
    Bug("R3", votes_once_only, "raft/brief"),
    Bug("R4", votes_for_any_log, "raft/quarrels"),
    Bug("R5", old_entries_count, "raft/quarrels"),
    Bug("R6", logs_are_cut, "raft/moves"),
    Bug("R6", commits_what_was_not_compared, "raft/quarrels"),
    Bug("R13", the_new_decide_alone, "raft/moves"),
    Bug("R13", members_change_at_once, "raft/moves", 15),
    Bug("R14", reads_are_not_confirmed, "raft/exiles"),
    Bug("R14", reads_by_whoever_is_new, "raft/exiles", 28),
    Bug("R14", reads_before_all_is_applied, "raft/brief", 20),
    Bug("R20", calls_done_by_one, "raft/brief"),
    Bug("R23", half_elects, "raft/brief"),
    Bug("R24", commits_before_others_do, "raft/quarrels", 30),
)
