"""The doctor: each finding, for better and for worse."""

import importlib.metadata
import resource
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from meshkit_cli import doctor
from meshkit_cli.doctor import BAD, CHECKS, GOOD, WARN
from meshkit_services.devmesh import DevMesh
from msgspec.structs import replace

from meshkit.journal import Journal
from meshkit.runtime.home import Home
from meshkit.wire.ipc import HomeLock
from tests.live import meshkit

Patch = pytest.MonkeyPatch


@pytest.fixture
def home(folder: Path) -> Home:
    """Of a mesh of one, with free ports, that does not run."""
    return Home.open(DevMesh.create(folder / "m", 1, []).homes[0])


def finding(name: str, home: Path) -> tuple[str, str]:
    """What the doctor says of one thing."""
    said = meshkit("doctor", "--home", home, "-o", "json")
    checks = {one["check"]: (one["verdict"], one["what"]) for one in said.document["checks"]}
    assert list(checks) == list(CHECKS)
    bad = any(verdict == BAD for verdict, _ in checks.values())
    assert (said.code, said.document["ok"], said.err) == (int(bad), not bad, "")
    verdict, line = checks[name]
    assert line.count("\n") == 0
    return verdict, line


def test_a_node_that_is_fit_to_run(home: Home, monkeypatch: Patch) -> None:
    monkeypatch.setattr(doctor, "COMMIT_SLOW_MS", 1e9)
    said = meshkit("doctor", "--home", home.path, "-o", "json")
    assert (said.code, said.document["ok"]) == (0, True)
    assert said.document["schema"] == "meshkit.doctor/v1"
    verdict, line = finding("node", home.path)
    assert (verdict, line.split(",")[0]) == (GOOD, "node-0")
    assert f"in mesh {home.mesh.hex()[:16]}" in line
    assert finding("ports", home.path)[0] == GOOD
    assert finding("journal", home.path) == (GOOD, "none yet")


def test_people_see_a_line_a_check(home: Home) -> None:
    said = meshkit("doctor", "--home", home.path)
    assert all(name in said.out for name in CHECKS)
    rows = meshkit("doctor", "--home", home.path, "-o", "jsonl").rows
    assert [row["check"] for row in rows] == list(CHECKS)


def test_before_there_is_a_node_the_machine_is_looked_at(folder: Path) -> None:
    place = folder / "not" / "yet"
    verdict, line = finding("node", place)
    assert (verdict, line) == (
        WARN,
        f"{place}: there is no node; make one with: meshkit init --home {place}",
    )
    assert finding("ports", place) == (GOOD, "no node, no ports")
    assert not list(folder.iterdir())


def test_a_node_without_a_mesh(folder: Path) -> None:
    assert meshkit("init", "--home", folder / "a").code == 0
    assert finding("node", folder / "a")[1].endswith("in no mesh yet")


# -- the machine -----------------------------------------------------------------------------------


def test_an_old_python(folder: Path, monkeypatch: Patch) -> None:
    assert finding("python", folder)[0] == GOOD
    monkeypatch.setattr(sys, "version_info", (3, 9))
    assert doctor._python(folder)[0] == BAD


def test_torch_is_wanted_and_not_needed(folder: Path, monkeypatch: Patch) -> None:
    def find_nothing(name: str) -> None:
        return None

    monkeypatch.setattr(doctor, "find_spec", find_nothing)
    verdict, line = finding("training", folder)
    assert verdict == WARN
    assert "pip install" in line

    def find(name: str) -> object:
        return object()

    def version(name: str) -> str:
        return "9.9"

    monkeypatch.setattr(doctor, "find_spec", find)
    monkeypatch.setattr(importlib.metadata, "version", version)
    assert finding("training", folder) == (GOOD, "torch 9.9")


@pytest.mark.parametrize(("free", "verdict"), [(doctor.DISK_FREE_MIN, GOOD), (2**20, WARN)])
def test_a_full_disk(folder: Path, monkeypatch: Patch, free: int, verdict: str) -> None:
    def disk_usage(path: Path) -> object:
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert finding("disk", folder)[0] == verdict


@pytest.mark.parametrize(("commit_ms", "verdict"), [(0.5, GOOD), (50.0, WARN)])
def test_a_slow_disk(folder: Path, monkeypatch: Patch, commit_ms: float, verdict: str) -> None:
    def measure(place: Path, count: int) -> list[float]:
        return [commit_ms] * count

    monkeypatch.setattr(doctor, "measure_commit_ms", measure)
    assert finding("fsync", folder) == (
        verdict,
        f"a durable commit takes {commit_ms:.2f} ms (median), {commit_ms:.2f} ms at worst",
    )


@pytest.mark.parametrize(
    ("soft", "verdict"), [(256, WARN), (1_024, GOOD), (resource.RLIM_INFINITY, GOOD)]
)
def test_few_open_files(folder: Path, monkeypatch: Patch, soft: int, verdict: str) -> None:
    def limit(what: int) -> tuple[int, int]:
        return soft, soft

    monkeypatch.setattr(resource, "getrlimit", limit)
    assert finding("limits", folder)[0] == verdict


def test_a_clock_that_goes_back(folder: Path, monkeypatch: Patch) -> None:
    assert doctor._clock(folder)[0] == GOOD
    back = iter(range(doctor.CLOCK_TURNS, 0, -1))
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(back))
    assert doctor._clock(folder)[0] == BAD


# -- the node --------------------------------------------------------------------------------------


def test_keys_of_another_card(home: Home) -> None:
    home.write_card(replace(home.card, transport=bytes(32)))
    verdict, line = finding("node", home.path)
    assert (verdict, line) == (
        BAD,
        f"{home.path}: the keys are not those of card.json: wrong key files?",
    )


def test_a_genesis_of_others(home: Home) -> None:
    """What keeps a node from starting is found before it is started."""
    other = DevMesh.create(home.path.parent / "others", 1, []).homes[0]
    shutil.copy(other / "genesis.json", home.path)
    verdict, line = finding("node", home.path)
    assert verdict == BAD
    assert "the genesis does not name this node" in line


def test_a_home_open_to_others(home: Home) -> None:
    home.path.chmod(0o755)
    verdict, line = finding("node", home.path)
    assert verdict == BAD
    assert f"chmod 700 {home.path}" in line


def test_a_key_that_is_none(home: Home) -> None:
    key = home.path / "identity.key"
    key.write_bytes(b"nothing")
    assert finding("node", home.path)[0] == BAD
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_card_that_is_none(home: Home) -> None:
    (home.path / "card.json").write_text("{}")
    assert finding("ports", home.path)[0] == BAD
    assert finding("node", home.path)[0] == BAD


def test_a_home_too_deep_for_a_socket(folder: Path) -> None:
    deep = folder / ("d" * 120)
    assert meshkit("init", "--home", deep, "--name", "a").code == 0
    verdict, line = finding("node", deep)
    assert verdict == BAD
    assert "choose a shorter home" in line


# -- its ports -------------------------------------------------------------------------------------


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_port_that_another_holds(home: Home, taken_port: int) -> None:
    endpoint = f"tcp://127.0.0.1:{taken_port}"
    home.write_card(replace(home.card, blobs=endpoint))
    assert finding("ports", home.path) == (BAD, f"{endpoint}: address already in use")


def test_a_port_that_the_node_itself_holds(home: Home, taken_port: int) -> None:
    home.write_card(replace(home.card, blobs=f"tcp://127.0.0.1:{taken_port}"))
    with HomeLock(home.path):
        assert finding("ports", home.path) == (GOOD, "the node runs and holds them")


def test_a_port_that_is_none(home: Home) -> None:
    home.write_card(replace(home.card, join="tcp://127.0.0.1:99999"))
    verdict, line = finding("ports", home.path)
    assert verdict == BAD
    assert line.startswith("tcp://127.0.0.1:99999: ")


# -- its journal -----------------------------------------------------------------------------------


def test_the_journal_s_tail(home: Home) -> None:
    identity = home.identity
    with Journal.open(home.journal_path, home.mesh, identity.key, identity.sign) as journal:
        journal.append([b"one", b"two"])
        head = journal.head
    assert finding("journal", home.path) == (
        GOOD,
        f"2 entries, the last hundred chain up to {head.hash.hex()[:16]}",
    )


def test_a_journal_that_is_none(home: Home) -> None:
    home.journal_path.write_bytes(b"no database at all, but long enough to be looked into" * 20)
    assert finding("journal", home.path)[0] == BAD
