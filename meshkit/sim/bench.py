"""How fast whole nodes are stepped: commands a second on one core, without faults.

What is inside the figure: all that a node decides, folds and asks for, its commands' moments, the
virtual network and the agenda; signing and hashing of what is signed. What is not: signatures
are modelled, entries stay as they are instead of being encoded and written, and the cyclic garbage
collector rests meanwhile; and a value that several nodes hold is one object, which compares fast.

The work is the usual one: a task whose rounds follow one another, and notes from every member, all
of it decided by consensus. Every command counts that goes through a node's composite: votes,
proposals, updates, lists, items, wakes, answers of workers; those that lead to nothing, too.
"""

import gc
import time
from typing import Any

from msgspec.structs import replace

from meshkit.core.composite import At
from meshkit.core.value import digest
from meshkit.ledger.messages import Note
from meshkit.pool.messages import Offer
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.process import Process
from meshkit.sim.run import Run
from meshkit.sim.setting import Setting, Work
from meshkit.sim.watch import Watch

ROUNDS_MAX = 10_000  # more than any run gets through: the ledger's own bound
SLICE_NS = 100 * MS  # of virtual time between two looks at how far it is: a thousand commands
NOTES_NS = 20 * MS  # between two notes of a member: some twenty a block


def bench(nodes: int = 7, commands: int = 100_000) -> dict[str, Any]:
    """Step at least so many commands; what `meshkit bench sim` prints, less its schema."""
    run = Run(0, setting(nodes), Watch())
    run.begin()
    run.mesh.agenda.run(SECOND)  # the mesh is founded, and every secret's chain is made
    for process in run.mesh.processes:
        _write_note(process, 1)
    stepped, seconds = _step(run, commands)
    book = run.mesh.processes[0].shell.state["ledger"]
    course = book.tasks[run.operators.tasks[0]]
    return {
        "nodes": nodes,
        "commands": stepped,
        "seconds": round(seconds, 3),
        "commands_per_second": round(stepped / seconds),
        "entries": sum(process.store.length for process in run.mesh.processes),
        "heights": book.height,
        "rounds": course.round,
        "notes": book.notes,
        "virtual_seconds": round(run.mesh.agenda.now_ns / SECOND, 3),
        "state": digest(book).hex(),
    }


def _step(run: Run, commands: int) -> tuple[int, float]:
    """Commands stepped, at least so many, and the processor's seconds they took."""
    gc.collect()
    gc.disable()  # values hold no cycles; what else is tracked would be gone through in vain
    try:
        before, begun = _commands(run), time.process_time()
        while _commands(run) - before < commands:
            run.mesh.agenda.run(run.mesh.agenda.now_ns + SLICE_NS)
        return _commands(run) - before, time.process_time() - begun
    finally:
        gc.enable()


def setting(nodes: int) -> Setting:
    """A mesh without faults that always has something to do."""
    usual = Setting(weights=(1,) * nodes)
    work = Work(at_ns=100 * MS, rounds=ROUNDS_MAX, quorum=0, deadline_ms=5_000, patience_ms=100)
    return replace(usual, work=(work,))


def _commands(run: Run) -> int:
    return sum(process.commands for process in run.mesh.processes)


def _write_note(process: Process, serial: int) -> None:
    note = Note(process.me, serial, b"%d" % serial)
    process.take(At("pool", Offer(note)))
    process.mesh.agenda.after(NOTES_NS, _write_note, process, serial + 1)
