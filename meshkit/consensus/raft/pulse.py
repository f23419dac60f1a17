"""The volatile half: who is there just now. Heartbeats, elections to come, reads to be confirmed.

Nothing here is journaled, and all of it may be lost at any time: safety never rests on it, but for
leases, which are off (R15). It is a machine of the same shape; since no history is kept, its one
event is simply what became of it. It sees the journaled half by `Look`, and asks something of it by
`Tell`.

* A voter that hears no leader for its timeout, drawn from [T, 2T) at every change (R12), asks who
  would vote for it (R8). Only with a majority does it stand, so who was cut off disturbs nobody.
* Whoever has heard a leader within T says no to both questions, unless the leader itself wants to
  be succeeded (R9).
* A leader that hears no majority for T steps down (R10), so that its clients look elsewhere, and so
  that a leader which can speak but not hear is none for long (R11). One whose disk does not answer
  falls silent, for its heartbeats would keep others from electing one that works.
* A read is served from what was committed when it came, once a majority has answered a heartbeat
  sent after that, and once so much is applied (R14). Reads that come while such a round is under
  way share the next.

With leases a leader serves reads at once for as long as no majority can have elected another: T,
less the drift of clocks, from when the heartbeats that a majority answered were sent. A clock that
jumps tells nothing of how long that was, so then every lease is void, and after a jump or a start
nobody votes for the length of one. Nor is there a lease in a term whose leader told another to
stand, for that may be heard at any time, and whoever is told is voted for at once.
"""

from collections.abc import Sequence
from typing import assert_never

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.raft import reads
from meshkit.consensus.raft.beat import (
    Beat,
    Beaten,
    Command,
    Effect,
    Look,
    Peer,
    Read,
    Saved,
    Saving,
    Turn,
    has_jumped,
    voters,
)
from meshkit.consensus.raft.form import in_range
from meshkit.consensus.raft.log import is_newer, last_index, last_term, term_at
from meshkit.consensus.raft.messages import (
    Append,
    Campaign,
    Follow,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Learn,
    Nudge,
    PreVoteReply,
    ReadFrom,
    RequestPreVote,
    RequestVote,
    StepDown,
    WantRead,
)
from meshkit.consensus.raft.quorum import LOST, WON, joint_vote_result
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import FOLLOWER, LEADER, State, is_voter
from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.value import Value

# -- the machine -----------------------------------------------------------------------------------


class Pulse:
    """The volatile half of member `me`. Dice come from the moments' seeds."""

    def __init__(self, me: bytes, timing: Timing) -> None:
        self.me = me
        self.timing = timing

    def initial(self) -> Beat:
        return Beat()

    def evolve(self, state: Beat, event: Beaten) -> Beat:
        return event.beat

    def react(self, state: Beat, event: Beaten) -> Sequence[Effect]:
        return event.effects

    def deadline(self, state: Beat) -> int | None:
        if not state.seen.height or not state.now_ns:
            return None
        due_ns = state.due_ns
        if state.seen.role == LEADER:
            due_ns = min(due_ns, state.beat_ns)
        for read in state.reads:
            due_ns = min(due_ns, read.expires_ns)
        if self.timing.lease:  # so that a longer silence is a jump
            due_ns = min(due_ns, state.now_ns + 2 * self.timing.heartbeat_ns)
        return due_ns

    def decide(self, state: Beat, command: Command, moment: Moment) -> Sequence[Beaten]:
        turn = Turn(state, self.me, self.timing, moment)
        match command:
            case Look(seen):
                look(turn, seen)
            case Heard(sender, message):
                hear(turn, sender, message)
            case Wake():
                wake(turn)
            case Read(token):
                reads.read(turn, token, b"")
            case Saving():
                turn.beat = replace(turn.beat, saving_ns=moment.now_ns)
            case Saved():
                turn.beat = replace(turn.beat, saving_ns=0)
            case Restarted():
                return ()  # it has no past
            case _:
                assert_never(command)
        return (Beaten(turn.beat, tuple(turn.effects)),)


def admits(beat: Beat, timing: Timing, message: Value, now_ns: int) -> bool:
    """R9: whether the journaled half is to hear this request for a vote. Others always are."""
    if type(message) is not RequestVote or message.transfer:
        return True
    return message.term <= beat.seen.term or not is_led(beat, timing, now_ns)


def is_led(beat: Beat, timing: Timing, now_ns: int) -> bool:
    """Whether there is a leader, ourselves included, that was heard within T."""
    if beat.seen.role == LEADER:
        return True
    # A lease may have been given in our former life, or before a jump of our clock: it must run out
    # before we help another.
    if timing.lease:
        new = now_ns - beat.started_ns < timing.election_ns
        if new or has_jumped(beat, timing, now_ns):
            return True
    return beat.heard_ns > 0 and now_ns - beat.heard_ns < timing.election_ns


# -- the journaled half


def look(turn: Turn, seen: State) -> None:
    before = turn.beat.seen
    if seen is before:
        return
    turn.beat = replace(turn.beat, seen=seen)
    changed = (
        before.term != seen.term
        or before.role != seen.role
        or before.vote != seen.vote
        or before.height == 0
    )
    if changed:
        _change(turn, before, seen)
    elif seen.role == LEADER and seen.others != before.others:
        turn.greet(seen)
    if turn.beat.reads:
        reads.serve(turn)


def _change(turn: Turn, before: State, seen: State) -> None:
    """A new term, part or vote: patience is drawn anew, and what belonged to the old is over.

    Who is heard from stays heard if it leads on.
    """
    beat = turn.beat
    if before.role == LEADER and (seen.role != LEADER or before.term != seen.term):
        reads.drop_reads(turn)
    same = before.term == seen.term and before.leader == seen.leader
    turn.beat = replace(
        turn.beat,
        heard_ns=beat.heard_ns if same or seen.leader else 0,
        standing=0,
        votes=Map(),
        rounds=(),
        peers=Map(),
    )
    if seen.role == LEADER:
        turn.greet(seen)
        turn.beat = replace(turn.beat, due_ns=turn.now_ns + turn.timing.election_ns, heard_ns=0)
        _beat(turn)
    else:
        turn.arm()
        if voters(seen) == [turn.me]:
            turn.tell(Campaign(seen.term + 1))


# -- time


def wake(turn: Turn) -> None:
    beat, now_ns = turn.beat, turn.now_ns
    if not beat.seen.height:
        return
    reads.expire(turn)
    if beat.seen.role == LEADER:
        if beat.due_ns <= now_ns:
            _count_heads(turn)
        if beat.beat_ns <= now_ns:
            _beat(turn)
    elif beat.due_ns <= now_ns:
        _stand(turn)


def _stand(turn: Turn) -> None:
    """R8: ask before standing. Who may not vote only goes on waiting."""
    seen = turn.beat.seen
    turn.arm()
    if not is_voter(seen.configuration, turn.me) or seen.offer is not None:
        return
    term = seen.term + 1
    turn.beat = replace(turn.beat, standing=term, votes=Map({turn.me: True}), heard_ns=0)
    question = RequestPreVote(term, last_index(seen.log), last_term(seen.log))
    for voter in voters(seen):
        if voter != turn.me:
            turn.send(voter, question)
    _count(turn)


def _count(turn: Turn) -> None:
    beat, configuration = turn.beat, turn.beat.seen.configuration
    result = joint_vote_result(configuration.voters, configuration.outgoing, beat.votes)
    if result == WON:
        turn.tell(Campaign(beat.standing))
    if result in (WON, LOST):
        turn.beat = replace(beat, standing=0, votes=Map())


def _count_heads(turn: Turn) -> None:
    """R10: a majority within T, or we lead no more."""
    beat, now_ns, seen = turn.beat, turn.now_ns, turn.beat.seen
    since_ns = now_ns - turn.timing.election_ns
    heard = {other: peer.heard_ns > since_ns for other, peer in sorted(beat.peers.items())}
    heard[turn.me] = True
    configuration = seen.configuration
    result = joint_vote_result(configuration.voters, configuration.outgoing, heard)
    stuck = beat.saving_ns > 0 and beat.saving_ns <= since_ns
    turn.beat = replace(beat, due_ns=now_ns + turn.timing.election_ns)
    if result != WON or stuck:
        turn.tell(StepDown(seen.term))


def _beat(turn: Turn) -> None:
    """The next round of heartbeats; none while our disk has not answered for T."""
    beat, now_ns = turn.beat, turn.now_ns
    due_ns = now_ns + turn.timing.heartbeat_ns
    if 0 < beat.saving_ns <= now_ns - turn.timing.election_ns:
        turn.beat = replace(beat, beat_ns=due_ns)
        return
    turn.beat = replace(beat, beat_ns=due_ns)
    turn.round()
    if turn.beat.reads:
        reads.serve(turn)


# -- messages


def hear(turn: Turn, sender: bytes, message: Value) -> None:
    if not turn.beat.seen.height or sender == turn.me or not in_range(message):
        return
    match message:
        case Heartbeat():
            _hear_heartbeat(turn, sender, message)
        case HeartbeatReply():
            _hear_reply(turn, sender, message)
        case RequestPreVote():
            _hear_pre_vote(turn, sender, message)
        case PreVoteReply():
            _hear_pre_vote_reply(turn, sender, message)
        case WantRead(token):
            reads.read(turn, token, sender)
        case ReadFrom(token, index):
            reads.hear_read_from(turn, token, index)
        case Append() | InstallSnapshot():
            _hear_leader(turn, sender, message.term)
        case _:
            return


def _hear_leader(turn: Turn, sender: bytes, term: int) -> None:
    """Who leads, leads on; the journaled half hears of a new one by itself."""
    if term == turn.beat.seen.term and turn.beat.seen.role == FOLLOWER:
        _led(turn)


def _led(turn: Turn) -> None:
    beat = turn.beat
    due_ns = turn.now_ns + beat.timeout_ns
    turn.beat = replace(beat, heard_ns=turn.now_ns, due_ns=due_ns, standing=0, votes=Map())


def _hear_heartbeat(turn: Turn, sender: bytes, message: Heartbeat) -> None:
    seen = turn.beat.seen
    if message.term >= seen.term:
        if seen.role == LEADER and message.term == seen.term:
            return  # a term has one leader
        if message.term > seen.term or seen.leader != sender or seen.role != FOLLOWER:
            turn.tell(Follow(message.term, sender))
        _led(turn)
    term = max(message.term, seen.term)  # of a lower one ours is told (R7)
    reply = HeartbeatReply(term, message.sequence, last_index(seen.log), seen.commit)
    turn.send(sender, reply)


def _hear_reply(turn: Turn, sender: bytes, message: HeartbeatReply) -> None:
    beat, seen = turn.beat, turn.beat.seen
    if message.term > seen.term:
        turn.tell(Follow(message.term, b""))
        return
    if seen.role != LEADER or message.term != seen.term or sender not in beat.peers:
        return
    known = seen.peers.get(sender)
    match = known.match if known else message.last_index
    now = _told(beat, beat.peers[sender], match, message, turn.now_ns)
    turn.beat = replace(beat, peers=beat.peers.set(sender, now))
    # At the second such reply, the fourth, the eighth: what was sent to it is lost, again.
    if now.still >= turn.timing.lacking and now.still & (now.still - 1) == 0:
        turn.tell(Nudge(sender))
    if beat.reads:
        reads.confirm(turn)


def _told(beat: Beat, before: Peer, match: int, message: HeartbeatReply, now_ns: int) -> Peer:
    """What a peer told by its reply; it is behind if it lacks what was sent before that round.

    It lacks what it has not acknowledged: as many entries as ours may be others than ours.
    """
    told = next((one for one in beat.rounds if one.sequence == message.sequence), None)
    behind = told is not None and (match < told.last_index or message.commit < told.commit)
    same = (message.last_index, message.commit) == (before.last_index, before.commit)
    return Peer(
        max(before.sequence, message.sequence),
        max(before.sent_ns, told.sent_ns if told else 0),
        now_ns,
        message.last_index,
        message.commit,
        before.still + 1 if behind and same else int(behind),
    )


def _hear_pre_vote(turn: Turn, sender: bytes, message: RequestPreVote) -> None:
    """R8, R9: nothing of ours changes. A log no worse than ours, and a term above ours."""
    seen = turn.beat.seen
    if message.term < seen.term:
        turn.send(sender, _answer(seen, seen.term, False))
    elif is_led(turn.beat, turn.timing, turn.now_ns):
        return
    elif message.term > seen.term and is_newer(seen.log, message.last_term, message.last_index):
        turn.send(sender, _answer(seen, message.term, True))
    else:
        turn.send(sender, _answer(seen, seen.term, False))


def _answer(seen: State, term: int, granted: bool) -> PreVoteReply:
    return PreVoteReply(term, granted, seen.commit, term_at(seen.log, seen.commit) or 0)


def _hear_pre_vote_reply(turn: Turn, sender: bytes, message: PreVoteReply) -> None:
    beat = turn.beat
    if message.commit > beat.seen.commit:
        turn.tell(Learn(message.commit, message.commit_term))
    if message.granted:
        if not beat.standing or message.term != beat.standing:
            return
    elif message.term > beat.seen.term:
        turn.tell(Follow(message.term, b""))
        return
    if beat.standing and sender not in beat.votes:
        turn.beat = replace(beat, votes=beat.votes.set(sender, message.granted))
        _count(turn)
