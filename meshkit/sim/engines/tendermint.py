"""Tendermint in the proving ground: its liars, and what is rare in it."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from meshkit.consensus.engines import TENDERMINT, Timeouts
from meshkit.consensus.messages import NIL, Ask, Certificate, Committed
from meshkit.consensus.rotation import proposer
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Known,
    Proposal,
    Vote,
    WantValue,
)
from meshkit.core.value import Value, digest
from meshkit.runtime.perform import urgency
from meshkit.sim import liars, rare
from meshkit.sim.engines.kit import Kit
from meshkit.sim.engines.service import GET, PUT, Call, CallBatch
from meshkit.sim.engines.tongues import (
    OWN_REGISTER,
    Batches,
    FalseAnswers,
    Foreigner,
    OldCalls,
    Proposer,
    Slow,
    WrongValues,
)
from meshkit.sim.liars import FLOOD_EACH, FLOODS_MAX, Tongue

TIMEOUTS = (Timeouts(100, 50, 50), Timeouts(500, 100, 100), Timeouts(1_000, 500, 500))
SIZES = (4, 4, 4, 4, 4, 4, 5, 5, 6, 7, 1, 2, 3)


class SplitProposer(Proposer):
    """Proposes one value to half of the members and another, as good, to the rest, and votes with
    each half for its own: only quorums that intersect in somebody honest withstand that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[tuple[int, int], CallBatch] = {}  # the other value, by height and round

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if self.favours(to):
            return (message,)
        match message:
            case Proposal(height, number, proposer=self.me, value=CallBatch() as batch):
                if (height, number) not in self.told:
                    self.told[height, number] = self.another(batch)
                return (self.proposing(message, self.told[height, number]),)
            case Vote(_, height, number, name, self.me) if name and (height, number) in self.told:
                other = digest(self.told[height, number])
                return (self.signed(replace(message, value_id=other)),)
            case _:
                return (message,)


class FalseRounds(Proposer):
    """Proposes as if a quorum had wanted that in an earlier round, whenever there was one."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        match message:
            case Proposal(round=number, proposer=self.me) if number > 0:
                earlier = self.process.dice.below(number)
                return (self.signed(replace(message, valid_round=earlier)),)
            case _:
                return (message,)


class EarlyProposer(Batches):
    """Proposes in rounds to come, and for the next height, before anybody is there."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        state, dice = self.state["consensus"], self.process.dice
        if not dice.chance(50_000) or not state.validators:
            return
        height, number = state.height + dice.below(2), max(state.round, 0) + dice.below(3)
        if proposer(state.validators, height, number) != self.me:
            return
        call = self.signed(Call(self.me, dice.below(1_000) + 1, GET, OWN_REGISTER))
        batch = CallBatch(height, self.state["service"].books.previous, (call,))
        lie = Proposal(height, number, dice.pick((-1, number - 1)), digest(batch), self.me, batch)
        for to in self.others():
            yield to, self.signed(lie)


class FalseCertificates(Tongue):
    """Proves decisions with what proves nothing: too few votes, or votes for other things."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        state, dice = self.state["consensus"], self.process.dice
        others = self.others()
        if not others or not dice.chance(50_000):
            return
        calls = (self.signed(Call(self.me, dice.below(1_000) + 1, PUT, OWN_REGISTER, 7)),)
        batch = CallBatch(state.height, self.state["service"].books.previous, calls)
        name, number = digest(batch), max(state.round, 0)
        mine = self.signed(Vote(PRECOMMIT, state.height, number, name, self.me))
        heard = [vote for vote in liars.heard_votes(self.state) if vote.voter != self.me]
        votes: Sequence[tuple[Vote, ...]] = (
            (mine,),
            (mine,) * 4,
            tuple(sorted([mine, *heard[:3]], key=lambda vote: vote.voter)),
        )
        proof = Certificate(state.height, number, name, dice.pick(votes))
        yield dice.pick(others), Committed(proof, batch)


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
        dice, state = self.process.dice, self.state["consensus"]
        height = max(1, state.height + dice.pick((0, 0, 0, -1, 1, 2, 10**6)))
        number = dice.pick((0, 0, 1, 2, 5, 40, dice.below(10**6)))
        call = self.signed(Call(self.me, dice.below(10**9) + 1, dice.below(6), OWN_REGISTER))
        batch = CallBatch(height, self.state["service"].books.previous, (call,))
        name = dice.pick((NIL, digest(batch), self.made_up(dice.below(1_000))))
        vote = self.signed(Vote(dice.pick((PREVOTE, PRECOMMIT, 7)), height, number, name, self.me))
        offer = self.signed(Proposal(height, number, dice.pick((-1, 0, number)), name, self.me))
        whole = self.signed(Proposal(height, number, -1, digest(batch), self.me, batch))
        lies: Sequence[Value] = (
            vote,
            offer,
            whole,
            call,
            replace(whole, proposer=dice.pick(self.others())),
            Known((offer, whole), (vote,) * 5),
            Committed(Certificate(height, number, digest(batch), (vote,)), batch),
            Ask(dice.pick((1, height))),
            WantValue(height, name),
        )
        return dice.pick(lies)


class Slanderer(Tongue):
    """Shows pairs of votes of the honest: those that they cast, and those that they did not."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        dice, votes = self.process.dice, liars.heard_votes(self.state)
        if not votes or not dice.chance(30_000):
            return
        first, second = dice.pick(votes), dice.pick(votes)
        forged = replace(first, value_id=self.made_up("vote"))
        for to in self.others():
            yield to, Known((), (first, dice.pick((second, forged))))


LIES: dict[str, type[Tongue]] = {
    "two-votes": liars.TwoVotes,
    "both-votes": liars.BothVotes,
    "split-proposer": SplitProposer,
    "old-calls": OldCalls,
    "wrong-values": WrongValues,
    "false-rounds": FalseRounds,
    "early-proposer": EarlyProposer,
    "whisperer": liars.Whisperer,
    "forgetful": liars.Forgetful,
    "false-certificates": FalseCertificates,
    "false-answers": FalseAnswers,
    "slow": Slow,
    "foreigner": Foreigner,
    "silent": liars.Silent,
    "selective": liars.Selective,
    "replayer": liars.Replayer,
    "flood": Flood,
    "slanderer": Slanderer,
}

KIT = Kit(
    engine=TENDERMINT,
    sizes=SIZES,
    timeouts=TIMEOUTS,
    urgency=urgency,
    rare=rare.rare,
    sometimes=(
        rare.SKIPPED,
        rare.REPROPOSED,
        rare.NIL_VOTE,
        rare.LOCKED,
        rare.BAD_BLOCK,
        rare.CAUGHT_UP,
        rare.LATER,
        rare.MUCH_LATER,
        "EquivocationSeen",
        "QuorumShown",
        "ValidFound",
        "ValueMissed",
        "PeerAhead",
    ),
    lies=LIES,
)
