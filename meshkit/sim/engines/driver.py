"""A replica as a composite: an engine, the service that it serves, and the policies between them.

The driver of an engine, as small as it gets; `meshkit.node` is the one of a mesh.

1. A call that waits opens the height, and is proposed at once if the engine waits for a value;
   while one value is being decided, all that comes waits for the next.
2. What the engine wants is a batch of all that waits, now or as soon as something does.
3. A proposed value is judged at once: its form, and that it follows the value before.
4. What is decided is applied; then the next height begins with the validators after it, and opens
   if something still waits.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from meshkit.consensus.engines import Engine
from meshkit.consensus.messages import (
    Begin,
    Decided,
    Judge,
    Open,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Validator,
)
from meshkit.core.composite import At, Composite, Policy, State
from meshkit.core.history import Historian
from meshkit.core.machine import Machine
from meshkit.core.value import Value
from meshkit.sim.engines.kit import CONSENSUS, HISTORY, SERVICE
from meshkit.sim.engines.service import (
    Apply,
    CallBatch,
    CallsApplied,
    CallTaken,
    Desk,
    Service,
    batch,
    is_proper,
)


class Driver:
    """The policies of one replica."""

    def __init__(self, engine: Engine, service: Service, me: bytes) -> None:
        self._engine, self._service, self._me = engine, service, me

    def call_taken(self, state: State, event: CallTaken) -> Iterator[At]:
        if self._engine.is_dormant(state[CONSENSUS]):
            yield At(CONSENSUS, Open())
        yield from self.propose(state, event)

    def propose(self, state: State, event: Value) -> Iterator[At]:
        asked = self._engine.wanted(state[CONSENSUS])
        value = batch(state[SERVICE], self._me) if asked else None
        if asked and value and value.height == asked[0]:
            yield At(CONSENSUS, Propose(asked[0], asked[1], value))

    def judge(self, state: State, event: ProposalTaken) -> Iterator[At]:
        desk: Desk = state[SERVICE]
        verdict = is_proper(desk.books, event.value)
        yield At(CONSENSUS, Judge(event.height, event.value_id, verdict))

    def decided(self, state: State, event: Decided) -> Iterator[At]:
        assert type(event.value) is CallBatch, "what is no batch was judged, and is never decided"
        yield At(SERVICE, Apply(event.value))

    def applied(self, state: State, event: CallsApplied) -> Iterator[At]:
        desk: Desk = state[SERVICE]
        validators = self._service.validators(desk.books)
        yield At(CONSENSUS, Begin(desk.books.height + 1, validators, event.value.builder))
        if desk.waiting:
            yield At(CONSENSUS, Open())


def replica(
    engine: Engine,
    machine: Machine[Any, Any, Any, Any],
    roster: Sequence[Validator],
    seated: int,
    clerk: bytes = b"",
    me: bytes = b"",
) -> Composite:
    """The node of one replica; it is begun by a `Begin` to its engine."""
    service = Service(roster, seated, clerk, engine.attests)
    driver = Driver(engine, service, me)
    policies: dict[tuple[str, type], Sequence[Policy]] = {
        (SERVICE, CallTaken): (driver.call_taken,),
        (SERVICE, CallsApplied): (driver.applied,),
        (CONSENSUS, ProposalWanted): (driver.propose,),
        (CONSENSUS, ProposalTaken): (driver.judge,),
        (CONSENSUS, Decided): (driver.decided,),
    }
    machines: dict[str, Machine[Any, Any, Any, Any]] = {
        CONSENSUS: machine, HISTORY: Historian(), SERVICE: service,
    }  # fmt: skip
    return Composite(machines, policies)
