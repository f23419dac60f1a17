from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

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

class Head(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
