from meshkit.pb import consensus_pb2 as _consensus_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Configuration(_message.Message):
    __slots__ = ("voters", "outgoing", "learners", "learners_next", "auto_leave")
    VOTERS_FIELD_NUMBER: _ClassVar[int]
    OUTGOING_FIELD_NUMBER: _ClassVar[int]
    LEARNERS_FIELD_NUMBER: _ClassVar[int]
    LEARNERS_NEXT_FIELD_NUMBER: _ClassVar[int]
    AUTO_LEAVE_FIELD_NUMBER: _ClassVar[int]
    voters: _containers.RepeatedScalarFieldContainer[bytes]
    outgoing: _containers.RepeatedScalarFieldContainer[bytes]
    learners: _containers.RepeatedScalarFieldContainer[bytes]
    learners_next: _containers.RepeatedScalarFieldContainer[bytes]
    auto_leave: bool
    def __init__(self, voters: _Optional[_Iterable[bytes]] = ..., outgoing: _Optional[_Iterable[bytes]] = ..., learners: _Optional[_Iterable[bytes]] = ..., learners_next: _Optional[_Iterable[bytes]] = ..., auto_leave: _Optional[bool] = ...) -> None: ...

class LogEntry(_message.Message):
    __slots__ = ("term", "index", "kind", "height", "value", "value_id", "size")
    TERM_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    term: int
    index: int
    kind: int
    height: int
    value: bytes
    value_id: bytes
    size: int
    def __init__(self, term: _Optional[int] = ..., index: _Optional[int] = ..., kind: _Optional[int] = ..., height: _Optional[int] = ..., value: _Optional[bytes] = ..., value_id: _Optional[bytes] = ..., size: _Optional[int] = ...) -> None: ...

class RequestVote(_message.Message):
    __slots__ = ("term", "last_index", "last_term", "transfer")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_TERM_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    term: int
    last_index: int
    last_term: int
    transfer: bool
    def __init__(self, term: _Optional[int] = ..., last_index: _Optional[int] = ..., last_term: _Optional[int] = ..., transfer: _Optional[bool] = ...) -> None: ...

class VoteReply(_message.Message):
    __slots__ = ("term", "granted")
    TERM_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    term: int
    granted: bool
    def __init__(self, term: _Optional[int] = ..., granted: _Optional[bool] = ...) -> None: ...

class Append(_message.Message):
    __slots__ = ("term", "previous_index", "previous_term", "entries", "commit", "notice")
    TERM_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_INDEX_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_TERM_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    term: int
    previous_index: int
    previous_term: int
    entries: _containers.RepeatedCompositeFieldContainer[LogEntry]
    commit: int
    notice: bool
    def __init__(self, term: _Optional[int] = ..., previous_index: _Optional[int] = ..., previous_term: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[LogEntry, _Mapping]]] = ..., commit: _Optional[int] = ..., notice: _Optional[bool] = ...) -> None: ...

class AppendReply(_message.Message):
    __slots__ = ("term", "index", "refused", "hint_index", "hint_term")
    TERM_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    HINT_INDEX_FIELD_NUMBER: _ClassVar[int]
    HINT_TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    index: int
    refused: bool
    hint_index: int
    hint_term: int
    def __init__(self, term: _Optional[int] = ..., index: _Optional[int] = ..., refused: _Optional[bool] = ..., hint_index: _Optional[int] = ..., hint_term: _Optional[int] = ...) -> None: ...

class InstallSnapshot(_message.Message):
    __slots__ = ("term", "index", "index_term", "height", "configuration")
    TERM_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    INDEX_TERM_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    term: int
    index: int
    index_term: int
    height: int
    configuration: Configuration
    def __init__(self, term: _Optional[int] = ..., index: _Optional[int] = ..., index_term: _Optional[int] = ..., height: _Optional[int] = ..., configuration: _Optional[_Union[Configuration, _Mapping]] = ...) -> None: ...

class TimeoutNow(_message.Message):
    __slots__ = ("term",)
    TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    def __init__(self, term: _Optional[int] = ...) -> None: ...

class WantTransfer(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    def __init__(self, member: _Optional[bytes] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("term", "sequence")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    term: int
    sequence: int
    def __init__(self, term: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class HeartbeatReply(_message.Message):
    __slots__ = ("term", "sequence", "last_index", "commit")
    TERM_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    term: int
    sequence: int
    last_index: int
    commit: int
    def __init__(self, term: _Optional[int] = ..., sequence: _Optional[int] = ..., last_index: _Optional[int] = ..., commit: _Optional[int] = ...) -> None: ...

class RequestPreVote(_message.Message):
    __slots__ = ("term", "last_index", "last_term")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LAST_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    last_index: int
    last_term: int
    def __init__(self, term: _Optional[int] = ..., last_index: _Optional[int] = ..., last_term: _Optional[int] = ...) -> None: ...

class PreVoteReply(_message.Message):
    __slots__ = ("term", "granted", "commit", "commit_term")
    TERM_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    COMMIT_TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    granted: bool
    commit: int
    commit_term: int
    def __init__(self, term: _Optional[int] = ..., granted: _Optional[bool] = ..., commit: _Optional[int] = ..., commit_term: _Optional[int] = ...) -> None: ...

class WantRead(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: bytes
    def __init__(self, token: _Optional[bytes] = ...) -> None: ...

class ReadFrom(_message.Message):
    __slots__ = ("token", "index")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    token: bytes
    index: int
    def __init__(self, token: _Optional[bytes] = ..., index: _Optional[int] = ...) -> None: ...

class Campaign(_message.Message):
    __slots__ = ("term",)
    TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    def __init__(self, term: _Optional[int] = ...) -> None: ...

class Follow(_message.Message):
    __slots__ = ("term", "leader")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    term: int
    leader: bytes
    def __init__(self, term: _Optional[int] = ..., leader: _Optional[bytes] = ...) -> None: ...

class Learn(_message.Message):
    __slots__ = ("index", "term")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    index: int
    term: int
    def __init__(self, index: _Optional[int] = ..., term: _Optional[int] = ...) -> None: ...

class StepDown(_message.Message):
    __slots__ = ("term",)
    TERM_FIELD_NUMBER: _ClassVar[int]
    term: int
    def __init__(self, term: _Optional[int] = ...) -> None: ...

class Nudge(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    def __init__(self, member: _Optional[bytes] = ...) -> None: ...

class Unreachable(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    def __init__(self, member: _Optional[bytes] = ...) -> None: ...

class TransferLeadership(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    def __init__(self, member: _Optional[bytes] = ...) -> None: ...

class ChangeConfiguration(_message.Message):
    __slots__ = ("configuration",)
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    configuration: Configuration
    def __init__(self, configuration: _Optional[_Union[Configuration, _Mapping]] = ...) -> None: ...

class Compact(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...

class HeightBegun(_message.Message):
    __slots__ = ("height", "validators", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    validators: _containers.RepeatedCompositeFieldContainer[_consensus_pb2.Validator]
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., validators: _Optional[_Iterable[_Union[_consensus_pb2.Validator, _Mapping]]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("height", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class TermBegun(_message.Message):
    __slots__ = ("term", "leader", "now_ns")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    term: int
    leader: bytes
    now_ns: int
    def __init__(self, term: _Optional[int] = ..., leader: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class LeaderFound(_message.Message):
    __slots__ = ("term", "leader", "now_ns")
    TERM_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    term: int
    leader: bytes
    now_ns: int
    def __init__(self, term: _Optional[int] = ..., leader: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class SteppedDown(_message.Message):
    __slots__ = ("term", "now_ns")
    TERM_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    term: int
    now_ns: int
    def __init__(self, term: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Campaigned(_message.Message):
    __slots__ = ("term", "transfer", "now_ns")
    TERM_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    term: int
    transfer: bool
    now_ns: int
    def __init__(self, term: _Optional[int] = ..., transfer: _Optional[bool] = ..., now_ns: _Optional[int] = ...) -> None: ...

class VoteCast(_message.Message):
    __slots__ = ("term", "candidate", "now_ns")
    TERM_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    term: int
    candidate: bytes
    now_ns: int
    def __init__(self, term: _Optional[int] = ..., candidate: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class VoteRefused(_message.Message):
    __slots__ = ("term", "to", "now_ns")
    TERM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    term: int
    to: bytes
    now_ns: int
    def __init__(self, term: _Optional[int] = ..., to: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class VoteCounted(_message.Message):
    __slots__ = ("term", "voter", "granted")
    TERM_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    term: int
    voter: bytes
    granted: bool
    def __init__(self, term: _Optional[int] = ..., voter: _Optional[bytes] = ..., granted: _Optional[bool] = ...) -> None: ...

class Elected(_message.Message):
    __slots__ = ("term", "now_ns")
    TERM_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    term: int
    now_ns: int
    def __init__(self, term: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Appended(_message.Message):
    __slots__ = ("entry", "now_ns")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    entry: LogEntry
    now_ns: int
    def __init__(self, entry: _Optional[_Union[LogEntry, _Mapping]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Taken(_message.Message):
    __slots__ = ("leader", "index", "entries", "now_ns")
    LEADER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    leader: bytes
    index: int
    entries: _containers.RepeatedCompositeFieldContainer[LogEntry]
    now_ns: int
    def __init__(self, leader: _Optional[bytes] = ..., index: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[LogEntry, _Mapping]]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class AppendRefused(_message.Message):
    __slots__ = ("to", "index", "hint_index", "hint_term", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    HINT_INDEX_FIELD_NUMBER: _ClassVar[int]
    HINT_TERM_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    index: int
    hint_index: int
    hint_term: int
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., index: _Optional[int] = ..., hint_index: _Optional[int] = ..., hint_term: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class StaleRefused(_message.Message):
    __slots__ = ("to", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Acknowledged(_message.Message):
    __slots__ = ("member", "index", "now_ns")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    index: int
    now_ns: int
    def __init__(self, member: _Optional[bytes] = ..., index: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Rejected(_message.Message):
    __slots__ = ("member", "next_index", "now_ns")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    NEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    next_index: int
    now_ns: int
    def __init__(self, member: _Optional[bytes] = ..., next_index: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Stalled(_message.Message):
    __slots__ = ("member", "now_ns")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    now_ns: int
    def __init__(self, member: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Sending(_message.Message):
    __slots__ = ("member", "first", "last", "notice")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    first: int
    last: int
    notice: bool
    def __init__(self, member: _Optional[bytes] = ..., first: _Optional[int] = ..., last: _Optional[int] = ..., notice: _Optional[bool] = ...) -> None: ...

class Replicated(_message.Message):
    __slots__ = ("sendings", "now_ns")
    SENDINGS_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    sendings: _containers.RepeatedCompositeFieldContainer[Sending]
    now_ns: int
    def __init__(self, sendings: _Optional[_Iterable[_Union[Sending, _Mapping]]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class CommitAdvanced(_message.Message):
    __slots__ = ("index", "now_ns")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    index: int
    now_ns: int
    def __init__(self, index: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ConfigurationApplied(_message.Message):
    __slots__ = ("index", "configuration")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    index: int
    configuration: Configuration
    def __init__(self, index: _Optional[int] = ..., configuration: _Optional[_Union[Configuration, _Mapping]] = ...) -> None: ...

class LogCompacted(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...

class SnapshotOffered(_message.Message):
    __slots__ = ("leader", "snapshot", "now_ns")
    LEADER_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    leader: bytes
    snapshot: InstallSnapshot
    now_ns: int
    def __init__(self, leader: _Optional[bytes] = ..., snapshot: _Optional[_Union[InstallSnapshot, _Mapping]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class SnapshotInstalled(_message.Message):
    __slots__ = ("snapshot", "now_ns")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    snapshot: InstallSnapshot
    now_ns: int
    def __init__(self, snapshot: _Optional[_Union[InstallSnapshot, _Mapping]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Repeated(_message.Message):
    __slots__ = ("now_ns",)
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    now_ns: int
    def __init__(self, now_ns: _Optional[int] = ...) -> None: ...

class HeightAnswered(_message.Message):
    __slots__ = ("to", "height", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    height: int
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class PeerAhead(_message.Message):
    __slots__ = ("sender", "height", "now_ns")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    height: int
    now_ns: int
    def __init__(self, sender: _Optional[bytes] = ..., height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class TransferBegun(_message.Message):
    __slots__ = ("member", "due_ns", "now_ns")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    due_ns: int
    now_ns: int
    def __init__(self, member: _Optional[bytes] = ..., due_ns: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class TransferEnded(_message.Message):
    __slots__ = ("member", "now_ns")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    now_ns: int
    def __init__(self, member: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class TransferForwarded(_message.Message):
    __slots__ = ("to", "member", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    member: bytes
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., member: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...
