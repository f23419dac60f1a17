"""Which journals do not hold by themselves: a word for those that only tell what stands in one.

A story and an export are told as the journals have them, and are of use most of all where something
is wrong. But whoever reads them must hear that the chain, a seal or the file itself is broken, and
where. This is the third step of `verify`, without what other journals hold; what it names is to be
verified.
"""

from collections.abc import Iterable, Iterator

from meshkit.audit.errors import AuditError
from meshkit.audit.exhibits import Exhibit
from meshkit.audit.words import count
from meshkit.journal import JournalError
from meshkit.journal import audit as journals
from meshkit.wire.keys import verify as is_signed


def unsound(exhibits: Iterable[Exhibit]) -> Iterator[str]:
    """A line for each journal that does not hold: where first, and how much more there is."""
    for exhibit in exhibits:
        if fault := _fault(exhibit):
            yield f"{exhibit.journal}: {fault}: what it tells is not proved, so audit it"


def _fault(exhibit: Exhibit) -> str:
    identity = exhibit.identity()
    if identity is None:
        return "nothing says whose journal it is"
    try:
        first, more = "", 0
        for found in journals.verify(exhibit.journal, identity, is_signed):
            more += bool(first)
            first = first or found.text
    except JournalError as error:
        raise AuditError(str(error)) from None
    return f"{first}, and {count(more, 'thing')} more" if more else first
