"""Small worlds for tests of the simulator: a mesh that has come to rest, and runs of one seed."""

from meshkit.ledger.messages import Genesis, Policy
from meshkit.rounds.messages import Spec
from meshkit.sim import people
from meshkit.sim.agenda import SECOND
from meshkit.sim.check import Checker
from meshkit.sim.liars import tongue
from meshkit.sim.mesh import Mesh
from meshkit.sim.run import RIGHTS, Report, Run
from meshkit.sim.setting import MODULE, Setting
from meshkit.sim.watch import Watch

CALM = Setting()
BOTH = ("trainer", "validator")
SPEC = Spec("m:a", "{}", 1, 1_000, 100, 10, 16, 12, "fedavg", 7, 1_000, 36, 1 << 20, 56)


def genesis(count: int = 4) -> Genesis:
    cards = tuple(people.node(number).card(BOTH, 1) for number in range(count))
    desk = people.operator(0).desk(RIGHTS)
    return Genesis("simulated", 1, cards, (desk,), Policy(allowed_tasks=(MODULE,)))


def mesh(count: int = 4, liar: str = "", real: bool = False, watch: Watch | None = None) -> Mesh:
    """Founders that have not started yet; the last one lies, if a lie is named."""
    watch = watch or Checker()
    made = Mesh(1, genesis(count), watch, real)
    watch.mesh = made
    made.know(people.operator(0))
    for number in range(count):
        lies = liar and number == count - 1
        made.add(people.node(number), tongue((liar,)) if lies else None)
    return made


def founded(count: int = 4, liar: str = "", real: bool = False, watch: Watch | None = None) -> Mesh:
    """A mesh whose members have started and have nothing to do."""
    made = mesh(count, liar, real, watch)
    for process in made.processes:
        process.start()
    made.agenda.run(SECOND)
    return made


def ran(seed: int, setting: Setting, checker: Checker | None = None) -> Report:
    """What became of a seed in a setting; raises what it broke."""
    run = Run(seed, setting, checker)
    run.go()
    return run.report("test")
