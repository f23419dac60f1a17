"""Any value of any class that travels, drawn from its annotations and in form.

`values(kind)` gives values of one class, `any_value()` of all the classes in the table.
"""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from meshkit.codec import form
from meshkit.codec.envelope import JOURNALED, VOLATILE, Envelope
from meshkit.codec.rooms import ROOM_OF
from meshkit.codec.shape import Shape, shapes
from meshkit.core.composite import At
from meshkit.core.machine import Heard
from meshkit.core.value import Statement, Value

KINDS: tuple[type[Value], ...] = tuple(ROOM_OF)
# Kinds without a field of any kind, so that values end somewhere.
LEAVES = tuple(kind for kind in KINDS if not any(shape.allowed for shape in shapes(kind)))
NESTED_MAX = 2  # fields of any kind inside one another, before only leaves are drawn
ITEMS_MAX = 3
BYTES_MAX = 40  # of bytes and text without a length of their own


def integers(allowed: form.Form) -> st.SearchStrategy[int]:
    assert isinstance(allowed, range)
    edges = st.sampled_from((allowed[0], allowed[-1]))
    return st.one_of(st.integers(allowed[0], allowed[-1]), st.integers(0, 3), edges)


def octets(lengths: form.Form) -> st.SearchStrategy[bytes]:
    if isinstance(lengths, range):
        return st.binary(max_size=min(BYTES_MAX, lengths[-1]))
    return st.one_of([st.binary(min_size=n, max_size=n) for n in sorted(lengths)])


def scalars(kind: type[Value], name: str, scalar: type) -> st.SearchStrategy[Any]:
    allowed = form.form_of(kind.__name__, name, scalar)
    if allowed is None:
        return st.booleans()
    if scalar is int:
        return integers(allowed)
    if scalar is bytes:
        return octets(allowed)
    return st.text(st.characters(codec="utf-8"), max_size=BYTES_MAX)


@cache
def values(kind: type[Value], nested: int = NESTED_MAX) -> st.SearchStrategy[Any]:
    """Values of class `kind`; inside their fields of any kind, `nested` more such fields."""
    fields = [_field(kind, shape, nested) for shape in shapes(kind)]
    return st.builds(kind, *fields)


@cache
def any_value(
    allowed: tuple[type, ...] = (Value,), nested: int = NESTED_MAX
) -> st.SearchStrategy[Any]:
    """Values of any class in the table that is one of `allowed`."""
    kinds = [kind for kind in KINDS if issubclass(kind, allowed)]
    if nested <= 0:
        kinds = [kind for kind in kinds if kind in LEAVES] or kinds
    return st.sampled_from(kinds).flatmap(lambda kind: values(kind, nested - 1))


def _field(kind: type[Value], shape: Shape, nested: int) -> st.SearchStrategy[Any]:
    item = _item(kind, shape, nested)
    if shape.many:
        return st.lists(item, max_size=ITEMS_MAX).map(tuple)
    return st.none() | item if shape.optional else item


def _item(kind: type[Value], shape: Shape, nested: int) -> st.SearchStrategy[Any]:
    if shape.allowed:
        return st.deferred(lambda: any_value(shape.allowed, nested))
    if shape.message is not None:
        return values(shape.message, nested)
    assert shape.scalar is not None
    return scalars(kind, shape.name, shape.scalar)


# -- frames ----------------------------------------------------------------------------------------

keys = octets(form.KEY)
digests = octets(form.DIGEST)


@st.composite
def envelopes(draw: st.DrawFn, mesh: bytes = bytes(32), sender: bytes = bytes(32)) -> Envelope:
    """Envelopes of `sender` in `mesh`, of both kinds, around any message."""
    head = draw(st.integers(1, 2**40))
    kind = draw(st.sampled_from((VOLATILE, JOURNALED)))
    entry = draw(st.integers(1, head)) if kind == JOURNALED else 0
    effect = draw(st.integers(0, 9)) if kind == JOURNALED else 0
    sequence = draw(st.integers(0, 2**40))
    body = draw(any_value((Statement,)) | any_value())
    return Envelope(mesh, sender, kind, entry, effect, head, draw(digests), sequence, body)


def ats() -> st.SearchStrategy[At]:
    """Commands and events of a node: what its machines say, and what peers said."""
    heard = st.builds(Heard, keys, any_value())
    return st.builds(At, st.sampled_from(("ledger", "consensus", "")), any_value() | heard)
