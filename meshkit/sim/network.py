"""The network: what becomes of a message between two processes.

It may be lost, come late, overtake others or come twice; a link may be cut in one direction, or
clogged, so that all that it carries comes at once when it is opened. What is asked of a peer's blob
store goes the same way. Nothing here looks into a message.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from meshkit.core.value import Value
from meshkit.sim.agenda import MS, Agenda
from meshkit.sim.dice import Dice
from meshkit.sim.voice import Spoken

Link: TypeAlias = tuple[int, int]  # from one process to another, by their numbers


class Hearer(Protocol):
    """Whoever messages go to: a process, or a client of some."""

    number: int

    def hear(self, said: Spoken) -> None: ...


CLOGGED_MAX = 2_000  # messages that a clogged link holds; what is over is lost, as at a high mark


class Weather(Value):
    """What the network does while it is not calm. Chances are in parts per million."""

    delay_ns: int = MS  # at least
    jitter_ns: int = MS  # and up to so much more
    loss_ppm: int = 0
    repeat_ppm: int = 0
    slow_ppm: int = 0  # of messages that come much later: others overtake them
    slow_ns: int = 0


CALM = Weather()


class Network:
    """All links. Cuts and clogs are whoever's who makes the weather."""

    def __init__(self, agenda: Agenda, dice: Dice, weather: Weather = CALM) -> None:
        self.weather = weather
        self.cut: set[Link] = set()
        self.lost = 0
        self._agenda = agenda
        self._dice = dice
        self._clogged: dict[Link, list[tuple[Hearer, Spoken]]] = {}

    def post(self, sender: int, hearers: Sequence[Hearer], said: Spoken, leaves_ns: int) -> None:
        """Send a message off at `leaves_ns`, to each of these."""
        weather, dice, at = self.weather, self._dice, self._agenda.at
        for to in hearers:
            if (self.cut or self._clogged) and self._is_stopped((sender, to.number), to, said):
                continue
            if weather.loss_ppm and dice.chance(weather.loss_ppm):
                self.lost += 1
                continue
            delay_ns = weather.delay_ns + dice.word() % weather.jitter_ns
            if weather.slow_ppm and dice.chance(weather.slow_ppm):
                delay_ns += dice.below(weather.slow_ns)
            at(leaves_ns + delay_ns, to.hear, said)
            if weather.repeat_ppm and dice.chance(weather.repeat_ppm):
                at(leaves_ns + 2 * self._delay_ns(), to.hear, said)

    def _is_stopped(self, link: Link, to: Hearer, said: Spoken) -> bool:
        """Whether the link is cut, or holds the message until it is opened."""
        if link in self.cut:
            self.lost += 1
            return True
        held = self._clogged.get(link)
        if held is not None and len(held) < CLOGGED_MAX:
            held.append((to, said))
        return held is not None

    def round_trip_ns(self, first: int, second: int) -> int | None:
        """How long a question and its answer take; None if either gets lost."""
        links = ((first, second), (second, first))
        if any(link in self.cut or link in self._clogged for link in links):
            return None
        if any(self._dice.chance(self.weather.loss_ppm) for _ in links):
            return None
        return self._delay_ns() + self._delay_ns()

    def clog(self, link: Link) -> None:
        self._clogged.setdefault(link, [])

    def open(self, link: Link) -> None:
        """The link carries again, what it held first."""
        for to, said in self._clogged.pop(link, ()):
            self._agenda.after(self._delay_ns(), to.hear, said)

    def heal(self) -> None:
        """All links carry again."""
        self.cut.clear()
        for link in sorted(self._clogged):
            self.open(link)

    def _delay_ns(self) -> int:
        weather, dice = self.weather, self._dice
        delay_ns = weather.delay_ns + dice.word() % weather.jitter_ns
        if weather.slow_ppm and dice.chance(weather.slow_ppm):
            delay_ns += dice.below(weather.slow_ns)
        return delay_ns
