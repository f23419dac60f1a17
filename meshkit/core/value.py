"""A value never changes. Commands, events, effects and states are all values.

Every value has one canonical form, and so one digest, the same in every process: fields in the
order they are declared behind a tag that names the class, map entries sorted by key. This form is
what gets signed, compared and snapshotted; the wire and the journal speak protobuf instead
(`meshkit.codec`), because a contract with others must survive the renaming of a field.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import (
    Any,
    ClassVar,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from blake3 import blake3
from immutables import Map

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True, gc=False, tag=True, array_like=True):
    """Subclass, list the fields, and both type checkers and the interpreter hold it frozen."""


class Statement(Value):
    """A value that carries its signer's own signature, whoever delivers it.

    A subclass names its domain (no signature is ever valid for two kinds of statement), the field
    that holds the signer's public key, and the fields that the signature does not cover. By
    convention its last field is `signature: bytes = b""`, empty until the shell has signed it.
    """

    DOMAIN: ClassVar[str]
    SIGNER: ClassVar[str]
    UNSIGNED: ClassVar[tuple[str, ...]] = ("signature",)


def by_key(item: tuple[Any, Any]) -> Any:
    """A map's entries are always sorted: their own order differs from process to process."""
    return item[0]


def _thaw(value: Any) -> Any:
    if isinstance(value, Map):
        return sorted(cast(Any, value).items(), key=by_key)
    raise TypeError(f"{type(value).__name__} has no canonical form")


_encoder = msgspec.msgpack.Encoder(enc_hook=_thaw, order="deterministic")


def canonical(value: object) -> bytes:
    """The one form of `value`, as bytes: the same on every machine and under every hash seed."""
    return _encoder.encode(value)


def from_canonical(kind: type[T], data: bytes) -> T:
    """The value of type `kind` whose canonical form is `data`; raises ValueError or TypeError."""
    # scan: unbounded-decode: snapshots are our own; whoever reads others' bytes bounds them
    return cast(T, revive(kind, msgspec.msgpack.decode(data)))


def revive(kind: Any, raw: Any) -> Any:
    """The value of type `kind` that the decoded canonical form `raw` stands for."""
    return _reviver(kind)(raw)


@cache
def _reviver(kind: Any) -> Callable[[Any], Any]:
    """What `revive` does for one type: looking a type over costs more than most values do."""
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Value):
        return lambda raw: _revive_value(kind, raw)
    if origin is Map:
        key_of, item_of = _reviver(args[0]), _reviver(args[1])
        return lambda raw: Map([(key_of(key), item_of(item)) for key, item in raw])
    if origin is tuple:
        return _tuple_reviver(args)
    if origin in (Union, UnionType):
        return _union_reviver(args)

    def plain(raw: Any) -> Any:
        if not isinstance(raw, kind):
            raise TypeError(f"expected {kind}, found {type(raw).__name__}")
        return raw

    return plain


def _tuple_reviver(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    parts = [_reviver(arg) for arg in args if arg is not Ellipsis]
    if len(args) == 2 and args[1] is Ellipsis:
        each = parts[0]
        return lambda raw: tuple([each(item) for item in raw])
    return lambda raw: tuple([part(item) for part, item in zip(parts, raw, strict=True)])


def _union_reviver(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    rest = [arg for arg in args if arg is not NoneType]
    named = {arg.__name__: arg for arg in rest if issubclass(arg, Value)}
    may_be_none = NoneType in args

    def either(raw: Any) -> Any:
        if may_be_none and raw is None:
            return None
        return revive(named.get(raw[0], rest[0]) if named else rest[0], raw)

    return either


def _revive_value(kind: type[Value], raw: Any) -> Value:
    # A field declared as a bare Value or Statement holds any subclass: the tag says which.
    tag, *fields = raw
    actual = kind if tag == kind.__name__ else _subclass(kind, tag)
    parts = _field_revivers(actual)
    return actual(*[part(field) for part, field in zip(parts, fields, strict=True)])


@cache
def _field_revivers(kind: type[Value]) -> tuple[Callable[[Any], Any], ...]:
    return tuple(_reviver(hint) for hint in _hints(kind))


@cache
def _hints(kind: type[Value]) -> tuple[Any, ...]:
    hints = get_type_hints(kind)
    return tuple(hints[name] for name in kind.__struct_fields__)


def _subclass(kind: type[Value], tag: str) -> type[Value]:
    pending = [kind]
    while pending:
        for child in pending.pop().__subclasses__():
            if child.__name__ == tag:
                return child
            pending.append(child)
    raise ValueError(f"no {kind.__name__} is called {tag!r}")


def digest(value: object) -> bytes:
    """The 32-byte BLAKE3 of a value's canonical form."""
    return blake3(_encoder.encode(value)).digest()


def signing_digest(statement: Statement, mesh: bytes) -> bytes:
    """The 32 bytes that the signer of `statement` signs in the mesh `mesh`."""
    covered = _covered(statement.__class__)(statement)
    return blake3(_encoder.encode([statement.DOMAIN, mesh, covered])).digest()


@cache
def _covered(kind: type[Statement]) -> Callable[[Statement], Sequence[object]]:
    """How to read what a signature covers of a statement, field by field."""
    names = [name for name in kind.__struct_fields__ if name not in kind.UNSIGNED]
    read: Callable[[Statement], Any] = attrgetter(*names)
    return read if len(names) > 1 else lambda statement: (read(statement),)


def statements(value: Value) -> list[Statement]:
    """Every statement inside `value`, itself included, in a fixed order: what must be verified."""
    found: list[Statement] = []
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Value):
            if isinstance(item, Statement):
                found.append(item)
            pending += [getattr(item, name) for name in holders(item.__class__)]
        elif isinstance(item, tuple):
            pending += cast(Any, item)
    return found


@cache
def holders(kind: type[Value]) -> tuple[str, ...]:
    """The fields of `kind` that may hold other values: to look into the others would be in vain."""
    hints = zip(kind.__struct_fields__, _hints(kind), strict=True)
    return tuple([name for name, hint in hints if not _is_scalar(hint)])


def _is_scalar(hint: Any) -> bool:
    if get_origin(hint) in (tuple, Union, UnionType):
        return all(inner is Ellipsis or _is_scalar(inner) for inner in get_args(hint))
    return hint in (int, bytes, str, bool, NoneType)
