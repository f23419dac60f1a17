from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Limits(_message.Message):
    __slots__ = ("signer_items_max", "signer_bytes_max", "items_max", "bytes_max")
    SIGNER_ITEMS_MAX_FIELD_NUMBER: _ClassVar[int]
    SIGNER_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    ITEMS_MAX_FIELD_NUMBER: _ClassVar[int]
    BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    signer_items_max: int
    signer_bytes_max: int
    items_max: int
    bytes_max: int
    def __init__(self, signer_items_max: _Optional[int] = ..., signer_bytes_max: _Optional[int] = ..., items_max: _Optional[int] = ..., bytes_max: _Optional[int] = ...) -> None: ...

class Offered(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: bytes
    def __init__(self, item: _Optional[bytes] = ...) -> None: ...

class Configure(_message.Message):
    __slots__ = ("limits",)
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: Limits
    def __init__(self, limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...

class Offer(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: bytes
    def __init__(self, item: _Optional[bytes] = ...) -> None: ...

class OfferAll(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, items: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Settle(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, items: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Advance(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class WantAnchor(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class LinkDrawn(_message.Message):
    __slots__ = ("position", "link")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    position: int
    link: bytes
    def __init__(self, position: _Optional[int] = ..., link: _Optional[bytes] = ...) -> None: ...

class Configured(_message.Message):
    __slots__ = ("limits",)
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: Limits
    def __init__(self, limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...

class ItemDrafted(_message.Message):
    __slots__ = ("item", "id", "size_bytes", "due_ns")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    item: bytes
    id: bytes
    size_bytes: int
    due_ns: int
    def __init__(self, item: _Optional[bytes] = ..., id: _Optional[bytes] = ..., size_bytes: _Optional[int] = ..., due_ns: _Optional[int] = ...) -> None: ...

class ItemPooled(_message.Message):
    __slots__ = ("item", "id", "own", "size_bytes", "due_ns", "announce")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCE_FIELD_NUMBER: _ClassVar[int]
    item: bytes
    id: bytes
    own: bool
    size_bytes: int
    due_ns: int
    announce: bool
    def __init__(self, item: _Optional[bytes] = ..., id: _Optional[bytes] = ..., own: _Optional[bool] = ..., size_bytes: _Optional[int] = ..., due_ns: _Optional[int] = ..., announce: _Optional[bool] = ...) -> None: ...

class OfferRefused(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    reason: str
    def __init__(self, id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class ItemsOffered(_message.Message):
    __slots__ = ("ids", "now_ns")
    IDS_FIELD_NUMBER: _ClassVar[int]
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[bytes]
    now_ns: int
    def __init__(self, ids: _Optional[_Iterable[bytes]] = ..., now_ns: _Optional[int] = ...) -> None: ...

class ItemsSettled(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class LinkReady(_message.Message):
    __slots__ = ("position", "link")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    position: int
    link: bytes
    def __init__(self, position: _Optional[int] = ..., link: _Optional[bytes] = ...) -> None: ...

class LinkSpent(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class AnchorWanted(_message.Message):
    __slots__ = ("position",)
    POSITION_FIELD_NUMBER: _ClassVar[int]
    position: int
    def __init__(self, position: _Optional[int] = ...) -> None: ...

class AnchorReady(_message.Message):
    __slots__ = ("position", "anchor")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    position: int
    anchor: bytes
    def __init__(self, position: _Optional[int] = ..., anchor: _Optional[bytes] = ...) -> None: ...

class Resumed(_message.Message):
    __slots__ = ("now_ns",)
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    now_ns: int
    def __init__(self, now_ns: _Optional[int] = ...) -> None: ...
