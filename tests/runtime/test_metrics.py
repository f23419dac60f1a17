"""The page of metrics: off unless asked for, and a copy of what the node shows its operators."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.request import urlopen

import pytest
import zmq
from prometheus_client.parser import text_string_to_metric_families

from meshkit.runtime.home import HomeError
from meshkit.runtime.metrics import Metrics, figures_of, parse_address
from tests.runtime.world import World

FIGURES: dict[str, Any] = {
    "height": 3, "members": 4, "quorum": 1, "accused": 1, "waiting": 2, "deaths": 5, "entries": 60,
    "starts": 2, "rounds": 7, "tasks": {"running": 1, "finished": 2}, "wire": {"events.sent": 8},
    "effects": {"Broadcast": 9}, "refused": {"bad-signature": 10}, "idle": {"pool.Offered": 11},
}  # fmt: skip


@pytest.fixture
def page() -> Iterator[Metrics]:
    with closing(Metrics(lambda: FIGURES)) as made:
        yield made


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """Every sample of the page, by its name and its labels' values."""
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read(1 << 20).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.real
def test_the_page_shows_every_figure_under_its_name(page: Metrics) -> None:
    port = a_free_port()
    page.open(f"127.0.0.1:{port}")
    assert scrape(port) == {
        ("meshkit_height",): 3,
        ("meshkit_members",): 4,
        ("meshkit_quorum_reachable",): 1,
        ("meshkit_members_accused",): 1,
        ("meshkit_worker_waiting",): 2,
        ("meshkit_journal_entries_total",): 60,
        ("meshkit_starts_total",): 2,
        ("meshkit_rounds_committed_total",): 7,
        ("meshkit_worker_deaths_total",): 5,
        ("meshkit_tasks", "running"): 1,
        ("meshkit_tasks", "finished"): 2,
        ("meshkit_wire_total", "events.sent"): 8,
        ("meshkit_effects_total", "Broadcast"): 9,
        ("meshkit_envelopes_refused_total", "bad-signature"): 10,
        ("meshkit_commands_without_effect_total", "pool.Offered"): 11,
    }
    page.close()
    page.close()  # twice is once
    with pytest.raises(OSError, match="refused"):
        scrape(port)


@pytest.mark.real
def test_a_port_that_is_taken_is_said(page: Metrics) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(HomeError, match=f"metrics at {address}: .*in use"):
            page.open(address)


@pytest.mark.parametrize("address", ["", "9090", "host", "host:", "host:x", "h:0", "h:65536"])
def test_an_address_is_a_host_and_a_port(page: Metrics, address: str) -> None:
    with pytest.raises(HomeError, match="is no address for metrics: say HOST:PORT"):
        page.open(address)


def test_without_a_host_it_is_this_machine_alone() -> None:
    assert parse_address(":9090") == ("127.0.0.1", 9_090)
    assert parse_address("0.0.0.0:9090") == ("0.0.0.0", 9_090)


def test_figures_are_copied_no_more_often_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, asked = [100.0], [0]

    def figures() -> dict[str, Any]:
        asked[0] += 1
        return FIGURES

    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    page = Metrics(figures)
    for at, count in ((100.0, 1), (100.5, 1), (101.0, 2), (101.5, 2)):
        now_s[0] = at
        page.serve()
        assert asked[0] == count


def test_the_page_needs_no_watching() -> None:
    poller = zmq.Poller()
    Metrics(lambda: FIGURES).watch(poller)
    assert poller.sockets == []


def test_the_figures_are_those_of_the_node() -> None:
    with World() as world:
        world.submit()
        world.settle()
        figures = figures_of(*world.desk.overview())
    assert figures.keys() == FIGURES.keys()
    assert figures["height"] == 4
    assert (figures["members"], figures["quorum"], figures["accused"]) == (1, 1, 0)
    assert (figures["rounds"], figures["tasks"]) == (2, {"finished": 1})
    assert figures["entries"] == world.journal.head.index
    assert figures["effects"]["Train"] == 2
