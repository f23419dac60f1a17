"""Converters between values and messages, built once a class from its annotations.

A value is read from its own bytes: all fields at once by an `attrgetter`, then those that are more
than a scalar one by one, the bytes of inner messages (`shallow`) by the converters of their own. It
is written the same way, inner messages first. Both ways the form of every field is checked
(`meshkit.codec.form`), and what comes again and again is converted once (`kept`).

A field that may hold any kind is a `Body`, and a Body may hold another: `depth` says how many may
still be opened, so that no nesting can exhaust the stack or copy itself many times over.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from meshkit.codec.form import COUNT, Form, Malformed, form_of
from meshkit.codec.kept import Kept, Written
from meshkit.codec.rooms import ROOM_OF, kind_name
from meshkit.codec.shallow import shallow
from meshkit.codec.shape import Shape, shapes
from meshkit.codec.weight import UNWEIGHED_BYTES, weigh
from meshkit.core.value import Statement, Value
from meshkit.pb import body_pb2

# Reading raises `Malformed`, and protobuf's `DecodeError` from anywhere inside: see `strictly`.
Read: TypeAlias = Callable[[bytes, int], Any]  # a message's bytes and the depth left, to a value
Field: TypeAlias = Callable[[Any, Any, int], Any]  # what a field holds, its message, the depth left
Write: TypeAlias = Callable[[Any], Any]  # a value to its message's bytes, an item to what stands
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
_written = Written()


def converter(kind: type[Value]) -> Converter:
    """The converter of a class in the table; raises TypeError for any other class."""
    found = _converters.get(kind)
    if found is None:
        if kind not in ROOM_OF:
            raise TypeError(f"{kind.__name__} has no message: add its room to meshkit.codec.rooms")
        # Imported late: a room needs no schema yet for `draft` to write it one.
        from meshkit.codec.schemas import SCHEMAS

        found = build(kind, SCHEMAS[ROOM_OF[kind]])
        if _comes_again(kind):
            read, write = _remembering(found.read), _remembering_writer(found.write)
            found = found._replace(read=read, write=write)
        _converters[kind] = found
    return found


def prepare() -> None:
    """Build every converter now, which takes 10 ms, and not each when it is first needed."""
    for kind in ROOM_OF:
        _heads[_head(_names[kind])] = converter(kind).read


def _comes_again(kind: type[Value]) -> bool:
    """Whether values of this class are met again and again: what is signed, blocks of it, members
    and voters and whatever else stands in fields of others."""
    crowd = any(shape.many and shape.allowed for shape in shapes(kind))
    return issubclass(kind, Statement) or crowd or kind in _inner_kinds()


@cache
def _inner_kinds() -> frozenset[type[Value]]:
    found = {shape.message for kind in ROOM_OF for shape in shapes(kind) if shape.message}
    return frozenset(found)


def _remembering(read: Read) -> Read:
    """The same reading, for values that come again: what was read at some depth, any greater
    depth allows too."""
    shelf = _kept.shelf()

    def read_kept(data: bytes, depth: int) -> Any:
        found = shelf.get(data)
        if found is not None and found[0] <= depth:
            return found[1]
        value = read(data, depth)
        _kept.put(shelf, data, depth, value)
        return value

    return read_kept


def _remembering_writer(write: Write) -> Write:
    """The same writing, for values that are written again and again."""

    def write_kept(value: Any) -> bytes:
        data = _written.get(value)
        if data is None:
            data = write(value)
            _written.put(value, data)
        return data

    return write_kept


def build(kind: type[Value], module: ModuleType) -> Converter:
    """A converter between `kind` and the message of its name in `module`, field by field."""
    message = getattr(module, kind.__name__)
    return Converter(message, _reader(kind, module), _writer(kind, module))


def _reader(kind: type[Value], module: ModuleType) -> Read:
    names = tuple(shape.name for shape in shapes(kind))
    plain = tuple((place, shape) for place, shape in enumerate(shapes(kind)) if _is_plain(shape))
    integers, lengths = _tests(kind, plain)
    fields = getattr(module, kind.__name__).DESCRIPTOR.fields_by_name
    specials = tuple(
        (place, _field(kind, shape, _is_embedded(fields[shape.name])))
        for place, shape in enumerate(shapes(kind))
        if not _is_plain(shape)
    )
    get, parsed = _getter(names), shallow(module, kind.__name__).FromString
    if len(names) == 1 and specials:
        return _reader_of_one(kind, names[0], parsed, specials[0][1])

    def read(data: bytes, depth: int) -> Value:
        source = parsed(data)
        found = get(source)
        for place, low, high in integers:
            if not low <= found[place] <= high:
                raise Malformed(f"{kind.__name__}.{names[place]} is out of range: {found[place]}")
        for place, form in lengths:
            if len(found[place]) not in form:
                raise Malformed(f"{kind.__name__}.{names[place]} has length {len(found[place])}")
        if specials:
            found = list(found)
            for place, field in specials:
                found[place] = field(found[place], source, depth)
        return kind(*found)

    return read


def _reader_of_one(
    kind: type[Value], name: str, parsed: Callable[[bytes], Any], field: Field
) -> Read:
    """The same for a class that is nothing but a frame around another."""
    frame = cast("Callable[[Any], Value]", kind)

    def read(data: bytes, depth: int) -> Value:
        source = parsed(data)
        return frame(field(getattr(source, name), source, depth))

    return read


def _writer(kind: type[Value], module: ModuleType) -> Write:
    plain = [shape for shape in shapes(kind) if _is_plain(shape)]
    names = tuple(shape.name for shape in plain)
    integers, lengths = _tests(kind, tuple(enumerate(plain)))
    fields = getattr(module, kind.__name__).DESCRIPTOR.fields_by_name
    writes = tuple(
        (shape.name, _write_field(kind, shape, _is_embedded(fields[shape.name])))
        for shape in shapes(kind)
        if not _is_plain(shape)
    )
    get, message = _getter(names), shallow(module, kind.__name__)

    # The two loops stand in both functions, since a call for them would cost as much again.
    def write(value: Any) -> bytes:
        found = get(value)
        for place, low, high in integers:
            if not low <= found[place] <= high:
                raise Malformed(f"{kind.__name__}.{names[place]} is out of range: {found[place]}")
        for place, form in lengths:
            if len(found[place]) not in form:
                raise Malformed(f"{kind.__name__}.{names[place]} has length {len(found[place])}")
        into = dict(zip(names, found, strict=False))  # a check costs half as much again
        for name, special_write in writes:
            into[name] = special_write(getattr(value, name))
        return serialize(message, into)

    return write


def _is_plain(shape: Shape) -> bool:
    return shape.scalar is not None and not shape.many and not shape.optional


def _is_embedded(field: Any) -> bool:
    """Whether a body stands in this field as a message, and not as bytes."""
    return bool(field.type == FieldDescriptor.TYPE_MESSAGE)


def _tests(
    kind: type[Value], plain: tuple[tuple[int, Shape], ...]
) -> tuple[tuple[Range, ...], tuple[Length, ...]]:
    """What to check of the plain fields: integers for their value, the others for their length."""
    integers: list[Range] = []
    lengths: list[Length] = []
    for place, shape in plain:
        assert shape.scalar is not None
        form = form_of(kind.__name__, shape.name, shape.scalar)
        if isinstance(form, range) and shape.scalar is int:
            integers.append((place, form[0], form[-1]))  # twice as fast as `in`
        elif form is not None:
            lengths.append((place, form))
    return tuple(integers), tuple(lengths)


def _getter(names: tuple[str, ...]) -> Callable[[Any], Any]:
    match names:
        case ():
            return lambda _: ()
        case (name,):
            return lambda source: (getattr(source, name),)
        case _:
            return attrgetter(*names)


# -- fields that are more than one scalar ----------------------------------------------------------


def _field(kind: type[Value], shape: Shape, embedded: bool) -> Field:
    """How to read a field that is more than one scalar."""
    name, read = shape.name, _item(kind, shape, embedded)
    where = f"{kind.__name__}.{name}"

    def read_many(items: Any, _: Any, depth: int) -> tuple[Any, ...]:
        if len(items) not in COUNT:
            raise Malformed(f"{where} has {len(items)} items")
        return tuple([read(item, depth) for item in items])

    def read_optional(item: Any, source: Any, depth: int) -> Any:
        return read(item, depth) if source.HasField(name) else None

    def read_body_field(item: Any, _: Any, depth: int) -> Any:
        return read(item, depth)  # left out, it is a Body of no kind, and is refused as such

    def read_required(item: Any, source: Any, depth: int) -> Any:
        if not item and not source.HasField(name):
            raise Malformed(f"{where} is missing")
        return read(item, depth)

    if shape.many:
        return read_many
    if shape.optional:
        return read_optional
    return read_body_field if shape.allowed else read_required


def _item(kind: type[Value], shape: Shape, embedded: bool) -> Read:
    """How to read one item of such a field."""
    where = f"{kind.__name__}.{shape.name}"
    if shape.message is not None:
        return converter(shape.message).read
    if shape.allowed:
        return read_body if embedded else _body_in_bytes(where, shape.allowed)
    assert shape.scalar is not None
    check = _check(where, shape.scalar, form_of(kind.__name__, shape.name, shape.scalar))
    return lambda item, _: check(item)


def _write_field(kind: type[Value], shape: Shape, embedded: bool) -> Write:
    """How to write a field that is more than one scalar."""
    write, where = _write_item(kind, shape, embedded), f"{kind.__name__}.{shape.name}"

    def write_many(items: Any) -> list[Any]:
        if len(items) not in COUNT:
            raise Malformed(f"{where} has {len(items)} items")
        return [write(item) for item in items]

    if shape.many:
        return write_many
    if shape.optional:
        return lambda item: None if item is None else write(item)
    return write


def _write_item(kind: type[Value], shape: Shape, embedded: bool) -> Write:
    where = f"{kind.__name__}.{shape.name}"
    if shape.message is not None:
        return converter(shape.message).write
    if shape.allowed:
        if embedded:
            assert shape.allowed == (Value,), f"{where} would need its kind checked"
            return write_body
        return lambda value: write_body(_of(where, shape.allowed, value))
    assert shape.scalar is not None
    return _check(where, shape.scalar, form_of(kind.__name__, shape.name, shape.scalar))


def _check(where: str, scalar: type, form: Form | None) -> Callable[[Any], Any]:
    def checked(item: Any) -> Any:
        if form is not None and (item if scalar is int else len(item)) not in form:
            raise Malformed(f"{where} is out of range")
        return item

    return checked


# -- bodies ----------------------------------------------------------------------------------------

_names: dict[type[Value], str] = {kind: kind_name(kind) for kind in ROOM_OF}
_kinds: dict[str, type[Value]] = {name: kind for kind, name in _names.items()}
_heads: dict[int, Read] = {}  # by what a Body of the kind begins with, as they are first needed
_parsed_body = shallow(body_pb2, "Body").FromString


def read_body(data: bytes, depth: int) -> Value:
    """The value in the bytes of a Body; like all that reads, without a look at their length."""
    if depth <= 0:
        raise Malformed("bodies are nested too deep")
    # Nearly always a Body is one kind's number, a length below 2^14 and as many bytes: to see that
    # takes half as long as to parse it.
    if len(data) > 4:
        number, size, at = data[0], data[1], 2
        if number >= 0x80:
            number, size, at = number | size << 8, data[2], 3
        if size >= 0x80:
            size, at = size & 0x7F | data[at] << 7, at + 1
        read = _heads.get(number)
        if read is not None and at + size == len(data):
            value: Value = read(data[at:], depth - 1)
            return value
    return _read_any_body(data, depth)


def _read_any_body(data: bytes, depth: int) -> Value:
    body = _parsed_body(data)
    name = body.WhichOneof("kind")
    if name is None:
        raise Malformed("a body of no known kind")
    read = converter(_kinds[name]).read
    _heads[_head(name)] = read
    return cast(Value, read(getattr(body, name), depth - 1))


def _head(name: str) -> int:
    """The bytes that begin a Body of this kind, as a number: the first is the lowest."""
    tag = body_pb2.Body.DESCRIPTOR.fields_by_name[name].number << 3 | 2
    assert tag < 1 << 14, "two bytes hold it"
    return tag if tag < 0x80 else tag & 0x7F | 0x80 | (tag >> 7) << 8


def _body_in_bytes(where: str, allowed: tuple[type, ...]) -> Read:
    """Read a body that its message knows only as bytes: nobody weighed it yet."""

    def read(data: bytes, depth: int) -> Any:
        if len(data) > UNWEIGHED_BYTES:
            weigh(data, body_pb2.Body)
        return _of(where, allowed, read_body(data, depth))

    return read


def _of(where: str, allowed: tuple[type, ...], value: Any) -> Any:
    if not isinstance(value, allowed):
        raise Malformed(f"{where} holds a {type(value).__name__}")
    return value


def write_body(value: Any) -> bytes:
    """The bytes of the Body of `value`."""
    kind = cast("type[Value]", type(value))
    data: bytes = converter(kind).write(value)
    return _tag(kind) + length(len(data)) + data


@cache
def _tag(kind: type[Value]) -> bytes:
    """The bytes that a Body of this kind begins with."""
    head = _head(_names[kind])
    return bytes([head]) if head < 0x80 else bytes([head & 0xFF, head >> 8])


def length(size: int) -> bytes:
    """A number as protobuf writes it before what has that length."""
    if size < 0x80:
        return bytes([size])
    head = bytearray()
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head)


def strictly(message: Any, read: Callable[..., Any], data: bytes, *rest: Any) -> Any:
    """What `read` makes of `data`, the protobuf message `message`; raises `Malformed` alone.

    Whoever begins to read begins here: what is inside is neither weighed nor guarded again.
    """
    if len(data) > DATA_BYTES_MAX:
        raise Malformed(f"{len(data)} bytes are too many")
    if len(data) > UNWEIGHED_BYTES:
        weigh(data, message)
    try:
        return read(data, *rest)
    except DecodeError as error:
        raise Malformed(f"not a {message.DESCRIPTOR.name}: {error}") from None


def serialize(message: Any, fields: dict[str, Any]) -> bytes:
    """The bytes of the protobuf message `fields` build; raises `Malformed` at text that is none."""
    try:
        return cast(bytes, message(**fields).SerializeToString())
    except UnicodeEncodeError as error:
        raise Malformed(f"not a {message.DESCRIPTOR.name}: {error}") from None
