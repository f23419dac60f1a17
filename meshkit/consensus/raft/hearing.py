"""What others say: whose term it is of, whether it is new, and what comes of it.

Whatever carries a higher term ends ours (R22); whatever comes from a leader or candidate of a lower
one is answered with ours, so that none is stuck for ever (R7). Entries are taken as the paper says:
nothing is cut off but what differs (R6). The same message heard again is answered again, since the
answer may have been lost: a vote is granted again to whom it was granted (R3).

Votes are asked and given without a look at our own configuration: it may be older than the one that
the candidate stands in. Whether a request for a vote is heard at all while a leader is alive is for
the volatile half to say (`pulse.admits`), which knows when that leader was last heard.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from meshkit.consensus.messages import Ask, Committed, Decided
from meshkit.consensus.raft import progress as pace
from meshkit.consensus.raft.events import (
    Acknowledged,
    AppendRefused,
    Campaigned,
    CommitAdvanced,
    Event,
    HeightAnswered,
    LeaderFound,
    PeerAhead,
    Rejected,
    SnapshotInstalled,
    SnapshotOffered,
    StaleRefused,
    Taken,
    TermBegun,
    TransferEnded,
    TransferForwarded,
    VoteCast,
    VoteCounted,
    VoteRefused,
)
from meshkit.consensus.raft.evolve import evolve
from meshkit.consensus.raft.form import is_sound
from meshkit.consensus.raft.log import (
    conflict,
    is_newer,
    last_index,
    likeness,
    term_at,
)
from meshkit.consensus.raft.messages import (
    Append,
    AppendReply,
    InstallSnapshot,
    RequestVote,
    TimeoutNow,
    VoteReply,
    WantTransfer,
)
from meshkit.consensus.raft.progress import PROBE, REPLICATE
from meshkit.consensus.raft.rules import Timing, next_event, transfer
from meshkit.consensus.raft.state import (
    CANDIDATE,
    FOLLOWER,
    LEADER,
    State,
    decided_height,
    is_voter,
)
from meshkit.core.value import Value, digest

Unfolded: TypeAlias = Sequence[tuple[Event, State]]
"""What is decided, each event with the state after it."""


class Deciding:
    """One command being decided: the events so far, and the state after them."""

    __slots__ = ("now_ns", "state", "targets", "timing", "unfolded")

    def __init__(self, state: State, timing: Timing, targets: bool, now_ns: int) -> None:
        self.state = state
        self.timing = timing
        self.targets = targets
        self.now_ns = now_ns
        self.unfolded: list[tuple[Event, State]] = []

    def add(self, event: Event | None) -> None:
        if event is not None:
            self.state = state = evolve(self.state, event)
            self.unfolded.append((event, state))

    def obey(self) -> None:
        """Do what the rules say until they are silent."""
        while event := next_event(self.state, self.targets, self.now_ns):
            self.add(event)

    @property
    def answered(self) -> bool:
        """Whether somebody was answered at this very moment: then this was heard already."""
        return self.state.answered_ns == self.now_ns


def hear(deciding: Deciding, sender: bytes, message: Value) -> None:
    """Take in a peer's message, or refuse it by doing nothing."""
    listen = _LISTEN.get(type(message))
    if listen is not None and sender != deciding.state.me and is_sound(message):
        listen(deciding, sender, message)


def _enters(deciding: Deciding, term: int, leader: bytes) -> bool:
    """Whether `term` is ours now; a higher one becomes so. `leader` is whose it is, if known."""
    state = deciding.state
    if term > state.term:
        deciding.add(TermBegun(term, leader, deciding.now_ns))
    return term >= state.term


# -- votes ----------------------------------------------------------------------------------------


def _request_vote(deciding: Deciding, sender: bytes, message: RequestVote) -> None:
    """R3, R4: one vote a term, for a log no worse than ours, and again for whom it was given to."""
    ours = _enters(deciding, message.term, b"")
    state = deciding.state
    free = state.role == FOLLOWER and not state.vote and not state.leader
    may = ours and (free or state.vote == sender)
    if deciding.answered:
        return
    if may and is_newer(state.log, message.last_term, message.last_index):
        deciding.add(VoteCast(state.term, sender, deciding.now_ns))
    else:
        deciding.add(VoteRefused(state.term, sender, deciding.now_ns))


def _vote_reply(deciding: Deciding, sender: bytes, message: VoteReply) -> None:
    if not _enters(deciding, message.term, b""):
        return
    state = deciding.state
    standing = state.role == CANDIDATE and message.term == state.term
    if standing and sender not in state.votes:
        deciding.add(VoteCounted(state.term, sender, message.granted))


def _timeout_now(deciding: Deciding, sender: bytes, message: TimeoutNow) -> None:
    """R16: the leader wants us to lead. No pre-vote: it has told us that our log is whole."""
    if not _enters(deciding, message.term, sender):
        return
    campaign(deciding, deciding.state.term + 1, True)


def campaign(deciding: Deciding, term: int, transfer_: bool) -> None:
    """Stand for `term`, if it is the next, we may vote, and nothing is missing of our log."""
    state = deciding.state
    may = is_voter(state.configuration, state.me) and state.offer is None
    if may and state.role != LEADER and term == state.term + 1:
        deciding.add(Campaigned(term, transfer_, deciding.now_ns))


# -- entries --------------------------------------------------------------------------------------


def _follows(deciding: Deciding, sender: bytes, term: int) -> bool:
    """Whether `sender` leads our term; whoever leads a lower one is told so."""
    if not _enters(deciding, term, sender):
        if not deciding.answered:
            deciding.add(StaleRefused(sender, deciding.now_ns))
        return False
    state = deciding.state
    if state.role != FOLLOWER or state.leader != sender:
        if state.role == LEADER:
            return False  # a term has one leader: this is no message of a Raft
        deciding.add(LeaderFound(term, sender, deciding.now_ns))
    return True


def _append(deciding: Deciding, sender: bytes, message: Append) -> None:
    """R6. Whoever would cut off what is committed here has another history, and is not followed."""
    entries = message.entries
    state, now_ns = deciding.state, deciding.now_ns
    new = conflict(state.log, entries) if entries else ()
    if new and new[0].index <= state.commit and message.term >= state.term:
        return
    if not _follows(deciding, sender, message.term):
        return
    state = deciding.state
    log, previous = state.log, message.previous_index
    alike = previous < state.commit or term_at(log, previous) == message.previous_term
    if not alike:
        if not deciding.answered:
            hint = likeness(log, previous, message.previous_term)
            deciding.add(AppendRefused(sender, previous, *hint, now_ns))
        return
    # Below the commit all is alike, whether or not it is compacted here.
    last = previous + len(entries)
    if new or not (message.notice or deciding.answered):
        deciding.add(Taken(sender, max(last, state.commit), new, now_ns))
    commit = min(message.commit, last)
    if commit > state.commit:
        deciding.add(CommitAdvanced(commit, now_ns))


def _append_reply(deciding: Deciding, sender: bytes, message: AppendReply) -> None:
    """R21: an answer of another term says nothing about the entries of this one."""
    if not _enters(deciding, message.term, b""):
        return
    state = deciding.state
    peer = state.peers.get(sender)
    if peer is None or message.term != state.term or message.index > last_index(state.log):
        return
    if not message.refused:
        if message.index > peer.match or (peer.mode == PROBE and message.index == peer.match):
            deciding.add(Acknowledged(sender, message.index, deciding.now_ns))
    elif not pace.is_stale(peer, message.index):
        deciding.add(Rejected(sender, _next(state, peer, message), deciding.now_ns))


def _next(state: State, peer: pace.Progress, message: AppendReply) -> int:
    """Where to try next (R19): not before what is acknowledged, and before what was refused."""
    if peer.mode == REPLICATE:
        return peer.match + 1
    hint = message.hint_index
    if message.hint_term:
        hint, _ = likeness(state.log, hint, message.hint_term)
    return max(1, min(message.index, hint + 1))


# -- snapshots and heights ------------------------------------------------------------------------


def _install(deciding: Deciding, sender: bytes, message: InstallSnapshot) -> None:
    """R17: nothing of it is new if we have committed as much; a log that is alike there is kept."""
    if not _follows(deciding, sender, message.term):
        return
    state, now_ns = deciding.state, deciding.now_ns
    if message.index <= state.commit or term_at(state.log, message.index) == message.index_term:
        if message.index > state.commit:
            deciding.add(CommitAdvanced(message.index, now_ns))
        if not deciding.answered:
            deciding.add(Taken(sender, max(message.index, state.commit), (), now_ns))
    elif decided_height(state) >= message.height:
        deciding.add(SnapshotInstalled(message, now_ns))
    elif not deciding.answered:
        deciding.add(SnapshotOffered(sender, message, now_ns))


def _ask(deciding: Deciding, sender: bytes, message: Ask) -> None:
    state = deciding.state
    if message.height <= decided_height(state):
        if not deciding.answered:
            deciding.add(HeightAnswered(sender, message.height, deciding.now_ns))
    elif state.role != LEADER and message.height > max(state.ahead, decided_height(state) + 1):
        deciding.add(PeerAhead(sender, message.height, deciding.now_ns))


def _committed(deciding: Deciding, sender: bytes, message: Committed) -> None:
    """Under Raft nobody lies: what a member says was decided, was; only bytes may be garbled."""
    state, certificate = deciding.state, message.certificate
    if state.decided or certificate.height != state.height:
        return
    if certificate.value_id == digest(message.value):
        deciding.add(Decided(certificate, message.value))


def _want_transfer(deciding: Deciding, sender: bytes, message: WantTransfer) -> None:
    if deciding.state.role == LEADER:
        hand_over(deciding, message.member)


def hand_over(deciding: Deciding, member: bytes) -> None:
    """An operator's wish: obeyed by a leader, passed on by who knows one."""
    state = deciding.state
    if state.role == LEADER:
        if member == state.me and state.transferee:
            deciding.add(TransferEnded(state.transferee, deciding.now_ns))
        deciding.add(transfer(state, member, deciding.timing, deciding.now_ns))
    elif state.leader and not deciding.answered:
        deciding.add(TransferForwarded(state.leader, member, deciding.now_ns))


_LISTEN: Mapping[type, Callable[[Deciding, bytes, Any], None]] = {
    Append: _append,
    AppendReply: _append_reply,
    RequestVote: _request_vote,
    VoteReply: _vote_reply,
    InstallSnapshot: _install,
    TimeoutNow: _timeout_now,
    WantTransfer: _want_transfer,
    Ask: _ask,
    Committed: _committed,
}
