"""The driver: what an engine and the service ask of each other, in one step."""

from typing import Any

from meshkit.consensus.engines import TENDERMINT, Timeouts
from meshkit.consensus.messages import Begin, Decided, Judge, Open, Propose, Validator
from meshkit.consensus.tendermint.messages import HeightBegun, Proposal, RoundStarted, VoteCast
from meshkit.core.composite import At, Composite
from meshkit.core.machine import Heard, Moment, recheck, step
from meshkit.core.value import digest
from meshkit.sim.engines.driver import replica
from meshkit.sim.engines.service import ADD, Call, CallBatch, CallsApplied, CallTaken

ME, ANN = b"m" * 32, b"a" * 32


class Story:
    """One replica, its journal, and what the last step told."""

    def __init__(self, others: int = 0) -> None:
        roster = [Validator(ME, 1), *(Validator(bytes([n]) * 32, 1) for n in range(others))]
        machine = TENDERMINT.machine(ME, b"mesh", Timeouts(100, 50, 50))
        seated = (1 << len(roster)) - 1
        self.node: Composite = replica(TENDERMINT, machine, roster, seated)
        self.state: Any = self.node.initial()
        self.entries: list[Any] = []
        self.take(At("consensus", Begin(1, tuple(roster))))

    def take(self, command: At) -> list[str]:
        moment = Moment(len(self.entries) + 1, 0)
        self.state, entry, self.effects = step(self.node, self.state, command, moment)
        self.entries.append(entry)
        self.told = [event.body for event in entry.events]
        return [type(body).__name__ for body in self.told]

    def call(self, sequence: int = 1, sender: bytes = ANN) -> list[str]:
        return self.take(At("service", Heard(sender, Call(ANN, sequence, ADD, 0, 1))))


def test_a_call_opens_the_height_and_is_proposed_at_once() -> None:
    story = Story()
    told = story.call()
    assert told[:3] == ["CallTaken", "RoundStarted", "ProposalWanted"]
    assert "Proposed" in told
    assert "ValueJudged" in told
    assert story.state["service"].waiting


def test_alone_a_replica_decides_as_soon_as_its_own_votes_are_back() -> None:
    story = Story()
    story.call()
    for _ in range(8):
        for effect in [effect.body for effect in story.effects]:
            message = getattr(effect, "message", None)
            if message is not None and type(message) is not Call:
                story.take(At("consensus", Heard(ME, message)))
        if any(isinstance(body, Decided) for body in story.told):
            break
    kinds = [type(body) for body in story.told]
    assert kinds.index(Decided) < kinds.index(CallsApplied) < kinds.index(HeightBegun)
    assert story.state["service"].books.registers[0] == 1
    assert story.state["consensus"].height == 2
    assert recheck(story.node, story.entries) == story.state


def test_another_s_proposal_is_judged_by_what_it_follows() -> None:
    for previous, valid in ((b"", True), (b"x", False)):
        story = Story(others=3)
        turn = next(
            bytes([n]) * 32 for n in range(3) if TENDERMINT.leader(story.state["consensus"]) != ME
        )
        value = CallBatch(1, previous, (Call(ANN, 1, ADD, 0, 1),))
        heard: list[str] = []
        for proposer in (turn, *(bytes([n]) * 32 for n in range(3))):
            offer = Proposal(1, 0, -1, digest(value), proposer, value)
            heard += story.take(At("consensus", Heard(proposer, offer)))
            votes = [body for body in story.told if isinstance(body, VoteCast)]
            if votes:
                assert (votes[0].value_id == digest(value)) is valid
                break
        assert "ValueJudged" in heard


def test_what_waits_when_a_height_begins_opens_it() -> None:
    story = Story(others=3)
    story.call()
    assert any(isinstance(body, CallTaken) for body in story.told)
    assert any(isinstance(body, RoundStarted) for body in story.told)
    assert story.take(At("consensus", Open())) == []
    assert story.take(At("consensus", Judge(1, b"unknown", True))) == []
    assert story.take(At("consensus", Propose(9, 9, CallBatch(9, b"", ())))) == []
