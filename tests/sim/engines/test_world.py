"""The world of bare engines: who is in it, and what a message costs."""

from meshkit.consensus.messages import Ask
from meshkit.consensus.tendermint.messages import PREVOTE, Known, Vote
from meshkit.sim.agenda import SECOND
from meshkit.sim.engines.client import Asked
from meshkit.sim.engines.service import ADD, Answer, Call, CallBatch
from meshkit.sim.engines.world import Audience
from meshkit.sim.voice import VERIFY_NS
from tests.sim.engines.grounds import world


def test_stamps_rise_and_everybody_is_known() -> None:
    made = world()
    assert made.stamp() < made.stamp()
    assert [made.client(client.me) for client in made.clients] == made.clients
    assert made.client(b"nobody") is None
    assert made.seats(0b101) == (made.roster[0], made.roster[2])


def test_opening_a_message_costs_as_many_checks_as_it_has_statements() -> None:
    made = world()
    call = Call(b"c" * 32, 1, ADD, 0, 1)
    vote = Vote(PREVOTE, 1, 0, b"", b"v" * 32)
    for message, count in (
        (Ask(1), 0), (Answer(b"", 1, 1), 0), (call, 1), (vote, 1), (Known((), (vote, vote)), 2),
    ):  # fmt: skip
        assert made.spoken(b"me", message).cost_ns == VERIFY_NS * count
    assert made.spoken(b"me", Answer(b"", 1, 1)).command.name == ""
    assert made.spoken(b"me", call).command.name == "service"


def test_whoever_decides_first_leads() -> None:
    made = world()
    led: list[int] = []
    made.leads = lambda process: led.append(process.number)
    made.clients[1].ask(Asked(ADD, 0, 1, 0))
    made.agenda.run(made.agenda.now_ns + SECOND)
    assert len(led) == 1
    assert made.height == 1


def test_an_audience_need_not_mind() -> None:
    made = world()
    audience = Audience()
    call = Call(b"c" * 32, 1, ADD, 0, 1)
    assert audience.answered(made.clients[0], call, 1) is None  # type: ignore[func-returns-value]  # that it does nothing is the point
    assert CallBatch(1, b"", (call,)).calls == (call,)
