"""The marks that lead from a height to the entry that decided it, held against those entries.

They are outside the chain and prove nothing: a node finds by them the blocks that it serves to
whoever is behind. But it writes each in one transaction with its entry, so where one is missing, or
leads to another entry, the journal is not what an honest node writes, and that is a finding, one of
all such marks. Those of snapshots are none of this: a restart believes no snapshot whose digest the
chain does not hold, and does without.
"""

from collections.abc import Iterator, Mapping

from meshkit.audit.findings import Findings
from meshkit.audit.trial import Deposition
from meshkit.audit.words import count


def check_index(said: Deposition, marked: Mapping[int, int], findings: Findings) -> None:
    """Of one journal: `marked` has the entry that is marked for each height, 0 where it is none."""
    faults = sorted(_faults(said, marked))
    if faults:
        entry, height = faults[0]
        what = f"its mark for the block of height {height} does not lead to where it was decided"
        more = f", nor do those of {count(len(faults) - 1, 'height')} more"
        findings.add(said.node, entry, "mark", what + (more if len(faults) > 1 else ""))


def _faults(said: Deposition, marked: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Entry and height. Where a running node goes on, its marks do too, so only what leads to an
    entry that was read can be one too many; and where the reading stopped, nothing can."""
    for height, decision in said.decisions.items():
        if marked.get(height) != decision.entry:
            yield decision.entry, height
    for height, entry in marked.items():
        if height not in said.decisions and entry <= said.entries and not said.stopped:
            yield entry, height
