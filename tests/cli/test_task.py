"""Tasks from the command line, against a live mesh: submitted, followed, ended, refused."""

import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from meshkit_cli import task as tasks
from rich.console import Console

from meshkit.client import Client
from meshkit.learning.tasks.softmax import Softmax
from meshkit.wire.keys import Identity
from tests.live import SOFTMAX, Answer, Live, Said, meshkit

pytestmark = pytest.mark.real

_numbers = itertools.count()


def ask(live: Live, *words: object) -> Said:
    return meshkit("task", *words, "--home", live.homes[0])


def do(live: Live, *words: object) -> Said:
    return ask(live, *words, "--operator", live.operator)


def a_name() -> str:
    """A name no other test gives a task: they all share one ledger."""
    return f"cli-{next(_numbers)}"


def submitted(live: Live, *words: object, name: str = "") -> Answer:
    said = do(live, "submit", SOFTMAX, "--name", name or a_name(), *words, "-o", "json")
    assert (said.code, said.err) == (0, "")
    return said.document


def ended_task(live: Live) -> Answer:
    made = submitted(live, "--rounds", 1)
    with live.client() as client:
        list(client.watch(made["id"]))
    return made


# -- from submission to the end --------------------------------------------------------------------


def test_a_task_is_submitted_watched_shown_and_listed(live: Live) -> None:
    made = submitted(live, "--rounds", 2, "--quorum", 4, "--set", "steps=5", "--seed", 3)
    assert made["schema"] == "meshkit.task.submitted/v1"
    watched = ask(live, "watch", made["name"], "-o", "json")
    assert watched.code == 0
    document = watched.document
    assert document["schema"] == "meshkit.task/v1"
    assert (document["id"], document["status"], document["rounds_done"]) == (
        made["id"],
        "finished",
        2,
    )
    assert (json.loads(document["parameters"]), document["seed"]) == ({"steps": 5}, 3)
    assert watched.err.splitlines()[-1].startswith(f"{made['name']} finished 2/2 accuracy 0.")
    shown = ask(live, "show", made["id"][:16], "-o", "json")
    assert (shown.code, shown.document) == (0, document)
    listed = ask(live, "list", "-o", "json").document
    assert listed["schema"] == "meshkit.task.list/v1"
    assert made["id"] in [one["id"] for one in listed["tasks"]]


def test_each_form_of_what_is_seen_of_a_task(live: Live) -> None:
    made = ended_task(live)
    table = ask(live, "show", made["id"])
    assert (table.code, table.err) == (0, "")
    assert "finished" in table.out
    rows = ask(live, "watch", made["id"], "-o", "jsonl").rows
    assert [(row["schema"], row["status"]) for row in rows] == [("meshkit.task/v1", "finished")]
    assert made["id"] in [row["id"] for row in ask(live, "list", "-o", "jsonl").rows]
    followed = ask(live, "watch", made["id"])
    assert (followed.code, followed.out) == (0, "")
    assert followed.err.startswith(f"{made['name']} finished 1/1")
    assert ask(live, "list").code == 0


def test_a_line_of_a_watch_says_of_rounds_only_what_is_new() -> None:
    first = {"outcomes": [{"round": 0}], "figures": [{"round": 0}, {"round": 1}]}
    second = {"outcomes": [{"round": 0}, {"round": 1}], "figures": [{"round": 0}, {"round": 1}]}
    assert tasks._news({"outcomes": [], "figures": []}, first) == first
    assert tasks._news(first, second) == {"outcomes": [{"round": 1}], "figures": []}


def test_a_terminal_shows_the_rounds_as_they_go_by(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ended_task(live)
    screen = io.StringIO()
    monkeypatch.setattr(tasks, "err", Console(file=screen, force_terminal=True, width=160))
    said = ask(live, "watch", made["id"])
    assert (said.code, said.out, said.err) == (0, "", "")
    assert "accuracy before it" in screen.getvalue()


def test_a_task_goes_by_its_attribute_s_name(live: Live) -> None:
    said = do(live, "submit", SOFTMAX, "--rounds", 1, "--seed", 77)
    assert said.code == 0
    assert "softmax" in said.out


def test_a_task_is_cancelled_once(live: Live) -> None:
    made = submitted(live, "--rounds", 10_000)
    said = do(live, "cancel", made["id"])
    assert said == (0, "", f"{made['id']} is cancelled\n")
    assert ask(live, "show", made["id"], "-o", "json").document["status"] == "cancelled"
    assert do(live, "cancel", made["id"]).complains(6)


# -- what is refused -------------------------------------------------------------------------------


def test_a_task_that_is_not_there_is_not_found(live: Live) -> None:
    for verb in ("show", "watch"):
        said = ask(live, verb, "nothing", "-o", "json")
        assert said.complains(4) == "no task is called nothing"
    assert do(live, "cancel", "nothing").complains(4) == "no task is called nothing"


def test_a_name_that_means_two_tasks_is_a_mistake_of_use(live: Live) -> None:
    name = a_name()
    for seed in range(2):
        submitted(live, "--rounds", 1, "--seed", seed, name=name)
    assert ask(live, "show", name).complains(2) == (
        f"2 tasks are called {name}; give more of the id"
    )


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--set", "steps"), 2, "--set steps: say NAME=VALUE, the value in JSON"),
        (("--rounds", "0"), 2, "Invalid value for '--rounds'"),
        (("--bits", "64"), 2, "Invalid value for '--bits'"),
        (("--rounds", "100000"), 6, "rounds is from 1 to 10000"),
        (("--strategy", "magic"), 6, "no strategy is called magic"),
        (("--name", "\N{LATIN SMALL LETTER A WITH DIAERESIS}"), 6, "the name of a task is"),
        (("--set", "steps=many"), 1, ""),
        (("--set", "colour=red"), 1, ""),
        (("--set", f"steps={'[' * 100_000}"), 1, ""),
        (("--wait", "-1"), 2, "Invalid value for '--wait'"),
    ],
)
def test_a_task_out_of_form_is_refused(
    live: Live, words: tuple[str, ...], code: int, line: str
) -> None:
    assert do(live, "submit", SOFTMAX, *words).complains(code).startswith(line)


@pytest.mark.parametrize("module", ["nothing", "no.where:Task", "json:dumps"])
def test_what_is_no_task_is_refused(live: Live, module: str) -> None:
    assert do(live, "submit", module).complains(6).startswith("the genesis does not allow")


class Elsewhere(Softmax):
    """A task that is installed here and allowed nowhere."""


def test_what_the_genesis_does_not_allow_is_refused(live: Live) -> None:
    line = do(live, "submit", "tests.cli.test_task:Elsewhere").complains(6)
    assert line.startswith("the genesis does not allow")


def test_a_command_wants_the_key_of_an_operator(live: Live, tmp_path: Path) -> None:
    words = ("submit", SOFTMAX, "--name", a_name(), "--rounds", 1, "--operator")
    missing = ask(live, *words, tmp_path / "no.key").complains(1)
    assert str(tmp_path / "no.key") in missing
    Identity.create().save(tmp_path / "stranger.key")
    assert ask(live, *words, tmp_path / "stranger.key").complains(6)


def test_what_is_not_decided_in_time_may_be_decided_yet(live: Live) -> None:
    line = do(live, "submit", SOFTMAX, "--name", a_name(), "--rounds", 1, "--wait", 0).complains(5)
    assert line.startswith("not decided within 0 s")


@pytest.mark.parametrize("words", [("list",), ("show", "x"), ("watch", "x")])
def test_without_a_node_nobody_answers(folder: Path, words: tuple[str, ...]) -> None:
    assert meshkit("task", *words, "--home", folder / "a").complains(1)
    assert meshkit("init", "--home", folder / "a").code == 0
    assert "no node runs on" in meshkit("task", *words, "--home", folder / "a").complains(5)


def test_a_round_s_outcome_goes_before_what_was_heard_of_it() -> None:
    figures: dict[str, Any] = {"round": 0, "accuracy": None, "loss": None, "updates": 1}
    table = tasks.rounds_table(
        {"figures": [figures, {**figures, "round": 1}], "outcomes": [{"round": 0, "updates": 4}]}
    )
    updates = [list(column.cells) for column in table.columns if column.header == "updates"]
    assert updates == [["4", "1"]]


def test_ctrl_c_ends_a_watch_in_one_line(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Client, id_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "watch", interrupted)
    assert ask(live, "watch", "x").complains(1) == "interrupted"
