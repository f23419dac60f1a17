"""Virtual time: what was put down first happens first, and nothing else moves it."""

from meshkit.sim.agenda import MS, Agenda


def test_things_happen_in_the_order_of_their_times() -> None:
    agenda, seen = Agenda(), list[tuple[int, str]]()

    def act(word: str) -> None:
        seen.append((agenda.now_ns, word))

    for when_ns, word in ((3, "c"), (1, "a"), (2, "b")):
        agenda.at(when_ns, act, word)
    assert not agenda.run(MS)
    assert seen == [(1, "a"), (2, "b"), (3, "c")]
    assert agenda.now_ns == MS


def test_what_falls_on_one_moment_happens_in_the_order_it_was_put_down() -> None:
    agenda, seen = Agenda(), list[int]()
    for number in range(20):
        agenda.at(5, seen.append, number)
    agenda.run(5)
    assert seen == list(range(20))


def test_what_happens_may_put_down_more_and_time_never_goes_back() -> None:
    agenda, seen = Agenda(), list[int]()

    def act(left: int) -> None:
        seen.append(agenda.now_ns)
        if left:
            agenda.after(10, act, left - 1)
            agenda.at(0, seen.append, agenda.now_ns)

    agenda.at(7, act, 2)
    agenda.run(100)
    assert seen == [7, 7, 17, 17, 27]


def test_it_stops_before_what_is_later_and_once_it_is_done() -> None:
    agenda, seen = Agenda(), list[int]()
    for when_ns in (1, 2, 3, 50):
        agenda.at(when_ns, seen.append, when_ns)
    assert agenda.run(10, lambda: len(seen) == 2)
    assert seen == [1, 2]
    assert agenda.now_ns == 2
    assert not agenda.run(10, lambda: False)
    assert seen == [1, 2, 3]
    assert agenda.now_ns == 10
