"""How much of the time an engine can commit: days of virtual time in which something always breaks.

Each replica dies once an hour, at a moment drawn in it, and is back after ten seconds, with what
its disk holds. One message in a hundred is lost, those of the client too; what is not lost comes in
order, as over TCP. Once a day some replicas, as many as the others can do without, are cut off from
them, for two minutes more or less. A client that reaches all replicas makes a call each second, to
all of them, whatever became of the one before, and says it again until it is answered: that is as
soon as a client may believe what it is told (`client`).

    share    of the calls, how many were answered before the next one was made
    gap      the time from a call to the first answer thereafter, be it to a later call: how long
             commits were impossible, as far as calls a second apart can tell
    forced   the part of a gap in which there was no quorum of replicas that ran and reached one
             another: no engine can commit then. Nothing else counts as forced: not the time until
             a dead leader is found out and followed, nor that until who is back has caught up
    beyond   the rest of the gap: what the engine itself took

A gap may begin before the fault that it is due to: a call that is under way when somebody dies has
waited since it was made. So all that an engine takes without any fault is in it as well.

What a process does takes time as elsewhere in the simulator; its start takes none beyond the ten
seconds. Clocks are right: the campaigns have those that are not. All replicas are compared, and
that two differ ends the run. Of what lies long behind, a disk keeps nothing, for want of room: its
last snapshot stands for it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from meshkit.consensus.engines import Timeouts
from meshkit.sim import people
from meshkit.sim.agenda import MS, SECOND, Agenda
from meshkit.sim.dice import PPM, Dice
from meshkit.sim.engines.client import Asked, Client, Habits
from meshkit.sim.engines.kit import Kit, is_enough
from meshkit.sim.engines.latency import FIELDS, most_gone, summary
from meshkit.sim.engines.replica import Replica
from meshkit.sim.engines.service import PUT
from meshkit.sim.engines.world import Audience, World
from meshkit.sim.network import Hearer, Network, Weather
from meshkit.sim.process import Pace, Process
from meshkit.sim.voice import Spoken

HOUR_NS = 3_600 * SECOND
DAY_NS = 24 * HOUR_NS
DOWN_NS = 10 * SECOND  # from a crash to the next life
APART_NS = tuple(seconds * SECOND for seconds in (30, 60, 120, 240, 480))  # the median is 2 minutes
WEATHER = Weather(delay_ns=MS // 4, jitter_ns=MS // 4, loss_ppm=10_000)  # of one site, and bad
PACE = Pace(snapshot_entries=20_000)  # some twenty minutes: what a start has to fold
PROBE_NS = SECOND  # between two calls
AGAIN_NS = 100 * MS  # until a call without an answer is said again
WARM_NS = 10 * SECOND  # before the first one: a leader is there by then
TRIM_NS = 600 * SECOND  # between two looks at what no disk need keep
HEIGHTS_KEPT = 5_000  # of decisions, for who asks: ten times as many as the longest partition has
PATIENCE_NS = 60 * SECOND  # after the last call, for its answer
WORST = 12  # gaps that are told of one by one


class Span(NamedTuple):
    """From when to when."""

    begin_ns: int
    end_ns: int


class Course(NamedTuple):
    """What will go wrong: when each replica is down, and when who is cut off."""

    down: Sequence[Sequence[Span]]  # by replica
    apart: Sequence[tuple[Span, tuple[int, ...]]]


class Gap(NamedTuple):
    """From a call to the first answer thereafter."""

    begin_ns: int
    end_ns: int
    forced_ns: int

    @property
    def whole_ns(self) -> int:
        return self.end_ns - self.begin_ns

    @property
    def beyond_ns(self) -> int:
        return self.whole_ns - self.forced_ns


def availability(kit: Kit, days: float = 3, replicas: int = 0, seed: int = 0) -> dict[str, Any]:
    """What `meshkit bench availability` prints of one engine.

    Without a number of replicas there are as few as can lose one.
    """
    count = replicas or next(number for number in range(1, 5) if most_gone(kit, number))
    site = Site(kit, count, seed, int(days * DAY_NS))
    site.go()
    return site.document()


def waits(kit: Kit) -> Timeouts:
    """The timeouts of one site: those of `bench latency`, or what Raft's authors say of a LAN."""
    return FIELDS["lan"].timeouts if kit.engine.attests else Timeouts(150, 50, 0)


class Site:
    """One run: replicas, what goes wrong with them, and the client that looks."""

    def __init__(self, kit: Kit, replicas: int, seed: int, length_ns: int) -> None:
        self.kit, self.length_ns = kit, length_ns
        audience = Agreed()
        self.world = World(seed, kit, (1,) * replicas, (1 << replicas) - 1, waits(kit), audience)
        dice = self.world.dice("network")
        self.world.network = Lines(self.world.agenda, dice, WEATHER)
        for person in self.world.persons:
            self.world.add(person).pace = PACE
        self.prober = Prober(self.world)
        self.world.serve(self.prober)
        self.course = drawn(self.world, WARM_NS, length_ns)
        self.lost = without_quorum(kit, self.course)

    def go(self) -> None:
        """All of it, and then as long as the last answer takes."""
        world, agenda, end_ns = self.world, self.world.agenda, WARM_NS + self.length_ns
        for replica, spans in zip(world.replicas, self.course.down, strict=True):
            replica.start()
            for span in spans:
                agenda.at(span.begin_ns, replica.crash, "it was killed")
                agenda.at(span.end_ns, replica.start)
        for span, minority in self.course.apart:
            links = [
                link
                for cut in minority
                for other in range(len(world.replicas))
                if other not in minority
                for link in ((cut, other), (other, cut))
            ]
            agenda.at(span.begin_ns, world.network.cut.update, links)
            agenda.at(span.end_ns, world.network.cut.difference_update, links)
        agenda.at(WARM_NS, self.prober.probe, end_ns)
        agenda.at(TRIM_NS, self._trim)
        agenda.run(end_ns)
        agenda.run(end_ns + PATIENCE_NS, lambda: self.prober.call is None)

    def _trim(self) -> None:
        for replica in self.world.replicas:
            replica.disk.forget(HEIGHTS_KEPT)
        self.world.agenda.after(TRIM_NS, self._trim)

    def gaps(self) -> list[Gap]:
        """From each call to the first answer; to the last call there may have been none."""
        prober, spans = self.prober, list(self.prober.spans)
        if prober.call is not None:
            spans.append(Span(prober.since_ns, self.world.agenda.now_ns))
        lost = self.lost
        return [Gap(*span, sum(overlap(span, one) for one in lost)) for span in spans]

    def document(self) -> dict[str, Any]:
        gaps, prober, answered = self.gaps(), self.prober, len(self.prober.latencies_ns)
        worst = sorted(gaps, key=lambda gap: (-gap.beyond_ns, gap.begin_ns))[:WORST]
        waits = self.world.timeouts
        forced = sum(any(overlap(call, one) for one in self.lost) for call in prober.missed)
        return {
            "engine": self.kit.engine.name,
            "replicas": len(self.world.replicas),
            "timeouts_ms": [waits.propose_ms, waits.vote_ms, waits.step_ms],
            "virtual_days": round(self.length_ns / DAY_NS, 4),
            "crashes": sum(map(len, self.course.down)),
            "partitions_s": [_seconds(span) for span, _ in self.course.apart],
            "messages_lost": self.world.network.lost,
            "heights": self.world.height,
            "probes": prober.asked,
            "answered": answered,
            "share": round(answered / prober.asked, 6),
            "missed": len(prober.missed),
            "missed_unforced": len(prober.missed) - forced,
            "no_quorum_s": round(sum(one.end_ns - one.begin_ns for one in self.lost) / SECOND, 1),
            "longest_gap_ms": _ms(max(gap.whole_ns for gap in gaps)),
            "longest_gap_beyond_ms": _ms(worst[0].beyond_ns),
            "gaps_beyond_1s": sum(gap.beyond_ns > SECOND for gap in gaps),
            "latency": summary(prober.latencies_ns),
            "worst": [_told(gap) for gap in worst],
        }


def _ms(ns: int) -> float:
    return round(ns / MS, 1)


def _seconds(span: Span) -> int:
    return (span.end_ns - span.begin_ns) // SECOND


def _told(gap: Gap) -> dict[str, float]:
    return {
        "at_s": round(gap.begin_ns / SECOND, 1),
        "gap_ms": _ms(gap.whole_ns),
        "forced_ms": _ms(gap.forced_ns),
        "beyond_ms": _ms(gap.beyond_ns),
    }


class Prober(Client):
    """Calls all replicas once a second, whether or not it was answered."""

    def __init__(self, world: World) -> None:
        super().__init__(world, people.client(0), 0, Habits())
        self.asked = 0
        self.since_ns = 0  # the first call since the last answer
        self.spans: list[Span] = []  # from there to the answer
        self.missed: list[Span] = []  # from each call without an answer to the next
        self.latencies_ns: list[int] = []  # of those that were answered
        self._asked_ns = 0

    def probe(self, until_ns: int) -> None:
        """Call now, and again each second until then."""
        now_ns = self.world.agenda.now_ns
        if self.call is None:
            self.since_ns = now_ns
        else:
            self.missed.append(Span(self._asked_ns, now_ns))
        if now_ns < until_ns:
            self.call, self._asked_ns = None, now_ns
            self.asked += 1
            self.ask(Asked(PUT, 0, self.asked, 0))
            self.world.agenda.after(PROBE_NS, self.probe, until_ns)

    def _send(self, sequence: int) -> None:
        """To everybody, and again until the answer comes: it may have been lost."""
        world, call = self.world, self.call
        if call is not None and call.sequence == sequence:
            said = world.spoken(self.me, call)
            world.network.post(self.number, world.replicas, said, world.agenda.now_ns)
            world.agenda.after(AGAIN_NS, self._send, sequence)

    def _end(self, result: int | None) -> None:
        now_ns = self.world.agenda.now_ns
        self.call = None
        self.spans.append(Span(self.since_ns, now_ns))
        if now_ns < self._asked_ns + PROBE_NS:  # nobody has called since
            self.latencies_ns.append(now_ns - self._asked_ns)


class Lines(Network):
    """Links on which nothing overtakes, as on TCP; what is lost is lost all the same."""

    def __init__(self, agenda: Agenda, dice: Dice, weather: Weather) -> None:
        super().__init__(agenda, dice, weather)
        self._last_ns: dict[tuple[int, int], int] = {}  # when what was sent last arrives, by link

    def post(self, sender: int, hearers: Sequence[Hearer], said: Spoken, leaves_ns: int) -> None:
        weather, word, last_ns = self.weather, self._dice.word, self._last_ns
        for to in hearers:
            link = (sender, to.number)
            if link in self.cut or word() % PPM < weather.loss_ppm:
                self.lost += 1
                continue
            comes_ns = leaves_ns + weather.delay_ns + word() % weather.jitter_ns
            comes_ns = last_ns[link] = max(comes_ns, last_ns.get(link, 0))
            self._agenda.at(comes_ns, to.hear, said)


class Agreed(Audience):
    """Sees that all replicas decide the same."""

    def __init__(self) -> None:
        super().__init__()
        self.chain: dict[int, bytes] = {}

    def arrived(self, process: Process) -> None:
        assert isinstance(process, Replica), "here all are"
        books = process.books
        agreed = self.chain.setdefault(books.height, books.previous)
        assert agreed == books.previous, "two replicas have decided differently"
        self.chain.pop(books.height - HEIGHTS_KEPT, None)


# -- what goes wrong -------------------------------------------------------------------------------


def drawn(world: World, begin_ns: int, length_ns: int) -> Course:
    """What the seed draws for so long, from `begin_ns` on."""
    dice, count = world.dice("course"), len(world.replicas)
    down: list[list[Span]] = []
    for _ in range(count):
        spans: list[Span] = []
        for hour_ns in range(0, length_ns, HOUR_NS):
            left_ns = min(HOUR_NS, length_ns - hour_ns)
            dies_ns = begin_ns + hour_ns + dice.below(left_ns)
            if spans:  # who is still down cannot die
                dies_ns = max(dies_ns, spans[-1].end_ns + SECOND)
            spans.append(Span(dies_ns, dies_ns + DOWN_NS))
        down.append(spans)
    apart: list[tuple[Span, tuple[int, ...]]] = []
    most = most_gone(world.kit, count)
    for day_ns in range(0, length_ns if most else 0, DAY_NS):
        cut_ns = begin_ns + day_ns + dice.below(min(DAY_NS, length_ns - day_ns))
        minority = tuple(dice.sample(range(count), dice.between(1, most)))
        apart.append((Span(cut_ns, cut_ns + dice.pick(APART_NS)), minority))
    return Course(down, apart)


def without_quorum(kit: Kit, course: Course) -> list[Span]:
    """When no replicas that ran and reached one another were a quorum."""
    spans = [*(span for row in course.down for span in row), *(span for span, _ in course.apart)]
    moments = sorted({moment for span in spans for moment in span})
    found: list[Span] = []
    for begin_ns, end_ns in pairwise(moments):
        if _has_quorum(kit, course, begin_ns):
            continue
        if found and found[-1].end_ns == begin_ns:
            begin_ns = found.pop().begin_ns
        found.append(Span(begin_ns, end_ns))
    return found


def _has_quorum(kit: Kit, course: Course, moment_ns: int) -> bool:
    """Whether some of those who run then, and reach one another, can decide."""
    total = len(course.down)
    sides = [0] * total  # a bit for each partition on whose smaller side one is
    for number, (span, minority) in enumerate(course.apart):
        for one in minority if _holds(span, moment_ns) else ():
            sides[one] |= 1 << number
    running = [
        sides[one]
        for one, spans in enumerate(course.down)
        if not any(_holds(span, moment_ns) for span in spans)
    ]
    return any(is_enough(kit.engine, running.count(side), total) for side in running)


def _holds(span: Span, moment_ns: int) -> bool:
    return span.begin_ns <= moment_ns < span.end_ns


def overlap(first: Span, second: Span) -> int:
    """How long both last at once."""
    shared_ns = min(first.end_ns, second.end_ns) - max(first.begin_ns, second.begin_ns)
    return max(shared_ns, 0)
