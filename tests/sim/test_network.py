"""What may become of a message: each fault of the network, one by one."""

from dataclasses import dataclass, field

from meshkit.core.composite import At
from meshkit.core.history import Head
from meshkit.sim import network as networks
from meshkit.sim.agenda import MS, SECOND, Agenda
from meshkit.sim.dice import PPM, Dice
from meshkit.sim.network import CALM, Network, Weather
from meshkit.sim.process import Process
from meshkit.sim.voice import Spoken
from tests.sim.worlds import mesh


@dataclass
class Street:
    """A network, and one hearer at its end who notes when it hears what."""

    agenda: Agenda
    network: Network
    hearer: Process
    heard: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def hear(self, said: Spoken) -> None:
        self.heard.append((said.cost_ns, self.agenda.now_ns))

    def post(self, number: int) -> None:
        said = Spoken(b"sender", At("", Head()), b"", number)
        self.network.post(7, (self.hearer,), said, self.agenda.now_ns)

    def numbers(self) -> list[int]:
        self.agenda.run(self.agenda.now_ns + 10 * SECOND)
        return [number for number, _ in self.heard]


def street(weather: Weather = CALM) -> Street:
    agenda = Agenda()
    hearer = mesh(1).processes[0]
    made = Street(agenda, Network(agenda, Dice("street"), weather), hearer)
    setattr(hearer, "hear", made.hear)  # noqa: B010  # a method cannot be assigned to, for types
    return made


def test_a_calm_network_delivers_each_once_after_its_delay() -> None:
    calm = street()
    for number in range(50):
        calm.post(number)
    assert sorted(calm.numbers()) == list(range(50))
    assert all(CALM.delay_ns <= at < CALM.delay_ns + CALM.jitter_ns for _, at in calm.heard)


def test_messages_get_lost_and_come_twice_as_often_as_the_weather_says() -> None:
    lossy = street(Weather(loss_ppm=PPM))
    lossy.post(1)
    assert lossy.numbers() == []
    assert lossy.network.lost == 1
    twice = street(Weather(repeat_ppm=PPM))
    twice.post(1)
    assert twice.numbers() == [1, 1]


def test_a_slow_message_is_overtaken() -> None:
    slow = street(Weather(slow_ppm=300_000, slow_ns=SECOND))
    for number in range(30):
        slow.post(number)
    numbers = slow.numbers()
    assert sorted(numbers) == list(range(30)) != numbers
    assert max(at for _, at in slow.heard) > 100 * MS


def test_a_cut_is_of_one_direction() -> None:
    cut = street()
    cut.network.cut.add((7, 0))
    cut.post(1)
    assert cut.numbers() == []
    assert cut.network.round_trip_ns(7, 0) is cut.network.round_trip_ns(0, 7) is None
    cut.network.cut.clear()
    cut.network.cut.add((0, 7))
    cut.post(2)
    assert cut.numbers() == [2]


def test_a_clogged_link_holds_so_much_and_gives_it_all_at_once() -> None:
    clogged = street()
    clogged.network.clog((7, 0))
    clogged.network.clog((7, 0))
    for number in range(networks.CLOGGED_MAX + 5):
        clogged.post(number)
    assert clogged.network.round_trip_ns(7, 0) is None
    assert clogged.numbers() == []
    clogged.network.open((7, 0))
    assert sorted(clogged.numbers()) == list(range(networks.CLOGGED_MAX))
    clogged.network.open((7, 0))  # is open already
    clogged.post(9)
    assert clogged.numbers()[-1] == 9


def test_healing_opens_and_mends_all() -> None:
    ill = street()
    ill.network.clog((7, 0))
    ill.network.cut.add((0, 7))
    ill.post(1)
    ill.network.heal()
    assert ill.numbers() == [1]
    assert (ill.network.round_trip_ns(0, 7) or 0) >= 2 * CALM.delay_ns


def test_a_question_or_its_answer_may_get_lost() -> None:
    assert street(Weather(loss_ppm=PPM)).network.round_trip_ns(0, 7) is None
