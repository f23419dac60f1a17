"""Who only counts: sees everything and minds nothing."""

from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment, Restarted
from meshkit.ledger.messages import Note
from meshkit.sim.watch import Watch
from tests.sim.worlds import founded


def test_it_counts_entries_and_what_happened() -> None:
    watch = Watch()
    mesh = founded(watch=watch)
    assert watch.entries == sum(process.store.length for process in mesh.processes) > 0
    watch.happened("something")
    mesh.processes[0].crash("it was killed")
    assert watch.counts == {"something": 1, "it was killed": 1}


def test_it_minds_nothing() -> None:
    watch = Watch()
    mesh = founded(1, watch=watch)
    process = mesh.processes[0]
    before = (watch.digest.hexdigest(), watch.counts.copy())
    watch.began(process)
    watch.arrived(process)
    watch.signed(process, Note(process.me, 1, b""))
    watch.finish()
    watch.observer(process)(9, Entry(Moment(1, 1), At("", Restarted()), (), b""))
    assert (watch.digest.hexdigest(), watch.counts) == before
