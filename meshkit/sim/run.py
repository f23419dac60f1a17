"""One run: a mesh under faults, then healed, and what must have become of it in the end.

The safety phase lets the nemesis do what it likes. Then faults stop, and a random part of the
honest members, of more than two thirds of the weight, is brought back and connected; the others may
stay dead or cut off, and liars go on lying. From then on the mesh must get on: every errand is
settled, every task has finished or was cancelled, and all of the healthy core stand at one height
with one ledger and hold the final models. TigerBeetle's simulator calls it the liveness mode.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from meshkit.consensus import raft
from meshkit.consensus.engines import engine_of
from meshkit.core.value import Value
from meshkit.ledger.messages import Genesis
from meshkit.ledger.state import FINISHED, RUNNING, Course, validators
from meshkit.ledger.state import State as Book
from meshkit.node import mesh_ledger
from meshkit.pool import waiting
from meshkit.sim import people
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.check import Broken, Checker
from meshkit.sim.liars import tongue
from meshkit.sim.mesh import Mesh
from meshkit.sim.nemesis import Nemesis
from meshkit.sim.network import Weather
from meshkit.sim.operators import Operators
from meshkit.sim.process import Process
from meshkit.sim.setting import Setting
from meshkit.sim.watch import Watch

HEALED = Weather(delay_ns=MS, jitter_ns=4 * MS)
SLICE_NS = 250 * MS  # between two looks at whether all has settled
LIVE_NS = 400 * SECOND  # in which it must (a guess: pools and polls wait up to a minute)
FETCHED_NS = 20 * SECOND  # in which a model that somebody healthy has reaches the others
CALM_AFTER_NS = 2 * SECOND  # of going on, once all is settled: nothing may come of it

RIGHTS = ("admit", "cancel", "remove", "submit")


class Report(Value):
    """What became of a run. Equal reports of equal seeds is what determinism means."""

    scenario: str
    seed: int
    real: bool
    nodes: int
    liars: int
    digest: str  # of (time, process, events), all of them in order
    outline: str  # of (time, process, names of events): the same with real bytes or without
    commands: int
    entries: int
    heights: int
    virtual_ms: int
    counts: tuple[tuple[str, int], ...]  # of what happened, by name
    failure: str = ""

    @property
    def line(self) -> str:
        """What replays it."""
        return f"meshkit sim run {self.scenario} --seed {self.seed}"


class Run:
    """One seed's run in one setting."""

    def __init__(self, seed: int, setting: Setting, watch: Watch | None = None) -> None:
        self.setting = setting
        watch = watch or Checker()
        operator = people.operator(0)
        founders = [people.node(number) for number in range(setting.nodes)]
        newcomers = [people.node(setting.nodes + n) for n in range(len(setting.joins))]
        roles = setting.roles or (("trainer", "validator"),) * setting.nodes
        cards = tuple(
            founder.card(has, weight)
            for founder, has, weight in zip(founders, roles, setting.weights, strict=True)
        )
        genesis = Genesis("simulated", 1, cards, (operator.desk(RIGHTS),), setting.policy)
        self.mesh = Mesh(seed, genesis, watch, setting.real)
        watch.mesh = self.mesh
        self.mesh.know(operator)
        self.mesh.network.weather = setting.weather
        self.mesh.bury = self._bury
        self._populate(founders)
        self.operators = Operators(self.mesh, setting, operator)
        self.operators.begin(newcomers)
        self.nemesis = Nemesis(self.mesh, setting)
        self._dice = self.mesh.dice("run")
        self._healed = False
        self._healed_ns = 0
        self.core: list[Process] = []

    def _populate(self, founders: list[people.Person]) -> None:
        setting, lies = self.setting, dict(self.setting.liars)
        for number, founder in enumerate(founders):
            names = lies.get(number)
            self.mesh.add(founder, tongue(names) if names else None, number not in setting.twins)
        for number in setting.twins:
            self.mesh.add(founders[number], honest=False)
        dice = self.mesh.dice("clocks")
        for process in self.mesh.processes:
            process.pace = setting.pace
            process.off_ns = dice.between(-setting.off_ns, setting.off_ns)
            process.rate_ppm = dice.between(-setting.rate_ppm, setting.rate_ppm)

    # -- the two phases ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Every founder starts its node, and trouble begins."""
        for process in self.mesh.processes:
            self.mesh.agenda.at(self._dice.below(100 * MS), self._revive, process)
        self.nemesis.begin()

    def go(self) -> None:
        """All of it; raises `Broken`, or whatever a node raised."""
        self.begin()
        self.mesh.agenda.run(self.setting.safety_ns)
        self._heal()
        until_ns = self._healed_ns + LIVE_NS
        while not self._is_settled():
            if self.mesh.agenda.now_ns >= until_ns:
                raise Broken(f"stuck: {self._why_stuck()}")
            self.mesh.agenda.run(self.mesh.agenda.now_ns + SLICE_NS)
            self._look_after()
        if self.setting.work and not self._best().height:
            raise Broken("nothing was decided, though there was work to do")
        self.mesh.agenda.run(self.mesh.agenda.now_ns + CALM_AFTER_NS)
        self.mesh.watch.finish()

    def _bury(self, process: Process) -> None:
        """Somebody will start it again, sooner or later; of what is healed, at once."""
        if not self._healed:
            self.mesh.agenda.after(
                self._dice.below(self._dice.pick((100 * MS, SECOND, 5 * SECOND))) + 1,
                self._revive,
                process,
            )
        elif process in self.core or not process.honest:
            self.mesh.agenda.after(100 * MS, self._revive, process)

    def _revive(self, process: Process) -> None:
        left_out = self._healed and process.honest and process not in self.core
        if not process.up and not left_out:
            process.start()

    def _heal(self) -> None:
        self._healed, self._healed_ns = True, self.mesh.agenda.now_ns
        self.nemesis.stop()
        self.mesh.network.heal()
        self.mesh.network.weather = HEALED
        self._extend_core()
        for process in self.mesh.processes:
            if not process.honest:
                self._nurse(process)
            elif process not in self.core:
                self._leave_out(process)

    def _nurse(self, process: Process) -> None:
        """A sound disk and machine, and a life."""
        process.pace = replace(
            self.setting.pace, death_ppm=0, write_fault_ppm=0, mute_ppm=0, train_fails_ppm=0
        )
        process.disk.strike()  # whatever was armed for the next write
        if process.paused:
            process.resume()
        self._revive(process)

    def _leave_out(self, process: Process) -> None:
        """Dead, cut off, or as it was."""
        match self._dice.below(3):
            case 0:
                if process.up:
                    process.crash("it was left dead")
            case 1:
                numbers = [other.number for other in self.mesh.processes if other is not process]
                self.mesh.network.cut.update((process.number, other) for other in numbers)
                self.mesh.network.cut.update((other, process.number) for other in numbers)
            case _:
                pass

    # -- the healthy core -------------------------------------------------------------------------

    def _best(self, among: list[Process] | None = None) -> Book:
        """The most advanced ledger of somebody honest."""
        books: list[Book] = [
            process.shell.state["ledger"]
            for process in among or self.mesh.processes
            if process.honest and process.life
        ]
        return max(books, key=lambda book: book.height)

    def _voting(self, book: Book) -> dict[bytes, int]:
        """Who votes on the block after this ledger."""
        voting = dict(validators(book))
        if not voting:  # nobody has founded the mesh yet
            voting = {m.id: m.weight for m in self.mesh.genesis.founders if "validator" in m.roles}
        return voting

    def _is_enough(self, voting: dict[bytes, int]) -> bool:
        members = self._best().members  # others are heard no more, and count as gone
        here = [one for one in self.core if not members or one.me in members]
        part = sum(voting.get(member.me, 0) for member in here)
        return not voting or 3 * part > 2 * sum(voting.values())

    def _extend_core(self) -> None:
        """Take in healthy members until they weigh more than two thirds of those who now vote.

        Whoever decided last may be left out: then those who vote where the core stands matter, too.
        """
        for process in self._dice.shuffled(self.mesh.processes):
            votings = [self._voting(self._best()), self._voting(self._best(self.core))]
            votings += self._standing()
            lacking = [voting for voting in votings if not self._is_enough(voting)]
            if not lacking:
                return
            wanted = any(process.me in voting for voting in lacking)
            if process.honest and wanted and process not in self.core:
                self.core.append(process)
                for other in self.mesh.processes:
                    self.mesh.network.cut.discard((process.number, other.number))
                    self.mesh.network.cut.discard((other.number, process.number))
                self._nurse(process)

    def _standing(self) -> Iterator[dict[bytes, int]]:
        """Under Raft, the configurations that somebody has not left yet, whatever is in ledgers.

        Newcomers that listen there must come up: a removal may have to wait for them.
        """
        for process in self.mesh.processes:
            state = process.shell.state["consensus"] if process.life else None
            if isinstance(state, raft.State):
                now = state.configuration
                for taking_part in (now.voters, now.outgoing, now.learners):
                    yield dict.fromkeys(taking_part, 1)

    def _look_after(self) -> None:
        self._extend_core()
        if self.mesh.agenda.now_ns < self._healed_ns + FETCHED_NS:
            return
        for task, course in sorted(self._best().tasks.items()):
            # A first model that its giver lost is nobody's: the rounds of that task end empty.
            if course.status != RUNNING or course.model == course.task.initial:
                continue
            if not self._is_deliverable(course):
                after = f"{task[:4].hex()}, round {course.round - 1}"
                raise Broken(f"lost: the model after {after}")

    def _is_deliverable(self, course: Course) -> bool:
        return any(member.up and member.store.blobs.has(course.model) for member in self._live())

    # -- whether all is settled -------------------------------------------------------------------

    def _live(self) -> list[Process]:
        members = self._best().members
        return [process for process in self.core if process.me in members]

    def _is_settled(self) -> bool:
        live = self._live()
        height = self._best().height
        return self.operators.settled and all(self._is_done(one, height) for one in live)

    def _is_done(self, process: Process, height: int) -> bool:
        if not process.up or process.shell.state["ledger"].height != height:
            return False
        state: Any = process.shell.state
        book: Book = state["ledger"]
        if any(course.status == RUNNING for _, course in sorted(book.tasks.items())):
            return False
        if state["rounds"].rounds:
            return False
        check = mesh_ledger().check
        return all(check(book, item) for item in waiting(state["pool"]))

    def _why_stuck(self) -> str:
        height = self._best().height
        words = [f"best height {height}, errands settled: {self.operators.settled}"]
        for process in self._live():
            state: Any = process.shell.state
            tasks = [
                f"{course.task.name} {course.status} {course.round}"
                for _, course in sorted(state["ledger"].tasks.items())
            ]
            leader = engine_of(state["consensus"]).leader(state["consensus"])
            pool = [type(item).__name__ for item in waiting(state["pool"])]
            words.append(
                f"{process.person.name}: height {state['ledger'].height}, led by"
                f" {leader[:4].hex() or 'nobody'}, {tasks}, pool {pool},"
                f" rounds {len(state['rounds'].rounds)}"
            )
        return "; ".join(words)

    # -- the report -------------------------------------------------------------------------------

    def report(self, scenario: str, failure: str = "") -> Report:
        watch, counts = self.mesh.watch, self.mesh.watch.counts
        finished = {
            task
            for process in self.mesh.processes
            if process.honest and process.up
            for task, course in sorted(process.shell.state["ledger"].tasks.items())
            if course.status == FINISHED
        }
        counts["finished tasks"] = len(finished)
        return Report(
            scenario=scenario,
            seed=self.mesh.seed,
            real=self.mesh.real,
            nodes=self.setting.nodes,
            liars=len(self.setting.liars) + len(self.setting.twins),
            digest=watch.digest.hexdigest(),
            outline=watch.outline.hexdigest(),
            commands=sum(process.commands for process in self.mesh.processes),
            entries=watch.entries,
            heights=self._best().height if self.core else 0,
            virtual_ms=self.mesh.agenda.now_ns // MS,
            counts=tuple(sorted(counts.items())),
            failure=failure,
        )
