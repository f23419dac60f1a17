from meshkit.pb import body_pb2 as _body_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNKNOWN: _ClassVar[Kind]
    VOLATILE: _ClassVar[Kind]
    JOURNALED: _ClassVar[Kind]
    AHEAD: _ClassVar[Kind]
UNKNOWN: Kind
VOLATILE: Kind
JOURNALED: Kind
AHEAD: Kind

class Entry(_message.Message):
    __slots__ = ("index", "moment", "envelope", "command", "events")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MOMENT_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    index: int
    moment: _body_pb2.Moment
    envelope: bytes
    command: _body_pb2.At
    events: _containers.RepeatedCompositeFieldContainer[_body_pb2.At]
    def __init__(self, index: _Optional[int] = ..., moment: _Optional[_Union[_body_pb2.Moment, _Mapping]] = ..., envelope: _Optional[bytes] = ..., command: _Optional[_Union[_body_pb2.At, _Mapping]] = ..., events: _Optional[_Iterable[_Union[_body_pb2.At, _Mapping]]] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("mesh", "sender", "kind", "entry", "effect", "head_index", "head_hash", "sequence", "body")
    MESH_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    HEAD_INDEX_FIELD_NUMBER: _ClassVar[int]
    HEAD_HASH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    mesh: bytes
    sender: bytes
    kind: Kind
    entry: int
    effect: int
    head_index: int
    head_hash: bytes
    sequence: int
    body: _body_pb2.Body
    def __init__(self, mesh: _Optional[bytes] = ..., sender: _Optional[bytes] = ..., kind: _Optional[_Union[Kind, str]] = ..., entry: _Optional[int] = ..., effect: _Optional[int] = ..., head_index: _Optional[int] = ..., head_hash: _Optional[bytes] = ..., sequence: _Optional[int] = ..., body: _Optional[_Union[_body_pb2.Body, _Mapping]] = ...) -> None: ...
