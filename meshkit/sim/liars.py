"""Liars: what members that do not keep to the protocol say instead, each in its own way.

A liar is an honest node behind a lying tongue: it knows all that a node knows, and everything it
says passes the tongue, once for each hearer. It can sign with its own key alone. A tongue may also
speak unasked after each tick, give blobs or not, spoil its own training, and forget what binds it.
`Chorus` has several at once. Twins, two processes with one key, need no tongue at all: they lie by
being honest twice (Bano et al., "Twins: BFT systems made robust", 2021).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec.structs import replace

from meshkit.consensus.messages import NIL, Ask, Certificate, Committed
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Known,
    Proposal,
    Vote,
    WantValue,
)
from meshkit.core.history import Head
from meshkit.core.value import Statement, Value, digest
from meshkit.ledger.messages import (
    Accusation,
    Block,
    Join,
    Note,
    Reanchor,
    RoundResult,
    SubmitTask,
    Task,
    Ticket,
)
from meshkit.pool.messages import Offered
from meshkit.rounds.inclusion import grounds_of
from meshkit.rounds.messages import Attestation, Held, Proof, Update
from meshkit.sim.labour import UPDATE_BYTES

if TYPE_CHECKING:
    from meshkit.sim.process import Process

S = TypeVar("S", bound=Statement)

HEARD_KEPT = 64  # of others' words, to twist or repeat
FLOOD_EACH = 40  # messages to one hearer, each time it floods
FLOODS_MAX = 40  # times: a flood that never ended would only make the simulator slow


class Tongue:
    """An honest one; liars differ in a method or two."""

    process: "Process"

    def bind(self, process: "Process") -> None:
        """Whose tongue it is."""
        self.process = process

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        """What `to` hears instead of `message`, which the node means to say."""
        return (message,)

    def stir(self) -> Iterable[tuple[bytes, Value]]:
        """What it says unasked, and to whom, after a tick of its node."""
        return ()

    def gives(self, to: bytes, name: bytes) -> bool:
        """Whether it gives somebody a blob it has."""
        return True

    def train(self, blob: bytes) -> bytes:
        """What it submits as its update, having trained this one."""
        return blob

    # -- what liars have in common ----------------------------------------------------------------

    @property
    def me(self) -> bytes:
        return self.process.me

    @property
    def state(self) -> Any:
        return self.process.shell.state

    def signed(self, statement: S) -> S:
        """The statement with our own signature, as it now reads."""
        return self.process.sign(replace(statement, signature=b""))

    def others(self) -> list[bytes]:
        """The other members, as the ledger has them."""
        return [id_ for id_ in self.process.members() if id_ != self.me]

    def favours(self, to: bytes) -> bool:
        """One half of the members, the same all the time."""
        return digest((self.me, to))[0] % 2 == 0

    def made_up(self, *what: object) -> bytes:
        return digest(("made up", self.me, *what))


# -- in consensus ----------------------------------------------------------------------------------


class TwoVotes(Tongue):
    """Votes one way to half of the members and another way to the rest."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Vote) or message.voter != self.me or self.favours(to):
            return (message,)
        other = NIL if message.value_id else self.made_up(message.height, message.round)
        return (self.signed(replace(message, value_id=other)),)


class BothVotes(Tongue):
    """Says both of its votes to everybody."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Vote) or message.voter != self.me:
            return (message,)
        other = NIL if message.value_id else self.made_up(message.height)
        return (message, self.signed(replace(message, value_id=other)))


class TwoBlocks(Tongue):
    """Proposes a block to half of the members and another, as good, to the rest."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        match message:
            case Proposal(proposer=self.me, value=Block() as block) if not self.favours(to):
                note = self.signed(Note(self.me, 1_000 + message.height, b"another"))
                return (self.proposing(message, replace(block, items=(note,))),)
            case _:
                return (message,)

    def proposing(self, proposal: Proposal, value: Value) -> Proposal:
        return self.signed(replace(proposal, value_id=digest(value), value=value))


class WrongBlocks(TwoBlocks):
    """Proposes what nobody may vote for, one fault after another."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        match message:
            case Proposal(proposer=self.me, value=Block() as block):
                return (self.proposing(message, self.wrong(block, message.round)),)
            case _:
                return (message,)

    def wrong(self, block: Block, number: int) -> Value:
        stranger = self.signed(Note(self.me, 0, b"a serial that is none"))
        faults: Sequence[Value] = (
            replace(block, height=block.height + 1),
            replace(block, previous=self.made_up("previous")),
            replace(block, link=self.made_up("link")),
            replace(block, items=(*block.items, stranger)),
            replace(block, items=block.items * 2),
            Note(self.me, 1, b"no block at all"),
        )
        return faults[(block.height + number) % len(faults)]


class Whisperer(Tongue):
    """Tells each thing to one member only, another one each time."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        others = self.others()
        turn = digest(message)[0] % len(others) if others else 0
        return (message,) if others and to == others[turn] else ()


class Forgetful(Tongue):
    """Forgets after every tick all that quorums wanted: proposes anew, votes for whatever comes."""

    def stir(self) -> Iterable[tuple[bytes, Value]]:
        consensus = self.state["consensus"]
        if consensus.polka_round >= 0 and not consensus.decided:
            free = replace(consensus, locked_round=-1, locked_id=NIL, polka_round=-1)
            free = replace(free, valid_round=-1, valid_id=NIL)
            self.process.shell.state = {**self.state, "consensus": free}
        return ()


# -- in rounds -------------------------------------------------------------------------------------


class WrongResults(TwoBlocks):
    """As collector makes a model of its own, and proposes it."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if isinstance(message, RoundResult) and message.collector == self.me:
            return (self.poisoned(message),)
        if isinstance(message, Attestation) and message.member == self.me:
            return (self.signed(replace(message, model=self.poison())),)
        if isinstance(message, Offered) and isinstance(message.item, RoundResult):
            return self.say_offered(message.item)
        match message:
            case Proposal(proposer=self.me, value=Block() as block):
                items = tuple(self.falsified(item) for item in block.items)
                if items != block.items:
                    return (self.proposing(message, replace(block, items=items)),)
                return (message,)
            case _:
                return (message,)

    def say_offered(self, item: RoundResult) -> Iterable[Value]:
        return (Offered(self.poisoned(item) if item.collector == self.me else item),)

    def falsified(self, item: Statement) -> Statement:
        return self.poisoned(item) if isinstance(item, RoundResult) else item

    def poison(self) -> bytes:
        return self.made_up("poison")

    def poisoned(self, result: RoundResult) -> RoundResult:
        """A result in proper form, with our own attestation, whose model does not follow."""
        assert isinstance(result.proof, Proof)
        open_ = self.state["rounds"].rounds.get(result.task)
        lists = grounds_of(result.proof.lists, open_.opened) if open_ else self.made_up("grounds")
        attestation = Attestation(self.me, result.task, result.round, lists, self.poison())
        proof = Proof(result.proof.lists, (self.signed(attestation),))
        lie = replace(result, collector=self.me, model=self.poison(), proof=proof)
        return self.signed(lie)


class UnfairResults(WrongResults):
    """As collector leaves out somebody's update, or credits itself with more."""

    def poisoned(self, result: RoundResult) -> RoundResult:
        mine = replace(result, collector=self.me)
        if result.credits and result.round % 2:
            return self.signed(replace(mine, credits=result.credits[1:]))
        more = tuple(replace(credit, samples=credit.samples + 1) for credit in result.credits)
        return self.signed(replace(mine, credits=more))


class TwoUpdates(Tongue):
    """Submits different updates to different members."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Update) or message.submitter != self.me or self.favours(to):
            return (message,)
        return (self.signed(replace(message, samples=message.samples + 1)),)


class OverCap(Tongue):
    """Claims more samples than the policy lets one update weigh."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Update) or message.submitter != self.me:
            return (message,)
        cap = self.state["ledger"].policy.samples_max
        return (self.signed(replace(message, samples=cap + 1)),)


class Spoiler(Tongue):
    """Submits a blob that is none."""

    def train(self, blob: bytes) -> bytes:
        return self.process.mesh.craft.spoilt(blob)


class Withholder(Tongue):
    """Announces its update and gives the blob to hardly anybody; lists updates nobody has."""

    def gives(self, to: bytes, name: bytes) -> bool:
        others = self.others()
        return bool(others) and to == others[0]


class FalseLists(Tongue):
    """Signs lists that hold nothing, hold a phantom, are improper, or differ among hearers."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Held) or message.holder != self.me:
            return (message,)
        kind = message.round % 4
        if kind == 0:
            return (self.signed(replace(message, updates=())),)
        if kind == 1:
            return (self.signed(replace(message, updates=message.updates[::-1])),)
        if kind == 2:
            return (message if self.favours(to) else self.signed(replace(message, updates=())),)
        return (self.signed(replace(message, updates=self.with_phantom(message))),)

    def with_phantom(self, held: Held) -> tuple[Update, ...]:
        blob = self.made_up("phantom", held.round)
        size = held.updates[0].size if held.updates else UPDATE_BYTES
        phantom = self.signed(Update(self.me, held.task, held.round, blob, size, 7, -1, -1))
        rest = (update for update in held.updates if update.submitter != self.me)
        return tuple(sorted((*rest, phantom), key=lambda update: update.submitter))


class TwoAttestations(Tongue):
    """Attests two models of the same lists."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Attestation) or message.member != self.me:
            return (message,)
        return (message, self.signed(replace(message, model=self.made_up(message.round))))


# -- by silence and by noise -----------------------------------------------------------------------


class Silent(Tongue):
    """Listens and says nothing, gives nothing."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        return ()

    def gives(self, to: bytes, name: bytes) -> bool:
        return False


class Selective(Tongue):
    """Speaks to half of the members only."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        return (message,) if self.favours(to) else ()


class Replayer(Tongue):
    """Says again what was said before, by itself or others, long after it mattered."""

    def __init__(self) -> None:
        self.kept: list[Value] = []

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if len(self.kept) < HEARD_KEPT or self.process.dice.chance(200_000):
            self.kept = [*self.kept, message][-HEARD_KEPT:]
        return (message,)

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        dice, others = self.process.dice, self.others()
        heard = [*self.kept, *heard_votes(self.state)]
        for _ in range(2 if heard and others and dice.chance(100_000) else 0):
            yield dice.pick(others), dice.pick(heard)


class Flood(Tongue):
    """Says as much as it can of everything that it may sign, and of what it may not."""

    def __init__(self) -> None:
        self.floods = 0

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        others = self.others()
        if not others or self.floods >= FLOODS_MAX or not self.process.dice.chance(50_000):
            return
        self.floods += 1
        to = self.process.dice.pick(others)
        for _ in range(FLOOD_EACH):
            yield to, self.anything()

    def anything(self) -> Value:
        dice = self.process.dice
        height = max(1, self.state["consensus"].height + dice.pick((0, 0, 0, -1, 1, 2, 10**6)))
        number = dice.pick((0, 0, 1, 2, 5, 40, dice.below(10**6)))
        return dice.pick((self.of_consensus, self.of_rounds, self.of_pool))(height, number)

    def of_consensus(self, height: int, number: int) -> Value:
        dice, value = self.process.dice, self.some_value(height)
        name = dice.pick((NIL, digest(value), self.made_up(dice.below(1_000))))
        vote = self.signed(Vote(dice.pick((PREVOTE, PRECOMMIT, 7)), height, number, name, self.me))
        vouched = dice.pick((-1, 0, number))
        proposal = Proposal(height, number, vouched, digest(value), self.me, value)
        lies: Sequence[Value] = (
            vote,
            self.signed(proposal),
            replace(self.signed(proposal), proposer=dice.pick(self.others())),
            Known((self.signed(proposal),), (vote,) * 5),
            Committed(Certificate(height, number, digest(value), (vote,)), value),
            Ask(dice.pick((1, height))),
            WantValue(height, name),
            Head(),
        )
        return dice.pick(lies)

    def some_value(self, height: int) -> Value:
        """A block with a fault or two, or none at all."""
        note = self.signed(Note(self.me, 1, b"no block"))
        book = self.state["ledger"]
        block = Block(height, book.previous, self.me, self.made_up("link"), (note,))
        return self.process.dice.pick((note, block))

    def of_rounds(self, height: int, number: int) -> Value:
        dice = self.process.dice
        tasks = [*sorted(self.state["ledger"].tasks), self.made_up("task")]
        task, blob = dice.pick(tasks), self.made_up(dice.below(1_000))
        number = dice.pick((number, *(self.round_of(task) + ahead for ahead in (0, 1, 2))))
        size, samples = dice.pick((0, UPDATE_BYTES, 2**40)), dice.below(200)
        update = self.signed(Update(self.me, task, number, blob, size, samples, -1, -1))
        held = self.signed(Held(self.me, task, number, (update,) * dice.below(3)))
        attestation = self.signed(Attestation(self.me, task, number, blob, self.made_up("model")))
        return dice.pick((update, held, attestation))

    def round_of(self, task: bytes) -> int:
        course = self.state["ledger"].tasks.get(task)
        return course.round if course else 0

    def of_pool(self, height: int, number: int) -> Value:
        dice = self.process.dice
        note = self.signed(Note(self.me, dice.below(10**9), b"x" * dice.pick((0, 10, 2_000))))
        anchor = self.signed(Reanchor(self.me, dice.below(3), self.made_up("anchor")))
        own = Task("t", "m:a", "{}", 1, 0, 1, 1, 1, 16, 12, "fedavg", self.made_up("model"), 0)
        submit = self.signed(SubmitTask(self.me, number, own))
        card = replace(self.process.person.card(("trainer", "validator"), 1), name="another")
        ticket = self.signed(Ticket(self.me, number, self.me, card.roles, card.weight))
        join = self.signed(Join(self.me, ticket, card))
        item: Statement = dice.pick((note, note, anchor, submit, join))
        return Offered(item)


class Slanderer(Tongue):
    """Accuses the honest, of what they did sign and of what they did not."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        dice, votes = self.process.dice, heard_votes(self.state)
        if not votes or not dice.chance(30_000):
            return
        first, second = dice.pick(votes), dice.pick(votes)
        forged = replace(first, value_id=self.made_up("vote"))
        for other in (second, forged):
            accusation = Accusation(self.me, first.voter, first, other)
            for to in self.others():
                yield to, Offered(self.signed(accusation))
                yield to, other


def heard_votes(state: Any) -> list[Vote]:
    """The votes that a node has heard in its height."""
    return [
        cast(Vote, vote)
        for _, at in sorted(state["consensus"].rounds.items())
        for tally in (at.prevotes, at.precommits)
        for _, vote in sorted(tally.by_voter.items())
    ]


# -- several at once -------------------------------------------------------------------------------


class Chorus(Tongue):
    """Several ways to lie at once: what one says, the next one twists."""

    def __init__(self, *tongues: Tongue) -> None:
        self.tongues = tongues

    def bind(self, process: "Process") -> None:
        super().bind(process)
        for tongue in self.tongues:
            tongue.bind(process)

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        said: list[Value] = [message]
        for tongue in self.tongues:
            said = [lie for one in said for lie in tongue.say(to, one)]
        return said

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        for tongue in self.tongues:
            yield from tongue.stir()

    def gives(self, to: bytes, name: bytes) -> bool:
        return all(tongue.gives(to, name) for tongue in self.tongues)

    def train(self, blob: bytes) -> bytes:
        for tongue in self.tongues:
            blob = tongue.train(blob)
        return blob


LIES: dict[str, type[Tongue]] = {
    "two-votes": TwoVotes,
    "both-votes": BothVotes,
    "two-blocks": TwoBlocks,
    "wrong-blocks": WrongBlocks,
    "whisperer": Whisperer,
    "forgetful": Forgetful,
    "wrong-results": WrongResults,
    "unfair-results": UnfairResults,
    "two-updates": TwoUpdates,
    "over-cap": OverCap,
    "spoiler": Spoiler,
    "withholder": Withholder,
    "false-lists": FalseLists,
    "two-attestations": TwoAttestations,
    "silent": Silent,
    "selective": Selective,
    "replayer": Replayer,
    "flood": Flood,
    "slanderer": Slanderer,
}


def tongue(names: Sequence[str]) -> Tongue:
    """A liar that lies in each of these ways."""
    return Chorus(*(LIES[name]() for name in names))
