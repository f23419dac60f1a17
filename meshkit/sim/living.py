"""A process whose engine has a volatile half, which stands beside the node as in the host.

Before each tick that half hears what has come, and after it is shown what became of the other. What
may leave before its entry is durable leaves while the disk is at it: a crash at that write finds it
gone, and the entry lost.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshkit.core.composite import At
from meshkit.core.machine import Heard, Restarted, earliest
from meshkit.core.shell import Caused
from meshkit.node import engine_in, timeouts_of
from meshkit.runtime.pulse import Asked, Pulse
from meshkit.sim.people import Person
from meshkit.sim.process import STEP_NS, Process

if TYPE_CHECKING:
    from meshkit.sim.liars import Tongue
    from meshkit.sim.mesh import Mesh

WENT_EARLY = "entries left before the write that failed"


class Living(Process):
    """One process of a mesh whose engine is of two halves."""

    def __init__(
        self,
        mesh: "Mesh",
        person: Person,
        number: int,
        honest: bool = True,
        tongue: "Tongue | None" = None,
    ) -> None:
        self._gone_ns = 0  # when something last left ahead of its entry
        self._awake = False  # whether the node has been told of its restart
        super().__init__(mesh, person, number, honest, tongue)

    def start(self) -> None:
        genesis = self.mesh.genesis
        self.pulse = Pulse(engine_in(genesis), self.me, self.mesh.id, timeouts_of(genesis))
        self._awake = False
        super().start()

    def _begin(self) -> None:
        self.shell.ahead = self._go_ahead
        super()._begin()

    def _go_ahead(self, effects: list[Caused]) -> None:
        """Do what need not wait for the disk, as soon as it is decided."""
        now_ns = self._gone_ns = self._agenda.now_ns
        self.free_ns = now_ns + (self.load_ns + STEP_NS) * self.pace.slow_percent // 100
        for caused in effects:
            self.performer.perform(caused)

    def _fail(self, error: Any) -> None:
        if self._gone_ns == self._agenda.now_ns:
            self.mesh.watch.happened(WENT_EARLY)
        super()._fail(error)

    def _tick(self, life: int) -> None:
        if life == self.life and self.up and not self.paused:
            self._listen(self._pulse)
        super()._tick(life)

    @property
    def _pulse(self) -> Pulse:
        assert self.pulse is not None, "it lives"
        return self.pulse

    def _listen(self, pulse: Pulse) -> None:
        """Let the volatile half hear what is for it; the rest stays in the inbox."""
        shell, moment = self.shell, self.clock.moment
        inbox, shell.inbox = shell.inbox, []
        self.free_ns = self._agenda.now_ns  # what it says now leaves now
        members = shell.state["ledger"].members
        self._awake = self._awake or any(type(command.body) is Restarted for command, _ in inbox)
        for command, envelope in inbox:
            body = command.body
            if type(body) is Heard and command.name == "consensus":
                if body.sender in members:
                    admitted, asked = pulse.hear(body.sender, body.message, moment())
                    self._heed(asked)
                else:
                    admitted = not pulse.takes(body.message)
                if not admitted:
                    self.commands += 1
                    continue
            shell.inbox.append((command, envelope))
        self._heed(pulse.wake(moment()))

    def _heed(self, asked: Asked) -> None:
        for command in asked.told:
            self.shell.take(At("consensus", command))
        self.performer.flit(asked.said)

    def _look(self, state: Any) -> None:
        super()._look(state)
        if self._awake:  # until then the state is that of a former life
            self._heed(self._pulse.look(state["consensus"], self.clock.moment()))

    def _deadline(self, state: Any) -> int | None:
        return earliest(super()._deadline(state), self._pulse.deadline())


def kind_of(genesis: Any) -> Callable[..., Process]:
    """What runs a node of this mesh."""
    return Living if engine_in(genesis).volatile is not None else Process
