from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Validator(_message.Message):
    __slots__ = ("id", "weight")
    ID_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    weight: int
    def __init__(self, id: _Optional[bytes] = ..., weight: _Optional[int] = ...) -> None: ...

class Certificate(_message.Message):
    __slots__ = ("height", "round", "value_id", "votes")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    value_id: bytes
    votes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., value_id: _Optional[bytes] = ..., votes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Begin(_message.Message):
    __slots__ = ("height", "validators", "builder")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    BUILDER_FIELD_NUMBER: _ClassVar[int]
    height: int
    validators: _containers.RepeatedCompositeFieldContainer[Validator]
    builder: bytes
    def __init__(self, height: _Optional[int] = ..., validators: _Optional[_Iterable[_Union[Validator, _Mapping]]] = ..., builder: _Optional[bytes] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Propose(_message.Message):
    __slots__ = ("height", "round", "value")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    value: bytes
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class Judge(_message.Message):
    __slots__ = ("height", "value_id", "valid")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    height: int
    value_id: bytes
    valid: bool
    def __init__(self, height: _Optional[int] = ..., value_id: _Optional[bytes] = ..., valid: _Optional[bool] = ...) -> None: ...

class ProposalWanted(_message.Message):
    __slots__ = ("height", "round")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ...) -> None: ...

class ProposalTaken(_message.Message):
    __slots__ = ("height", "round", "value_id", "proposer", "value")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    height: int
    round: int
    value_id: bytes
    proposer: bytes
    value: bytes
    def __init__(self, height: _Optional[int] = ..., round: _Optional[int] = ..., value_id: _Optional[bytes] = ..., proposer: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class Decided(_message.Message):
    __slots__ = ("certificate", "value")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    certificate: Certificate
    value: bytes
    def __init__(self, certificate: _Optional[_Union[Certificate, _Mapping]] = ..., value: _Optional[bytes] = ...) -> None: ...

class EquivocationSeen(_message.Message):
    __slots__ = ("culprit", "first", "second")
    CULPRIT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    culprit: bytes
    first: bytes
    second: bytes
    def __init__(self, culprit: _Optional[bytes] = ..., first: _Optional[bytes] = ..., second: _Optional[bytes] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class Committed(_message.Message):
    __slots__ = ("certificate", "value")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    certificate: Certificate
    value: bytes
    def __init__(self, certificate: _Optional[_Union[Certificate, _Mapping]] = ..., value: _Optional[bytes] = ...) -> None: ...
