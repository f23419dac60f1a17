"""What one node knows, and how each event changes that: the half that safety rests on.

The variables of the paper stand under their names or the field's: `term`, `vote`, `log`, `commit`
and `applied`, and of a leader the `peers`. What the rules ask again and again is kept beside them:
`quorum_index` is the place that a majority has made durable, ourselves included.

Our own entries count as durable as soon as they are in the state. They are not yet, within the tick
that appends them; but no reply to them can come before the next, and the shell makes a tick durable
before it takes another (R1). A node that votes alone needs no reply: what it says is `Prompt`, and
waits (`is_early`).
"""

from immutables import Map

from meshkit.consensus.messages import Committed, Validator
from meshkit.consensus.raft import log as logs
from meshkit.consensus.raft.confchange import Membership
from meshkit.consensus.raft.log import Log, last_index
from meshkit.consensus.raft.messages import (
    Configuration,
    InstallSnapshot,
)
from meshkit.consensus.raft.progress import Progress
from meshkit.core.value import Value

FOLLOWER = 0
CANDIDATE = 1
LEADER = 2

ENDED = -1  # when a transfer is due that is over

MS_NS = 1_000_000  # nanoseconds in a millisecond
AGAIN_NS = 200 * MS_NS  # many round trips of a site; the volatile half notices losses sooner
AGAIN_NS_MAX = 6_400 * MS_NS  # for who is dead: it is found by its heartbeats anyway (a guess)
POLL_NS = 1_000 * MS_NS  # of a follower that hears nothing: is there news?
POLL_NS_MAX = 60_000 * MS_NS  # and a day of idling costs 1,440 entries
GRACE_NS = 100 * MS_NS  # what was under way when a peer spoke of a later height has come by then
ASK_HEIGHTS = 48  # after so many decided values more are asked for: a store sends 50 or more


class State(Value):
    """One node; `me` is its id."""

    me: bytes = b""

    # The height: the face of every engine.
    height: int = 0
    target: tuple[Validator, ...] = ()  # who shall vote, sorted by id
    wanted: tuple[bytes, ...] = ()  # their ids
    opened: bool = False
    asked: bool = False  # for a value to propose
    decided: bool = False
    last: Committed | None = None
    begun_ns: int = 0

    # What the paper persists.
    term: int = 0
    vote: bytes = b""
    log: Log = Log()
    configuration: Configuration = Configuration()

    # What it does not: here all is.
    role: int = FOLLOWER
    leader: bytes = b""
    commit: int = 0
    applied: int = 0
    votes: Map[bytes, bool] = Map()

    # Of a leader.
    others: tuple[bytes, ...] = ()  # all that receive the log, sorted
    peers: Map[bytes, Progress] = Map()
    quorum_index: int = 0
    first_index: int = 0  # of the entry that this leadership began with
    uncommitted: int = 0  # bytes
    alone_index: int = 0  # committed by us alone, and not known to be durable yet; see `is_early`
    farewell: int = 0  # the entry that must be committed before we go, where we are removed
    transferee: bytes = b""
    transfer_due_ns: int = 0  # ENDED after one: who was told to stand may yet hear it

    # Of one who is behind.
    offer: InstallSnapshot | None = None
    guide: bytes = b""  # who knows what was decided before height `ahead`
    ahead: int = 0
    asked_from: int = 0  # the height that it was last asked for

    # Timers: 0 is none.
    again_due_ns: int = 0
    again_count: int = 0
    again_ns: int = 0  # when we last repeated ourselves
    answered_ns: int = 0  # when a peer was last answered: the same command is not answered twice


# -- reading --------------------------------------------------------------------------------------


def membership(configuration: Configuration) -> Membership:
    """The configuration in the plain form that `confchange` works on."""
    return Membership(
        frozenset(configuration.voters),
        frozenset(configuration.outgoing),
        frozenset(configuration.learners),
        frozenset(configuration.learners_next),
        configuration.auto_leave,
    )


def configured(plain: Membership) -> Configuration:
    """And back."""
    return Configuration(
        tuple(sorted(plain.voters)),
        tuple(sorted(plain.outgoing)),
        tuple(sorted(plain.learners)),
        tuple(sorted(plain.learners_next)),
        plain.auto_leave,
    )


def is_voter(configuration: Configuration, member: bytes) -> bool:
    return member in configuration.voters or member in configuration.outgoing


def is_alone(state: State) -> bool:
    """Whether we are the only majority there is: then nobody's reply stands for durability."""
    configuration, alone = state.configuration, (state.me,)
    return configuration.voters == alone and configuration.outgoing in ((), alone)


def is_early(state: State) -> bool:
    """Whether entries may be sent before ours are durable: not while our word alone commits.

    Nor just after that, when we have made another a voter: what we committed alone may be lost
    with this tick, until somebody acknowledges it, which can only be in a later one.
    """
    return not state.alone_index and not is_alone(state)


def is_fresh(state: State) -> bool:
    """Whether we lead, and have committed an entry of our own term (R5, R13, R14)."""
    return state.role == LEADER and state.commit >= state.first_index


def height_at_commit(state: State) -> int:
    """How many values are committed."""
    log = state.log
    if state.commit <= log.offset:
        return log.offset_height
    return logs.entry_at(log, state.commit).height


def decided_height(state: State) -> int:
    """Up to which height everything is decided here."""
    return state.height if state.decided else state.height - 1


def is_behind(state: State) -> bool:
    """Whether somebody of the configuration has not acknowledged all of our log."""
    last, peers = last_index(state.log), state.peers
    return any(peers[other].match < last for other in state.others)


def snapshot(state: State) -> InstallSnapshot:
    """What stands for the log up to the commit, up to which every configuration is applied."""
    term = logs.term_at(state.log, state.commit)
    assert term is not None, "the commit is never compacted"
    return InstallSnapshot(
        state.term, state.commit, term, height_at_commit(state), state.configuration
    )
