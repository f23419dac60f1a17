"""Both halves together, one step at a time: plain inputs and outputs, for scripts and harnesses.

`Halves.take` gives one command to whichever half it is for, and what the volatile half tells to the
journaled one, until neither has anything to say. It returns the entries a shell would journal and
what the world is asked, apart by whether it may go before those entries are durable. Nothing is
kept between steps: who plays a script keeps `Both`, and may copy it.
"""

from typing import Any, NamedTuple

from meshkit.consensus.raft.beat import Beat, Look, Read, Saved, Saving, Tell
from meshkit.consensus.raft.machine import SITE, Raft
from meshkit.consensus.raft.messages import (
    Append,
    Early,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Notice,
    PreVoteReply,
    ReadFrom,
    RequestPreVote,
    WantRead,
)
from meshkit.consensus.raft.pulse import Pulse, admits
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import State
from meshkit.core.machine import Entry, Heard, Moment, Wake, earliest, step

# What the volatile half hears, and says; it also overhears what only a leader sends.
FLEETING = frozenset({Heartbeat, HeartbeatReply, RequestPreVote, PreVoteReply, WantRead, ReadFrom})
OVERHEARD = frozenset({Append, InstallSnapshot})
OWN = frozenset({Read, Saving, Saved})  # commands of the volatile half alone


class Both(NamedTuple):
    """A node: what is journaled, and what is lost when it restarts."""

    raft: State
    beat: Beat


class Outcome(NamedTuple):
    """What came of a command. `early` may be done at once, `late` once the entries are durable."""

    both: Both
    entries: tuple[Entry, ...]
    early: tuple[Any, ...]
    late: tuple[Any, ...]


class Halves:
    """The two machines of one member, and which command is for which.

    Who is not `wary` hears every request for its vote, whoever leads (R9).
    """

    def __init__(
        self, me: bytes, timing: Timing = SITE, targets: bool = True, wary: bool = True
    ) -> None:
        self.me = me
        self.wary = wary
        self.raft = Raft(me, timing, targets)
        self.pulse = Pulse(me, timing)

    def initial(self) -> Both:
        return Both(self.raft.initial(), self.pulse.initial())

    def restarted(self, state: State) -> Both:
        """After a crash: what was journaled, and nothing else."""
        return Both(state, self.pulse.initial())

    def deadline(self, both: Both) -> int | None:
        return earliest(self.raft.deadline(both.raft), self.pulse.deadline(both.beat))

    def take(self, both: Both, command: Any, now_ns: int, seed: int = 0) -> Outcome:
        """One command, and all that the halves tell one another because of it.

        Each command of the journaled half has a moment of its own, from `now_ns` on.
        """
        journaled, fleeting = self._share(both, command, now_ns)
        raft, beat = both
        entries: list[Entry] = []
        early: list[Any] = []
        late: list[Any] = []
        while journaled or fleeting:
            if journaled:
                moment = Moment(now_ns + len(entries), seed)
                raft, entry, asked = step(self.raft, raft, journaled.pop(0), moment)
                if entry.events:
                    entries.append(entry)
                for effect in asked:
                    (early if isinstance(effect, Early | Notice) else late).append(effect)
                if raft is not beat.seen:
                    fleeting.insert(0, Look(raft))
            else:
                moment = Moment(now_ns + len(entries), seed)
                beat, _, asked = step(self.pulse, beat, fleeting.pop(0), moment)
                journaled += [told.command for told in asked if isinstance(told, Tell)]
                late += [effect for effect in asked if not isinstance(effect, Tell)]
        return Outcome(Both(raft, beat), tuple(entries), tuple(early), tuple(late))

    def _share(self, both: Both, command: Any, now_ns: int) -> tuple[list[Any], list[Any]]:
        """The command for the journaled half, and for the volatile one."""
        if isinstance(command, Heard):
            message = command.message
            if type(message) in FLEETING:
                return [], [command]
            if self.wary and not admits(both.beat, self.pulse.timing, message, now_ns):
                return [], []
            return [command], [command] if type(message) in OVERHEARD else []
        if isinstance(command, Wake):
            due = (self.raft.deadline(both.raft), self.pulse.deadline(both.beat))
            first, second = (due_ns is not None and due_ns <= now_ns for due_ns in due)
            return [command] * first, [command] * second
        if type(command) in OWN:
            return [], [command]
        return [command], []
