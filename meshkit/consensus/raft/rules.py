"""What follows from what is known, without anybody asking: Raft's rules, one event at a time.

`next_event` is asked again after every event until it has nothing more to say.

Commit (5.4.2 of the paper, R5): a leader counts replicas only of entries of its own term; what is
before them is committed with them. Delivery: values go to the driver one by one in the order of
their heights, the next when it has begun the next height. Configurations count from their commit on
(R13): at most one is in the log uncommitted, and none is proposed before the no-op of the leader's
own term is committed, for only then is it known which configuration is the last.

A leader that such a change removes leads on until one more entry is committed. Whoever acknowledges
that one has been told that the change is committed, so a majority of those who remain can go on by
themselves; else one of them might still need the vote of the removed, whose log is longer and who
will not stand.
"""

from collections.abc import Sequence

from meshkit.consensus.messages import Certificate, Decided, ProposalWanted
from meshkit.consensus.raft import progress as pace
from meshkit.consensus.raft.confchange import towards
from meshkit.consensus.raft.events import (
    Appended,
    CommitAdvanced,
    ConfigurationApplied,
    Elected,
    Event,
    LogCompacted,
    Replicated,
    Sending,
    SnapshotInstalled,
    SteppedDown,
    TransferBegun,
)
from meshkit.consensus.raft.log import (
    entry_at,
    last_height,
    last_index,
    span,
    surplus,
    term_at,
)
from meshkit.consensus.raft.messages import (
    CONFIG,
    NOOP,
    VALUE,
    Configuration,
    LogEntry,
)
from meshkit.consensus.raft.progress import MESSAGE_BYTES_MAX, PROBE, REPLICATE, SNAPSHOT, Progress
from meshkit.consensus.raft.quorum import LOST, PENDING, joint_vote_result
from meshkit.consensus.raft.state import (
    CANDIDATE,
    LEADER,
    MS_NS,
    State,
    configured,
    decided_height,
    height_at_commit,
    is_fresh,
    is_voter,
    membership,
)
from meshkit.core.value import Value, canonical, digest

UNCOMMITTED_BYTES_MAX = 64 * 2**20  # of a leader, before it is busy (R18; a guess)
UNCOMMITTED_ENTRIES_MAX = 4_096  # likewise: the log is a tuple, copied when it grows (measured)
CAUGHT_UP_ENTRIES = 16  # a newcomer that lags by no more votes soon enough (a guess)


class Timing(Value):
    """How long silence lasts before something is wrong. For one site; a world needs ten times it.

    `lease`: whether reads may rest on it that no follower elects another within `election_ms`, with
    clocks that differ by at most `drift_ppm` (R15). Off, reads ask a majority.

    `lacking`: how many replies in a row must lack what their sender was told before it is told
    again. The first may have left while that was still being made durable.
    """

    heartbeat_ms: int = 50  # a third of the election timeout: two may be lost
    election_ms: int = 150  # T of the paper, drawn from [T, 2T); its authors' number for a LAN
    lease: bool = False
    drift_ppm: int = 10_000  # a percent, which no clock at work reaches
    lacking: int = 2

    @property
    def heartbeat_ns(self) -> int:
        return self.heartbeat_ms * MS_NS

    @property
    def election_ns(self) -> int:
        return self.election_ms * MS_NS


def next_event(state: State, targets: bool, now_ns: int) -> Event | None:
    """What follows from the state by itself; None when every rule has been obeyed."""
    if state.role == LEADER:
        if state.quorum_index > state.commit and (event := _commit(state, now_ns)):
            return event
    elif state.role == CANDIDATE and (event := _count(state, now_ns)):
        return event
    log = state.log
    if log.configurations and log.configurations[0] <= state.commit:
        return _apply(state, log.configurations[0], now_ns)
    if state.applied < state.commit and not state.decided:
        return _deliver(state)
    if state.offer is not None and decided_height(state) >= state.offer.height:
        return SnapshotInstalled(state.offer, now_ns)
    place = surplus(log, state.applied)
    if place > log.offset:
        return LogCompacted(place)
    return _lead(state, targets, now_ns) if state.role == LEADER else None


def _lead(state: State, targets: bool, now_ns: int) -> Event | None:
    """The rules of a leader."""
    if last_index(state.log) < state.first_index:
        return Appended(entry(state, NOOP, None), now_ns)
    if not is_voter(state.configuration, state.me):
        return _leave(state, now_ns)
    if event := _walk(state, targets, now_ns):
        return event
    if state.opened and not state.asked and _may_ask(state):
        return ProposalWanted(state.height, state.term)
    return _replicate(state, state.others, now_ns)


def _leave(state: State, now_ns: int) -> Event | None:
    """We are removed: one last entry, and when that is committed, and this told, we are gone."""
    if not state.farewell:
        return Appended(entry(state, NOOP, None), now_ns)
    if event := _replicate(state, state.others, now_ns):
        return event
    return SteppedDown(state.term, now_ns) if state.commit >= state.farewell else None


# -- elections and commits -------------------------------------------------------------------------


def _count(state: State, now_ns: int) -> Event | None:
    configuration = state.configuration
    result = joint_vote_result(configuration.voters, configuration.outgoing, state.votes)
    if result == PENDING:
        return None
    return SteppedDown(state.term, now_ns) if result == LOST else Elected(state.term, now_ns)


def _commit(state: State, now_ns: int) -> Event | None:
    """R5: only of our own term; `quorum_index` may be beyond any index where nobody votes."""
    index = min(state.quorum_index, last_index(state.log))
    if index > state.commit and term_at(state.log, index) == state.term:
        return CommitAdvanced(index, now_ns)
    return None


def _apply(state: State, index: int, now_ns: int) -> Event:
    """Whoever goes is told that this is committed, while it is still one of ours."""
    configuration = entry_at(state.log, index).value
    assert isinstance(configuration, Configuration)
    if state.role == LEADER:
        staying = membership(configuration).everyone()
        leaving = [other for other in state.others if other not in staying]
        if leaving and (event := _replicate(state, leaving, now_ns)):
            return event
    return ConfigurationApplied(index, configuration)


def _deliver(state: State) -> Event | None:
    """The next value; the certificate has no votes, for under Raft nothing is proved to others."""
    found = entry_at(state.log, state.applied + 1)
    assert found.kind == VALUE, "the rest is passed over"
    assert found.value is not None, "a value entry has a value"
    if found.height != state.height:
        return None
    return Decided(Certificate(found.height, found.term, found.value_id, ()), found.value)


# -- what a leader appends -------------------------------------------------------------------------


def entry(state: State, kind: int, value: Value | None) -> LogEntry:
    """The next entry of the log."""
    log = state.log
    height = last_height(log) + (kind == VALUE)
    place = (state.term, last_index(log) + 1, kind, height)
    if value is None:
        return LogEntry(*place)
    return LogEntry(*place, value, digest(value), len(canonical(value)))


def is_busy(state: State) -> bool:
    """Whether too much is under way to take more: whoever asks is told so (R18)."""
    behind = last_index(state.log) - state.commit
    return state.uncommitted >= UNCOMMITTED_BYTES_MAX or behind >= UNCOMMITTED_ENTRIES_MAX


def may_propose(state: State, height: int, round_: int) -> bool:
    """Whether a value for this height may be appended now.

    It need not wait until something of the leader's own term is committed, as configurations must
    (R13); the face asks for values only then.
    """
    next_ = height == last_height(state.log) + 1 and round_ == state.term
    away = state.transferee or state.farewell
    return next_ and state.role == LEADER and not away and not is_busy(state)


def _may_ask(state: State) -> bool:
    """Whether the next value can be built on all before it: there is none that is undecided."""
    if state.decided or state.transferee or not is_fresh(state):
        return False
    return height_at_commit(state) == last_height(state.log) == state.height - 1


def may_change(state: State) -> bool:
    """R13: one configuration at a time, and none before our own term has committed something."""
    return is_fresh(state) and not state.log.configurations and not state.farewell


def _walk(state: State, targets: bool, now_ns: int) -> Event | None:
    """Out of a joint configuration, and the next step towards the validators of the ledger."""
    configuration = state.configuration
    if not configuration.outgoing:
        there = state.wanted == configuration.voters and not configuration.learners
        if there or not targets:
            return None
    if not may_change(state):
        return None
    mark = last_index(state.log) - CAUGHT_UP_ENTRIES
    ready = [
        other
        for other in state.others
        if state.peers[other].mode == REPLICATE and state.peers[other].match >= mark
    ]
    plain = towards(membership(configuration), state.wanted, ready)
    if plain is None:
        return None
    return Appended(entry(state, CONFIG, configured(plain)), now_ns)


# -- what a leader sends ---------------------------------------------------------------------------


def _replicate(state: State, others: Sequence[bytes], now_ns: int) -> Event | None:
    """To each of these what it lacks and may be sent: entries, a snapshot, or only the commit."""
    sendings: list[Sending] = []
    last, commit, peers = last_index(state.log), state.commit, state.peers
    for other in others:
        peer = peers[other]
        if peer.match == last and peer.told >= commit and peer.mode == REPLICATE:
            continue
        if sending := _sending(state, other, peer, last):
            sendings.append(sending)
    return Replicated(tuple(sendings), now_ns) if sendings else None


def _sending(state: State, other: bytes, peer: Progress, last: int) -> Sending | None:
    if peer.mode == SNAPSHOT:
        return None
    next_ = peer.next
    if next_ <= last or peer.mode == PROBE:
        if not pace.may_send(peer):
            return None
        if next_ <= state.log.offset:
            return Sending(other, next_, next_ - 1, False)
        return Sending(other, next_, _upto(state, next_, last), False)
    if peer.told >= state.commit:
        return None
    # What is acknowledged is where the logs are alike for certain, whatever is still under way.
    known = peer.match >= state.commit and peer.match >= state.log.offset
    first = peer.match + 1 if known else next_
    return Sending(other, first, first - 1, True)


def _upto(state: State, first: int, last: int) -> int:
    """The last of the entries that fit into one message, which is at least one."""
    if state.log.size <= MESSAGE_BYTES_MAX:
        return last
    size = 0
    for one in span(state.log, first, last):
        size += one.size
        if size > MESSAGE_BYTES_MAX and one.index > first:
            return one.index - 1
    return last


# -- transfers -------------------------------------------------------------------------------------


def transfer(state: State, member: bytes, timing: Timing, now_ns: int) -> Event | None:
    """R16: who shall lead, and until when we wait for that."""
    if member not in state.configuration.voters or member in (state.me, state.transferee):
        return None
    return TransferBegun(member, now_ns + timing.election_ns, now_ns)


def is_whole(state: State, member: bytes) -> bool:
    """Whether the log of `member` is all of ours."""
    peer = state.peers.get(member)
    return peer is not None and peer.match == last_index(state.log)
