"""What Raft promises at every moment: the properties of figure 3 of its paper, and some more.

* Election safety: a term has one leader.
* Leaders append only: an entry that the leader of this term has sent is not cut off (R6).
* Log matching: what stands at one place, of one term, is one entry, and so is all before it.
* Leader completeness: whoever leads a later term has all that is committed.
* State machine safety: one entry is committed at a place.
* What is committed is durable: in the journals of a majority, of both sets while there are
  two (R1, R13); and so are the votes that elect a leader.
* A vote is one a term, and is given again to whom it was given (R3); a leader's commit rests on an
  entry of its own term (R5).

After "In search of an understandable consensus algorithm" (Ongaro, Ousterhout, 2014). Each log is
kept once more here, from the events alone, as are the terms.
"""

from collections.abc import Sequence

from meshkit.consensus.raft.events import (
    Appended,
    Campaigned,
    CommitAdvanced,
    ConfigurationApplied,
    Elected,
    HeightBegun,
    LeaderFound,
    LogCompacted,
    SnapshotInstalled,
    SteppedDown,
    Taken,
    TermBegun,
    VoteCast,
    VoteRefused,
)
from meshkit.consensus.raft.messages import Configuration, InstallSnapshot, LogEntry
from meshkit.consensus.raft.state import LEADER, State
from meshkit.core.machine import Entry
from meshkit.sim.engines.kit import CONSENSUS
from meshkit.sim.engines.promises import require
from meshkit.sim.process import Process


class Copy:
    """One replica's log, term and vote, as its events tell them."""

    def __init__(self, state: State) -> None:
        self.offset = state.log.offset
        self.last = self.offset + len(state.log.entries)
        self.terms = {one.index: one.term for one in state.log.entries}  # of entries, by index
        self.terms[self.offset] = state.log.offset_term
        self.commit, self.term, self.vote = state.commit, state.term, state.vote
        self.configuration, self.led = state.configuration, bool(state.leader)
        self.leads = state.role == LEADER

    def term_at(self, index: int) -> int | None:
        return self.terms.get(index)

    def put(self, entry: LogEntry) -> None:
        """With this entry at its place, and nothing after it."""
        for index in range(entry.index + 1, self.last + 1):
            del self.terms[index]
        self.terms[entry.index] = entry.term
        self.last = entry.index

    def begin_at(self, index: int, term: int) -> None:
        self.offset = self.last = self.commit = index
        self.terms = {index: term}

    def holds(self, index: int, term: int | None) -> bool:
        """Whether its journal has what was committed there."""
        return index <= self.offset or self.terms.get(index) == term

    def compact(self, index: int) -> None:
        for old in range(self.offset, index):
            del self.terms[old]
        self.offset = index

    def enter(self, term: int, vote: bytes) -> None:
        self.term, self.vote, self.led, self.leads = term, vote, False, False


class Promises:
    """Of one run: all that was ever in a log, was committed, or led."""

    def __init__(self) -> None:
        self._copies: dict[bytes, Copy] = {}
        self._entries: dict[tuple[int, int], tuple[object, ...]] = {}  # by term and index
        self._leaders: dict[int, bytes] = {}  # by term
        self._committed: dict[int, tuple[int, int]] = {}  # by index: its term, and who committed's
        self._votes: dict[tuple[bytes, int], bytes] = {}  # by voter and term
        self._top = 0  # the highest committed index

    def began(self, process: Process) -> None:
        self._copies[process.me] = Copy(process.shell.state[CONSENSUS])

    def rest(self, process: Process, state: State) -> None:
        """The events say all of it."""

    def look(self, process: Process, entry: Entry) -> None:
        copy = self._copies[process.me]
        for event in entry.events:
            body: object = event.body
            match body:
                case Appended(one):
                    self._stood(process, copy, one)
                    copy.put(one)
                case Taken(entries=entries):
                    copy.led = True
                    self._taken(process, copy, entries)
                case CommitAdvanced(index):
                    self._commit(process, copy, index)
                case SnapshotInstalled(new):
                    self._installed(copy, new)
                case LogCompacted(index):
                    copy.compact(index)
                case ConfigurationApplied(configuration=configuration):
                    copy.configuration = configuration
                case HeightBegun(validators=validators) if not copy.configuration.voters:
                    copy.configuration = Configuration(tuple([one.id for one in validators]))
                case VoteRefused(to=to):
                    asked = getattr(getattr(entry.command.body, "message", None), "term", 0)
                    again = (copy.term, copy.vote) == (asked, to) and not copy.led
                    require(not again, process, "R3: it refused whom it had given its vote")
                case _:
                    self._elect(process, copy, body)

    def _elect(self, process: Process, copy: Copy, event: object) -> None:
        match event:
            case TermBegun(term, leader):
                copy.enter(term, b"")
                copy.led = bool(leader)
            case LeaderFound():
                copy.led, copy.leads = True, False
            case SteppedDown():
                copy.leads = False
            case Campaigned(term):
                copy.enter(term, process.me)
                self._voted(process, term, process.me)
            case VoteCast(term, candidate):
                copy.enter(term, candidate)
                self._voted(process, term, candidate)
            case Elected(term):
                self._elected(process, copy, term)
            case _:
                pass

    def _voted(self, process: Process, term: int, candidate: bytes) -> None:
        known = self._votes.setdefault((process.me, term), candidate)
        require(known == candidate, process, f"R3: it voted twice in term {term}")

    def _elected(self, process: Process, copy: Copy, term: int) -> None:
        leader = self._leaders.setdefault(term, process.me)
        require(leader == process.me, process, f"term {term} has two leaders")
        voters = [by for (by, when), to in self._votes.items() if (when, to) == (term, process.me)]
        copy.leads = True
        agreed = is_agreed(copy.configuration, voters)
        require(agreed, process, f"R1, R13: too few votes for it are durable in term {term}")
        top, by = self._committed.get(self._top, (0, 0))
        whole = self._top <= copy.offset or copy.term_at(self._top) == top
        require(by >= term or whole, process, "it leads without all that is committed")

    def _stood(self, process: Process, copy: Copy, one: LogEntry) -> None:
        """Log matching."""
        before = copy.term_at(one.index - 1)
        content = (before, one.kind, one.value_id)
        known = self._entries.setdefault((one.term, one.index), content)
        alike = known == content or None in (known[0], before)
        require(alike, process, f"index {one.index} of term {one.term} is two entries")

    def _taken(self, process: Process, copy: Copy, entries: tuple[LogEntry, ...]) -> None:
        """R6: what is cut off is of an earlier term."""
        if not entries:
            return
        new = {one.index: one.term for one in entries}
        for index in range(entries[0].index, copy.last + 1):
            before = copy.term_at(index)
            cut = before is not None and new.get(index) != before
            held = not cut or (before != copy.term and index > copy.commit)
            require(held, process, f"R6: it cut off {index}, which its leader had sent")
        for one in entries:
            self._stood(process, copy, one)
            copy.put(one)

    def _commit(self, process: Process, copy: Copy, index: int) -> None:
        require(index <= copy.last, process, f"R6: it committed {index}, which it has not")
        term = copy.term_at(index)
        if copy.leads:
            require(term == copy.term, process, "R5: it counted an entry of an earlier term")
            held = [by for by, other in self._copies.items() if other.holds(index, term)]
            agreed = is_agreed(copy.configuration, held)
            require(agreed, process, f"R1, R13: too few hold {index}, which it committed")
        for place in range(copy.commit + 1, index + 1):
            known = copy.term_at(place)
            if known is None:
                continue
            first, _ = self._committed.setdefault(place, (known, copy.term))
            require(first == known, process, f"a second entry was committed at {place}")
        require(index >= copy.commit, process, "R24: its commit went back")
        copy.commit, self._top = index, max(self._top, index)

    def _installed(self, copy: Copy, new: InstallSnapshot) -> None:
        if new.index <= copy.commit or copy.term_at(new.index) == new.index_term:
            copy.commit = max(copy.commit, new.index)
            return
        copy.begin_at(new.index, new.index_term)
        copy.configuration = new.configuration


def is_agreed(configuration: Configuration, members: Sequence[bytes]) -> bool:
    """Whether these are more than half of each set of voters."""
    sets = (configuration.voters, configuration.outgoing)
    return all(2 * sum(one in members for one in voters) > len(voters) for voters in sets if voters)
