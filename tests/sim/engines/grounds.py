"""Small worlds of bare engines: replicas that have started, and trials of one seed."""

from msgspec.structs import replace

from meshkit.sim import people
from meshkit.sim.agenda import SECOND
from meshkit.sim.engines import KITS
from meshkit.sim.engines.check import Examiner
from meshkit.sim.engines.client import Asked, Client, Habits
from meshkit.sim.engines.kit import Kit
from meshkit.sim.engines.setting import Ground
from meshkit.sim.engines.trial import Trial
from meshkit.sim.engines.world import Audience, World
from meshkit.sim.liars import Tongue

KIT = KITS["tendermint"]
QUIET = Ground(clients=2, commands=600, habits=Habits(attempts=40))


def world(
    tongue: Tongue | None = None, kit: Kit = KIT, clients: int = 2, watch: Audience | None = None
) -> World:
    """Four replicas that have started, the last one with a tongue, and clients at rest."""
    ground = QUIET
    watch = watch or Examiner(ground.seated)
    made = World(1, kit, ground.weights, ground.seated, ground.timeouts, watch)
    watch.mesh = made
    for number, person in enumerate(made.persons):
        made.add(person, tongue if number == len(made.persons) - 1 else None)
    for number in range(clients):
        client = Client(made, people.client(number), number, ground.habits)
        client.resting = True
        made.serve(client)
    for process in made.processes:
        process.start()
    made.agenda.run(SECOND)
    return made


def called(made: World, *wanted: Asked, who: int = 1) -> list[int | None]:
    """What a client is told, call after call."""
    client = made.clients[who]
    for asked in wanted:
        client.ask(asked)
        made.agenda.run(made.agenda.now_ns + 30 * SECOND, lambda: client.call is None)
    return [one.result for one in client.history]


def tried(seed: int, ground: Ground = QUIET, kit: Kit = KIT) -> Trial:
    """A trial gone through; raises what it broke."""
    trial = Trial(kit, seed, ground, Examiner(ground.seated))
    trial.go()
    return trial


def lying(*names: str, ground: Ground = QUIET) -> Ground:
    """The last of four lies in these ways."""
    return replace(ground, liars=((3, names),))
