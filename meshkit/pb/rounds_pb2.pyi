from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Update(_message.Message):
    __slots__ = ("submitter", "task", "round", "blob", "size", "samples", "accuracy_ppm", "loss_micro", "signature")
    SUBMITTER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_PPM_FIELD_NUMBER: _ClassVar[int]
    LOSS_MICRO_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    submitter: bytes
    task: bytes
    round: int
    blob: bytes
    size: int
    samples: int
    accuracy_ppm: int
    loss_micro: int
    signature: bytes
    def __init__(self, submitter: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., blob: _Optional[bytes] = ..., size: _Optional[int] = ..., samples: _Optional[int] = ..., accuracy_ppm: _Optional[int] = ..., loss_micro: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Held(_message.Message):
    __slots__ = ("holder", "task", "round", "updates", "signature")
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    holder: bytes
    task: bytes
    round: int
    updates: _containers.RepeatedCompositeFieldContainer[Update]
    signature: bytes
    def __init__(self, holder: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., updates: _Optional[_Iterable[_Union[Update, _Mapping]]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Attestation(_message.Message):
    __slots__ = ("member", "task", "round", "lists", "model", "signature")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    LISTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    task: bytes
    round: int
    lists: bytes
    model: bytes
    signature: bytes
    def __init__(self, member: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., lists: _Optional[bytes] = ..., model: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ("lists", "attestations")
    LISTS_FIELD_NUMBER: _ClassVar[int]
    ATTESTATIONS_FIELD_NUMBER: _ClassVar[int]
    lists: _containers.RepeatedCompositeFieldContainer[Held]
    attestations: _containers.RepeatedCompositeFieldContainer[Attestation]
    def __init__(self, lists: _Optional[_Iterable[_Union[Held, _Mapping]]] = ..., attestations: _Optional[_Iterable[_Union[Attestation, _Mapping]]] = ...) -> None: ...
