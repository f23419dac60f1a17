from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Start(_message.Message):
    __slots__ = ("release", "rules")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    release: str
    rules: int
    def __init__(self, release: _Optional[str] = ..., rules: _Optional[int] = ...) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("index", "state")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    index: int
    state: bytes
    def __init__(self, index: _Optional[int] = ..., state: _Optional[bytes] = ...) -> None: ...

class ShowHead(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Count(_message.Message):
    __slots__ = ("reason", "number")
    REASON_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    reason: str
    number: int
    def __init__(self, reason: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class Tally(_message.Message):
    __slots__ = ("of", "counts")
    OF_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    of: bytes
    counts: _containers.RepeatedCompositeFieldContainer[Count]
    def __init__(self, of: _Optional[bytes] = ..., counts: _Optional[_Iterable[_Union[Count, _Mapping]]] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("release", "rules")
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    release: str
    rules: int
    def __init__(self, release: _Optional[str] = ..., rules: _Optional[int] = ...) -> None: ...

class Snapshotted(_message.Message):
    __slots__ = ("index", "state")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    index: int
    state: bytes
    def __init__(self, index: _Optional[int] = ..., state: _Optional[bytes] = ...) -> None: ...

class HeadShown(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HeadNoted(_message.Message):
    __slots__ = ("of", "paid_ns")
    OF_FIELD_NUMBER: _ClassVar[int]
    PAID_NS_FIELD_NUMBER: _ClassVar[int]
    of: bytes
    paid_ns: int
    def __init__(self, of: _Optional[bytes] = ..., paid_ns: _Optional[int] = ...) -> None: ...

class Tallied(_message.Message):
    __slots__ = ("of", "counts")
    OF_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    of: bytes
    counts: _containers.RepeatedCompositeFieldContainer[Count]
    def __init__(self, of: _Optional[bytes] = ..., counts: _Optional[_Iterable[_Union[Count, _Mapping]]] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
