"""The documents say what is so: pages for all modules, links that lead somewhere, tests that exist.

What the README has people type is tested in `tests/cli/test_readme.py`.
"""

import ast
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from meshkit.consensus.raft.script import Cluster
from meshkit.learning import (
    Grid,
    Shard,
    decode_model,
    decode_update,
    dequantise,
    initial_model,
    load,
    train,
)
from meshkit.learning.training import score
from tests.tidy import ROOT, sources

DOCUMENTS = sorted(path for name in ("*.md", "docs/**/*.md") for path in ROOT.glob(name))
LINK = re.compile(r"\]\((?!https?:)([^)]+)\)")
# `foo` stands for any name.
TEST = re.compile(r"`((?:tests|integration)/(?![\w/]*foo)[\w/]+\.py)(?:::(\w+))?`")
MENTIONED = re.compile(
    r"`((?:meshkit|cli|services|tests|integration|schemas|docs|changes)/(?![\w/]*foo)[\w/.-]+)`"
)
MODULE = re.compile(r"`(?!meshkit\.toml)(meshkit(?:_cli|_services)?(?:\.\w+)+)`")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page(path: Path) -> str:
    """Where the page of a source file is to be found."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    inner = parts if parts[0] == "meshkit" else parts[1:]
    named = inner[:-1] if inner[-1] == "__init__" else inner
    return "/".join(named) + ".html"


def test_every_module_has_a_page_and_nothing_is_complained_of(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs" / "build.py"), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    missing = [page(path) for path in sources() if not (tmp_path / page(path)).exists()]
    assert not missing


def test_the_table_of_metrics_is_the_code_s() -> None:
    code = text_of(ROOT / "meshkit" / "runtime" / "metrics.py")
    table = text_of(ROOT / "docs" / "metrics.md")
    rows = re.compile(r"^\| `meshkit_.*\|$", re.MULTILINE)
    assert rows.findall(code)
    assert rows.findall(table) == rows.findall(code)


# -- what documents name ---------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """What a link may name within a document: its headings, as the web has them."""
    headings = re.findall(r"^#+ (.*)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(path: Path) -> None:
    text = text_of(path)
    for link in LINK.findall(text):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
    for name in MENTIONED.findall(text):
        assert (ROOT / name).exists(), name
    for name in MODULE.findall(text):
        assert resolves(name), name


def resolves(dotted: str) -> bool:
    """Whether this is a module of ours, or a name at the top of one."""
    package, *rest = dotted.split(".")
    path = ROOT / {"meshkit_cli": "cli", "meshkit_services": "services"}.get(package, "") / package
    for place, part in enumerate(rest):
        if (path / part).is_dir() or (path / f"{part}.py").exists():
            path /= part
        else:
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            return re.search(rf"\b{part}\b", text_of(file)) is not None and place + 1 == len(rest)
    return True


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"^(\d+)\. \[.*\]\((.*)\)$", text_of(folder / "README.md"), re.MULTILINE)
    numbered = [(str(int(path.name[:4])), path.name) for path in sorted(folder.glob("0*.md"))]
    assert listed == numbered


# -- the threat model ------------------------------------------------------------------------------


def table_below(heading: str) -> dict[str, str]:
    """The first table under a heading of the threat model: its first column, and the rest."""
    _, _, below = text_of(ROOT / "docs" / "threat-model.md").partition(f"\n## {heading}")
    section, _, _ = below.partition("\n## ")
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", section, re.MULTILINE)
    return dict(rows[1:])


def test_each_defence_names_the_tests_that_show_it() -> None:
    shown = table_below("What shows it")
    assert list(shown) == list(table_below("Defences"))
    assert all(TEST.search(tests) for tests in shown.values())


def test_the_tests_that_documents_name_are_there() -> None:
    named = [found for path in DOCUMENTS for found in TEST.findall(text_of(path))]
    assert len(named) > 50
    for file, name in named:
        nodes = ast.walk(ast.parse(text_of(ROOT / file)))
        names = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        assert not name or name in names, f"{file}::{name}"


# -- driving the engines ---------------------------------------------------------------------------


def test_the_engines_are_driven_as_is_said() -> None:
    text = text_of(ROOT / "docs" / "driving-engines.md")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "driving-engines.md", "exec"), {})
    verbs = set(re.findall(r"`(\w+)\(n", text))
    assert len(verbs) > 12
    assert all(hasattr(Cluster, verb) for verb in verbs)


@pytest.mark.parametrize("title", ["Tendermint", "PBFT", "Raft"])
def test_the_table_of_latencies_is_that_of_the_benchmark_s_rows(title: str) -> None:
    folder, engine = ROOT / "docs", title.lower()
    rows = json.loads(text_of(folder / "figures" / f"latency-{engine}.json"))["rows"]
    _, _, part = text_of(folder / "latency-and-availability.md").partition(f"\n### {title}\n")
    lines = [line for line in part.partition("\n### ")[0].splitlines() if line.startswith("| ")]
    told = [cell.strip() for line in lines[1:] for cell in line.split("|")[3:-1]]
    cases = itertools.groupby(rows, lambda row: row["replicas"])
    said = [
        f"{shown(row['settled']['p50_ms'])} / {shown(row['settled']['p99_ms'])}"
        for _, case in cases
        for row in case
    ]
    assert [row["engine"] for row in rows] == [engine] * len(rows)
    assert told == said


def shown(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}"


# -- the README ------------------------------------------------------------------------------------


BLOCK = re.compile(r"^```python\n(# petals/task\.py\n.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_task_in_the_readme_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a package of its author's own, and with the data in the node's folder."""
    pytest.importorskip("torch")
    [block] = BLOCK.findall(text_of(ROOT / "README.md"))
    assert block.count("\n") <= 20
    (tmp_path / "petals").mkdir()
    (tmp_path / "petals" / "task.py").write_text(block, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    dice = np.random.default_rng(0)
    labels = dice.integers(0, 3, 90)
    features = dice.normal(size=(90, 4)) + labels[:, None]
    np.savez(tmp_path / "petals.npz", features=features, labels=labels)

    task = load("petals.task:Petals", '{"hidden": 8}', ["petals.task:Petals"])
    task.prepare()
    data, base = task.data(Shard(folder=str(tmp_path))), initial_model(task, 0)
    grid = Grid(task.size)
    assert task.size == 4 * 8 + 8 + 8 * 3 + 3
    update = decode_update(train(task, data, base, grid, 0, 0).update, grid.size, grid.bits)
    before = decode_model(base, grid.size)
    after = (before + dequantise(update, grid.scale_bits)).astype(np.float32)
    assert score(task, data.held_out, after).loss < score(task, data.held_out, before).loss
