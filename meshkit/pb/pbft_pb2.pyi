from meshkit.pb import consensus_pb2 as _consensus_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PrePrepare(_message.Message):
    __slots__ = ("view", "height", "value_id", "proposer", "value", "signature")
    VIEW_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    view: int
    height: int
    value_id: bytes
    proposer: bytes
    value: bytes
    signature: bytes
    def __init__(self, view: _Optional[int] = ..., height: _Optional[int] = ..., value_id: _Optional[bytes] = ..., proposer: _Optional[bytes] = ..., value: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Prepare(_message.Message):
    __slots__ = ("view", "height", "value_id", "voter", "signature")
    VIEW_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    view: int
    height: int
    value_id: bytes
    voter: bytes
    signature: bytes
    def __init__(self, view: _Optional[int] = ..., height: _Optional[int] = ..., value_id: _Optional[bytes] = ..., voter: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Commit(_message.Message):
    __slots__ = ("view", "height", "value_id", "voter", "signature")
    VIEW_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    view: int
    height: int
    value_id: bytes
    voter: bytes
    signature: bytes
    def __init__(self, view: _Optional[int] = ..., height: _Optional[int] = ..., value_id: _Optional[bytes] = ..., voter: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("height", "digest", "voter", "signature")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    height: int
    digest: bytes
    voter: bytes
    signature: bytes
    def __init__(self, height: _Optional[int] = ..., digest: _Optional[bytes] = ..., voter: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class PreparedProof(_message.Message):
    __slots__ = ("pre_prepare", "prepares")
    PRE_PREPARE_FIELD_NUMBER: _ClassVar[int]
    PREPARES_FIELD_NUMBER: _ClassVar[int]
    pre_prepare: PrePrepare
    prepares: _containers.RepeatedCompositeFieldContainer[Prepare]
    def __init__(self, pre_prepare: _Optional[_Union[PrePrepare, _Mapping]] = ..., prepares: _Optional[_Iterable[_Union[Prepare, _Mapping]]] = ...) -> None: ...

class ViewChange(_message.Message):
    __slots__ = ("since", "view", "stable", "checkpoints", "prepared", "voter", "signature")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    STABLE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    PREPARED_FIELD_NUMBER: _ClassVar[int]
    VOTER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    since: int
    view: int
    stable: int
    checkpoints: _containers.RepeatedCompositeFieldContainer[Checkpoint]
    prepared: _containers.RepeatedCompositeFieldContainer[PreparedProof]
    voter: bytes
    signature: bytes
    def __init__(self, since: _Optional[int] = ..., view: _Optional[int] = ..., stable: _Optional[int] = ..., checkpoints: _Optional[_Iterable[_Union[Checkpoint, _Mapping]]] = ..., prepared: _Optional[_Iterable[_Union[PreparedProof, _Mapping]]] = ..., voter: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class NewView(_message.Message):
    __slots__ = ("since", "view", "changes", "chosen", "nulls", "proposer", "signature")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CHOSEN_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    since: int
    view: int
    changes: _containers.RepeatedCompositeFieldContainer[ViewChange]
    chosen: _containers.RepeatedCompositeFieldContainer[PrePrepare]
    nulls: _containers.RepeatedScalarFieldContainer[int]
    proposer: bytes
    signature: bytes
    def __init__(self, since: _Optional[int] = ..., view: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[ViewChange, _Mapping]]] = ..., chosen: _Optional[_Iterable[_Union[PrePrepare, _Mapping]]] = ..., nulls: _Optional[_Iterable[int]] = ..., proposer: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Shown(_message.Message):
    __slots__ = ("statements",)
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    statements: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, statements: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Offer(_message.Message):
    __slots__ = ("height", "value")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    height: int
    value: bytes
    def __init__(self, height: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class WantValue(_message.Message):
    __slots__ = ("height", "value_id")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    height: int
    value_id: bytes
    def __init__(self, height: _Optional[int] = ..., value_id: _Optional[bytes] = ...) -> None: ...

class WantView(_message.Message):
    __slots__ = ("since", "view")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    since: int
    view: int
    def __init__(self, since: _Optional[int] = ..., view: _Optional[int] = ...) -> None: ...

class HeightBegun(_message.Message):
    __slots__ = ("height", "validators", "since", "every", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    validators: _containers.RepeatedCompositeFieldContainer[_consensus_pb2.Validator]
    since: int
    every: int
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., validators: _Optional[_Iterable[_Union[_consensus_pb2.Validator, _Mapping]]] = ..., since: _Optional[int] = ..., every: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("height", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class TimerStarted(_message.Message):
    __slots__ = ("view", "now_ns", "due_ns", "slow_ns")
    VIEW_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    SLOW_NS_FIELD_NUMBER: _ClassVar[int]
    view: int
    now_ns: int
    due_ns: int
    slow_ns: int
    def __init__(self, view: _Optional[int] = ..., now_ns: _Optional[int] = ..., due_ns: _Optional[int] = ..., slow_ns: _Optional[int] = ...) -> None: ...

class Proposed(_message.Message):
    __slots__ = ("height", "view", "value_id")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    height: int
    view: int
    value_id: bytes
    def __init__(self, height: _Optional[int] = ..., view: _Optional[int] = ..., value_id: _Optional[bytes] = ...) -> None: ...

class PrePrepareHeard(_message.Message):
    __slots__ = ("pre_prepare", "now_ns")
    PRE_PREPARE_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    pre_prepare: PrePrepare
    now_ns: int
    def __init__(self, pre_prepare: _Optional[_Union[PrePrepare, _Mapping]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class PrepareHeard(_message.Message):
    __slots__ = ("prepare",)
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    prepare: Prepare
    def __init__(self, prepare: _Optional[_Union[Prepare, _Mapping]] = ...) -> None: ...

class CommitHeard(_message.Message):
    __slots__ = ("commit",)
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    commit: Commit
    def __init__(self, commit: _Optional[_Union[Commit, _Mapping]] = ...) -> None: ...

class PrepareCast(_message.Message):
    __slots__ = ("height", "view", "value_id", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    view: int
    value_id: bytes
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., view: _Optional[int] = ..., value_id: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class CommitCast(_message.Message):
    __slots__ = ("height", "view", "value_id", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    view: int
    value_id: bytes
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., view: _Optional[int] = ..., value_id: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

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

class CheckpointTaken(_message.Message):
    __slots__ = ("height", "digest")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    height: int
    digest: bytes
    def __init__(self, height: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class CheckpointHeard(_message.Message):
    __slots__ = ("checkpoint",)
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    checkpoint: Checkpoint
    def __init__(self, checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...

class StableFound(_message.Message):
    __slots__ = ("height", "digest", "proof", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    digest: bytes
    proof: _containers.RepeatedCompositeFieldContainer[Checkpoint]
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., digest: _Optional[bytes] = ..., proof: _Optional[_Iterable[_Union[Checkpoint, _Mapping]]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class PrimarySlow(_message.Message):
    __slots__ = ("height", "view", "now_ns")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    height: int
    view: int
    now_ns: int
    def __init__(self, height: _Optional[int] = ..., view: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ViewLeft(_message.Message):
    __slots__ = ("change", "now_ns")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    change: ViewChange
    now_ns: int
    def __init__(self, change: _Optional[_Union[ViewChange, _Mapping]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ViewChangeHeard(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: ViewChange
    def __init__(self, change: _Optional[_Union[ViewChange, _Mapping]] = ...) -> None: ...

class NewViewMade(_message.Message):
    __slots__ = ("new_view",)
    NEW_VIEW_FIELD_NUMBER: _ClassVar[int]
    new_view: NewView
    def __init__(self, new_view: _Optional[_Union[NewView, _Mapping]] = ...) -> None: ...

class ViewEntered(_message.Message):
    __slots__ = ("new_view", "now_ns")
    NEW_VIEW_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    new_view: NewView
    now_ns: int
    def __init__(self, new_view: _Optional[_Union[NewView, _Mapping]] = ..., now_ns: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("sender", "height", "view", "now_ns")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    height: int
    view: int
    now_ns: int
    def __init__(self, sender: _Optional[bytes] = ..., height: _Optional[int] = ..., view: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class StatementKept(_message.Message):
    __slots__ = ("sender", "statement", "now_ns")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    statement: bytes
    now_ns: int
    def __init__(self, sender: _Optional[bytes] = ..., statement: _Optional[bytes] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ConflictShown(_message.Message):
    __slots__ = ("to", "pre_prepare", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    PRE_PREPARE_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    pre_prepare: PrePrepare
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., pre_prepare: _Optional[_Union[PrePrepare, _Mapping]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class HeightAnswered(_message.Message):
    __slots__ = ("to", "height", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    height: int
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ViewAnswered(_message.Message):
    __slots__ = ("to", "view", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    view: int
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., view: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

class StableAnswered(_message.Message):
    __slots__ = ("to", "height", "now_ns")
    TO_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    to: bytes
    height: int
    now_ns: int
    def __init__(self, to: _Optional[bytes] = ..., height: _Optional[int] = ..., now_ns: _Optional[int] = ...) -> None: ...

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
