"""The tree is tidy, and each rule of tidiness can fail."""

import ast
import re
from itertools import chain
from pathlib import Path
from statistics import median

import pytest

from tests import tidy
from tests.tidy import ROOT

ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in tidy.sources()}
MAPS = tidy.map_fields([tree for path, tree in TREES.items() if tidy.is_pure(path)])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", tidy.sources(), ids=name)
def test_source(path: Path) -> None:
    text, tree = path.read_text(encoding="utf-8"), TREES[path]
    complaints = list(
        chain(
            tidy.said(tree),
            tidy.sized(text, tree),
            tidy.named(path, tree),
            tidy.twin(path, tree),
            tidy.warranted(text, tree),
            tidy.ordered(tree, MAPS) if tidy.is_pure(path) else (),
        )
    )
    assert not complaints


@pytest.mark.parametrize("path", tidy.tests(), ids=name)
def test_test(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert not [*tidy.said(tree), *tidy.sized(text, tree), *tidy.named(path, tree)]


@pytest.mark.parametrize("path", tidy.texts(), ids=name)
def test_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text) if path.suffix == ".py" else None
    assert not [*tidy.finished(text, tree), *tidy.excused(text), *tidy.ours(text)]


@pytest.mark.parametrize("path", ADRS, ids=name)
def test_decision(path: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
    assert not list(tidy.given_up(path.read_text(encoding="utf-8")))


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in ADRS] == list(range(1, len(ADRS) + 1))


def test_the_middle_function_is_short() -> None:
    lines = [tidy.lines_of(f) for tree in TREES.values() for f in tidy.functions(tree)]
    assert median(lines) < tidy.MEDIAN_LINES_MAX


def test_each_change_is_one_sentence_of_a_kind() -> None:
    for path in sorted((ROOT / "changes").iterdir()):
        named = re.fullmatch(r"\+[a-z0-9-]+\.(added|changed|fixed|removed)\.md", path.name)
        assert named or path.name == "README.md", path.name


def test_no_make_target_is_shadowed_by_a_folder() -> None:
    """A folder named `schemas` would silently disable a target of that name."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)[0].split())
    assert targets == phony


def test_ci_runs_what_the_readme_says() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^ {4}make (\w+)", readme, re.MULTILINE)[:2] == ["demo", "test"]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert ci[-1] == "make test"
    assert "set -euo pipefail" in ci


# --- each rule can fail ---------------------------------------------------------------------------

LONG = "def f():\n" + "    x = 1\n" * 60
PURE_FAULTS = [
    "def f():\n    for x in {1, 2}: pass",
    "def f(items: set[int]):\n    return [x for x in items]",
    "def f(items: frozenset[int]):\n    return tuple(items)",
    "def f(s):\n    for k, v in s.votes.items(): pass",
    "def f(s):\n    return [k for k in s.votes]",
    "def f(s):\n    votes = s.votes\n    return {k: 1 for k in votes.keys()}",
    "def f(s):\n    return b''.join(s.votes)",
    "def f(s):\n    return [*s.votes]",
    "def f(s):\n    return max((v for v in s.votes.values()), key=g)",
    "def f(a: set[int], b):\n    return list(a | b)",
]
PURE_GOOD = [
    "def f():\n    for x in sorted({1, 2}): pass",
    "def f(items: set[int]):\n    return len(items)",
    "def f(s):\n    for k, v in sorted(s.votes.items()): pass",
    "def f(s):\n    return sum(v for v in s.votes.values())",
    "def f(s):\n    return sorted((v, k) for k, v in s.votes.items())",
    "def f(s):\n    return [k for k in s.ballots]",
    "def f(s):\n    return frozenset(k for k in s.votes)",
]


def test_pure_order_can_fail() -> None:
    fields = tidy.map_fields([ast.parse("class S:\n    votes: Map[int, int]\n    n: int")])
    assert fields.only == fields.any == {"votes"}
    for fault in PURE_FAULTS:
        assert list(tidy.ordered(ast.parse(fault), fields)), fault
    for good in PURE_GOOD:
        assert not list(tidy.ordered(ast.parse(good), fields)), good
    unsure = tidy.Fields(any=frozenset({"votes"}), only=frozenset())
    assert list(tidy.ordered(ast.parse("def f(s):\n    return [*s.votes.items()]"), unsure))
    assert not list(tidy.ordered(ast.parse("def f(s):\n    return [*s.votes]"), unsure))


def test_what_is_said_and_sized_can_fail() -> None:
    assert list(tidy.said(ast.parse("x = 1")))
    assert list(tidy.sized("\n" * 501, ast.parse("x = 1")))
    assert list(tidy.sized(LONG, ast.parse(LONG)))
    assert not list(
        tidy.sized(LONG, ast.parse(LONG.replace("    x = 1\n", "    x = 1\n", 59)[:-10]))
    )


@pytest.mark.parametrize("fault", ["class PeerManager: ...", "def error_handler(): ..."])
def test_names_can_fail(fault: str) -> None:
    assert list(tidy.named(ROOT / "x.py", ast.parse(fault)))
    assert list(tidy.named(ROOT / "utils.py", ast.parse("")))
    assert not list(tidy.named(ROOT / "x.py", ast.parse("class Peer: ...")))


def test_twins_can_fail() -> None:
    core, does = ROOT / "meshkit" / "core", ast.parse("def f(): ...")
    assert list(tidy.twin(core / "nowhere.py", does))
    assert list(tidy.twin(core / "__init__.py", does))
    assert not list(tidy.twin(core / "nowhere.py", ast.parse("class C: ...")))
    assert not list(tidy.twin(core / "value.py", does))
    assert tidy.twin_of(ROOT / "cli" / "meshkit_cli" / "node.py") == ROOT / "tests/cli/test_node.py"


def test_what_is_put_off_can_fail() -> None:
    later = "TO" + "DO"
    assert list(tidy.finished(f"# {later}: more", None))
    stub = "def f():\n    raise " + tidy.STUB
    assert list(tidy.finished("", ast.parse(stub)))
    left_to_others = stub.replace("raise", "'the first weights'\n    raise")
    assert not list(tidy.finished("", ast.parse(left_to_others)))


def test_excuses_can_fail() -> None:
    ignore = "# type: " + "ignore[arg-type]"
    assert list(tidy.excused(f"f(x)  {ignore}"))
    assert not list(tidy.excused(f"f(x)  {ignore}  # the stub of f is wrong"))
    cover = "# pragma: no " + "cover"
    assert list(tidy.excused(f"f(x)  {cover}"))
    assert not list(tidy.excused(f"f(x)  {cover}: only on other systems"))


def test_warrants_can_fail() -> None:
    for fault in ("\nN_MAX = 5", "\nN_MAX: Final = 64 * 1024", "class A:\n    GAP_MS = 1.5"):
        assert list(tidy.warranted(fault, ast.parse(fault))), fault
    for good in ("\nN_MAX = 5  # a guess", "# p. 9\nN_MAX = 5", "\nVERSION = 1", "\nNS_PER_S = 9"):
        assert not list(tidy.warranted(good, ast.parse(good))), good


@pytest.mark.parametrize(
    "fault", ["see /wor" + "k/x", "from py" + "pi.org", "in this " + "session"]
)
def test_what_is_not_ours_can_fail(fault: str) -> None:
    assert list(tidy.ours(fault))


def test_decisions_can_fail() -> None:
    good = "# 1\n## Context\n## Decision\n## Consequences\n## What was given up\n"
    assert not list(tidy.given_up(good))
    assert list(tidy.given_up(good + "## Notes\n"))
    assert list(tidy.given_up(good.replace("## Context\n", "")))
