"""Raft in the proving ground: its volatile half, and what is rare in it. Nobody lies here."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from meshkit.consensus import raft
from meshkit.consensus.engines import Engine, Timeouts
from meshkit.consensus.messages import Certificate, Committed, Decided, Validator
from meshkit.consensus.raft import face, stall
from meshkit.consensus.raft.beat import Look, Read, Readable, Tell, Unreadable
from meshkit.consensus.raft.both import FLEETING, OVERHEARD
from meshkit.consensus.raft.events import (
    ConfigurationApplied,
    Elected,
    HeightBegun,
    SteppedDown,
    Taken,
)
from meshkit.consensus.raft.log import last_index, term_at
from meshkit.consensus.raft.messages import (
    Append,
    AppendReply,
    Early,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    PreVoteReply,
    ReadFrom,
    RequestPreVote,
    RequestVote,
    TimeoutNow,
    VoteReply,
    WantRead,
    WantTransfer,
)
from meshkit.consensus.raft.pulse import admits
from meshkit.core.machine import Entry, Heard, Moment, Wake
from meshkit.core.shell import at_once
from meshkit.core.value import Statement, Value
from meshkit.sim.engines.kit import CONSENSUS, Asked, Heeded, Kit
from meshkit.sim.engines.replica import READ
from meshkit.sim.process import Process

# The election timeout T is what others call the patience for a proposal; a third of it the beat.
TIMEOUTS = (Timeouts(150, 50, 0), Timeouts(300, 100, 0), Timeouts(1_000, 300, 0))
SIZES = (3, 3, 3, 3, 3, 5, 5, 7, 1, 2, 4)

OVERWRITTEN = "entries that were overwritten"
JOINT = "a joint configuration"
AMID = "an election while the configuration is joint"
CAUGHT_UP = "a decision from somebody's store"


def timing(timeouts: Timeouts) -> raft.Timing:
    return raft.Timing(heartbeat_ms=timeouts.vote_ms, election_ms=timeouts.propose_ms)


def _machine(me: bytes, mesh: bytes, timeouts: Timeouts) -> raft.Raft:
    return raft.Raft(me, timing(timeouts))


def _nobody(
    first: Certificate,
    second: Certificate,
    statements: Iterable[Statement],
    voters: Sequence[Validator],
) -> tuple[bytes, ...]:
    """Who is to blame for a contradiction: nothing here says so."""
    return ()


def _nothing(value: Value) -> None:
    """What a statement or event tells of its signer's vows: there are none."""


ENGINE = Engine(
    name="raft",
    attests=False,
    machine=_machine,
    state=raft.State,
    begun=HeightBegun,
    messages=(
        RequestVote, VoteReply, Append, AppendReply, InstallSnapshot, TimeoutNow, WantTransfer,
        Heartbeat, HeartbeatReply, RequestPreVote, PreVoteReply, WantRead, ReadFrom,
    ),
    places={},
    vouches=face.vouches,
    culprits=_nobody,
    said=_nothing,
    deed=_nothing,
    wanted=face.wanted,
    is_dormant=face.is_dormant,
    unjudged=face.unjudged,
    leader=face.leader,
    is_late=face.is_late,
    stalled_since=stall.stalled_since,
    heard_weight=stall.heard_weight,
)  # fmt: skip


class Pulse:
    """One life of the volatile half: see the duties in `meshkit.consensus.raft`."""

    def __init__(self, me: bytes, timeouts: Timeouts) -> None:
        self._machine = raft.Pulse(me, timing(timeouts))
        self._beat = self._machine.initial()

    def takes(self, message: Value) -> bool:
        return type(message) in FLEETING

    def hear(self, sender: bytes, message: Value, moment: Moment) -> Heeded:
        kind = type(message)
        if kind in FLEETING:
            return Heeded(False, self._take(Heard(sender, message), moment))
        if not admits(self._beat, self._machine.timing, message, moment.now_ns):
            return Heeded(False, Asked())
        heeds = kind in OVERHEARD
        return Heeded(True, self._take(Heard(sender, message), moment) if heeds else Asked())

    def look(self, state: Any, moment: Moment) -> Asked:
        return self._take(Look(state), moment)

    def wake(self, moment: Moment) -> Asked:
        return self._take(Wake(), moment)

    def read(self, token: bytes, moment: Moment) -> Asked:
        return self._take(Read(token), moment)

    def deadline(self) -> int | None:
        return self._machine.deadline(self._beat)

    def _take(self, command: Look | Heard | Wake | Read, moment: Moment) -> Asked:
        effects: list[Any] = []
        for event in self._machine.decide(self._beat, command, moment):
            self._beat = self._machine.evolve(self._beat, event)
            effects += self._machine.react(self._beat, event)
        return _apart(effects)


def _apart(effects: Sequence[Any]) -> Asked:
    commands = [effect.command for effect in effects if isinstance(effect, Tell)]
    readable = [effect.token for effect in effects if isinstance(effect, Readable)]
    inner = (Tell, Readable, Unreadable)
    return Asked([one for one in effects if not isinstance(one, inner)], commands, readable)


def rare(process: Process, entry: Entry) -> Iterator[str]:
    """The names of the rare states that an entry shows."""
    heard = isinstance(entry.command.body, Heard)
    for event in entry.events:
        match event.body:
            case Taken() as taken if taken.entries and _overwrites(process, taken):
                yield OVERWRITTEN
            case ConfigurationApplied(configuration=configuration) if configuration.outgoing:
                yield JOINT
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
    engine=ENGINE,
    sizes=SIZES,
    timeouts=TIMEOUTS,
    urgency=at_once,
    rare=rare,
    sometimes=(
        OVERWRITTEN, JOINT, CAUGHT_UP, READ, Elected.__name__, SteppedDown.__name__, "LogCompacted",
        "AppendRefused", "VoteRefused", "Rejected", "Stalled", "PeerAhead", "ConfigurationApplied",
    ),
    lies={},
    volatile=Pulse,
    early=(Early,),
)  # fmt: skip
