"""A mesh node: which machines it is made of, and every policy between them.

    operators ──────▶ pool ───────▶ consensus ───────▶ ledger ───────▶ rounds
                       ▲    block     │    ▲  decided          opened     │
                       │              ▼    │                              │
                       │         is it valid?  ◀──── judged ──────────────┤
                       └──── results, evidence ◀──────────────────────────┘

The machines know nothing of each other; here is the only place that knows them all. A policy reads
an event and the state just after it, and asks something of a machine. The table in `Policies.table`
is the whole of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from meshkit.consensus import messages as consensus
from meshkit.consensus.engines import ENGINES, Engine, Timeouts
from meshkit.core.composite import At, Composite, Policy, State
from meshkit.core.history import Head, Historian, ShowHead
from meshkit.core.machine import Heard
from meshkit.core.value import Statement, Value, digest
from meshkit.ledger import Ledger
from meshkit.ledger import messages as ledger
from meshkit.ledger.checks import has_standing, hopeless, item_id
from meshkit.ledger.forms import update_bytes
from meshkit.ledger.state import (
    Course,
    anchor_wanted,
    committee,
    is_validator,
    link_position,
    running,
    trainers,
    validators,
)
from meshkit.ledger.state import State as Book
from meshkit.pool import Pool, candidates, held, id_of, is_signed, next_link, waiting
from meshkit.pool import messages as pool
from meshkit.rounds import Rounds, verdict
from meshkit.rounds import messages as rounds

MODEL_HEADER_BYTES = 16  # of a model blob: see `meshkit.learning.grid`
PARAMETER_BYTES = 4  # float32

Commands: TypeAlias = Iterator[At]

# To whom a message is addressed. What is not here is refused at the door.
ADDRESSEES: Mapping[type[Value], str] = {
    **dict.fromkeys((consensus.Ask, consensus.Committed), "consensus"),
    **{kind: "consensus" for engine in ENGINES.values() for kind in engine.messages},
    Head: "history",
    pool.Offered: "pool",
    **dict.fromkeys(ledger.ITEMS, "pool"),
    **dict.fromkeys((rounds.Update, rounds.Held, rounds.Attestation), "rounds"),
}


ITEMS: frozenset[type] = frozenset(ledger.ITEMS)


def address(message: Value) -> str:
    """The machine that hears `message`; "" if none does."""
    return ADDRESSEES.get(type(message), "")


def mesh_node(me: bytes, genesis: ledger.Genesis) -> Composite:
    """The node of the identity `me` (its public key) in the mesh of `genesis`."""
    engine = engine_in(genesis)
    policies = Policies(me, engine)
    return Composite(
        {
            "consensus": engine.machine(me, digest(genesis), timeouts_of(genesis)),
            "history": Historian(),
            "ledger": policies.ledger,
            "pool": Pool(me, ledger.ITEMS, (ledger.RoundResult, ledger.Reanchor)),
            "rounds": Rounds(me),
        },
        policies.table(),
        policies.admits,
    )


def engine_in(genesis: ledger.Genesis) -> Engine:
    """The engine by which a mesh agrees."""
    return ENGINES[genesis.policy.engine]


def timeouts_of(genesis: ledger.Genesis) -> Timeouts:
    """How long its nodes wait for each other."""
    policy = genesis.policy
    return Timeouts(policy.propose_ms, policy.vote_ms, policy.step_ms)


def usual_policy(engine: str, **rules: Any) -> ledger.Policy:
    """The policy of a new mesh that says only this: each engine has patience of its own."""
    known = ENGINES.get(engine)
    waits = known.usual if known is not None else Timeouts()
    usual = {name: getattr(waits, name) for name in ("propose_ms", "vote_ms", "step_ms")}
    return ledger.Policy(engine=engine, **{**usual, **rules})


def mesh_ledger() -> Ledger:
    """The ledger of a mesh, which knows what its nodes' statements exclude."""
    return Ledger(conflicts)


def conflicts(first: Statement, second: Statement) -> bool:
    """Do these two statements, which one signer signed, exclude each other?"""
    place = place_of(first)
    return place is not None and place == place_of(second) and content(first) != content(second)


def place_of(statement: Statement) -> tuple[Any, ...] | None:
    """Where no honest signer says two different things; None if it may say there what it likes."""
    names = _PLACES.get(type(statement))
    if names is None:
        return None
    return (type(statement).__name__, *[getattr(statement, name) for name in names])


# Of which fields no honest signer signs two different statements.
_PLACES: Mapping[type[Statement], tuple[str, ...]] = {
    **{kind: names for engine in ENGINES.values() for kind, names in engine.places.items()},
    rounds.Update: ("submitter", "task", "round"),
    rounds.Held: ("holder", "task", "round"),
    rounds.Attestation: ("member", "task", "round", "lists"),
}


def content(statement: Statement) -> list[Any]:
    """What its signature covers."""
    return [
        getattr(statement, name)
        for name in statement.__struct_fields__
        if name not in statement.UNSIGNED
    ]


class Policies:
    """How one machine's event becomes another's command, for the node of the identity `me`."""

    def __init__(self, me: bytes, engine: Engine) -> None:
        self.me = me
        self.engine = engine
        self.ledger = mesh_ledger()

    def table(self) -> dict[tuple[str, type], Sequence[Policy]]:
        """(machine, event) and what follows, in this order."""
        return {
            ("ledger", ledger.Founded): [self.open_pool, self.advance_links, self.next_height],
            ("ledger", ledger.BlockApplied): [self.advance_links, self.next_height],
            ("ledger", ledger.RoundOpened): [self.open_round],
            ("ledger", ledger.MemberAdmitted): [self.reopen_rounds],
            ("ledger", ledger.MemberRemoved): [self.reopen_rounds],
            ("ledger", ledger.TaskFinished): [self.close_task, self.show_head],
            ("ledger", ledger.TaskCancelled): [self.close_task, self.show_head],
            ("pool", pool.ItemPooled): [self.take_item],
            ("pool", pool.LinkReady): [self.propose],
            ("pool", pool.AnchorReady): [self.offer_anchor],
            ("consensus", self.engine.begun): [self.settle_pool],
            ("consensus", consensus.ProposalWanted): [self.propose],
            ("consensus", consensus.ProposalTaken): [self.judge],
            ("consensus", consensus.Decided): [self.apply],
            ("consensus", consensus.EquivocationSeen): [self.accuse],
            ("rounds", rounds.RoundOpened): [self.judge_waiting],
            ("rounds", rounds.RoundReopened): [self.judge_waiting],
            ("rounds", rounds.Judged): [self.take_judgement],
            ("rounds", rounds.ResultFormed): [self.offer_result],
            ("rounds", rounds.UpdateConflict): [self.accuse_submitter],
            ("rounds", rounds.HeldConflict): [self.accuse_holder],
            ("rounds", rounds.AttestationConflict): [self.accuse_member],
        }

    # -- the door ---------------------------------------------------------------------------------

    def admits(self, state: State, command: At) -> bool:
        """A message counts only from who is a member in the state just before it.

        Nor does what would be decided unproved and could not be applied: no engine looks into it.
        """
        body = command.body
        if type(body) is not Heard:
            return True
        book: Book = state["ledger"]
        sender, message = body.sender, body.message
        for value in self.engine.unproved(message):
            if type(value) is not ledger.Block:
                return False
        if sender not in book.members:
            # A decision proves itself, and who is on the way in has nobody else to listen to.
            return isinstance(message, consensus.Committed) and sender not in book.former
        item = message.item if type(message) is pool.Offered else message
        return type(item) not in ITEMS or self._may_wait(book, sender, cast(Statement, item))

    def _may_wait(self, book: Book, sender: bytes, item: Statement) -> bool:
        """One member could fill everybody's journal with what made-up strangers say, or with what
        no block will ever hold; our own item that has become so must leave the pool, though."""
        if sender == self.me:
            return True
        return has_standing(book, item) and not hopeless(self.ledger.check(book, item))

    # -- from one height to the next --------------------------------------------------------------

    def open_pool(self, state: State, event: ledger.Founded) -> Commands:
        limits = pool.Limits(signer_items_max=event.genesis.policy.pool_items_max)
        yield At("pool", pool.Configure(limits))

    def apply(self, state: State, event: consensus.Decided) -> Commands:
        assert isinstance(event.value, ledger.Block), "only blocks are ever judged valid"
        yield At("ledger", ledger.Apply(event.certificate.height, event.value))

    def next_height(self, state: State, event: Value) -> Commands:
        """The validators of the next height are those of the state after this one."""
        book: Book = state["ledger"]
        voters = [consensus.Validator(id_, weight) for id_, weight in validators(book)]
        builder = event.proposer if isinstance(event, ledger.BlockApplied) else b""
        yield At("consensus", consensus.Begin(book.height + 1, tuple(voters), builder))

    def advance_links(self, state: State, event: Value) -> Commands:
        """Have the link ready that our next block must carry, and in time our next anchor."""
        book: Book = state["ledger"]
        if self.me in book.members:
            yield At("pool", pool.Advance(link_position(book, self.me)))
        if anchor := anchor_wanted(book, self.me):
            yield At("pool", pool.WantAnchor(anchor))

    def settle_pool(self, state: State, event: Value) -> Commands:
        """What the last block settled, or made impossible, leaves the pool; the rest goes on."""
        dead: list[Statement] = []
        ready = False
        last = state["consensus"].last
        applied: frozenset[Statement] = frozenset(last.value.items if last else ())
        for item in waiting(state["pool"]):
            outlook = False if item in applied else self._outlook(state, item)
            ready = ready or outlook is True
            if outlook is False:
                dead.append(item)
        if dead:
            yield At("pool", pool.Settle(tuple(dead)))
        if ready:
            yield At("consensus", consensus.Open())

    # -- from the pool into a block ---------------------------------------------------------------

    def take_item(self, state: State, event: pool.ItemPooled) -> Commands:
        """A new item opens the height; a round's result does so only once it is judged."""
        item = event.item
        outlook = self._outlook(state, item)
        if outlook is False:
            yield At("pool", pool.Settle((item,)))
        elif type(item) is ledger.RoundResult:
            yield At("rounds", _case(item, pooled=True))
        elif outlook:
            if self.engine.is_dormant(state["consensus"]):
                yield At("consensus", consensus.Open())
            yield from self.propose(state, event)

    def propose(self, state: State, event: Value) -> Commands:
        """If the engine waits for a value of ours, and there is something to decide, build one."""
        asked = self.engine.wanted(state["consensus"])
        ready = next_link(state["pool"])
        if asked is None or not ready:
            return
        height, round_number = asked
        block = self.ledger.build(state["ledger"], self.me, ready, self._ready(state))
        if block.items and block.height == height:
            yield At("consensus", consensus.Propose(height, round_number, block))

    def _ready(self, state: State) -> Iterator[Statement]:
        """What the ledger is to choose from for the next block: results only if found right.

        All of it, and not the first so many: what may not go in yet must not keep others out.
        """
        book = state["pool"]
        gone: tuple[bytes, ...] = ()
        for item in candidates(book, len(book.items), book.all_bytes):
            if type(item) is ledger.RemoveMember and _votes(state["ledger"], item.member):
                if not self.engine.may_lose(state["consensus"], (*gone, item.member)):
                    continue  # whoever is removed is heard no more; the engine still needs it
                gone = (*gone, item.member)
            if type(item) is not ledger.RoundResult or _verdict(state, item):
                yield item

    def _outlook(self, state: State, item: Statement) -> bool | None:
        """Whether an item may go into the next block; None if not yet, but perhaps a later one."""
        refusal = self.ledger.check(state["ledger"], item)
        if refusal:
            # A draft of ours is not lost: its signature is under way, whatever is decided.
            return False if hopeless(refusal) and is_signed(item) else None
        if type(item) is ledger.RoundResult:
            return _verdict(state, item)
        return True

    def offer_anchor(self, state: State, event: pool.AnchorReady) -> Commands:
        seat = state["ledger"].members.get(self.me)
        if seat is not None:
            yield At("pool", pool.Offer(ledger.Reanchor(self.me, seat.chain + 1, event.anchor)))

    # -- may this value be voted for? -------------------------------------------------------------

    def judge(self, state: State, event: consensus.ProposalTaken) -> Commands:
        yield from self._judge(state, event.height, event.value_id, event.value)

    def _judge(self, state: State, height: int, value_id: bytes, value: Value) -> Commands:
        """A block's form is judged at once; its results when their aggregates are known."""
        if not isinstance(value, ledger.Block) or self.ledger.check_block(state["ledger"], value):
            yield At("consensus", consensus.Judge(height, value_id, False))
            return
        results = [item for item in value.items if type(item) is ledger.RoundResult]
        verdicts = [_verdict(state, result) for result in results]
        if False in verdicts:
            yield At("consensus", consensus.Judge(height, value_id, False))
        elif None not in verdicts:
            yield At("consensus", consensus.Judge(height, value_id, True))
        else:
            for result, known in zip(results, verdicts, strict=True):
                if known is None:
                    yield At("rounds", _case(result, pooled=False))

    def judge_waiting(
        self, state: State, event: rounds.RoundOpened | rounds.RoundReopened
    ) -> Commands:
        """Results that came early, or were judged when others took part, are judged now."""
        for item in waiting(state["pool"]):
            if type(item) is ledger.RoundResult and item.task == event.opened.task:
                yield At("rounds", _case(item, pooled=True))

    def take_judgement(self, state: State, event: rounds.Judged) -> Commands:
        """A result was judged: the blocks that hold it may be now, and it may go into one."""
        for height, value_id, value in self.engine.unjudged(state["consensus"]):
            if any(_is_result(item, event.reference) for item in getattr(value, "items", ())):
                yield from self._judge(state, height, value_id, value)
        item = held(state["pool"], event.reference)
        if item is None:
            return
        outlook = self._outlook(state, item)
        if outlook is False:
            yield At("pool", pool.Settle((item,)))
        elif outlook:
            yield At("consensus", consensus.Open())
            yield from self.propose(state, event)

    # -- rounds -----------------------------------------------------------------------------------

    def open_round(self, state: State, event: ledger.RoundOpened) -> Commands:
        yield from self._open(state["ledger"], event.task)

    def reopen_rounds(self, state: State, event: Value) -> Commands:
        """Who takes part in the open rounds has changed."""
        for task in running(state["ledger"]):
            yield from self._open(state["ledger"], task)

    def _open(self, book: Book, task: bytes) -> Commands:
        yield At("rounds", opening(book, task))

    def close_task(
        self, state: State, event: ledger.TaskFinished | ledger.TaskCancelled
    ) -> Commands:
        if isinstance(event, ledger.TaskFinished):
            yield At("rounds", rounds.Close(event.task, "finished", event.model))
        else:
            yield At("rounds", rounds.Close(event.task, "cancelled"))

    def show_head(self, state: State, event: Value) -> Commands:
        """A task has ended: each journal takes note of how far the others go."""
        yield At("history", ShowHead())

    def offer_result(self, state: State, event: rounds.ResultFormed) -> Commands:
        result = event.result
        counted = tuple(
            ledger.Credit(credit.submitter, credit.update, credit.samples)
            for credit in result.credits
        )
        item = ledger.RoundResult(
            self.me, result.task, result.round, result.base, result.model, counted, result.proof
        )
        yield At("pool", pool.Offer(item))

    # -- evidence ---------------------------------------------------------------------------------

    def accuse(self, state: State, event: consensus.EquivocationSeen) -> Commands:
        yield from self._accuse(event.culprit, event.first, event.second)

    def accuse_submitter(self, state: State, event: rounds.UpdateConflict) -> Commands:
        yield from self._accuse(event.first.submitter, event.first, event.second)

    def accuse_holder(self, state: State, event: rounds.HeldConflict) -> Commands:
        yield from self._accuse(event.first.holder, event.first, event.second)

    def accuse_member(self, state: State, event: rounds.AttestationConflict) -> Commands:
        yield from self._accuse(event.first.member, event.first, event.second)

    def _accuse(self, culprit: bytes, first: Statement, second: Statement) -> Commands:
        yield At("pool", pool.Offer(ledger.Accusation(self.me, culprit, first, second)))


def opening(book: Book, task: bytes) -> rounds.Open:
    """What the rounds' machine is told of the open round of a running task."""
    course: Course = book.tasks[task]
    return rounds.Open(
        task,
        course.round,
        _spec(course.task, book.policy),
        course.model,
        course.seed,
        trainers(book),
        tuple(rounds.Holder(id_, weight) for id_, weight in validators(book)),
        committee(book, task, course.round),
        book.policy.committee,
        book.policy.standby_ms,
    )


def _votes(book: Book, who: bytes) -> bool:
    seat = book.members.get(who)
    return seat is not None and is_validator(seat.member)


def _verdict(state: State, item: ledger.RoundResult) -> bool | None:
    """Whether a result was found valid; None if that is not known."""
    return verdict(state["rounds"], id_of(state["pool"], item))


def _is_result(item: Statement, reference: bytes) -> bool:
    return type(item) is ledger.RoundResult and item_id(item) == reference


def _case(item: ledger.RoundResult, pooled: bool) -> rounds.Judge:
    """The question whether a result follows from its proof."""
    return rounds.Judge(item_id(item), result_of(item), pooled)


def result_of(item: ledger.RoundResult) -> rounds.Result:
    """A round's result in the words of the rounds' machine."""
    counted = tuple(
        rounds.Counted(credit.submitter, credit.update, credit.samples) for credit in item.credits
    )
    # A proof of another kind proves nothing, and an empty one is refused by the rounds' machine.
    proof = item.proof if isinstance(item.proof, rounds.Proof) else rounds.Proof((), ())
    return rounds.Result(
        item.collector, item.task, item.round, item.base, item.model, counted, proof
    )


def _spec(task: ledger.Task, policy: ledger.Policy) -> rounds.Spec:
    return rounds.Spec(
        task.module,
        task.parameters,
        task.quorum,
        task.deadline_ms,
        task.patience_ms,
        task.size,
        task.bits,
        task.scale_bits,
        task.strategy,
        task.seed,
        policy.samples_max,
        update_bytes(task.size, task.bits),
        policy.round_bytes_max,
        MODEL_HEADER_BYTES + PARAMETER_BYTES * task.size,
    )
