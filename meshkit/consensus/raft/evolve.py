"""How each event changes what a node knows. Evolving is total: it neither refuses nor asks."""

from collections.abc import Callable, Mapping
from typing import Any

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.messages import Committed, Decided, ProposalWanted
from meshkit.consensus.raft import log as logs
from meshkit.consensus.raft import progress as pace
from meshkit.consensus.raft.events import (
    Acknowledged,
    Appended,
    AppendRefused,
    Campaigned,
    CommitAdvanced,
    ConfigurationApplied,
    Elected,
    Event,
    HeightAnswered,
    HeightBegun,
    LeaderFound,
    LogCompacted,
    Opened,
    PeerAhead,
    Rejected,
    Repeated,
    Replicated,
    SnapshotInstalled,
    SnapshotOffered,
    StaleRefused,
    Stalled,
    SteppedDown,
    Taken,
    TermBegun,
    TransferBegun,
    TransferEnded,
    TransferForwarded,
    VoteCast,
    VoteCounted,
    VoteRefused,
)
from meshkit.consensus.raft.log import last_index
from meshkit.consensus.raft.messages import (
    VALUE,
    Configuration,
)
from meshkit.consensus.raft.progress import Progress
from meshkit.consensus.raft.quorum import joint_committed_index
from meshkit.consensus.raft.state import (
    AGAIN_NS,
    AGAIN_NS_MAX,
    ASK_HEIGHTS,
    CANDIDATE,
    ENDED,
    FOLLOWER,
    GRACE_NS,
    LEADER,
    POLL_NS,
    POLL_NS_MAX,
    State,
    decided_height,
    is_alone,
    is_behind,
    is_voter,
    membership,
)


def evolve(state: State, event: Event) -> State:
    return EVOLVE_BY[type(event)](state, event)


def _settled(state: State) -> State:
    """Passes over what needs no delivery: no-ops, configurations, values decided otherwise."""
    log, applied = state.log, max(state.applied, state.log.offset)
    bar = decided_height(state)
    while applied < state.commit:
        entry = log.entries[applied - log.offset]
        if entry.kind == VALUE and entry.height > bar:
            break
        applied += 1
    return state if applied == state.applied else replace(state, applied=applied)


def _height_begun(state: State, event: HeightBegun) -> State:
    configuration, log, wanted = state.configuration, state.log, state.wanted
    if event.validators != state.target:
        wanted = tuple([validator.id for validator in event.validators])
    if not configuration.voters:
        configuration = Configuration(wanted)
        log = logs.begun_at(0, 0, event.height - 1)
    behind = state.ahead > event.height
    if behind and event.height >= state.asked_from + ASK_HEIGHTS:
        state = replace(state, asked_from=event.height)
    now = replace(
        state,
        height=event.height,
        target=event.validators,
        wanted=wanted,
        opened=False,
        asked=False,
        decided=False,
        begun_ns=event.now_ns,
        configuration=configuration,
        log=log,
        guide=state.guide if behind else b"",
        ahead=state.ahead if behind else 0,
    )
    if behind and state.role == FOLLOWER:
        # What was sent at once may have overtaken itself, or got lost: whoever gets on asks on.
        return _settled(replace(now, again_count=0, again_due_ns=event.now_ns + GRACE_NS))
    return _settled(now if state.again_due_ns or state.role == LEADER else _patient(now, event))


def _patient(state: State, event: Any) -> State:
    """Something moved: we are patient again."""
    wait = AGAIN_NS if state.role == CANDIDATE or state.guide else POLL_NS
    return replace(state, again_count=0, again_due_ns=event.now_ns + wait)


def _opened(state: State, event: Opened) -> State:
    return replace(state, opened=True)


def _proposal_wanted(state: State, event: ProposalWanted) -> State:
    return replace(state, asked=True)


def _decided(state: State, event: Decided) -> State:
    last = Committed(event.certificate, event.value)
    return _settled(replace(state, decided=True, last=last))


# -- terms, votes and leaders


def _follower(state: State, term: int, vote: bytes, leader: bytes, now_ns: int) -> State:
    """All that a leader or candidate knows is forgotten."""
    return replace(
        state,
        term=term,
        vote=vote,
        role=FOLLOWER,
        leader=leader,
        votes=Map(),
        others=(),
        peers=Map(),
        asked=False,
        uncommitted=0,
        alone_index=0,
        farewell=0,
        transferee=b"",
        transfer_due_ns=0,
        again_count=0,
        again_due_ns=now_ns + POLL_NS,
    )


def _term_begun(state: State, event: TermBegun) -> State:
    return _follower(state, event.term, b"", event.leader, event.now_ns)


def _leader_found(state: State, event: LeaderFound) -> State:
    return _follower(state, state.term, state.vote, event.leader, event.now_ns)


def _stepped_down(state: State, event: SteppedDown) -> State:
    return _follower(state, state.term, state.vote, b"", event.now_ns)


def _campaigned(state: State, event: Campaigned) -> State:
    now = _follower(state, event.term, state.me, b"", event.now_ns)
    votes = Map({state.me: True})
    return _patient(replace(now, role=CANDIDATE, votes=votes), event)


def _vote_cast(state: State, event: VoteCast) -> State:
    return replace(state, vote=event.candidate, answered_ns=event.now_ns)


def _vote_counted(state: State, event: VoteCounted) -> State:
    return replace(state, votes=state.votes.set(event.voter, event.granted))


def _elected(state: State, event: Elected) -> State:
    log = state.log
    waiting = log.entries[max(state.commit - log.offset, 0) :]
    now = replace(
        state,
        role=LEADER,
        leader=state.me,
        votes=Map(),
        first_index=last_index(log) + 1,
        uncommitted=sum([entry.size for entry in waiting]),
        quorum_index=0,
        offer=None,
        again_due_ns=0,
        again_count=0,
    )
    return _with_peers(now, event.now_ns)


def _with_peers(state: State, now_ns: int) -> State:
    """A leader's peers are those of its configuration; newcomers are tried at the log's end."""
    others = [one for one in membership(state.configuration).everyone() if one != state.me]
    fresh = Progress(next=last_index(state.log) + 1)
    peers = Map({other: state.peers.get(other, fresh) for other in others})
    now = replace(state, others=tuple(others), peers=peers)
    return replace(now, quorum_index=_quorum_index(now))


def _quorum_index(state: State) -> int:
    configuration, peers = state.configuration, state.peers
    acked = {other: peers[other].match for other in state.others}
    acked[state.me] = last_index(state.log)
    return joint_committed_index(configuration.voters, configuration.outgoing, acked)


# -- the log


def _appended(state: State, event: Appended) -> State:
    entry = event.entry
    now = replace(
        state,
        log=logs.after(state.log, (entry,)),
        uncommitted=state.uncommitted + entry.size,
    )
    if not state.farewell and not is_voter(state.configuration, state.me):
        now = replace(now, farewell=entry.index)
    return replace(now, quorum_index=last_index(now.log)) if is_alone(state) else now


def _taken(state: State, event: Taken) -> State:
    entries = event.entries
    return replace(
        state,
        log=logs.after(state.log, entries) if entries else state.log,
        leader=event.leader,
        answered_ns=event.now_ns,
        again_count=0,
        again_due_ns=event.now_ns + (AGAIN_NS if state.guide else POLL_NS),
    )


def _acknowledged(state: State, event: Acknowledged) -> State:
    member = event.member
    now = pace.acknowledged(state.peers[member], event.index, state.log.offset)
    alone_index = state.alone_index if event.index < state.alone_index else 0
    state = replace(state, peers=state.peers.set(member, now), alone_index=alone_index)
    quorum = _quorum_index(state) if now.match > state.quorum_index else state.quorum_index
    if not is_behind(state):
        return replace(state, quorum_index=quorum, again_count=0, again_due_ns=0)
    if state.again_count == 0:
        return replace(state, quorum_index=quorum, again_due_ns=event.now_ns + AGAIN_NS)
    return replace(state, quorum_index=quorum)


def _rejected(state: State, event: Rejected) -> State:
    now = pace.rejected(state.peers[event.member], event.next_index)
    return replace(state, peers=state.peers.set(event.member, now))


def _stalled(state: State, event: Stalled) -> State:
    now = pace.lost(state.peers[event.member])
    peers = state.peers.set(event.member, now)
    return replace(state, peers=peers, answered_ns=event.now_ns)


def _replicated(state: State, event: Replicated) -> State:
    log, peers, owed = state.log, state.peers, False
    for sending in event.sendings:
        member, before = sending.member, state.peers[sending.member]
        if sending.first <= log.offset:
            now = pace.offered(before, state.commit)
        else:
            size = sum([entry.size for entry in logs.span(log, sending.first, sending.last)])
            now = pace.sent(before, sending.last, size, state.commit)
        owed = owed or not sending.notice
        peers = peers.set(member, now)
    if owed and not state.again_due_ns:
        return replace(state, peers=peers, again_due_ns=event.now_ns + AGAIN_NS)
    return replace(state, peers=peers)


def _commit_advanced(state: State, event: CommitAdvanced) -> State:
    uncommitted = state.uncommitted
    if uncommitted:
        done = logs.span(state.log, state.commit + 1, event.index)
        uncommitted -= sum([entry.size for entry in done])
    alone_index = event.index if is_alone(state) else state.alone_index
    return _settled(
        replace(state, commit=event.index, uncommitted=uncommitted, alone_index=alone_index)
    )


def _configuration_applied(state: State, event: ConfigurationApplied) -> State:
    configuration = event.configuration
    now = replace(
        state,
        configuration=configuration,
        log=logs.applied_configuration(state.log, event.index),
        asked=False,  # once more: what had to wait for this change may now be proposed
    )
    if state.role != LEADER:
        return now
    if state.transferee and state.transferee not in configuration.voters:
        now = replace(now, transferee=b"", transfer_due_ns=ENDED)
    return _with_peers(now, 0)


def _log_compacted(state: State, event: LogCompacted) -> State:
    return replace(state, log=logs.compacted(state.log, event.index))


# -- who is behind


def _snapshot_offered(state: State, event: SnapshotOffered) -> State:
    return replace(
        state,
        offer=event.snapshot,
        leader=event.leader,
        guide=event.leader,
        ahead=max(state.ahead, event.snapshot.height + 1),
        asked_from=state.height,
        answered_ns=event.now_ns,
        again_count=0,
        again_due_ns=event.now_ns + AGAIN_NS,
    )


def _snapshot_installed(state: State, event: SnapshotInstalled) -> State:
    new = event.snapshot
    if new.index <= state.commit or logs.term_at(state.log, new.index) == new.index_term:
        # While the values came, so did the entries: what we have is more.
        return _settled(replace(state, commit=max(state.commit, new.index), offer=None))
    return replace(
        state,
        log=logs.begun_at(new.index, new.index_term, new.height),
        commit=new.index,
        applied=new.index,
        configuration=new.configuration,
        offer=None,
        answered_ns=event.now_ns,
    )


def _peer_ahead(state: State, event: PeerAhead) -> State:
    soon = event.now_ns + GRACE_NS
    due_ns = min(state.again_due_ns, soon) if state.again_due_ns else soon
    return replace(state, guide=event.sender, ahead=event.height, again_due_ns=due_ns)


def _repeated(state: State, event: Repeated) -> State:
    idle = state.role == FOLLOWER and not state.guide
    first, most = (POLL_NS, POLL_NS_MAX) if idle else (AGAIN_NS, AGAIN_NS_MAX)
    wait = min(first << min(state.again_count + 1, 32), most)  # 32 doublings pass any maximum
    last, peers = last_index(state.log), state.peers
    for other in state.others:
        if peers[other].match < last:
            peers = peers.set(other, pace.lost(peers[other]))
    return replace(
        state,
        peers=peers,
        asked_from=state.height,
        again_count=state.again_count + 1,
        again_due_ns=event.now_ns + wait if state.role != LEADER or is_behind(state) else 0,
        again_ns=event.now_ns,
    )


def _answered(state: State, event: Any) -> State:
    return replace(state, answered_ns=event.now_ns)


# -- transfers


def _transfer_begun(state: State, event: TransferBegun) -> State:
    return replace(
        state,
        transferee=event.member,
        transfer_due_ns=event.due_ns,
        answered_ns=event.now_ns,
    )


def _transfer_ended(state: State, event: TransferEnded) -> State:
    return replace(state, transferee=b"", transfer_due_ns=ENDED)


EVOLVE_BY: Mapping[type, Callable[[State, Any], State]] = {
    HeightBegun: _height_begun,
    Opened: _opened,
    ProposalWanted: _proposal_wanted,
    Decided: _decided,
    TermBegun: _term_begun,
    LeaderFound: _leader_found,
    SteppedDown: _stepped_down,
    Campaigned: _campaigned,
    VoteCast: _vote_cast,
    VoteRefused: _answered,
    VoteCounted: _vote_counted,
    Elected: _elected,
    Appended: _appended,
    Taken: _taken,
    AppendRefused: _answered,
    StaleRefused: _answered,
    Acknowledged: _acknowledged,
    Rejected: _rejected,
    Stalled: _stalled,
    Replicated: _replicated,
    CommitAdvanced: _commit_advanced,
    ConfigurationApplied: _configuration_applied,
    LogCompacted: _log_compacted,
    SnapshotOffered: _snapshot_offered,
    SnapshotInstalled: _snapshot_installed,
    Repeated: _repeated,
    HeightAnswered: _answered,
    PeerAhead: _peer_ahead,
    TransferBegun: _transfer_begun,
    TransferEnded: _transfer_ended,
    TransferForwarded: _answered,
}
