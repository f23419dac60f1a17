"""What a field's annotation means for its message: the one reading that all of the codec shares.

int, bool, bytes, str      a scalar
a class of a room          its message
Value, Statement, Any,     any kind: a `Body`; in the rooms' schemas its bytes, since they may
a union of classes         not import the schema that imports them all
tuple[X, ...]              repeated X
X | None                   optional X
"""

from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from meshkit.codec.rooms import BASES, ROOM_OF
from meshkit.core.value import Value

SCALARS = (int, bool, bytes, str)


class Shape(NamedTuple):
    """A field: what one item of it is, and how many there may be."""

    name: str
    scalar: type | None = None
    message: type[Value] | None = None
    allowed: tuple[type, ...] = ()  # of an item that is any of several kinds
    many: bool = False
    optional: bool = False


def shapes(kind: type[Value]) -> tuple[Shape, ...]:
    """The shapes of the fields of `kind`, in order; raises TypeError at one that cannot travel."""
    hints = get_type_hints(kind)
    return tuple(_shape(kind, name, hints[name]) for name in kind.__struct_fields__)


def _shape(kind: type[Value], name: str, hint: Any) -> Shape:
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return _item(kind, name, args[0])._replace(many=True)
    if origin in (Union, UnionType):
        rest = tuple(arg for arg in args if arg is not NoneType)
        item = _item(kind, name, rest[0]) if len(rest) == 1 else Shape(name, allowed=rest)
        return item._replace(optional=NoneType in args)
    return _item(kind, name, hint)


def _item(kind: type[Value], name: str, hint: Any) -> Shape:
    if hint in SCALARS:
        return Shape(name, scalar=hint)
    if hint is Any:
        return Shape(name, allowed=(Value,))
    if hint in BASES:
        return Shape(name, allowed=(hint,))
    if get_origin(hint) in (Union, UnionType):
        return Shape(name, allowed=get_args(hint))
    if hint in ROOM_OF:
        return Shape(name, message=hint)
    raise TypeError(f"{kind.__name__}.{name}: {hint} has no message")
