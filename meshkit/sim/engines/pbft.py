"""PBFT in the proving ground: its liars, and what is rare in it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from meshkit.consensus.engines import PBFT, Timeouts
from meshkit.consensus.messages import Ask, Certificate, Committed, Decided
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    CheckpointTaken,
    Commit,
    NewView,
    Offer,
    Prepare,
    PreparedProof,
    PrePrepare,
    Shown,
    StableFound,
    ValueJudged,
    ViewChange,
    ViewEntered,
    WantValue,
    WantView,
)
from meshkit.core.machine import Entry, Heard
from meshkit.core.value import Statement, Value, digest
from meshkit.runtime.perform import urgency
from meshkit.sim import liars
from meshkit.sim.engines.kit import CONSENSUS, Kit
from meshkit.sim.engines.service import GET, PUT, Call, CallBatch
from meshkit.sim.engines.tongues import (
    OWN_REGISTER,
    FalseAnswers,
    Foreigner,
    OldCalls,
    Proposer,
    Slow,
    WrongValues,
)
from meshkit.sim.liars import FLOOD_EACH, FLOODS_MAX, Tongue
from meshkit.sim.process import Process

TIMEOUTS = (Timeouts(200, 100, 100), Timeouts(500, 200, 100), Timeouts(1_000, 300, 500))
SIZES = (4, 4, 4, 4, 4, 4, 5, 5, 6, 7, 1, 2, 3)

LATER_VIEW = "a decision in a later view"
MUCH_LATER = "a decision in the fourth view or later"
BOUND = "a view that begins with what was prepared before"
CAUGHT_UP = "a decision by somebody's certificate"
BAD_VALUE = "a value refused"
AMID = "a view change while a checkpoint is not stable"
VIEWS_MANY = 3


def rare(process: Process, entry: Entry) -> Iterator[str]:
    """The names of the rare states that an entry of an honest replica shows."""
    heard = isinstance(entry.command.body, Heard)
    certified = heard and isinstance(entry.command.body.message, Committed)
    for event in entry.events:
        match event.body:
            case Decided(certificate):
                if certified:
                    yield CAUGHT_UP
                if certificate.round > 0:
                    yield LATER_VIEW
                if certificate.round >= VIEWS_MANY:
                    yield MUCH_LATER
            case ViewEntered(new_view=new_view):
                if new_view.chosen:
                    yield BOUND
                if process.shell.state[CONSENSUS].taken:
                    yield AMID
            case ValueJudged(valid=False):
                yield BAD_VALUE
            case _:
                pass


# -- liars -----------------------------------------------------------------------------------------


class TwoWords(Tongue):
    """Prepares, commits and checkpoints one way for half of the others, another for the rest."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if self.favours(to):
            return (message,)
        match message:
            case Prepare(voter=self.me) | Commit(voter=self.me):
                other = self.made_up(message.height, message.view)
                return (self.signed(replace(message, value_id=other)),)
            case Checkpoint(voter=self.me):
                return (self.signed(replace(message, digest=self.made_up(message.height))),)
            case _:
                return (message,)


class BothWords(Tongue):
    """Says both to everybody."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        match message:
            case Prepare(voter=self.me) | Commit(voter=self.me):
                other = self.made_up(message.height, message.view)
                return (message, self.signed(replace(message, value_id=other)))
            case _:
                return (message,)


class SplitPrimary(Proposer):
    """Assigns one value for half of the others and another, as good, for the rest, and prepares and
    commits with each half for its own."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[tuple[int, int], CallBatch] = {}  # the other value, by view and height

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if self.favours(to):
            return (message,)
        match message:
            case PrePrepare(view, height, proposer=self.me, value=CallBatch() as batch):
                if (view, height) not in self.told:
                    self.told[view, height] = self.another(batch)
                return (self.proposing(message, self.told[view, height]),)
            case Prepare(view, height, _, self.me) | Commit(view, height, _, self.me):
                other = self.told.get((view, height))
                if other is None:
                    return (message,)
                return (self.signed(replace(message, value_id=digest(other))),)
            case _:
                return (message,)


class DoublePrimary(Tongue):
    """Assigns a value, and prepares it, too, as if it were one of the backups."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        match message:
            case PrePrepare(view, height, value_id, self.me):
                return (message, self.signed(Prepare(view, height, value_id, self.me)))
            case _:
                return (message,)


class Forgetful(Tongue):
    """Never shows in a view change what it knows to be prepared."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, ViewChange) or message.voter != self.me:
            return (message,)
        return (self.signed(replace(message, prepared=())),)


class Boaster(Tongue):
    """Shows in a view change proofs that are none, and checkpoints that nobody took."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, ViewChange) or message.voter != self.me:
            return (message,)
        return (self.signed(self.boast(message)),)

    def boast(self, change: ViewChange) -> ViewChange:
        height, view = change.stable + 1, max(change.view - 1, 0)
        name = self.made_up("boasted")
        mine = [proof for proof in change.prepared if proof.pre_prepare.proposer == self.me]
        if mine:  # what others prepared, under another word of our own
            said = self.signed(replace(mine[0].pre_prepare, value_id=name))
            return replace(change, prepared=(PreparedProof(said, mine[0].prepares),))
        if self.process.dice.chance(500_000):
            said = self.signed(PrePrepare(view, height, name, self.me))
            alone = PreparedProof(said, (self.signed(Prepare(view, height, name, self.me)),))
            return replace(change, prepared=(alone,))
        stable = change.stable + 40
        vote = self.signed(Checkpoint(stable, name, self.me))
        return replace(change, stable=stable, checkpoints=(vote,), prepared=())


class Usurper(Tongue):
    """As the new primary begins a view as it likes: without what was prepared, or otherwise."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, NewView) or message.proposer != self.me:
            return (message,)
        return (self.signed(self.usurped(message)),)

    def usurped(self, said: NewView) -> NewView:
        height = said.chosen[0].height if said.chosen else self.state[CONSENSUS].height
        wrong = self.signed(PrePrepare(said.view, height, self.made_up("usurped"), self.me))
        ways: Sequence[NewView] = (
            replace(said, chosen=()),
            replace(said, chosen=(wrong,)),
            replace(said, changes=said.changes[:2]),
            replace(said, nulls=(height,)),
        )
        return self.process.dice.pick(ways)


class Restless(Tongue):
    """Gives up on views all the time, near and far ones."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        state, dice = self.state[CONSENSUS], self.process.dice
        if not dice.chance(20_000):
            return
        view = state.view + dice.pick((1, 1, 2, 10**6))
        change = ViewChange(state.since, view, state.stable, state.proof, (), self.me)
        for to in self.others():
            yield to, self.signed(change)


class FalseCertificates(Tongue):
    """Proves decisions with what proves nothing: too few commits, or commits to other things."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        state, dice, others = self.state[CONSENSUS], self.process.dice, self.others()
        if not others or not dice.chance(50_000):
            return
        calls = (self.signed(Call(self.me, dice.below(1_000) + 1, PUT, OWN_REGISTER, 7)),)
        batch = CallBatch(state.height, self.state["service"].books.previous, calls)
        mine = self.signed(Commit(state.view, state.height, digest(batch), self.me))
        heard = [vote for _, vote in sorted(state.slot.commits.by_voter.items())][:3]
        votes: Sequence[tuple[Statement, ...]] = ((mine,), (mine,) * 4, (mine, *heard))
        proof = Certificate(state.height, state.view, digest(batch), dice.pick(votes))
        yield dice.pick(others), Committed(proof, batch)


class Parrot(liars.Replayer):
    """Says again what it said before, long after it mattered, also of other views."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        dice, others, slot = self.process.dice, self.others(), self.state[CONSENSUS].slot
        votes = [*sorted(slot.prepares.by_voter.items()), *sorted(slot.commits.by_voter.items())]
        heard = [*self.kept, *(vote for _, vote in votes)]
        for _ in range(2 if heard and others and dice.chance(100_000) else 0):
            yield dice.pick(others), dice.pick(heard)


class Slanderer(Tongue):
    """Shows what somebody honest said of one height in two views, or made up as said by it."""

    def __init__(self) -> None:
        self.heard: list[Any] = []  # prepares and commits

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        slot, dice = self.state[CONSENSUS].slot, self.process.dice
        if not dice.chance(100_000):
            return
        for tally in (slot.prepares, slot.commits):
            known = [vote for _, vote in sorted(tally.by_voter.items()) if vote not in self.heard]
            self.heard = [*self.heard, *known][-liars.HEARD_KEPT :]
        if self.heard:
            first = dice.pick(self.heard)
            others = [vote for vote in self.heard if vote != first and is_alike(vote, first)]
            forged = replace(first, value_id=self.made_up("vote"))
            for to in self.others():
                yield to, Shown((first, dice.pick(others or [forged])))


def is_alike(vote: Any, other: Any) -> bool:
    """Whether two words are of one kind, height and voter."""
    return type(vote) is type(other) and (vote.height, vote.voter) == (other.height, other.voter)


class Flood(Tongue):
    """Says as much as it can of everything that it may sign, and of what it may not."""

    def __init__(self) -> None:
        self.floods = 0

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        others, dice = self.others(), self.process.dice
        if not others or self.floods >= FLOODS_MAX or not dice.chance(20_000):
            return
        self.floods += 1
        to = dice.pick(others)
        for _ in range(FLOOD_EACH):
            yield to, self.anything()

    def anything(self) -> Value:
        dice, state, me = self.process.dice, self.state[CONSENSUS], self.me
        height = max(1, state.height + dice.pick((0, 0, 0, -1, 1, 2, 10**6)))
        view = max(0, state.view + dice.pick((0, 0, 1, 2, -1, dice.below(10**6))))
        call = self.signed(Call(me, dice.below(10**9) + 1, GET, OWN_REGISTER))
        batch = CallBatch(height, self.state["service"].books.previous, (call,))
        name = dice.pick((digest(batch), self.made_up(dice.below(1_000))))
        commit = self.signed(Commit(view, height, name, me))
        whole = self.signed(PrePrepare(view, height, digest(batch), me, batch))
        change = self.signed(ViewChange(state.since, view, height - 1, (), (), me))
        lies: Sequence[Value] = (
            self.signed(Prepare(view, height, name, me)),
            commit,
            whole,
            self.signed(Checkpoint(height, name, me)),
            change,
            self.signed(NewView(state.since, view, (change,), (), (height,), me)),
            Shown((commit,) * 5),
            Offer(height, batch),
            Committed(Certificate(height, view, digest(batch), (commit,)), batch),
            Ask(dice.pick((1, height))),
            WantValue(height, name),
            WantView(state.since, view),
            call,
        )
        return dice.pick(lies)


LIES: dict[str, type[Tongue]] = {
    "two-words": TwoWords,
    "both-words": BothWords,
    "split-primary": SplitPrimary,
    "double-primary": DoublePrimary,
    "old-calls": OldCalls,
    "wrong-values": WrongValues,
    "forgetful": Forgetful,
    "boaster": Boaster,
    "usurper": Usurper,
    "restless": Restless,
    "whisperer": liars.Whisperer,
    "false-certificates": FalseCertificates,
    "false-answers": FalseAnswers,
    "slow": Slow,
    "foreigner": Foreigner,
    "silent": liars.Silent,
    "selective": liars.Selective,
    "parrot": Parrot,
    "slanderer": Slanderer,
    "flood": Flood,
}

KIT = Kit(
    engine=PBFT,
    sizes=SIZES,
    timeouts=TIMEOUTS,
    urgency=urgency,
    rare=rare,
    sometimes=(
        LATER_VIEW, MUCH_LATER, BOUND, CAUGHT_UP, BAD_VALUE, AMID, CheckpointTaken.__name__,
        StableFound.__name__, "ViewLeft", "NewViewMade", "ViewEntered", "ConflictShown",
        "ViewAnswered", "StableAnswered", "ValueMissed", "EquivocationSeen", "PeerAhead",
        "PrimarySlow",
    ),
    lies=LIES,
)  # fmt: skip
