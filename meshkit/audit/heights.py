"""How the heights went that decided a round: whose turn it was, what was proposed, and judged.

A judgement of no is evidence against whoever proposed, if its signed proposal is at hand; so
proposals and the results in their blocks are kept by what they are called in the judgement.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from meshkit.audit.facts import WRONG_PROPOSAL, Fact, Scope
from meshkit.audit.places import Place
from meshkit.audit.silence import Turns
from meshkit.audit.words import short
from meshkit.consensus.account import Deed, HeightOpened, Said, TurnBegun, ValueFound
from meshkit.consensus.engines import deed_of
from meshkit.consensus.messages import Decided, ProposalTaken, Validator
from meshkit.core.value import Statement
from meshkit.ledger.checks import item_id
from meshkit.ledger.messages import Block, RoundResult
from meshkit.pool.messages import ItemPooled
from meshkit.rounds.messages import Judged, Result


class Wrong(NamedTuple):
    """A proposal that somebody judged wrong, and where."""

    place: Place
    height: int
    value_id: bytes


class Heights:
    """Feed it every event of every journal."""

    def __init__(self) -> None:
        self._voters: dict[int, tuple[Validator, ...]] = {}
        self._proposers: dict[int, Callable[[int], bytes]] = {}  # whose each turn of it is
        self._now: dict[bytes, int] = {}  # the height that a journal has come to
        self._begun: dict[int, dict[int, list[Place]]] = {}  # by height and round
        self._proposals: dict[int, dict[int, Said]] = {}
        self._blocks: dict[bytes, Block] = {}
        self._decided: dict[int, Block] = {}
        self._wrong: list[Wrong] = []
        self._reasons: dict[bytes, str] = {}  # why a result is wrong, by its id
        self._results: dict[tuple[bytes, bytes, int, bytes], RoundResult] = {}

    def hear(self, place: Place, event: Any) -> None:
        match event:
            case ProposalTaken(_, _, value_id, _, Block() as block):
                self._blocks[value_id] = block
                self._keep_results(block)
            case Decided(certificate, Block() as block):
                self._decided[certificate.height] = self._blocks[certificate.value_id] = block
                self._keep_results(block)
            case ItemPooled(RoundResult() as item):
                self._keep(item)
            case Judged() if not event.valid:
                self._reasons[event.reference] = event.reason
            case _:
                if (deed := deed_of(event)) is not None:
                    self._of_engine(place, deed)

    def _of_engine(self, place: Place, deed: Deed) -> None:
        match deed:
            case HeightOpened(height, voters, proposer):
                self._voters[height], self._proposers[height] = voters, proposer
                self._now[place.node] = height
            case TurnBegun(height, number):
                open_ = self._now.get(place.node, 0) if height is None else height
                self._begun.setdefault(open_, {}).setdefault(number, []).append(place)
            case Said(kind="proposal", height=height, turn=number):
                self._proposals.setdefault(height, {}).setdefault(number, deed)
            case ValueFound(height, value_id, valid) if not valid:
                self._wrong.append(Wrong(place, height, value_id))
            case _:
                pass

    def _keep_results(self, block: Block) -> None:
        for item in block.items:
            if isinstance(item, RoundResult):
                self._keep(item)

    def _keep(self, item: RoundResult) -> None:
        self._results.setdefault((item.collector, item.task, item.round, item.model), item)

    def result(self, result: Result) -> tuple[Statement, ...]:
        """The item that its collector signed."""
        item = self._results.get((result.collector, result.task, result.round, result.model))
        return (item,) if item is not None else ()

    def collector(self, height: int, task: bytes, number: int) -> bytes:
        """Whose result of the round was decided at this height; empty if none was."""
        block = self._decided.get(height)
        for item in block.items if block else ():
            if isinstance(item, RoundResult) and (item.task, item.round) == (task, number):
                return item.collector
        return b""

    def turns(self, height: int) -> Turns:
        """How many rounds the height took, in which of them something was proposed, and where each
        gave way to the next."""
        proposed = frozenset(self._proposals.get(height, {}))
        begun, proposer = self._begun.get(height, {}), self._proposers.get(height)
        passed = {number - 1: tuple(places) for number, places in begun.items() if number}
        gone: dict[int, bytes] = {}
        if begun and proposer is not None:
            turns = range(max(min(begun) - 1, 0), max(begun) + 1)
            gone = {number: proposer(number) for number in turns if number not in proposed}
        return Turns(height, gone, passed)

    def wrong(self) -> Iterator[tuple[Fact, Place]]:
        """The proposals that were judged wrong, as evidence against their proposers."""
        for place, height, value_id in self._wrong:
            for said in self._proposals.get(height, {}).values():
                if said.value_id != value_id:
                    continue
                what = f"proposed {short(value_id)}, which is wrong{self._why(value_id)}"
                key = (value_id, said.turn)
                proof = (said.statement, *self._wrong_results(value_id))
                scope: Scope = ("height", height)
                who = said.signer
                yield Fact(scope, "evidence", who, what, key, proof, WRONG_PROPOSAL), place

    def _wrong_results(self, value_id: bytes) -> Iterator[RoundResult]:
        block = self._blocks.get(value_id)
        for item in block.items if block else ():
            if isinstance(item, RoundResult) and item_id(item) in self._reasons:
                yield item

    def _why(self, value_id: bytes) -> str:
        for item in self._wrong_results(value_id):
            return f": the result of round {item.round} in it {self._reasons[item_id(item)]}"
        return ": the rules forbid the block"
