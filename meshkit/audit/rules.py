"""Which rules a journal was decided by, and whether they are known here.

Each start of a node writes the release and the version of the rules into its journal. A change of
behaviour raises the version, and whoever raises it keeps the former rules too, or takes them out of
KNOWN (docs/adr/0019). A journal of rules that are not known here cannot be decided again, and the
release to install is named instead.
"""

from meshkit import RULES, __version__
from meshkit.core.history import Start, Started
from meshkit.core.machine import Entry

KNOWN = range(1, RULES + 1)


def started(entry: Entry) -> Started | None:
    """What an entry says of the code that goes on with the journal."""
    if isinstance(entry.command.body, Start):  # nothing else leads to it
        for event in entry.events:
            if isinstance(event.body, Started):
                return event.body
    return None


def fault_of_rules(entry: Entry) -> str:
    """Why the rest of the journal cannot be decided here, or nothing."""
    start = started(entry)
    if start is None or start.rules in KNOWN:
        return ""
    return (
        f"rules {start.rules} of meshkit {start.release}, and this is meshkit {__version__} "
        f"with rules {RULES}: install meshkit=={start.release}"
    )
