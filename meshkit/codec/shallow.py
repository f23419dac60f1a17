"""Messages whose inner messages are left as bytes, so that only what is new is taken apart.

On the wire an inner message and a bytes field are the same thing, so each schema has a second
reading: the same fields under the same numbers, and bytes wherever a message stands. Parsed that
way, whether an inner message was met before is one look-up of its bytes (`kept`), and what was
never met is parsed once, by its own class.

What is given up: protobuf merges a message that is given twice, and this reading takes the last
one, as for every other field. Nobody writes such bytes, and whoever reads them reads the same.
"""

from functools import cache
from types import ModuleType
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_pool = DescriptorPool()  # of its own: the other one knows these names already


def shallow(module: ModuleType, name: str) -> Any:
    """The class that reads message `name` of a generated module and leaves what is inside."""
    return GetMessageClass(_file(module).message_types_by_name[name])


@cache
def _file(module: ModuleType) -> Any:
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    del file.dependency[:]  # what others define is bytes here
    for message in file.message_type:
        for field in message.field:
            _leave(message, field)
    return _pool.AddSerializedFile(file.SerializeToString())


def _leave(message: DescriptorProto, field: FieldDescriptorProto) -> None:
    """Make bytes of an inner message; whether it is there can still be asked."""
    if field.type != FieldDescriptorProto.TYPE_MESSAGE:
        return
    field.type = FieldDescriptorProto.TYPE_BYTES
    field.ClearField("type_name")
    many = field.label == FieldDescriptorProto.LABEL_REPEATED
    if not many and not field.HasField("oneof_index"):
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{field.name}")
