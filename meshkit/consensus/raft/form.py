"""What a message must be like to be heard at all, whoever sends it.

Under Raft nobody lies, but a home may be restored from an older copy, and a build may be wrong. No
such peer may end a node: what is here refused is refused like any other message, by doing nothing.

Numbers stop far below the last one that a journal can hold (2**53 - 1): what is heard is adopted,
and grows by one at a time from there, so it can never be grown past the end. Of entries each has
the place after the one before, the term of its sender at most, and the value that its kind asks
for. Whether a value is one that the ledger can apply is for the node to say, which knows.
"""

from collections.abc import Mapping

from msgspec.structs import fields

from meshkit.consensus.messages import Ask
from meshkit.consensus.raft.messages import (
    CONFIG,
    NOOP,
    VALUE,
    Append,
    AppendReply,
    Configuration,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    LogEntry,
    PreVoteReply,
    ReadFrom,
    RequestPreVote,
    RequestVote,
    TimeoutNow,
    VoteReply,
)
from meshkit.core.value import Value

NUMBER_MAX = 2**52  # half of all that there are, which no mesh comes near in its life
SIZE_MAX = 2**32  # bytes of one entry, far more than an envelope holds: a log adds them up

NUMBERED = (
    RequestVote,
    VoteReply,
    Append,
    AppendReply,
    InstallSnapshot,
    TimeoutNow,
    Heartbeat,
    HeartbeatReply,
    RequestPreVote,
    PreVoteReply,
    ReadFrom,
    Ask,
)

_NUMBERS: Mapping[type, tuple[str, ...]] = {
    kind: tuple([field.name for field in fields(kind) if field.type is int]) for kind in NUMBERED
}


def in_range(message: Value) -> bool:
    """Whether each number of a message, but for its entries', leaves room to grow."""
    for name in _NUMBERS.get(type(message), ()):  # noqa: SIM110 # twice as fast so (measured)
        if getattr(message, name) > NUMBER_MAX:
            return False
    return True


def is_sound(message: Value) -> bool:
    """Whether the journaled half can hear this."""
    if not in_range(message):
        return False
    if type(message) is Append:
        return _is_row(message)
    return type(message) is not InstallSnapshot or is_possible(message.configuration)


def _is_row(message: Append) -> bool:
    """Whether the entries stand one after the other, and each is one."""
    index, term = message.previous_index, message.term
    for entry in message.entries:
        index += 1
        if entry.index != index or entry.term > term or not _is_entry(entry):
            return False
    return True


def _is_entry(entry: LogEntry) -> bool:
    if entry.height > NUMBER_MAX or entry.size > SIZE_MAX:
        return False
    kind, value = entry.kind, entry.value
    if kind == VALUE:
        return value is not None
    if kind == CONFIG:
        return type(value) is Configuration and is_possible(value)
    return kind == NOOP and value is None


def is_possible(configuration: Configuration) -> bool:
    """Whether some change can have led here: somebody votes, and nobody votes and only listens."""
    voters, outgoing = frozenset(configuration.voters), frozenset(configuration.outgoing)
    apart = (voters | outgoing).isdisjoint(configuration.learners)
    return bool(voters) and apart and outgoing.issuperset(configuration.learners_next)
