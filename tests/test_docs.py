"""The documentation builds from the docstrings, and every module has its page."""

import re
import subprocess
import sys
from pathlib import Path

from tests.tidy import ROOT, sources


def page(path: Path) -> str:
    """Where the page of a source file is to be found."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    inner = parts if parts[0] == "meshkit" else parts[1:]
    named = inner[:-1] if inner[-1] == "__init__" else inner
    return "/".join(named) + ".html"


def test_every_module_has_a_page(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs" / "build.py"), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert built.returncode == 0, built.stderr
    missing = [page(path) for path in sources() if not (tmp_path / page(path)).exists()]
    assert not missing


def test_the_table_of_metrics_is_the_code_s() -> None:
    code = (ROOT / "meshkit" / "runtime" / "metrics.py").read_text(encoding="utf-8")
    table = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.compile(r"^\| `meshkit_.*\|$", re.MULTILINE)
    assert rows.findall(code)
    assert rows.findall(table) == rows.findall(code)
