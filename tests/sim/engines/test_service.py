"""The service: what calls do, once each, and how a replica takes them."""

import pytest
from immutables import Map

from meshkit.consensus.messages import Validator
from meshkit.core.machine import Heard, Moment, Restarted
from meshkit.core.value import canonical, digest, from_canonical
from meshkit.sim.engines.service import (
    ADD,
    BATCH_MAX,
    GET,
    PUT,
    SEAT,
    SWAP,
    WAITING_MAX,
    Answer,
    AnswerRepeated,
    Apply,
    Books,
    Call,
    CallBatch,
    CallsApplied,
    CallTaken,
    Desk,
    Relay,
    Service,
    Session,
    batch,
    is_proper,
    perform,
    settle,
)
from tests import laws

ANN, BOB, CLERK, PEER = b"a" * 32, b"b" * 32, b"c" * 32, b"p" * 32
ROSTER = tuple(Validator(bytes([n]) * 32, n) for n in (1, 2, 3))
NOW = Moment(1, 1)


def service(answers_all: bool = False) -> Service:
    return Service(ROSTER, 0b011, CLERK, answers_all)


def call(sequence: int = 1, kind: int = ADD, first: int = 1, client: bytes = ANN) -> Call:
    return Call(client, sequence, kind, 7, first)


def after(*calls: Call, books: Books | None = None) -> Books:
    books = books or Books(seated=0b011, clerk=CLERK)
    return settle(books, CallBatch(books.height + 1, books.previous, calls))


@pytest.mark.parametrize(
    ("one", "held", "result"),
    [
        (Call(ANN, 1, GET, 7), 5, 5),
        (Call(ANN, 1, PUT, 7, 9), 9, 5),
        (Call(ANN, 1, ADD, 7, 2), 7, 7),
        (Call(ANN, 1, SWAP, 7, 5, 8), 8, 5),
        (Call(ANN, 1, SWAP, 7, 4, 8), 5, 5),
    ],
)
def test_what_a_call_does_and_tells(one: Call, held: int, result: int) -> None:
    books, told = perform(Books(registers=Map({7: 5})), one)
    assert (books.registers[7], told) == (held, result)


def test_a_seating_holds_from_the_next_height_on() -> None:
    books, told = perform(Books(seated=0b011), Call(CLERK, 1, SEAT, -1, 0b110))
    assert told == books.seated == 0b110
    assert service().validators(books) == ROSTER[1:]
    assert service().validators(Books(seated=0b001)) == ROSTER[:1]


def test_r20_a_call_that_comes_twice_takes_effect_once() -> None:
    once = after(call(1))
    assert once.registers[7] == 1
    twice = after(call(1), call(1), books=once)
    assert twice.registers[7] == 1
    assert twice.sessions[ANN] == Session(1, 1)
    assert after(call(2), books=twice).registers[7] == 2


def test_values_are_a_chain() -> None:
    value = CallBatch(1, b"", (call(),))
    books = after(call())
    assert (books.height, books.previous) == (1, digest(value))


def test_what_is_proper_follows_and_means_something() -> None:
    books = Books(seated=0b011, clerk=CLERK)
    good = CallBatch(1, b"", (call(),))
    assert is_proper(books, good)
    seat = Call(CLERK, 1, SEAT, -1, 0b111)
    assert is_proper(books, CallBatch(1, b"", (seat,)))
    for bad in (
        CallBatch(2, b"", good.calls),
        CallBatch(1, b"x", good.calls),
        CallBatch(1, b"", ()),
        CallBatch(1, b"", good.calls * (BATCH_MAX + 1)),
        CallBatch(1, b"", (call(0),)),
        CallBatch(1, b"", (call(kind=9),)),
        CallBatch(1, b"", (Call(CLERK, 1, SEAT, -1, 0),)),
        CallBatch(1, b"", (Call(ANN, 1, SEAT, -1, 0b111),)),
        call(),
    ):
        assert not is_proper(books, bad)


def test_all_that_waits_is_one_value_as_far_as_it_fits() -> None:
    desk = service().initial()
    assert batch(desk) is None
    many = {bytes([n]) * 32: call(client=bytes([n]) * 32) for n in range(20)}
    value = batch(Desk(desk.books, Map(many)))
    assert value is not None
    assert [one.client[0] for one in value.calls] == list(range(BATCH_MAX))
    assert is_proper(desk.books, value)


# -- a replica's side ------------------------------------------------------------------------------


def heard(desk: Desk, sender: bytes, one: Call, machine: Service) -> Desk:
    for event in machine.decide(desk, Heard(sender, one), NOW):
        desk = machine.evolve(desk, event)
    return desk


def test_a_client_s_call_waits_and_is_passed_on_but_a_relayed_one_only_waits() -> None:
    machine = service()
    desk = machine.initial()
    assert machine.decide(desk, Heard(ANN, call()), NOW) == (CallTaken(call(), True),)
    assert machine.decide(desk, Heard(PEER, call()), NOW) == (CallTaken(call(), False),)
    taken = heard(desk, ANN, call(), machine)
    assert machine.react(taken, CallTaken(call(), True)) == (Relay(call()),)
    assert machine.react(taken, CallTaken(call(), False)) == ()
    assert machine.decide(taken, Heard(ANN, call()), NOW) == ()
    assert machine.decide(taken, Heard(PEER, call()), NOW) == ()
    assert machine.decide(taken, Heard(ANN, call(kind=9, sequence=2)), NOW) == ()


def test_a_client_that_comes_itself_after_its_call_was_relayed_is_answered_too() -> None:
    machine = service()
    desk = heard(machine.initial(), PEER, call(), machine)
    assert machine.decide(desk, Heard(ANN, call()), NOW) == (CallTaken(call(), True),)


def test_a_later_call_takes_the_place_of_one_that_was_given_up() -> None:
    machine = service()
    desk = heard(machine.initial(), ANN, call(1), machine)
    desk = heard(desk, ANN, call(2), machine)
    assert desk.waiting[ANN].sequence == 2
    assert machine.decide(desk, Heard(PEER, call(1)), NOW) == ()


def test_what_is_decided_waits_no_more_and_is_answered() -> None:
    machine = service()
    desk = heard(heard(machine.initial(), ANN, call(), machine), PEER, call(client=BOB), machine)
    value = batch(desk)
    assert value is not None
    (event,) = machine.decide(desk, Apply(value), NOW)
    assert event == CallsApplied(value)
    done = machine.evolve(desk, event)
    assert not done.waiting
    assert machine.react(done, event) == (Answer(ANN, 1, 1),)
    assert service(answers_all=True).react(done, event) == (Answer(ANN, 1, 1), Answer(BOB, 1, 2))
    assert machine.decide(done, Apply(value), NOW) == ()


def test_a_call_that_waits_since_goes_on_waiting() -> None:
    machine = service()
    desk = heard(machine.initial(), ANN, call(2), machine)
    done = machine.evolve(desk, CallsApplied(CallBatch(1, b"", (call(1),))))
    assert done.waiting[ANN].sequence == 2


def test_who_asks_again_is_answered_again_and_who_asks_about_older_calls_is_not() -> None:
    machine = service()
    desk = machine.initial()
    for number in (1, 2):
        value = CallBatch(number, desk.books.previous, (call(number),))
        desk = machine.evolve(desk, CallsApplied(value))
    assert machine.decide(desk, Heard(ANN, call(2)), NOW) == (AnswerRepeated(ANN),)
    assert machine.decide(desk, Heard(PEER, call(2)), NOW) == ()
    assert machine.decide(desk, Heard(ANN, call(1)), NOW) == ()
    assert machine.react(desk, AnswerRepeated(ANN)) == (Answer(ANN, 2, 2),)
    assert machine.evolve(desk, AnswerRepeated(ANN)) == desk


def test_only_so_many_calls_wait() -> None:
    machine = service()
    waiting = Map({n.to_bytes(32): call(client=n.to_bytes(32)) for n in range(WAITING_MAX)})
    desk = Desk(machine.initial().books, waiting)
    assert machine.decide(desk, Heard(ANN, call()), NOW) == ()
    again = call(2, client=(0).to_bytes(32))
    assert machine.decide(desk, Heard(PEER, again), NOW) == (CallTaken(again, False),)


def test_the_laws() -> None:
    machine = service()
    value = CallBatch(1, b"", (call(), call(client=BOB)))
    story = [
        (Heard(ANN, call()), 1),
        (Heard(PEER, call(client=BOB)), 2),
        (Restarted(), 3),
        (Apply(value), 4),
        (Heard(ANN, call(2)), 5),
        (Heard(BOB, call(client=BOB)), 6),
    ]
    for length in range(len(story) + 1):
        laws.check_replay(machine, story[:length])
        laws.check_wake(machine, story[:length])
    state, _ = laws.live(machine, story)
    assert from_canonical(Books, canonical(state.books)) == state.books
