"""The volatile half's state, commands and effects, and what every turn of it may do."""

from typing import TypeAlias

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.raft.log import last_index
from meshkit.consensus.raft.messages import (
    Campaign,
    Fleeting,
    Follow,
    Heartbeat,
    Learn,
    Nudge,
    StepDown,
)
from meshkit.consensus.raft.quorum import joint_committed_index
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import State
from meshkit.core.machine import Heard, Moment, Restarted, Send, Wake
from meshkit.core.value import Value, digest

ROUNDS_MAX = 64  # of heartbeats whose sending is remembered (a guess): older replies say little
BEATS_MISSED_MAX = 3  # of our own, before we distrust our clock: a pause or a jump (a guess)


# -- commands and effects --------------------------------------------------------------------------


class Look(Value):
    """Command: this is the journaled state now, and durable."""

    state: State


class Read(Value):
    """Command: someone wants to read what is committed by now; `token` names the read."""

    token: bytes


class Saving(Value):
    """Command: the journal is being written, and has not answered yet."""


class Saved(Value):
    """Command: it has."""


Told: TypeAlias = Campaign | Follow | StepDown | Learn | Nudge


class Tell(Value):
    """Effect: a command for the journaled half."""

    command: Told


class Readable(Value):
    """Effect: the read may be served from what is applied now, which is all up to `index`."""

    token: bytes
    index: int


class Unreadable(Value):
    """Effect: whether the read could be served is not known: ask again, perhaps another."""

    token: bytes


Command: TypeAlias = Look | Heard | Wake | Restarted | Read | Saving | Saved
Effect: TypeAlias = Send | Tell | Readable | Unreadable


# -- state -----------------------------------------------------------------------------------------


class Peer(Value):
    """What a peer last told: the round it answered, when that was sent, when it was heard."""

    sequence: int = 0
    sent_ns: int = 0
    heard_ns: int = 0
    last_index: int = -1
    commit: int = -1
    still: int = 0  # replies in a row that told the same, and lacked what was sent before


class Round(Value):
    """Heartbeats to everyone: when they were sent, and how far we were then."""

    sequence: int
    sent_ns: int
    last_index: int
    commit: int


class Pending(Value):
    """A read. `asker` is empty for one of our own; `index` is -1 until it is known."""

    token: bytes
    asker: bytes
    index: int
    sequence: int  # of the round of heartbeats that must be answered
    expires_ns: int


class Beat(Value):
    """The state. `seen` is the journaled one, as last shown."""

    seen: State = State()
    now_ns: int = 0
    drawn: int = 0  # dice so far
    timeout_ns: int = 0
    due_ns: int = 0  # of the election timer; of a leader, of the next look for a majority
    heard_ns: int = 0  # when the leader was last heard; 0: not in this term
    started_ns: int = 0
    standing: int = 0  # the term that we ask pre-votes for; 0: we do not
    votes: Map[bytes, bool] = Map()

    # Of a leader.
    beat_ns: int = 0  # when heartbeats are due
    sequence: int = 0
    rounds: tuple[Round, ...] = ()  # the latest
    peers: Map[bytes, Peer] = Map()

    reads: tuple[Pending, ...] = ()
    saving_ns: int = 0  # since when the journal is being written


class Beaten(Value):
    """The one event: what became of it. It is never journaled, and so never a message."""

    beat: Beat
    effects: tuple[Effect, ...]


# -- a turn ---------------------------------------------------------------------------------------


class Turn:
    """One command being taken: the state so far, and what is asked of the world."""

    __slots__ = ("beat", "effects", "me", "moment", "now_ns", "timing")

    def __init__(self, beat: Beat, me: bytes, timing: Timing, moment: Moment) -> None:
        self.me, self.timing, self.moment = me, timing, moment
        self.now_ns = now_ns = moment.now_ns
        self.effects: list[Effect] = []
        if timing.lease and has_jumped(beat, timing, now_ns):
            # Whatever was sent or heard before was so we do not know how long ago (R15).
            beat = replace(beat, rounds=(), peers=_unleased(beat.peers), started_ns=now_ns)
        self.beat = replace(beat, now_ns=now_ns, started_ns=beat.started_ns or now_ns)

    def tell(self, command: Told) -> None:
        self.effects.append(Tell(command))

    def send(self, to: bytes, message: Fleeting) -> None:
        self.effects.append(Send(to, message))

    def arm(self) -> None:
        """The election timer, with a timeout that is drawn anew (R12)."""
        self.beat = beat = _drawn(self.beat, self.timing, self.moment)
        self.beat = replace(beat, due_ns=self.now_ns + beat.timeout_ns)

    def greet(self, seen: State) -> None:
        """A leader's newcomers count as heard just now, or nobody could ever lead."""
        known = self.beat.peers
        greeted = Peer(heard_ns=self.now_ns)
        peers = Map({other: known.get(other, greeted) for other in seen.others})
        self.beat = replace(self.beat, peers=peers)

    def round(self) -> None:
        """Heartbeats to everyone."""
        beat = self.beat
        sequence = beat.sequence + 1
        seen = beat.seen
        now = Round(sequence, self.now_ns, last_index(seen.log), seen.commit)
        rounds = (*beat.rounds, now)[-ROUNDS_MAX:]
        self.beat = replace(beat, sequence=sequence, rounds=rounds)
        for other in beat.seen.others:
            self.send(other, Heartbeat(beat.seen.term, sequence))

    def confirmed(self) -> int:
        """The last round that a majority has answered, ourselves included."""
        beat = self.beat
        answered = {other: peer.sequence for other, peer in sorted(beat.peers.items())}
        answered[self.me] = beat.sequence
        return _agreed(beat.seen, answered)

    def leased_ns(self) -> int:
        """Since when nobody else can have been elected, as far as our clock tells."""
        sent = {other: peer.sent_ns for other, peer in sorted(self.beat.peers.items())}
        sent[self.me] = self.now_ns
        return _agreed(self.beat.seen, sent)


def has_jumped(beat: Beat, timing: Timing, now_ns: int) -> bool:
    """Whether our clock, or we ourselves, stood still or ran ahead: with leases we wake often."""
    return beat.now_ns > 0 and now_ns - beat.now_ns > BEATS_MISSED_MAX * timing.heartbeat_ns


def _agreed(seen: State, told: dict[bytes, int]) -> int:
    configuration = seen.configuration
    return joint_committed_index(configuration.voters, configuration.outgoing, told)


def voters(seen: State) -> list[bytes]:
    return sorted({*seen.configuration.voters, *seen.configuration.outgoing})


def _unleased(peers: Map[bytes, Peer]) -> Map[bytes, Peer]:
    return Map({other: replace(peer, sent_ns=0) for other, peer in sorted(peers.items())})


def _drawn(beat: Beat, timing: Timing, moment: Moment) -> Beat:
    """A timeout from [T, 2T), by the moment's dice."""
    number = int.from_bytes(digest((moment.seed, beat.drawn))[:8])
    timeout_ns = timing.election_ns + number % timing.election_ns
    return replace(beat, drawn=beat.drawn + 1, timeout_ns=timeout_ns)
