"""Prometheus metrics of a running node, off unless asked for.

The page is served by a thread of the client library's. It never touches the node: the host's loop
leaves a copy of the figures once a second, and the thread reads the latest copy.

| metric | labels | what |
|---|---|---|
| `meshkit_height` | | the last decided height |
| `meshkit_journal_entries_total` | | entries in the journal |
| `meshkit_starts_total` | | starts of this node on its journal |
| `meshkit_members` | | members of the mesh |
| `meshkit_tasks` | `status` | tasks, by status |
| `meshkit_rounds_committed_total` | | rounds committed, of all tasks that are kept |
| `meshkit_quorum_reachable` | | 1 while a quorum answers, or none is needed |
| `meshkit_members_accused` | | members proved to have lied |
| `meshkit_wire_total` | `what` | what the wire counts, by the names of `meshkit.wire.counts` |
| `meshkit_effects_total` | `effect` | effects performed |
| `meshkit_envelopes_refused_total` | `reason` | messages refused, or too late to matter |
| `meshkit_commands_without_effect_total` | `command` | commands that led to no entry |
| `meshkit_worker_waiting` | | requests that workers have not answered |
| `meshkit_worker_deaths_total` | | worker processes that died |
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import zmq
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from meshkit.ledger.forms import PORT_MAX
from meshkit.runtime.home import HomeError

REFRESH_S = 1.0  # scrapes are rarely closer together than 15 s

Figures = dict[str, Any]


def parse_address(address: str) -> tuple[str, int]:
    """The host and port of "HOST:PORT"; raises HomeError. Without a host, this machine alone."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) <= PORT_MAX:
        raise HomeError(f"{address!r} is no address for metrics: say HOST:PORT")
    return host or "127.0.0.1", int(port)


class Metrics(Collector):
    """Serves what `figures` gives; a window of the host's, which refreshes the copy."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures
        self._latest: Figures = {}
        self._refreshed_s = 0.0
        self._server: Any = None

    def open(self, address: str) -> None:
        """Serve at "HOST:PORT". Raises HomeError: it is a setting of the home's owner."""
        host, port = parse_address(address)
        registry = CollectorRegistry()
        self.serve()
        registry.register(self)
        try:
            self._server, _ = start_http_server(port, host, registry)
        except OSError as error:
            raise HomeError(f"metrics at {address}: {error}") from None

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    # -- as a window of the host's ----------------------------------------------------------------

    def watch(self, poller: zmq.Poller) -> None:
        """Nothing to do: the page has a thread of its own."""

    def serve(self) -> None:
        """Leave a fresh copy for the page, if the last one is old."""
        now_s = time.monotonic()
        if not self._latest or now_s - self._refreshed_s >= REFRESH_S:
            self._refreshed_s = now_s
            self._latest = self._figures()

    # -- as a collector, in the page's thread -----------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        figures = self._latest
        for name, text, value in (
            ("height", "The last decided height.", figures["height"]),
            ("members", "Members of the mesh.", figures["members"]),
            ("quorum_reachable", "1 while a quorum answers, or none is needed.", figures["quorum"]),
            ("members_accused", "Members proved to have lied.", figures["accused"]),
            ("worker_waiting", "Requests that workers have not answered.", figures["waiting"]),
        ):
            yield GaugeMetricFamily(f"meshkit_{name}", text, value=value)
        for name, text, value in (
            ("journal_entries", "Entries in the journal.", figures["entries"]),
            ("starts", "Starts of this node on its journal.", figures["starts"]),
            ("rounds_committed", "Rounds committed.", figures["rounds"]),
            ("worker_deaths", "Worker processes that died.", figures["deaths"]),
        ):
            yield CounterMetricFamily(f"meshkit_{name}", text, value=value)
        yield _by("tasks", "Tasks, by status.", "status", figures["tasks"], GaugeMetricFamily)
        for name, text, label, key in (
            ("wire", "What the wire counts.", "what", "wire"),
            ("effects", "Effects performed.", "effect", "effects"),
            ("envelopes_refused", "Messages refused, or late.", "reason", "refused"),
            ("commands_without_effect", "Commands that led to no entry.", "command", "idle"),
        ):
            yield _by(name, text, label, figures[key], CounterMetricFamily)


def _by(
    name: str,
    text: str,
    label: str,
    counts: dict[str, int],
    family: type[GaugeMetricFamily] | type[CounterMetricFamily],
) -> Metric:
    metric = family(f"meshkit_{name}", text, labels=[label])
    for key, count in counts.items():
        metric.add_metric([key], count)
    return metric


def figures_of(status: Figures, tasks: list[Figures], members: int) -> Figures:
    """What the page shows, from the documents that the node shows its operators."""
    return {
        "height": status["height"],
        "members": members,
        "quorum": int(status["quorum"]["reachable"]),
        "accused": len(status["accused"]),
        "waiting": status["workers"]["waiting"],
        "deaths": status["workers"]["deaths"],
        "entries": status["head"]["index"],
        "starts": status["starts"],
        "rounds": sum(task["rounds_done"] for task in tasks),
        "tasks": dict(Counter(task["status"] for task in tasks)),
        "wire": status["mesh_counters"],
        "effects": status["effects"],
        "refused": status["refused"],
        "idle": status["without_effect"],
    }
