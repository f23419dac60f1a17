"""Converters between values and messages, built once a class from its annotations.

A value is read in one call: all plain fields at once by an `attrgetter`, then the others one by
one. It is written as nested dicts, from which protobuf builds a message in one call. Both ways the
form of every field is checked (`meshkit.codec.form`).

A field that may hold any kind is a `Body`, and a Body may hold another: `depth` says how many may
still be opened, so that no nesting can exhaust the stack or copy itself many times over.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from meshkit.codec.form import COUNT, Form, Malformed, form_of
from meshkit.codec.kept import Kept
from meshkit.codec.rooms import ROOM_OF, kind_name
from meshkit.codec.shape import Shape, shapes
from meshkit.codec.weight import UNWEIGHED_BYTES, weigh
from meshkit.core.value import Statement, Value
from meshkit.pb import body_pb2

Read: TypeAlias = Callable[[Any, int], Any]  # a message and the depth left, to a value
Write: TypeAlias = Callable[[Any], Any]  # a value, to what builds its message
Range: TypeAlias = tuple[int, int, int]  # of the plain field at this place: least and greatest
Length: TypeAlias = tuple[int, Form]  # likewise: those that are allowed

# A certificate's message > block > accusation > statement are four; the rest is room.
DEPTH_MAX = 8  # in what comes from others
DEPTH_JOURNAL_MAX = 16  # an event may wrap what came from others, and must be readable again
DATA_BYTES_MAX = 64 * 2**20  # an envelope, and events that hold its block several times over


class Converter(NamedTuple):
    message: Any
    read: Read
    write: Write


_converters: dict[type[Value], Converter] = {}
_kept = Kept()


def converter(kind: type[Value]) -> Converter:
    """The converter of a class in the table; raises TypeError for any other class."""
    found = _converters.get(kind)
    if found is None:
        if kind not in ROOM_OF:
            raise TypeError(f"{kind.__name__} has no message: add its room to meshkit.codec.rooms")
        # Imported late: a room needs no schema yet for `draft` to write it one.
        from meshkit.codec.schemas import SCHEMAS

        found = build(kind, getattr(SCHEMAS[ROOM_OF[kind]], kind.__name__))
        if issubclass(kind, Statement) or any(shape.many for shape in shapes(kind)):
            found = found._replace(read=_remembering(kind, found.read))
        _converters[kind] = found
    return found


def prepare() -> None:
    """Build every converter now, which takes 10 ms, and not each when it is first needed."""
    for kind in ROOM_OF:
        _reads[_names[kind]] = converter(kind).read


def _remembering(kind: type[Value], read: Read) -> Read:
    """The same reading, for values that come again and again and are not read at a glance."""
    shelf, is_flat = _kept.shelf(), not _deep(kind)

    def read_kept(source: Any, depth: int) -> Any:
        data = source.SerializeToString()
        found = shelf.get(data)
        if found is not None and found[0] <= depth:
            return found[1]
        value = read(source, depth)
        _kept.put(shelf, data, 0 if is_flat else nested(value), value)
        return value

    return read_kept


def nested(value: Any) -> int:
    """How many bodies stand in each other in `value`: the depth that it takes to read it."""
    deepest = 0
    for name, many, is_body in _deep(cast("type[Value]", type(value))):
        inner = getattr(value, name)
        for item in inner if many else (inner,):
            if item is not None:
                deepest = max(deepest, is_body + nested(item))
    return deepest


@cache
def _deep(kind: type[Value]) -> tuple[tuple[str, bool, bool], ...]:
    """The fields that are bodies or may hold some: name, whether many, whether a body itself."""
    return tuple(
        (shape.name, shape.many, bool(shape.allowed))
        for shape in shapes(kind)
        if shape.allowed or (shape.message is not None and _deep(shape.message))
    )


def build(kind: type[Value], message: Any) -> Converter:
    """A converter between `kind` and the protobuf class `message`, field by field by name."""
    plain = [shape for shape in shapes(kind) if _is_plain(shape)]
    names = tuple(shape.name for shape in plain)
    integers, lengths = _tests(kind, plain)
    fields = message.DESCRIPTOR.fields_by_name
    special = tuple(
        (place, shape.name, *_special(kind, shape, fields[shape.name]))
        for place, shape in enumerate(shapes(kind))
        if not _is_plain(shape)
    )
    reads = tuple((place, read) for place, _, read, _ in special)
    writes = tuple((name, write) for _, name, _, write in special)
    get = _getter(names)

    # The two loops stand in both functions, since a call for them would cost as much again.
    def read(source: Any, depth: int) -> Value:
        found = list(get(source))
        for place, low, high in integers:
            if not low <= found[place] <= high:
                raise Malformed(f"{kind.__name__}.{names[place]} is out of range: {found[place]}")
        for place, form in lengths:
            if len(found[place]) not in form:
                raise Malformed(f"{kind.__name__}.{names[place]} has length {len(found[place])}")
        for place, special_read in reads:
            found.insert(place, special_read(source, depth))
        return kind(*found)

    def write(value: Any) -> dict[str, Any]:
        found = get(value)
        for place, low, high in integers:
            if not low <= found[place] <= high:
                raise Malformed(f"{kind.__name__}.{names[place]} is out of range: {found[place]}")
        for place, form in lengths:
            if len(found[place]) not in form:
                raise Malformed(f"{kind.__name__}.{names[place]} has length {len(found[place])}")
        into = dict(zip(names, found, strict=True))
        for name, special_write in writes:
            into[name] = special_write(getattr(value, name))
        return into

    def read_special(source: Any, depth: int) -> Value:
        return kind(*[special_read(source, depth) for _, special_read in reads])

    return Converter(message, read if plain else read_special, write)


def _is_plain(shape: Shape) -> bool:
    return shape.scalar is not None and not shape.many and not shape.optional


def _tests(kind: type[Value], plain: list[Shape]) -> tuple[tuple[Range, ...], tuple[Length, ...]]:
    """What to check of the plain fields: integers for their value, the others for their length."""
    integers: list[Range] = []
    lengths: list[Length] = []
    for place, shape in enumerate(plain):
        assert shape.scalar is not None
        form = form_of(kind.__name__, shape.name, shape.scalar)
        if isinstance(form, range) and shape.scalar is int:
            integers.append((place, form[0], form[-1]))  # twice as fast as `in`
        elif form is not None:
            lengths.append((place, form))
    return tuple(integers), tuple(lengths)


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    match names:
        case ():
            return lambda _: ()
        case (name,):
            return lambda source: (getattr(source, name),)
        case _:
            return attrgetter(*names)


# -- fields that are more than one scalar ----------------------------------------------------------


def _special(kind: type[Value], shape: Shape, field: FieldDescriptor) -> tuple[Read, Write]:
    where = f"{kind.__name__}.{shape.name}"
    read, write = _item(kind, shape, field)
    if shape.many:
        return _many(where, shape.name, read, write)
    if shape.optional:
        return _optional(shape.name, read, write)
    if shape.allowed:  # left out, it reads as a Body of no kind, and is refused as such
        return lambda source, depth: read(getattr(source, shape.name), depth), write
    return _required(where, shape.name, read), write


def _many(where: str, name: str, read: Read, write: Write) -> tuple[Read, Write]:
    def read_many(source: Any, depth: int) -> tuple[Any, ...]:
        items = getattr(source, name)
        if len(items) not in COUNT:
            raise Malformed(f"{where} has {len(items)} items")
        return tuple([read(item, depth) for item in items])

    def write_many(items: Any) -> list[Any]:
        if len(items) not in COUNT:
            raise Malformed(f"{where} has {len(items)} items")
        return [write(item) for item in items]

    return read_many, write_many


def _optional(name: str, read: Read, write: Write) -> tuple[Read, Write]:
    def read_optional(source: Any, depth: int) -> Any:
        return read(getattr(source, name), depth) if source.HasField(name) else None

    return read_optional, lambda item: None if item is None else write(item)


def _required(where: str, name: str, read: Read) -> Read:
    def read_required(source: Any, depth: int) -> Any:
        if not source.HasField(name):
            raise Malformed(f"{where} is missing")
        return read(getattr(source, name), depth)

    return read_required


def _item(kind: type[Value], shape: Shape, field: FieldDescriptor) -> tuple[Read, Write]:
    where = f"{kind.__name__}.{shape.name}"
    if shape.allowed:
        return _any_kind(where, shape.allowed, field.type == FieldDescriptor.TYPE_MESSAGE)
    if shape.message is not None:
        inner = converter(shape.message)
        return inner.read, inner.write
    assert shape.scalar is not None
    return _scalar(where, shape.scalar, form_of(kind.__name__, shape.name, shape.scalar))


def _scalar(where: str, scalar: type, form: Form | None) -> tuple[Read, Write]:
    def checked(item: Any, _: int = 0) -> Any:
        if form is not None and (item if scalar is int else len(item)) not in form:
            raise Malformed(f"{where} is out of range")
        return item

    return checked, checked


# -- bodies ----------------------------------------------------------------------------------------

_names: dict[type[Value], str] = {kind: kind_name(kind) for kind in ROOM_OF}
_kinds: dict[str, type[Value]] = {name: kind for kind, name in _names.items()}
_reads: dict[str, Read] = {}  # by the name of the kind, as they are first needed


def read_body(body: Any, depth: int) -> Value:
    """The value in a parsed Body."""
    name = body.WhichOneof("kind")
    if depth <= 0:
        raise Malformed("bodies are nested too deep")
    read = _reads.get(name)
    if read is None:
        if name is None:
            raise Malformed("a body of no known kind")
        read = _reads[name] = converter(_kinds[name]).read
    return cast(Value, read(getattr(body, name), depth - 1))


def write_body(value: Any) -> dict[str, Any]:
    """What builds the Body of `value`."""
    kind = cast(type[Value], type(value))
    write = converter(kind).write
    return {_names[kind]: write(value)}


def parse(message: Any, data: bytes) -> Any:
    """The protobuf message of class `message` in `data`; raises `Malformed`."""
    if len(data) > DATA_BYTES_MAX:
        raise Malformed(f"{len(data)} bytes are too many")
    if len(data) > UNWEIGHED_BYTES:
        weigh(data, message)
    try:
        return message.FromString(data)
    except DecodeError as error:
        raise Malformed(f"not a {message.DESCRIPTOR.name}: {error}") from None


def serialize(message: Any, fields: dict[str, Any]) -> bytes:
    """The bytes of the protobuf message `fields` build; raises `Malformed` at text that is none."""
    try:
        return cast(bytes, message(**fields).SerializeToString())
    except UnicodeEncodeError as error:
        raise Malformed(f"not a {message.DESCRIPTOR.name}: {error}") from None


def _any_kind(where: str, allowed: tuple[type, ...], embedded: bool) -> tuple[Read, Write]:
    def checked(value: Any) -> Any:
        if not isinstance(value, allowed):
            raise Malformed(f"{where} holds a {type(value).__name__}")
        return value

    if embedded:
        assert allowed == (Value,), f"{where} would need its kind checked"
        return read_body, write_body

    shelf = _kept.shelf()

    def read(source: Any, depth: int) -> Any:
        found = shelf.get(source)
        if found is not None and found[0] <= depth:
            return found[1]
        value = checked(read_body(parse(body_pb2.Body, source), depth))
        _kept.put(shelf, source, 1 + nested(value), value)
        return value

    def write(value: Any) -> Any:
        return serialize(body_pb2.Body, write_body(checked(value)))

    return read, write
