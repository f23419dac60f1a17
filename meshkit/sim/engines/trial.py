"""One seed of the world of bare engines: trouble, then healing, and what must have become of it.

The two phases are those of whole nodes (`meshkit.sim.run`). After the healing a random part of the
honest replicas, enough to decide, is brought back and connected; the others may stay dead or cut
off, and liars go on lying. From then on every client that calls must be answered, however often it
calls again, and all of the healthy core must come to stand at one height. Until it is healed,
operators may order things of the engine (`orders`), at any time and of any replica.
"""

from collections.abc import Sequence

from meshkit.consensus.engines import Engine
from meshkit.core.composite import At
from meshkit.sim import people
from meshkit.sim.agenda import MS
from meshkit.sim.check import Broken
from meshkit.sim.engines.check import Witness
from meshkit.sim.engines.client import Asked, Client
from meshkit.sim.engines.kit import CONSENSUS, Kit, is_enough
from meshkit.sim.engines.replica import Replica
from meshkit.sim.engines.service import SEAT
from meshkit.sim.engines.setting import EXILES, ROTS, Ground, is_sound, weight_of
from meshkit.sim.engines.world import World
from meshkit.sim.liars import Chorus
from meshkit.sim.nemesis import Nemesis
from meshkit.sim.process import Process
from meshkit.sim.run import CALM_AFTER_NS, LIVE_NS, SLICE_NS, Report, Run

LOOK_NS = 20 * MS  # between two looks at how much was done: a few hundred commands
ORDERED = "somebody ordered:"
LAST_CALLS = 2  # that each client makes after the healing
NOBODY_REGISTER = -1  # which a call that seats somebody names


class Siege(Nemesis):
    """The nemesis of bare engines: journals rot, too, never more of them than are borne."""

    def __init__(self, world: World, ground: Ground) -> None:
        super().__init__(world, ground)
        self._world, self._ground = world, ground
        self._faults[ROTS] = self._rot
        self._faults[EXILES] = self._exile

    def _rot(self) -> None:
        world, ground = self._world, self._ground
        victim = self._dice.pick(world.replicas)
        bad = sorted({one.person.number for one in world.replicas if not one.honest or one.rotten})
        bad.append(victim.person.number)
        seatings = (ground.seated, *(seated for _, seated in ground.seatings))
        borne = all(is_sound(world.kit.engine, ground.weights, seated, bad) for seated in seatings)
        if victim.honest and not victim.rotten and victim.life and borne:
            victim.rotten = True
            if victim.up:
                victim.crash("its journal rotted")

    def _exile(self) -> None:
        """Whoever leads, by its own account, is cut off from the other members for a while."""
        world = self._world
        for leader in world.replicas:
            if not leader.up or world.kit.engine.leader(leader.shell.state[CONSENSUS]) != leader.me:
                continue
            others = [other.number for other in world.replicas if other is not leader]
            links = [(leader.number, other) for other in others]
            links += [(other, leader.number) for other in others]
            world.network.cut.update(links)
            world.watch.happened("exile")
            self._later(world.network.cut.difference_update, links)


class Trial(Run):
    """One seed's run in one setting, of one engine."""

    def __init__(self, kit: Kit, seed: int, ground: Ground, watch: Witness) -> None:
        if ground.leased:
            kit = kit._replace(volatile=kit.leased)
        self.kit, self.setting, self.ground = kit, ground, ground
        self.world = World(seed, kit, ground.weights, ground.seated, ground.timeouts, watch)
        self.world.reads = ground.reads
        self.mesh = self.world
        watch.mesh = self.world
        self.world.network.weather = ground.weather
        self.world.bury = self._bury
        self._people()
        self.nemesis = Siege(self.world, ground)
        self._dice = self.world.dice("run")
        self._wishes = self.world.dice("orders")
        self._healed, self._healed_ns = False, 0
        self.core = []

    def _people(self) -> None:
        ground, world, lies = self.ground, self.world, dict(self.ground.liars)
        for number, person in enumerate(world.persons):
            names = lies.get(number)
            tongue = Chorus(*(self.kit.lies[name]() for name in names)) if names else None
            world.add(person, tongue, number not in ground.twins)
        for number in ground.twins:
            world.add(world.persons[number], honest=False)
        dice = world.dice("clocks")
        for process in world.processes:
            process.pace = ground.pace
            process.off_ns = dice.between(-ground.off_ns, ground.off_ns)
            process.rate_ppm = dice.between(-ground.rate_ppm, ground.rate_ppm)
        for number in range(ground.clients + 1):
            world.serve(Client(world, people.client(number), number, ground.habits))

    @property
    def commands(self) -> int:
        return sum(process.commands for process in self.world.processes)

    # -- the two phases ---------------------------------------------------------------------------

    def go(self) -> None:
        """All of it; raises `Broken`, or whatever a replica raised."""
        world, agenda = self.world, self.world.agenda
        self.begin()
        self._call()
        while self.commands < self.ground.commands and agenda.now_ns < self.ground.safety_ns:
            agenda.run(agenda.now_ns + LOOK_NS)
        self._heal()
        for client in world.clients:
            client.finish(LAST_CALLS)
        until_ns = self._healed_ns + LIVE_NS
        while not self._is_settled():
            if agenda.now_ns >= until_ns:
                raise Broken(f"stuck: {self._why_stuck()}")
            agenda.run(agenda.now_ns + SLICE_NS)
            self._extend_core()
        agenda.run(agenda.now_ns + CALM_AFTER_NS)
        world.watch.finish()

    def _call(self) -> None:
        clerk, *clients = self.world.clients
        clerk.resting = True
        for wait_ns, seated in self.ground.seatings:
            self.world.agenda.after(wait_ns, self._seat, clerk, seated)
        for client in clients:
            client.begin()
        self._await_order()

    def _await_order(self) -> None:
        if self.ground.orders and not self._healed:
            wait_ns = self._wishes.between(1, 2 * self.ground.order_ns)
            self.world.agenda.after(wait_ns, self._order)

    def _order(self) -> None:
        """Somebody orders something of a replica that runs."""
        dice, world = self._wishes, self.world
        name, replica = dice.pick(self.ground.orders), dice.pick(world.replicas)
        if replica.up and replica.honest and not self._healed:
            state = replica.shell.state[CONSENSUS]
            command = self.kit.orders[name](dice, state, world.ids)
            if command is not None:
                world.watch.happened(f"{ORDERED} {name}")
                replica.take(At(CONSENSUS, command))
        self._await_order()

    def _seat(self, clerk: Client, seated: int) -> None:
        if clerk.call is None and not self._healed:
            clerk.ask(Asked(SEAT, NOBODY_REGISTER, seated, 0))

    def _revive(self, process: Process) -> None:
        assert isinstance(process, Replica), "here all are"
        if not process.rotten:
            super()._revive(process)

    # -- the healthy core -------------------------------------------------------------------------

    def _height(self, among: Sequence[Process]) -> tuple[int, int]:
        """The most advanced height of somebody honest among these, and who is seated there."""
        known = [one for one in self.world.replicas if one in among and one.honest and one.life]
        places = [(one.books.height, one.books.seated) for one in known]
        return max(places, default=(0, self.world.seated))

    def _extend_core(self) -> None:
        """Take in healthy replicas until they can decide, where they stand and where all do."""
        for process in self._dice.shuffled(self.world.replicas):
            seatings = [self._height(self.world.processes)[1], self._height(self.core)[1]]
            if not self._engine.attests:  # who is on the way from one seating to another needs both
                seatings += [self.ground.seated, *(one for _, one in self.ground.seatings)]
            lacking = [seated for seated in seatings if not self._is_quorate(seated)]
            if not lacking:
                return
            wanted = any(seated >> process.person.number & 1 for seated in lacking)
            if process.honest and wanted and not process.rotten and process not in self.core:
                self.core.append(process)
                for other in self.world.processes:
                    self.world.network.cut.discard((process.number, other.number))
                    self.world.network.cut.discard((other.number, process.number))
                self._nurse(process)

    def _is_quorate(self, seated: int) -> bool:
        mine = sum(1 << process.person.number for process in self.core)
        weights, engine = self.ground.weights, self._engine
        return is_enough(engine, weight_of(weights, seated & mine), weight_of(weights, seated))

    @property
    def _engine(self) -> Engine:
        return self.kit.engine

    def _is_settled(self) -> bool:
        if any(client.call is not None or not client.resting for client in self.world.clients):
            return False
        height, _ = self._height(self.world.processes)
        return height > 0 and all(
            process.up and process.books.height == height
            for process in self.world.replicas
            if process in self.core
        )

    def _why_stuck(self) -> str:
        height, seated = self._height(self.world.processes)
        waiting = [client.person.name for client in self.world.clients if client.call is not None]
        words = [f"best height {height} by {seated:b}, unanswered: {waiting}"]
        for process in self.world.replicas:
            if process in self.core:
                state = process.shell.state["consensus"]
                words.append(
                    f"{process.person.name}: height {process.books.height}, up {process.up},"
                    f" engine at {state.height}, wanted {self._engine.wanted(state)},"
                    f" waiting {len(process.shell.state['service'].waiting)}"
                )
        return "; ".join(words)

    # -- the report -------------------------------------------------------------------------------

    def report(self, scenario: str, failure: str = "") -> Report:
        watch, world = self.world.watch, self.world
        calls = [one for client in world.clients for one in client.history]
        watch.counts["calls"] += len(calls)
        watch.counts["calls answered"] += sum(one.ended is not None for one in calls)
        return Report(
            scenario=f"{self._engine.name}/{scenario}",
            seed=world.seed,
            real=False,
            nodes=len(self.ground.weights),
            liars=len(self.ground.liars) + len(self.ground.twins),
            digest=watch.digest.hexdigest(),
            outline=watch.digest.hexdigest(),
            commands=self.commands,
            entries=watch.entries,
            heights=self._height(world.processes)[0],
            virtual_ms=world.agenda.now_ns // MS,
            counts=tuple(sorted(watch.counts.items())),
            failure=failure,
        )
