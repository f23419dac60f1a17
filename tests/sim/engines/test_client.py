"""Clients: what they believe, when they ask again, and what they write down."""

import pytest

from meshkit.sim.agenda import SECOND
from meshkit.sim.engines.client import (
    MIX,
    Asked,
    Client,
    after,
    before,
    leads,
    register,
)
from meshkit.sim.engines.service import ADD, GET, PUT, SEAT, SWAP, Answer
from meshkit.sim.engines.tongues import FalseAnswers
from meshkit.sim.engines.world import Audience
from meshkit.sim.linearizable import Operation, is_linearizable
from tests.sim.engines.grounds import KIT, QUIET, called, world


def test_each_call_is_answered_and_written_down() -> None:
    made = world()
    told = called(
        made, Asked(PUT, 0, 5, 0), Asked(GET, 0, 0, 0), Asked(ADD, 0, 1, 0), Asked(SWAP, 0, 6, 9)
    )
    assert told == [0, 5, 6, 6]
    assert called(made, Asked(GET, 0, 0, 0), who=0) == [9]
    history = made.clients[1].history
    assert all(one.ended and one.begun < one.ended for one in history)
    assert is_linearizable(history, 0, register, leads)


def test_a_liar_s_word_is_not_enough_where_liars_are_borne() -> None:
    assert called(world(FalseAnswers()), Asked(ADD, 0, 1, 0), Asked(ADD, 0, 1, 0)) == [1, 2]


def test_where_nobody_lies_the_first_answer_is_enough() -> None:
    trusting = KIT._replace(engine=KIT.engine._replace(attests=False))
    made = world(kit=trusting, watch=Audience())
    client = made.clients[1]
    client.ask(Asked(ADD, 0, 1, 0))
    answer = Answer(client.me, client.sequence, 7)
    client.hear(made.spoken(made.replicas[0].me, answer))
    assert [one.result for one in client.history] == [7]


def test_answers_to_other_calls_and_to_others_are_not_heard() -> None:
    made = world()
    client = made.clients[1]
    stray = Answer(client.me, 1, 7)
    client.hear(made.spoken(made.replicas[0].me, stray))
    client.ask(Asked(ADD, 0, 1, 0))
    for answer in (Answer(client.me, 9, 7), Answer(b"other", client.sequence, 7)):
        for replica in made.replicas:
            client.hear(made.spoken(replica.me, answer))
    assert not client.history


def test_who_gives_up_does_not_know_and_who_insists_never_gives_up() -> None:
    made = world()
    for replica in made.replicas:
        replica.crash("test")
    assert called(made, Asked(ADD, 0, 1, 0)) == [None]
    client = made.clients[1]
    client.finish(0)
    client.ask(Asked(ADD, 0, 1, 0))
    made.agenda.run(made.agenda.now_ns + 60 * SECOND)
    assert len(client.history) == 1
    for replica in made.replicas:
        replica.start()
    made.agenda.run(made.agenda.now_ns + 60 * SECOND)
    assert client.history[-1].result in (1, 2)
    client.unfinished()


def test_what_is_under_way_at_the_end_is_unknown() -> None:
    made = world()
    client = made.clients[1]
    client.ask(Asked(ADD, 0, 1, 0))
    client.unfinished()
    assert [(one.ended, one.result) for one in client.history] == [(None, None)]


def test_a_seating_is_no_operation_on_a_register() -> None:
    made = world()
    assert called(made, Asked(SEAT, -1, 0b0111, 0), who=0) == []
    assert made.replicas[0].books.seated == 0b0111


def test_a_client_draws_calls_of_every_kind_and_makes_a_few_last_ones() -> None:
    made = world()
    client = Client(made, made.clients[1].person, 1, QUIET.habits)
    drawn = [client._drawn() for _ in range(100)]
    assert {asked.kind for asked in drawn} == set(MIX)
    puts = [asked.first for asked in drawn if asked.kind == PUT]
    assert puts
    busy = made.clients[1]
    busy.resting = False
    busy.begin()
    made.agenda.run(made.agenda.now_ns + SECOND)
    before_ = busy.sequence
    busy.finish(2)
    made.agenda.run(made.agenda.now_ns + 10 * SECOND)
    assert busy.resting
    assert before_ < busy.sequence <= before_ + 3


@pytest.mark.parametrize(
    ("asked", "held", "result", "left"),
    [
        (Asked(GET, 0, 0, 0), 5, 5, 5),
        (Asked(PUT, 0, 9, 0), 5, 5, 9),
        (Asked(ADD, 0, 2, 0), 5, 7, 7),
        (Asked(SWAP, 0, 5, 8), 5, 5, 8),
        (Asked(SWAP, 0, 4, 8), 5, 5, 5),
    ],
)
def test_a_result_tells_what_was_there_and_what_is(
    asked: Asked, held: int, result: int, left: int
) -> None:
    assert before(asked, result) == held
    assert after(asked, result) == register(held, asked, result) == left
    assert register(held, asked, None) == left
    assert register(held + 1, asked, result) is None


def test_what_is_unknown_leads_on_by_sums_and_swaps() -> None:
    wanted = [Operation(1, 2, Asked(GET, 0, 0, 0), 9)]
    add, swap = Asked(ADD, 0, 1, 0), Asked(SWAP, 0, 5, 8)
    assert leads(wanted, [])(9)
    assert not leads(wanted, [])(8)
    assert leads(wanted, [add])(8)
    assert leads(wanted, [add, swap])(5)
    assert not leads(wanted, [swap])(5)
    assert not leads(wanted, [add, swap])(6)
    assert not leads(wanted, [Asked(PUT, 0, 9, 0)])(3)
