"""A mesh of rounds' machines in a box: a network that loses, a ledger that commits, and a liar.

The ledger and consensus are not here, only what they do to rounds: results are offered to all
pools; now and then a member proposes one that it found valid; what more than two thirds of the
weight find valid is committed, and everybody is told, each when it is told.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

from msgspec.structs import replace

from meshkit.core.machine import Broadcast, Entry, Heard, Moment, Restarted, Wake, replay, step
from meshkit.core.value import Statement, canonical, digest
from meshkit.rounds.duties import owed
from meshkit.rounds.inclusion import is_quorum
from meshkit.rounds.machine import Rounds
from meshkit.rounds.messages import (
    MISSING,
    MODEL,
    UPDATE,
    Aggregate,
    Aggregated,
    Close,
    Fetch,
    Fetched,
    Judge,
    Judged,
    Open,
    Result,
    ResultFormed,
    Train,
    Trained,
)
from meshkit.rounds.state import MS, State
from tests.rounds.playbook import BASE, SEED, TASK, A, B, C, D, E, F, G, opening, signed, spec

BLOB_BYTES = 216
TRAIN_MS, FETCH_MS, AGGREGATE_MS, GOSSIP_MS, PROPOSE_MS = 40, 4, 6, 150, 60

# What a liar says to one member in place of the honest statement it would have said.
Lie = Callable[["Node", Statement, bytes], Iterator[Statement]]


class Node:
    """A member: its machine, its journal, its blobs, and the results in its pool."""

    def __init__(self, me: bytes) -> None:
        self.me = me
        self.machine = Rounds(me)
        self.state: State = self.machine.initial()
        self.journal: list[Entry] = []
        self.now_ns = 0
        self.alive = True
        self.blobs = {BASE}
        self.pool: dict[bytes, Result] = {}
        self.verdicts: dict[bytes, bool] = {}
        self.round = 0
        self.lie: Lie | None = None
        self.falsify: Callable[[Result], Result] | None = None  # what a liar offers as its result
        self.withheld: frozenset[bytes] = frozenset()  # members it gives no blobs to


def check_owed(node: Node, effects: list[Any]) -> None:
    """Whatever was just asked for or said is owed: if it is lost, it will be asked for again."""
    rounds = node.state.rounds.values()
    all_owed = [effect for round_ in rounds for effect in owed(node.me, round_)]
    for effect in effects:
        if isinstance(effect, Fetch):  # its sources may grow from one asking to the next
            again = [
                other
                for other in all_owed
                if isinstance(other, Fetch) and replace(other, sources=effect.sources) == effect
            ]
            # Within the same step the submitter may have shown itself two-faced.
            assert again or node.state.rounds[TASK].rivals
            assert all(set(effect.sources) <= set(other.sources) for other in again)
        else:
            assert effect in all_owed


class World:
    """All of it, driven by one seed."""

    def __init__(self, members: tuple[bytes, ...], rounds: int, seed: int, loss: int = 0) -> None:
        self.random = Random(seed)
        self.loss = loss  # percent of messages
        self.members = members
        self.nodes = {member: Node(member) for member in members}
        self.rounds = rounds
        self.models = [BASE]
        self.committed: list[Result] = []
        self.bad: dict[bytes, str] = {}  # blobs that are not what the task asks for
        self.now_ns = 1_000 * MS
        self.happened: Counter[str] = Counter()
        self.events: dict[bytes, list[Any]] = {member: [] for member in members}
        self.changes: dict[str, Any] = {}
        self.crash_at: dict[tuple[bytes, int], int] = {}  # (member, entry): for how many ms
        self.mute_at: set[tuple[bytes, int]] = set()  # (member, entry): its effects are lost
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    # -- time -------------------------------------------------------------------------------------

    def at(self, ms: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._queue, (self.now_ns + int(ms * MS), self._number, act))

    def run(self, horizon_ms: int = 120_000) -> "World":
        """Until all rounds are committed and told; an error if that takes longer."""
        until_ns = self.now_ns + horizon_ms * MS
        for member in self.members:
            self.at(0, partial(self.tell, member))
        self.at(PROPOSE_MS, self.propose)
        self.at(GOSSIP_MS, self.gossip)
        while not self.done():
            now_ns, _, act = heapq.heappop(self._queue)
            assert now_ns < until_ns, f"stuck in round {len(self.models)}: {self.happened}"
            self.now_ns = max(self.now_ns, now_ns)
            act()
        return self

    def done(self) -> bool:
        nodes = self.nodes.values()
        return all(node.round > self.rounds for node in nodes if node.alive)

    # -- one node ---------------------------------------------------------------------------------

    def give(self, member: bytes, command: Any) -> None:
        node = self.nodes[member]
        if not node.alive:
            return
        node.now_ns = max(node.now_ns + 1, self.now_ns)
        moment = Moment(node.now_ns, 0)
        node.state, entry, effects = step(node.machine, node.state, command, moment)
        if entry.events:
            node.journal.append(entry)
        assert not node.machine.decide(node.state, command, moment), "heard twice, new facts"
        due = node.machine.deadline(node.state)
        if isinstance(command, Wake):
            assert due is None or due > node.now_ns, "a wake moves the deadline"
        check_owed(node, effects)
        self.happened.update(type(event).__name__ for event in entry.events)
        self.events[member].extend(entry.events)
        down_ms = self.crash_at.pop((member, len(node.journal)), None) if entry.events else None
        if down_ms is not None:
            self.crash(member, down_ms)
            return
        for effect in effects if (member, len(node.journal)) not in self.mute_at else ():
            self.perform(node, effect)
        for event in entry.events:
            self.follow(node, event)
        self.alarm(node)

    def alarm(self, node: Node) -> None:
        due = node.machine.deadline(node.state)
        if due is not None:
            wait_ms = max(0, due - self.now_ns) / MS
            self.at(wait_ms, lambda: self.wake(node))

    def wake(self, node: Node) -> None:
        due = node.machine.deadline(node.state)
        if due is not None and due <= self.now_ns and node.alive:
            self.give(node.me, Wake())

    def crash(self, member: bytes, down_ms: float) -> None:
        """The journal is all that survives, with the blobs; what is under way is lost."""
        node = self.nodes[member]
        node.alive = False
        self.happened["crash"] += 1
        self.at(down_ms, lambda: self.restart(member))

    def restart(self, member: bytes) -> None:
        node = self.nodes[member]
        node.alive = True
        assert replay(node.machine, node.journal) == node.state
        node.pool, node.verdicts = {}, {}
        for event in self.events[member]:
            self.follow(node, event, again=True)
        self.give(member, Restarted())
        self.tell(member)

    # -- the world's answers ----------------------------------------------------------------------

    def perform(self, node: Node, effect: Any) -> None:
        match effect:
            case Broadcast(message):
                assert isinstance(message, Statement)
                self.broadcast(node, message)
            case Train(task, number):
                blob = digest(["trained", node.me, task, number])
                done = Trained(task, number, blob, BLOB_BYTES, 100, 900_000, 300_000)
                self.at(TRAIN_MS, lambda: self.stored(node, blob, done))
            case Fetch():
                self.at(FETCH_MS, lambda: self.fetch(node, effect))
            case Aggregate(task, number, _, base, key, credited):
                assert base in node.blobs
                assert all(credit.update in node.blobs for credit in credited)
                model = digest(["model", base, credited])
                aggregated = Aggregated(task, number, base, key, model, "")
                self.at(AGGREGATE_MS, lambda: self.stored(node, model, aggregated))
            case _:
                raise AssertionError(effect)

    def stored(self, node: Node, blob: bytes, done: Any) -> None:
        if node.alive:
            node.blobs.add(blob)
            self.give(node.me, done)

    def fetch(self, node: Node, effect: Fetch) -> None:
        blob = effect.digest
        having = [
            source
            for source in effect.sources
            if self.nodes[source].alive
            and blob in self.nodes[source].blobs
            and node.me not in self.nodes[source].withheld
        ]
        found = blob in node.blobs or (having and self.random.randrange(100) >= self.loss)
        problem = self.bad.get(blob, "") if found else MISSING
        assert effect.form != UPDATE or effect.size == BLOB_BYTES, "no other size is asked for"
        if found and not problem:
            node.blobs.add(blob)
        assert effect.form in (MODEL, UPDATE)
        self.give(node.me, Fetched(effect.task, effect.form, blob, effect.size, problem))

    def broadcast(self, node: Node, message: Statement) -> None:
        said = signed(message)
        self.at(0, lambda: self.give(node.me, Heard(node.me, said)))
        for other in self.members:
            if other != node.me:
                lies = node.lie(node, said, other) if node.lie else iter((said,))
                for lie in lies:
                    self.send(node.me, other, lie)

    def send(self, sender: bytes, to: bytes, message: Any) -> None:
        copies = 0 if self.random.randrange(100) < self.loss else 1
        copies += self.random.randrange(100) < self.loss
        for _ in range(copies):
            delay = self.random.choice((1, 1, 1, 2, 3, 30))
            self.at(delay, lambda: self.give(to, Heard(sender, message)))

    # -- pools, proposals, the ledger -------------------------------------------------------------

    def follow(self, node: Node, event: Any, again: bool = False) -> None:
        match event:
            case ResultFormed(result):
                made = node.falsify(result) if node.falsify else result
                node.pool[digest(made)] = made
                if not again:
                    self.judge(node.me, made, pooled=True)
            case Judged(reference, _, _, _, _, valid):
                node.verdicts[reference] = valid
            case _:
                pass

    def judge(self, member: bytes, result: Result, pooled: bool) -> None:
        node = self.nodes[member]
        if node.alive:
            if pooled:
                node.pool[digest(result)] = result
            self.give(member, Judge(digest(result), result, pooled))

    def gossip(self) -> None:
        for node in self.nodes.values():
            for result in tuple(node.pool.values()):
                for other in self.members if node.alive else ():
                    known = digest(result) in self.nodes[other].pool
                    if not known and self.random.randrange(100) >= self.loss:
                        self.at(1, partial(self.judge, other, result, pooled=True))
        self.at(GOSSIP_MS, self.gossip)

    def propose(self) -> None:
        """The next proposer proposes what it found valid, and the votes are counted a bit later."""
        node = self.nodes[self.random.choice(self.members)]
        valid = sorted(
            reference
            for reference, result in node.pool.items()
            if node.verdicts.get(reference) and result.round == len(self.models)
        )
        if node.alive and valid:
            result = node.pool[valid[0]]
            for other in self.members:
                self.at(1, partial(self.judge, other, result, pooled=False))
            self.at(PROPOSE_MS, lambda: self.count(result))
        self.at(PROPOSE_MS, self.propose)

    def count(self, result: Result) -> None:
        reference = digest(result)
        votes = sum(
            node.verdicts.get(reference, False) for node in self.nodes.values() if node.alive
        )
        if is_quorum(votes, len(self.members)) and result.round == len(self.models):
            self.models.append(result.model)
            self.committed.append(result)
            for member in self.members:
                self.at(self.random.choice((1, 1, 5, 40)), partial(self.tell, member))

    def tell(self, member: bytes) -> None:
        """What the ledger has decided, as far as it goes, reaches a member."""
        node = self.nodes[member]
        while node.alive and node.round < len(self.models):
            node.round += 1
            if node.round <= self.rounds:
                self.give(member, self.opened(node.round))
            else:
                self.give(member, Close(TASK, "finished", self.models[-1]))
            for result in tuple(node.pool.values()):
                if result.round == node.round:
                    self.judge(member, result, pooled=True)

    def opened(self, number: int) -> Open:
        turn = number % len(self.members)
        usual = opening(
            self.members,
            round=number,
            base=self.models[number - 1],
            seed=digest([SEED, number]),
            ranking=(*self.members[turn:], *self.members[:turn]),
            spec=spec(deadline_ms=1_500, patience_ms=100),
        )
        return replace(usual, **self.changes)

    # -- what must hold in the end ----------------------------------------------------------------

    def check(self, liars: frozenset[bytes] = frozenset()) -> None:
        """All honest members agree on every result that two of them judged, and replay alike."""
        honest = [node for member, node in self.nodes.items() if member not in liars]
        for node in honest:
            assert replay(node.machine, node.journal) == node.state
            for other in honest:
                for reference, valid in node.verdicts.items():
                    assert other.verdicts.get(reference, valid) == valid
        for result in self.committed:
            assert canonical(result)
            assert {credit.submitter for credit in result.credits} <= set(self.members)


def story_digest() -> str:
    """What seven members decided in a lossy round: the same in every process."""
    world = World((A, B, C, D, E, F, G), rounds=2, seed=9, loss=10).run()
    return digest([entry for node in world.nodes.values() for entry in node.journal]).hex()


if __name__ == "__main__":
    print(story_digest())
