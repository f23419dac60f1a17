"""Values as documents that people and other programs read: JSON objects with names and hex.

A document is for reading; nothing is signed or hashed in this form. It can be read back where the
class is known and closed (a genesis, a member's card), with one line for whatever is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from immutables import Map

from meshkit.core.value import Value, by_key

V = TypeVar("V", bound=Value)


def to_document(value: object) -> Any:
    """`value` in objects, lists, strings, numbers and nulls; bytes as hex, keys in order."""
    match value:
        case Value():
            fields = {name: to_document(getattr(value, name)) for name in value.__struct_fields__}
            return {"kind": type(value).__name__, **fields}
        case bytes():
            return value.hex()
        case tuple() | list():
            return [to_document(item) for item in cast("Sequence[Any]", value)]
        case Map() | dict():
            ordered = sorted(cast("Mapping[Any, Any]", value).items(), key=by_key)
            return {_key(key): to_document(item) for key, item in ordered}
        case _:
            return value


def _key(key: object) -> str:
    return key.hex() if isinstance(key, bytes) else str(key)


def from_document(kind: type[V], document: object) -> V:
    """The value of class `kind` that `document` describes; raises ValueError naming the place."""
    value = _read(kind, document, kind.__name__)
    assert isinstance(value, kind)
    return value


def _read(kind: Any, document: Any, where: str) -> Any:
    if get_origin(kind) is tuple:
        if not isinstance(document, list):
            raise ValueError(f"{where}: a list is needed")
        inner = get_args(kind)[0]
        items = enumerate(cast(Any, document))
        return tuple(_read(inner, item, f"{where}[{n}]") for n, item in items)
    if issubclass(kind, Value):
        return _read_value(kind, document, where)
    if kind is bytes:
        return _read_hex(document, where)
    if not isinstance(document, kind) or (isinstance(document, bool) and kind is not bool):
        raise ValueError(f"{where}: {kind.__name__} is needed, found {document!r:.40}")
    return document


def _read_hex(document: Any, where: str) -> bytes:
    try:
        return bytes.fromhex(document)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: hex digits are needed, found {document!r:.40}") from None


def _read_value(kind: type[Value], document: Any, where: str) -> Value:
    if not isinstance(document, dict):
        raise ValueError(f"{where}: an object is needed")
    hints, members = get_type_hints(kind), cast("dict[str, Any]", document)
    unknown = sorted(set(members) - set(kind.__struct_fields__) - {"kind"})
    if unknown:
        raise ValueError(f"{where}: no field is called {unknown[0]!r}")
    required = len(kind.__struct_fields__) - len(kind.__struct_defaults__)
    for name in kind.__struct_fields__[:required]:
        if name not in members:
            raise ValueError(f"{where}: {name!r} is missing")
    given = {name: members[name] for name in kind.__struct_fields__ if name in members}
    return kind(
        **{name: _read(hints[name], item, f"{where}.{name}") for name, item in given.items()}
    )
