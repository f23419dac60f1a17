"""What the journaled half asks of the world. Each effect follows from one event and its state.

Entries go out `Early`, before our own journal is durable (R1); what a follower or voter answers is
`Prompt`, after it; the commit alone is a `Notice` that needs no durability. A leader that is the
only voter commits what it appends at once, so all that it says is `Prompt`.

What may be lost is said again by wakes: a candidate's requests, a leader's entries, a follower's
question what was decided. Notices are not: whoever missed one is told with the next entries, nudged
by its heartbeat, or asks.
"""

from collections.abc import Iterator, Sequence

from meshkit.consensus.messages import Ask, Decided, Serve
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
    Sending,
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
from meshkit.consensus.raft.log import last_index, last_term, span, term_at
from meshkit.consensus.raft.messages import (
    Append,
    AppendReply,
    Early,
    Effect,
    Keep,
    Notice,
    Prompt,
    RequestVote,
    TimeoutNow,
    VoteReply,
    WantTransfer,
)
from meshkit.consensus.raft.rules import is_whole
from meshkit.consensus.raft.state import CANDIDATE, FOLLOWER, State, is_alone, is_early, snapshot
from meshkit.core.machine import Broadcast, Send

# Most of what happens is nothing to be said about.
SILENT: frozenset[type] = frozenset(
    {
        Appended, CommitAdvanced, ConfigurationApplied, Elected, LeaderFound, LogCompacted, Opened,
        PeerAhead, Rejected, Stalled, SteppedDown, TermBegun, TransferEnded, VoteCounted,
    }
)  # fmt: skip


def speak(state: State, event: Event) -> Sequence[Effect]:
    match event:
        case Replicated(sendings):
            return _sent(state, sendings)
        case Taken(leader=leader, index=index):
            return (Prompt(leader, AppendReply(state.term, index, False, 0, 0)),)
        case Acknowledged(member=member):
            return tuple(_hand_over(state)) if member == state.transferee else ()
        case VoteCast(term, candidate):
            return (Prompt(candidate, VoteReply(term, True)),)
        case VoteRefused(term=term, to=to):
            return (Prompt(to, VoteReply(term, False)),)
        case AppendRefused(to, index, hint_index, hint_term):
            return (Prompt(to, AppendReply(state.term, index, True, hint_index, hint_term)),)
        case StaleRefused(to=to):
            return (Prompt(to, AppendReply(state.term, 0, True, 0, 0)),)
        case Decided() if state.alone_index or is_alone(state):
            return (Keep(),)
        case Campaigned() | Repeated():
            return tuple(_repetition(state, event))
        case HeightBegun(height=height):
            asking = state.guide and state.asked_from == height
            return (Send(state.guide, Ask(height)),) if asking else ()
        case SnapshotInstalled(snapshot=new):
            reply = AppendReply(state.term, new.index, False, 0, 0)
            return (Prompt(state.leader, reply),) if state.leader else ()
        case SnapshotOffered(leader=leader):
            return (Send(leader, Ask(state.height + state.decided)),)
        case HeightAnswered(to, height):
            last = state.last
            if last is not None and last.certificate.height == height:
                return (Send(to, last),)
            # How far we are tells it to ask on, when what the store sends at once was not all.
            return (Serve(to, height), Send(to, Ask(state.height + state.decided)))
        case TransferBegun():
            return tuple(_hand_over(state))
        case TransferForwarded(to, member):
            return (Prompt(to, WantTransfer(member)),)
        case _:
            return ()


def _repetition(state: State, event: Campaigned | Repeated) -> Iterator[Effect]:
    """What a candidate or follower owes; what a leader owes is said by its rules."""
    if state.role == CANDIDATE:
        transfer = isinstance(event, Campaigned) and event.transfer
        log, configuration = state.log, state.configuration
        asking = RequestVote(state.term, last_index(log), last_term(log), transfer)
        for voter in sorted({*configuration.voters, *configuration.outgoing}):
            if voter not in state.votes:
                yield Prompt(voter, asking)
    elif state.role == FOLLOWER:
        question = Ask(state.height + state.decided)
        odd = state.again_count % 2
        yield Send(state.guide, question) if state.guide and odd else Broadcast(question)
    yield from _hand_over(state)


def _hand_over(state: State) -> Iterator[Effect]:
    if state.transferee and is_whole(state, state.transferee):
        yield Prompt(state.transferee, TimeoutNow(state.term))


def _sent(state: State, sendings: Sequence[Sending]) -> list[Effect]:
    """The messages; those that go to several peers are made once."""
    made: dict[tuple[int, int, bool], Append] = {}
    early = is_early(state)
    effects: list[Effect] = []
    for sending in sendings:
        to = sending.member
        if sending.first <= state.log.offset:
            effects.append(Notice(to, snapshot(state)) if early else Prompt(to, snapshot(state)))
            continue
        key = (sending.first, sending.last, sending.notice)
        message = made.get(key) or made.setdefault(key, _append(state, *key))
        if not early:
            effects.append(Prompt(to, message))
        else:
            effects.append(Early(to, message) if message.entries else Notice(to, message))
    return effects


def _append(state: State, first: int, last: int, notice: bool) -> Append:
    log = state.log
    before = term_at(log, first - 1)
    assert before is not None, "what is compacted is sent as a snapshot"
    entries = span(log, first, last)
    return Append(state.term, first - 1, before, entries, state.commit, notice)
