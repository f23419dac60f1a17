"""A mesh node as a process: opens a home, puts the parts together, and runs until told to stop."""

import argparse
import gc
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from meshkit.codec import Malformed
from meshkit.codec.convert import prepare
from meshkit.core.shell import Shell
from meshkit.journal import BlobStore, Journal, JournalError, JournalFailed, JournalForeign
from meshkit.learning import Shard
from meshkit.node import address, engine_in, mesh_node, timeouts_of
from meshkit.runtime.blocks import BlockStore
from meshkit.runtime.clock import Clock
from meshkit.runtime.desk import Desk, OperatorWindow
from meshkit.runtime.guests import Guests
from meshkit.runtime.home import ForeignHome, Home, HomeError
from meshkit.runtime.host import Host
from meshkit.runtime.labour import Labour
from meshkit.runtime.log import EntryLog
from meshkit.runtime.metrics import Metrics, figures_of, parse_address
from meshkit.runtime.outcomes import Outcomes
from meshkit.runtime.perform import Performer, urgency
from meshkit.runtime.pulse import pulse_of
from meshkit.runtime.restore import restore
from meshkit.runtime.voice import Voice
from meshkit.runtime.workers import Worker
from meshkit.wire.envelope import sign_statements
from meshkit.wire.ipc import HomeLock, OperatorLane
from meshkit.wire.port import WireError
from meshkit.wire.zeromq import Bindings, ZeroMesh

GC_YOUNG_MAX = 50_000  # objects; a few MB

OK, FAILURE, FOREIGN = 0, 1, 6  # exit codes, as the command line has them


@contextmanager
def open_host(
    home: Home, metrics: str | None = None, make_performer: Callable[..., Performer] = Performer
) -> Generator[Host]:
    """The host of a home's node, ready to run; everything it holds is released at the end.

    Raises HomeError, WireError, JournalError: one line each, for a person. `make_performer` is for
    tests, whose liars are nodes that say other things than they decide.
    """
    genesis, identity = home.genesis, home.identity
    home.check_keys()
    with ExitStack() as held:
        held.enter_context(HomeLock(home.path))
        journal = held.enter_context(
            Journal.open(home.journal_path, home.mesh, identity.key, identity.sign)
        )
        blobs = held.enter_context(BlobStore.open(home.blobs_path))
        _check_history(home, journal, blobs)
        node = mesh_node(identity.key, genesis)
        restored = restore(node, journal)
        clock = Clock(restored.last_ns)
        log = EntryLog(journal)
        shell = Shell(node, log, clock.moment, restored.state, journal.head.index, urgency)
        card = home.card
        mesh = ZeroMesh(
            identity.key,
            home.transport,
            Bindings(card.events, card.direct, card.blobs, card.join or None),
            blobs.get,
        )
        held.callback(mesh.close)
        labour = _labour(home, genesis.policy.allowed_tasks, blobs)
        held.callback(labour.close)
        voice = Voice(identity, home.mesh, lambda: journal.head)
        performer = make_performer(
            shell, mesh, voice, blobs, BlockStore(journal, address), labour, home.chain.link
        )
        outcomes = Outcomes()
        shell.observers.append(outcomes.observe)
        counters: Counter[str] = Counter()
        lane = OperatorLane(home.path, counters)
        held.callback(lane.close)
        host = Host(
            genesis, shell, clock, log, journal, blobs, mesh, performer, labour,
            me=identity.key, contacts=home.contacts,
            pulse=pulse_of(engine_in(genesis), identity.key, home.mesh, timeouts_of(genesis)),
        )  # fmt: skip
        desk = Desk(
            identity.key, shell, blobs, labour, outcomes, clock.now_ns, mesh.reachable,
            home.take_incoming, host.figures,
            lambda note: sign_statements(note, identity, home.mesh),
        )  # fmt: skip
        host.add(OperatorWindow(lane, desk))
        host.add(Guests(identity.key, genesis, shell, mesh))
        if metrics is not None:
            page = Metrics(lambda: figures_of(*desk.overview()))
            page.open(metrics)
            held.callback(page.close)
            host.add(page)
        yield host


def tune_process() -> None:
    """Settings of the interpreter and the system that suit one long-lived loop of small values.

    Values are not tracked by the collector, so a young generation of 700 objects is collected
    thousands of times in vain: 3 % of the time to a decision (measured). A peer takes up to 14 open
    files, and the usual soft limit of 1,024 is for programs that use `select`.
    """
    prepare()  # what reads and writes messages, before somebody waits for it
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG_MAX, 20, 50)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _labour(home: Home, allowed: tuple[str, ...], blobs: BlobStore) -> Labour:
    log = home.path / "worker.log"
    return Labour(Worker(allowed, home.shard, log), Worker(allowed, Shard(), log), blobs)


def _check_history(home: Home, journal: Journal, blobs: BlobStore) -> None:
    """A node whose journal is gone has forgotten what it voted for, and must not vote again."""
    if not journal.head.index and next(iter(blobs), None) is not None:
        raise HomeError(
            f"{home.journal_path}: is empty, though this node has been at work: "
            "bring its journal back, or have a new node admitted in its place"
        )


def run(
    home_path: Path,
    metrics: str | None = None,
    make_performer: Callable[..., Performer] = Performer,
) -> int:
    """Run the node of a home until SIGTERM or SIGINT; the exit code. Complaints go to stderr.

    `metrics`: "HOST:PORT" of a Prometheus page, if there is to be one.
    """
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    # From the first moment on: who is told to stop while it still reads its journal does so too.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    tune_process()
    try:
        with open_host(Home.open(home_path), metrics, make_performer) as host:
            host.run(lambda: bool(stopped))
        return OK
    except (ForeignHome, JournalForeign) as error:
        return _complain(error, FOREIGN)
    except (HomeError, WireError, JournalError, JournalFailed, Malformed) as error:
        return _complain(error, FAILURE)


def _complain(error: Exception, code: int) -> int:
    print(f"meshkit-node: {error}", file=sys.stderr)
    return code


def main(arguments: list[str] | None = None) -> None:
    """`meshkit-node --home DIR`."""
    parser = argparse.ArgumentParser(prog="meshkit-node", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the node's folder")
    parser.add_argument("--metrics", metavar="HOST:PORT", help="serve Prometheus metrics there")
    parsed: Any = parser.parse_args(arguments)
    if parsed.metrics is not None:
        try:
            parse_address(parsed.metrics)
        except HomeError as error:
            parser.error(str(error))
    sys.exit(run(parsed.home, parsed.metrics))


if __name__ == "__main__":
    main()
