"""The messages of Raft, the commands of its journaled half, and what that asks of the world.

The first messages are those of the journaled half: whatever safety rests on is said by it and heard
by it. Those of the volatile half (`Heartbeat` and after) say only who is there just now, and leave
no entry in any journal. None is signed inside: under Raft nobody lies, and nothing is proved to
outsiders. What every engine shares is in `meshkit.consensus.messages`.
"""

from typing import ClassVar, TypeAlias

from meshkit.consensus.messages import (
    Begin,
    Judge,
    Open,
    Propose,
    Serve,
)
from meshkit.core.machine import Broadcast, Heard, Restarted, Send, Wake
from meshkit.core.value import Value

NOOP = 0  # the kinds of log entries; their numbers are ours, and journaled
VALUE = 1
CONFIG = 2


class Configuration(Value):
    """Who takes part how, each sorted; what the fields mean is said in `confchange`."""

    voters: tuple[bytes, ...] = ()
    outgoing: tuple[bytes, ...] = ()
    learners: tuple[bytes, ...] = ()
    learners_next: tuple[bytes, ...] = ()
    auto_leave: bool = False


class LogEntry(Value):
    """One place of the log. `height` counts the values up to here, this one included.

    `value` is the decided value, the configuration, or None; `size` is the number of bytes of its
    canonical form and `value_id` its digest, worked out once by the leader that appends it.
    """

    term: int
    index: int
    kind: int
    height: int
    value: Value | None = None
    value_id: bytes = b""
    size: int = 0


# -- messages of the journaled half ----------------------------------------------------------------


class RequestVote(Value):
    """RequestVote of the paper. `transfer`: the leader itself asked the sender to stand (R16)."""

    term: int
    last_index: int
    last_term: int
    transfer: bool


class VoteReply(Value):
    term: int
    granted: bool


class Append(Value):
    """AppendEntries of the paper. A `notice` only tells the commit, and wants no reply."""

    term: int
    previous_index: int
    previous_term: int
    entries: tuple[LogEntry, ...]
    commit: int
    notice: bool


class AppendReply(Value):
    """All up to `index` is durable here; or, `refused`, the log has something else at `index`.

    The hint is the last place that may be alike, and the term there (R19).
    """

    term: int
    index: int
    refused: bool
    hint_index: int
    hint_term: int


class InstallSnapshot(Value):
    """The log up to `index` is gone: it held the values up to `height` and this configuration.

    The values themselves come from the store: whoever lacks them asks for their heights.
    """

    term: int
    index: int
    index_term: int
    height: int
    configuration: Configuration


class TimeoutNow(Value):
    """Stand for election at once: your log is whole, and I wait for you to lead (R16)."""

    term: int


class WantTransfer(Value):
    """Whoever leads: an operator wants `member` to lead."""

    member: bytes


# -- messages of the volatile half -----------------------------------------------------------------


class Heartbeat(Value):
    """I lead `term`. `sequence` numbers the rounds of them, so that a reply says to which."""

    term: int
    sequence: int


class HeartbeatReply(Value):
    """That leader may go on, or, with a higher term, may not. How far the log and its commit go."""

    term: int
    sequence: int
    last_index: int
    commit: int


class RequestPreVote(Value):
    """Would you vote for me in `term`? Nobody's term or vote changes by this question (R8)."""

    term: int
    last_index: int
    last_term: int


class PreVoteReply(Value):
    """A grant echoes the term of the question; a refusal tells the term of who refuses.

    It also tells what is committed: whoever asks may be the last to learn that it needs the answer
    no more, because the configuration has changed.
    """

    term: int
    granted: bool
    commit: int
    commit_term: int


class WantRead(Value):
    """Whoever leads: from which index on may this read be served? (R14)"""

    token: bytes


class ReadFrom(Value):
    """The read may be served once everything up to `index` is applied."""

    token: bytes
    index: int


# -- commands: what the volatile half knew, and what operators want --------------------------------


class Campaign(Value):
    """Enough would vote for us in `term`: stand for election."""

    term: int


class Follow(Value):
    """There is this term, and its leader, if it is known: ours is over, unless it is that one."""

    term: int
    leader: bytes


class Learn(Value):
    """A peer knows that the entry at `index`, which is of `term`, is committed."""

    index: int
    term: int


class StepDown(Value):
    """We lead `term`, and no majority answers any more (R10)."""

    term: int


class Nudge(Value):
    """A peer answers and lacks what it was sent: send it again."""

    member: bytes


class Unreachable(Value):
    """A peer cannot be reached: what is under way to it is as good as lost."""

    member: bytes


class TransferLeadership(Value):
    """An operator wants `member` to lead."""

    member: bytes


class ChangeConfiguration(Value):
    """A bare engine's operator wants this configuration next; a mesh has targets instead."""

    configuration: Configuration


class Compact(Value):
    """Forget the log up to `index`, which is applied."""

    index: int


# -- effects ---------------------------------------------------------------------------------------


class Early(Send):
    """May be sent before our own entry is durable, which it need be in the same tick (R1).

    It carries entries of the log from the leader to a follower, who makes them durable by itself:
    ours count only after a later tick. Nothing else may go so early.
    """

    BEFORE_SYNC: ClassVar[bool] = True


class Prompt(Send):
    """Must wait until our own entry is durable, and is waited for: a vote, an acknowledgement."""


class Notice(Send):
    """Tells a follower what is committed. It binds nobody, so no entry need be durable for it."""


class Keep(Value):
    """Have this durable at once: who decides alone decides what no other journal holds."""


Message: TypeAlias = (
    RequestVote | VoteReply | Append | AppendReply | InstallSnapshot | TimeoutNow | WantTransfer
)

Fleeting: TypeAlias = (
    Heartbeat | HeartbeatReply | RequestPreVote | PreVoteReply | WantRead | ReadFrom
)

Command: TypeAlias = (
    Begin
    | Open
    | Propose
    | Judge
    | Heard
    | Wake
    | Restarted
    | Campaign
    | Follow
    | StepDown
    | Learn
    | Nudge
    | Unreachable
    | TransferLeadership
    | ChangeConfiguration
    | Compact
)

Effect: TypeAlias = Broadcast | Send | Early | Prompt | Notice | Keep | Serve
