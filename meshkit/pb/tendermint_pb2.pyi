from meshkit.pb import consensus_pb2 as _consensus_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Vote(_message.Message):
    __slots__ = ("kind", "height", "round", "value_id", "voter", "signature")
    KIND_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    kind: int
    height: int
    round: int
    value_id: bytes
    voter: bytes
    signature: bytes
    def __init__(self, kind: _Optional[int] = ..., height: _Optional[int] = ..., round: _Optional[int] = ..., value_id: _Optional[bytes] = ..., voter: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("height", "round", "valid_round", "value_id", "proposer", "value", "signature")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VALID_ROUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    valid_round: int
    value_id: bytes
    proposer: bytes
    value: bytes
    signature: bytes
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., valid_round: _Optional[int] = ..., value_id: _Optional[bytes] = ..., proposer: _Optional[bytes] = ..., value: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Known(_message.Message):
    __slots__ = ("proposals", "votes")
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    proposals: _containers.RepeatedCompositeFieldContainer[Proposal]
    votes: _containers.RepeatedCompositeFieldContainer[Vote]
    def __init__(self, proposals: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ..., votes: _Optional[_Iterable[_Union[Vote, _Mapping]]] = ...) -> None: ...

class WantValue(_message.Message):
    __slots__ = ("height", "value_id")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    height: int
    value_id: bytes
    def __init__(self, height: _Optional[int] = ..., value_id: _Optional[bytes] = ...) -> None: ...

class HeightBegun(_message.Message):
    __slots__ = ("height", "validators", "now_ns", "builder", "turns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    BUILDER_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    height: int
    validators: _containers.RepeatedCompositeFieldContainer[_consensus_pb2.Validator]
    now_ns: int
    builder: bytes
    turns: _containers.RepeatedCompositeFieldContainer[_consensus_pb2.Validator]
    def __init__(self, height: _Optional[int] = ..., validators: _Optional[_Iterable[_Union[_consensus_pb2.Validator, _Mapping]]] = ..., now_ns: _Optional[int] = ..., builder: _Optional[bytes] = ..., turns: _Optional[_Iterable[_Union[_consensus_pb2.Validator, _Mapping]]] = ...) -> None: ...

class RoundStarted(_message.Message):
    __slots__ = ("height", "round", "now_ns", "due_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    now_ns: int
    due_ns: int
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., now_ns: _Optional[int] = ..., due_ns: _Optional[int] = ...) -> None: ...

class ProposalHeard(_message.Message):
    __slots__ = ("proposal",)
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal: Proposal
    def __init__(self, proposal: _Optional[_Union[Proposal, _Mapping]] = ...) -> None: ...

class VoteHeard(_message.Message):
    __slots__ = ("vote",)
    VOTE_FIELD_NUMBER: _ClassVar[int]
    vote: Vote
    def __init__(self, vote: _Optional[_Union[Vote, _Mapping]] = ...) -> None: ...

class QuorumShown(_message.Message):
    __slots__ = ("height", "round", "kind", "value_id", "votes")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    kind: int
    value_id: bytes
    votes: _containers.RepeatedCompositeFieldContainer[Vote]
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., kind: _Optional[int] = ..., value_id: _Optional[bytes] = ..., votes: _Optional[_Iterable[_Union[Vote, _Mapping]]] = ...) -> None: ...

class ValueJudged(_message.Message):
    __slots__ = ("height", "value_id", "valid")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    height: int
    value_id: bytes
    valid: bool
    def __init__(self, height: _Optional[int] = ..., value_id: _Optional[bytes] = ..., valid: _Optional[bool] = ...) -> None: ...

class ValueMissed(_message.Message):
    __slots__ = ("height", "value_id")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    height: int
    value_id: bytes
    def __init__(self, height: _Optional[int] = ..., value_id: _Optional[bytes] = ...) -> None: ...

class Proposed(_message.Message):
    __slots__ = ("height", "round", "valid_round", "value_id")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VALID_ROUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    valid_round: int
    value_id: bytes
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., valid_round: _Optional[int] = ..., value_id: _Optional[bytes] = ...) -> None: ...

class VoteCast(_message.Message):
    __slots__ = ("height", "round", "kind", "value_id", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    kind: int
    value_id: bytes
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., kind: _Optional[int] = ..., value_id: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ValidFound(_message.Message):
    __slots__ = ("height", "round", "value_id")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    value_id: bytes
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., value_id: _Optional[bytes] = ...) -> None: ...

class TimerStarted(_message.Message):
    __slots__ = ("height", "round", "kind", "due_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    kind: int
    due_ns: int
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., kind: _Optional[int] = ..., due_ns: _Optional[int] = ...) -> None: ...

class Repeated(_message.Message):
    __slots__ = ("height", "now_ns", "restarted")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    height: int
    now_ns: int
    restarted: bool
    def __init__(self, height: _Optional[int] = ..., now_ns: _Optional[int] = ..., restarted: _Optional[bool] = ...) -> None: ...

class PeerAhead(_message.Message):
    __slots__ = ("sender", "height", "now_ns")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    height: int
    now_ns: int
    def __init__(self, sender: _Optional[bytes] = ..., height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class StatementKept(_message.Message):
    __slots__ = ("sender", "statement", "now_ns")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    statement: bytes
    now_ns: int
    def __init__(self, sender: _Optional[bytes] = ..., statement: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class HeightAnswered(_message.Message):
    __slots__ = ("to", "height", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    height: int
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class RoundAnswered(_message.Message):
    __slots__ = ("to", "height", "round", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    height: int
    round: int
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., height: _Optional[int] = ..., round: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ValueAnswered(_message.Message):
    __slots__ = ("to", "height", "value_id", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    height: int
    value_id: bytes
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., height: _Optional[int] = ..., value_id: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...
