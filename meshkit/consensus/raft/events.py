"""What happened to the journaled half: its events, each a fact that its state is folded from.

Those that the driver reads are every engine's: `HeightBegun`, `ProposalWanted` and `Decided`.
"""

from typing import TypeAlias

from meshkit.consensus.messages import Decided, ProposalWanted, Validator
from meshkit.consensus.raft.messages import Configuration, InstallSnapshot, LogEntry
from meshkit.core.value import Value


class HeightBegun(Value):
    """The next value decided is that of `height`; these validators are who shall vote."""

    height: int
    validators: tuple[Validator, ...]  # sorted by id
    now_ns: int


class Opened(Value):
    """Something is ready to be decided at this height."""

    height: int
    now_ns: int


class TermBegun(Value):
    """There is a higher term than ours; we follow, and have not voted in it."""

    term: int
    leader: bytes
    now_ns: int


class LeaderFound(Value):
    """Who leads our term. A candidate yields to it (R22)."""

    term: int
    leader: bytes
    now_ns: int


class SteppedDown(Value):
    """We neither lead nor stand any more, in this term."""

    term: int
    now_ns: int


class Campaigned(Value):
    """We stand for `term`, and have voted for ourselves."""

    term: int
    transfer: bool
    now_ns: int


class VoteCast(Value):
    """Our one vote of this term is for `candidate`, whether it is asked once or again (R3)."""

    term: int
    candidate: bytes
    now_ns: int


class VoteRefused(Value):
    """`to` is told that it does not get our vote, and what our term is."""

    term: int
    to: bytes
    now_ns: int


class VoteCounted(Value):
    """A peer answered our candidacy."""

    term: int
    voter: bytes
    granted: bool


class Elected(Value):
    """We lead this term."""

    term: int
    now_ns: int


class Appended(Value):
    """As the leader, we put an entry of our own at the end of the log."""

    entry: LogEntry
    now_ns: int


class Taken(Value):
    """The leader's log and ours are alike up to `index`: `entries` replace what was after them.

    Without entries it is only said again that they are.
    """

    leader: bytes
    index: int
    entries: tuple[LogEntry, ...]
    now_ns: int


class AppendRefused(Value):
    """Our log has something else at `index`, or nothing: the leader is told where to look."""

    to: bytes
    index: int
    hint_index: int
    hint_term: int
    now_ns: int


class StaleRefused(Value):
    """`to` leads or led a lower term: it is told ours (R7)."""

    to: bytes
    now_ns: int


class Acknowledged(Value):
    """All up to `index` is durable at `member`."""

    member: bytes
    index: int
    now_ns: int


class Rejected(Value):
    """The log of `member` differs from ours before `next_index`, where it is tried next."""

    member: bytes
    next_index: int
    now_ns: int


class Stalled(Value):
    """What is under way to `member` is taken for lost."""

    member: bytes
    now_ns: int


class Sending(Value):
    """What goes to one member: the entries `first` to `last` of the log; none, if last < first.

    Where `first` is compacted it is a snapshot. A `notice` only tells the commit.
    """

    member: bytes
    first: int
    last: int
    notice: bool


class Replicated(Value):
    """What is sent to whom, and that the commit that we know is told with it."""

    sendings: tuple[Sending, ...]
    now_ns: int


class CommitAdvanced(Value):
    """A majority has made durable all up to `index`."""

    index: int
    now_ns: int


class ConfigurationApplied(Value):
    """The entry at `index` is committed: from now on this configuration counts."""

    index: int
    configuration: Configuration


class LogCompacted(Value):
    """The log up to `index` is forgotten."""

    index: int


class SnapshotOffered(Value):
    """The leader's log begins after ours ends. Once the values up to there are here, ours does."""

    leader: bytes
    snapshot: InstallSnapshot
    now_ns: int


class SnapshotInstalled(Value):
    """All values up to a snapshot are decided here: the log begins after it."""

    snapshot: InstallSnapshot
    now_ns: int


class Repeated(Value):
    """Nothing moved for a while: say again what the others may not have heard."""

    now_ns: int


class HeightAnswered(Value):
    """A peer is at a height that is decided: it is told how."""

    to: bytes
    height: int
    now_ns: int


class PeerAhead(Value):
    """A peer is at a height above ours: it shall tell us what was decided."""

    sender: bytes
    height: int
    now_ns: int


class TransferBegun(Value):
    """`member` shall lead: until then, or until `due_ns`, nothing is proposed."""

    member: bytes
    due_ns: int
    now_ns: int


class TransferEnded(Value):
    """The transfer came to nothing: we lead on."""

    member: bytes
    now_ns: int


class TransferForwarded(Value):
    """We do not lead: the leader is told that an operator wants `member` to lead."""

    to: bytes
    member: bytes
    now_ns: int


Event: TypeAlias = (
    HeightBegun
    | Opened
    | ProposalWanted
    | Decided
    | TermBegun
    | LeaderFound
    | SteppedDown
    | Campaigned
    | VoteCast
    | VoteRefused
    | VoteCounted
    | Elected
    | Appended
    | Taken
    | AppendRefused
    | StaleRefused
    | Acknowledged
    | Rejected
    | Stalled
    | Replicated
    | CommitAdvanced
    | ConfigurationApplied
    | LogCompacted
    | SnapshotOffered
    | SnapshotInstalled
    | Repeated
    | HeightAnswered
    | PeerAhead
    | TransferBegun
    | TransferEnded
    | TransferForwarded
)
