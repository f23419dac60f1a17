"""What is told of a run while it goes on, to whoever counts or checks; here is who only counts."""

from collections import Counter
from typing import TYPE_CHECKING

from blake3 import blake3

from meshkit.core.value import Statement
from meshkit.sim.store import Observer

if TYPE_CHECKING:
    from meshkit.sim.mesh import Mesh
    from meshkit.sim.process import Process


class Watch:
    """Sees everything and minds nothing."""

    mesh: "Mesh"  # set by whoever makes both

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.entries = 0
        self.digest = blake3()  # of (time, process, events): what two runs are compared by
        self.outline = blake3()  # of (time, process, names of events): the same in both modes

    def observer(self, process: "Process") -> Observer | None:
        """What sees each entry of this life once it is durable, if anybody looks."""
        return None

    def happened(self, what: str) -> None:
        self.counts[what] += 1

    def began(self, process: "Process") -> None:
        """A life begins, its state restored."""

    def ended(self, process: "Process", why: str) -> None:
        self.happened(why)

    def arrived(self, process: "Process") -> None:
        """Its ledger stands at another height than after its tick before."""

    def signed(self, process: "Process", statement: Statement) -> None:
        """It has signed this."""

    def finish(self) -> None:
        """All is over."""
