"""Raft in the proving ground: its volatile half, and what is rare in it. Nobody lies here."""

from collections.abc import Iterator
from typing import Any

from meshkit.consensus import raft
from meshkit.consensus.engines import RAFT, Engine, Timeouts
from meshkit.consensus.messages import Committed, Decided
from meshkit.consensus.raft.beat import Read, Readable
from meshkit.consensus.raft.events import (
    Campaigned,
    ConfigurationApplied,
    Elected,
    SteppedDown,
    Taken,
)
from meshkit.consensus.raft.log import last_index, term_at
from meshkit.consensus.raft.messages import Early
from meshkit.core.machine import Entry, Heard, Moment
from meshkit.core.shell import at_once
from meshkit.core.value import Value
from meshkit.runtime import pulse as pulses
from meshkit.sim.engines.kit import CONSENSUS, Asked, Heeded, Kit
from meshkit.sim.engines.orders import RAFT_ORDERS
from meshkit.sim.engines.replica import READ
from meshkit.sim.process import Process

# The election timeout T is what others call the patience for a proposal; a third of it the beat.
TIMEOUTS = (Timeouts(150, 50, 0), Timeouts(300, 100, 0), Timeouts(1_000, 300, 0))
SIZES = (3, 3, 3, 3, 3, 5, 5, 7, 1, 2, 4)

OVERWRITTEN = "entries that were overwritten"
JOINT = "a joint configuration"
AMID = "an election while the configuration is joint"
CAUGHT_UP = "a decision from somebody's store"
HANDED_OVER = "an election that the leader wanted"


class Pulse:
    """One life of the volatile half: see the duties in `meshkit.consensus.raft`."""

    ENGINE = RAFT

    def __init__(self, me: bytes, timeouts: Timeouts) -> None:
        self._pulse = pulses.Pulse(self.ENGINE, me, b"", timeouts)

    def takes(self, message: Value) -> bool:
        return self._pulse.takes(message)

    def hear(self, sender: bytes, message: Value, moment: Moment) -> Heeded:
        admitted, asked = self._pulse.hear(sender, message, moment)
        return Heeded(admitted, _apart(asked))

    def look(self, state: Any, moment: Moment) -> Asked:
        return _apart(self._pulse.look(state, moment))

    def wake(self, moment: Moment) -> Asked:
        return _apart(self._pulse.wake(moment))

    def read(self, token: bytes, moment: Moment) -> Asked:
        return _apart(self._pulse.take(Read(token), moment))

    def deadline(self) -> int | None:
        return self._pulse.deadline()


def _leased(me: bytes, mesh: bytes, timeouts: Timeouts) -> raft.Pulse:
    waits = raft.Timing(timeouts.vote_ms, timeouts.propose_ms, lease=True)
    return raft.Pulse(me, waits)


def _by_leases() -> Engine:
    half = RAFT.volatile
    assert half is not None, "Raft has one"
    return RAFT._replace(volatile=half._replace(machine=_leased))


class Leased(Pulse):
    """One that serves reads by leases (R15)."""

    ENGINE = _by_leases()


def _apart(asked: pulses.Asked) -> Asked:
    readable = [effect.token for effect in asked.others if isinstance(effect, Readable)]
    return Asked(asked.said, asked.told, readable)


def rare(process: Process, entry: Entry) -> Iterator[str]:
    """The names of the rare states that an entry shows."""
    heard = isinstance(entry.command.body, Heard)
    for event in entry.events:
        match event.body:
            case Taken() as taken if taken.entries and _overwrites(process, taken):
                yield OVERWRITTEN
            case ConfigurationApplied(configuration=configuration) if configuration.outgoing:
                yield JOINT
            case Campaigned(transfer=True):
                yield HANDED_OVER
            case Elected() if process.shell.state[CONSENSUS].configuration.outgoing:
                yield AMID
            case Decided() if heard and isinstance(entry.command.body.message, Committed):
                yield CAUGHT_UP
            case _:
                pass


def _overwrites(process: Process, taken: Taken) -> bool:
    """Whether the first of the entries stands where another one stood before this tick."""
    log, first = process.shell.state[CONSENSUS].log, taken.entries[0]
    return first.index <= last_index(log) and term_at(log, first.index) not in (None, first.term)


KIT = Kit(
    engine=RAFT,
    sizes=SIZES,
    timeouts=TIMEOUTS,
    urgency=at_once,
    rare=rare,
    sometimes=(
        OVERWRITTEN, JOINT, CAUGHT_UP, READ, Elected.__name__, SteppedDown.__name__, "LogCompacted",
        "AppendRefused", "VoteRefused", "Rejected", "Stalled", "PeerAhead", "ConfigurationApplied",
        "SnapshotOffered", "SnapshotInstalled", "TransferBegun", "TransferEnded", HANDED_OVER,
    ),
    lies={},
    volatile=Pulse,
    leased=Leased,
    orders=RAFT_ORDERS,
    early=(Early,),
)  # fmt: skip
