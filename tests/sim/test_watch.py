"""Who only counts: sees everything and minds nothing."""

from meshkit.ledger.messages import Note
from meshkit.sim.watch import Watch
from tests.sim.worlds import founded


def test_it_counts_what_happened() -> None:
    watch = Watch()
    mesh = founded(watch=watch)
    watch.happened("something")
    mesh.processes[0].crash("it was killed")
    assert watch.counts == {"something": 1, "it was killed": 1}


def test_it_minds_nothing() -> None:
    watch = Watch()
    process = founded(1, watch=watch).processes[0]
    before = (watch.digest.hexdigest(), watch.counts.copy())
    watch.began(process)
    watch.arrived(process)
    watch.signed(process, Note(process.me, 1, b""))
    watch.finish()
    assert watch.observer(process) is None
    assert (watch.digest.hexdigest(), watch.counts) == before
