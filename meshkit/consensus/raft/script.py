"""A few members, and what is under way between them, played by hand: for scripts from anywhere.

Members have numbers, from 1 on. Nothing happens by itself: what a member wants to say stays with it
until it is `ready`, then lies under way until it is delivered or dropped, and time passes for whom
it is told to. All goes in and comes out as plain numbers, texts and tuples. So interaction scripts,
as other implementations test themselves by, need only an adapter that reads their lines and calls
the method of that name; the documents say which is which, and where this engine means to differ.

The driver's part is played, too: each decided value is kept and the next height begun, and whoever
lacks values is served them.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from meshkit.consensus.messages import Begin, Committed, Decided, Propose, Serve, Validator
from meshkit.consensus.raft.beat import Read, Readable, Unreadable
from meshkit.consensus.raft.both import Both, Halves
from meshkit.consensus.raft.confchange import Change, Membership, Refused, change
from meshkit.consensus.raft.events import Appended, Event
from meshkit.consensus.raft.log import begun_at, last_height, last_index
from meshkit.consensus.raft.messages import (
    CONFIG,
    Campaign,
    ChangeConfiguration,
    Compact,
    Configuration,
    LogEntry,
    RequestPreVote,
    RequestVote,
    TransferLeadership,
    Unreachable,
)
from meshkit.consensus.raft.progress import PROBE, REPLICATE, SNAPSHOT, may_send
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import (
    CANDIDATE,
    FOLLOWER,
    LEADER,
    State,
    configured,
    is_voter,
    membership,
    snapshot,
)
from meshkit.core.machine import Broadcast, Heard, Restarted, Send, Wake
from meshkit.core.value import Value

ROLES = {FOLLOWER: "follower", CANDIDATE: "candidate", LEADER: "leader"}
MODES = {PROBE: "probe", REPLICATE: "replicate", SNAPSHOT: "snapshot"}
TIMING = Timing(lacking=1)
START_NS = 10**12  # when everybody's clock stands at first
LONG_NS = 10**9  # longer than any leader is waited for
STEP_NS = 1_000  # between two commands
NOT_NOW = "not now"  # R13: another change is under way, or nothing of this term is committed


class Text(Value):
    """A value that a script proposes."""

    text: str


class Letter(NamedTuple):
    """What is under way: a message, or a wish that is passed on to who leads."""

    sender: int
    to: int
    message: Any


class Wish(NamedTuple):
    """What somebody wanted who does not lead: a text, or changes and how they are made."""

    text: str = ""
    changes: tuple[Change, ...] | None = None
    transition: str = ""


class Status(NamedTuple):
    """One member; `vote` and `leader` are 0 where there is none."""

    role: str  # of `ROLES`, or "pre-candidate"
    term: int
    vote: int
    leader: int
    commit: int
    last_index: int
    votes: bool  # whether it is a voter, as far as it knows


class Line(NamedTuple):
    """One entry of a log; `text` is None for a configuration, and empty where a term begins."""

    term: int
    place: int
    text: str | None


class Peer(NamedTuple):
    """What a leader knows of another member."""

    mode: str  # of `MODES`
    match: int
    next: int
    paused: bool = False  # whether nothing may be sent to it before it answers
    inflight: int = 0  # messages of entries under way to it
    snapshot: int = 0  # where the one stands that it was offered


class Member:
    """One of them, and what is its own."""

    def __init__(self, halves: Halves, state: State, pre_vote: bool, check_quorum: bool) -> None:
        self.halves, self.pre_vote, self.check_quorum = halves, pre_vote, check_quorum
        self.both = Both(state, halves.pulse.initial())
        self.now_ns = START_NS
        self.waiting: list[Letter] = []  # until it is ready
        self.values: dict[int, Committed] = {}  # its store, by height


class Cluster:
    """All of them. Each verb is one member's; what it leads to is told by the last four."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self.timing = timing
        self.members: dict[int, Member] = {}
        self.under_way: list[Letter] = []
        self.reads: list[tuple[int, bytes, int | None]] = []  # member, token, index; None: failed

    def add(
        self,
        count: int = 1,
        voters: Iterable[int] = (),
        learners: Iterable[int] = (),
        index: int = 0,
        pre_vote: bool = False,
        check_quorum: bool = False,
    ) -> None:
        """So many more members, as a snapshot at `index` leaves them; without one they know nobody.

        With `pre_vote` they ask before they stand; with `check_quorum` they stick to a leader that
        they hear, and one that hears too few leads no more.
        """
        for number in range(len(self.members) + 1, len(self.members) + count + 1):
            halves = Halves(_id(number), self.timing, targets=False, wary=check_quorum)
            who = Configuration(_ids(voters) or (_id(0),), learners=_ids(learners))
            log = begun_at(index, 1 if index else 0, 0)
            state = State(
                me=_id(number), log=log, configuration=who, commit=index, applied=index
            )  # fmt: skip
            self.members[number] = Member(halves, state, pre_vote, check_quorum)
            self.take(number, Begin(1, (Validator(_id(number), 1),)))
            self.members[number].now_ns += LONG_NS

    # -- what is done to a member ------------------------------------------------------------------

    def campaign(self, number: int) -> None:
        member = self.members[number]
        if member.pre_vote:
            raft, beat = member.both
            member.both = Both(raft, replace(beat, due_ns=member.now_ns))
            self.take(number, Wake())
        else:
            self.take(number, Campaign(member.both.raft.term + 1))

    def propose(self, number: int, text: str) -> bool:
        """Whether the value was taken, or passed on to who leads."""
        state = self.members[number].both.raft
        if state.role != LEADER:
            return self._pass_on(number, Wish(text))
        height = last_height(state.log) + 1
        return _appends(self.take(number, Propose(height, state.term, Text(text))))

    def change(self, number: int, changes: Sequence[Change], transition: str = "auto") -> str:
        """Why the change was refused; empty if it was taken, or passed on to who leads."""
        state = self.members[number].both.raft
        if state.role != LEADER and state.leader:
            self._pass_on(number, Wish("", tuple(changes), transition))
            return ""
        named = [Change(kind, member and _id(member)) for kind, member in changes]
        try:
            after = change(membership(state.configuration), named, transition)
        except Refused as refused:
            return str(refused)
        taken = _appends(self.take(number, ChangeConfiguration(configured(after))))
        return "" if taken else NOT_NOW

    def transfer(self, number: int, to: int) -> None:
        self.take(number, TransferLeadership(_id(to)))

    def compact(self, number: int, index: int) -> None:
        """Forget all up to `index`."""
        self.take(number, Compact(index))

    def unreachable(self, number: int, other: int) -> None:
        self.take(number, Unreachable(_id(other)))

    def send_snapshot(self, number: int, to: int) -> None:
        """Without being asked."""
        self.under_way.append(Letter(number, to, snapshot(self.members[number].both.raft)))

    def read(self, number: int, token: bytes) -> None:
        """What comes of it stands in `reads`."""
        self.take(number, Read(token))

    def crash(self, number: int) -> None:
        """It comes back with what it had journaled; what it had not said yet is never said."""
        member = self.members[number]
        member.both = member.halves.restarted(member.both.raft)
        member.waiting.clear()
        self.take(number, Restarted())

    def tick(self, number: int, beats: int = 1) -> None:
        """Heartbeats' time passes for this one; three are an election timeout."""
        member = self.members[number]
        for _ in range(beats):
            member.now_ns += self.timing.heartbeat_ns + STEP_NS
            due_ns = member.halves.deadline(member.both)
            if due_ns is not None and due_ns <= member.now_ns:
                self.take(number, Wake())

    def forget_leader(self, number: int) -> None:
        """As if it had not heard from its leader for long, so that it would help another."""
        raft, beat = self.members[number].both
        self.members[number].both = Both(raft, replace(beat, heard_ns=0))

    def wait(self, number: int, beats: int) -> None:
        """Its election timeout, from now on, until it is drawn anew."""
        member, timeout_ns = self.members[number], beats * self.timing.heartbeat_ns
        beat = replace(member.both.beat, timeout_ns=timeout_ns, due_ns=member.now_ns + timeout_ns)
        member.both = Both(member.both.raft, beat)

    def take(self, number: int, command: Any) -> list[Event]:
        """Any command of either half; the events that came of it."""
        member = self.members[number]
        member.now_ns += STEP_NS
        if not member.check_quorum:
            _unled(member, command)
        outcome = member.halves.take(member.both, command, member.now_ns, seed=number)
        member.both = outcome.both
        for effect in (*outcome.early, *outcome.late):
            self._perform(number, effect)
        events = [event for entry in outcome.entries for event in entry.events]
        for event in [event for event in events if isinstance(event, Decided)]:
            height = event.certificate.height
            member.values[height] = Committed(event.certificate, event.value)
            events += self.take(number, Begin(height + 1, (Validator(_id(number), 1),)))
        return events

    # -- what is under way -------------------------------------------------------------------------

    def ready(self, number: int) -> list[Letter]:
        """What this member wanted to say is under way now."""
        member = self.members[number]
        letters, member.waiting = member.waiting, []
        self.under_way += letters
        return letters

    def deliver(self, to: int, *kinds: type, drop: bool = False) -> list[Letter]:
        """What was under way to this one, of these kinds or all, is heard, or lost."""
        due = [
            letter
            for letter in self.under_way
            if letter.to == to and (not kinds or isinstance(letter.message, kinds))
        ]
        self.under_way = [letter for letter in self.under_way if letter not in due]
        if not drop:
            for letter in due:
                self._hear(letter)
        return due

    def stabilize(self, *numbers: int) -> None:
        """Each of these, or everybody, is ready and hears what there is, until all is silent."""
        among = numbers or tuple(sorted(self.members))
        moved = True
        while moved:
            said = [letter for number in among for letter in self.ready(number)]
            heard = [letter for number in among for letter in self.deliver(number)]
            moved = bool(said or heard)

    # -- what became of it -------------------------------------------------------------------------

    def status(self, number: int) -> Status:
        raft, beat = self.members[number].both
        asks = raft.role == FOLLOWER and beat.standing > 0
        return Status(
            "pre-candidate" if asks else ROLES[raft.role],
            raft.term,
            _number(raft.vote),
            0 if asks else _number(raft.leader),
            raft.commit,
            last_index(raft.log),
            is_voter(raft.configuration, raft.me),
        )

    def log(self, number: int) -> list[Line]:
        """What is not compacted of it."""
        entries = self.members[number].both.raft.log.entries
        return [Line(entry.term, entry.index, _text(entry)) for entry in entries]

    def configuration(self, number: int) -> Membership:
        """As this member has applied it, with numbers."""
        plain = membership(self.members[number].both.raft.configuration)
        voters, outgoing, learners, learners_next = [
            frozenset(_number(one) for one in part) - {0} for part in plain[:4]
        ]
        return Membership(voters, outgoing, learners, learners_next, plain.auto_leave)

    def progress(self, number: int) -> dict[int, Peer]:
        """Of the other members, as a leader knows it."""
        raft = self.members[number].both.raft
        return {
            _number(other): Peer(
                MODES[peer.mode],
                peer.match,
                peer.next,
                not may_send(peer),
                len(peer.inflight),
                peer.snapshot,
            )
            for other, peer in sorted(raft.peers.items())
        }

    # -- inside ------------------------------------------------------------------------------------

    def _pass_on(self, number: int, wish: Wish) -> bool:
        member = self.members[number]
        leader = _number(member.both.raft.leader)
        if leader:
            member.waiting.append(Letter(number, leader, wish))
        return leader > 0

    def _hear(self, letter: Letter) -> None:
        sender, to, message = letter
        if to not in self.members:
            return
        if not isinstance(message, Wish):
            self.take(to, Heard(_id(sender), message))
        elif message.changes is None:
            self.propose(to, message.text)
        else:
            self.change(to, message.changes, message.transition)

    def _perform(self, number: int, effect: Any) -> None:
        member = self.members[number]
        match effect:
            case Send(to, message):
                member.waiting.append(Letter(number, _number(to), message))
            case Broadcast(message):
                others = [other for other in sorted(self.members) if other != number]
                member.waiting += [Letter(number, other, message) for other in others]
            case Serve(to, height):
                known = [value for one, value in sorted(member.values.items()) if one >= height]
                member.waiting += [Letter(number, _number(to), value) for value in known]
            case Readable(token, index):
                self.reads.append((number, token, index))
            case Unreadable(token):
                self.reads.append((number, token, None))
            case _:
                return  # what only a journal needs to know


def _unled(member: Member, command: Any) -> None:
    """Without check-quorum nobody sticks to a leader, and a leader counts no heads."""
    raft, beat = member.both
    if isinstance(command, Heard) and isinstance(command.message, RequestVote | RequestPreVote):
        member.both = Both(raft, replace(beat, heard_ns=0))
    elif isinstance(command, Wake) and raft.role == LEADER:
        member.both = Both(raft, replace(beat, due_ns=member.now_ns + LONG_NS))


def _text(entry: LogEntry) -> str | None:
    if entry.kind == CONFIG:
        return None
    return entry.value.text if isinstance(entry.value, Text) else ""


def _appends(events: Sequence[Event]) -> bool:
    return any(isinstance(event, Appended) for event in events)


def _id(number: int) -> bytes:
    return number.to_bytes(32)


def _ids(numbers: Iterable[int]) -> tuple[bytes, ...]:
    return tuple([_id(number) for number in sorted(numbers)])


def _number(id_: bytes) -> int:
    """0 is nobody."""
    return int.from_bytes(id_)
