"""What was measured can be drawn, the same each time; what was not cannot."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from meshkit_cli.plot import SCHEMA, Unplottable, draw

from tests.live import meshkit


def row(replicas: int, place: str, faults: str, p50_ms: float) -> dict[str, Any]:
    figures = {"calls": 9, "p50_ms": p50_ms, "p99_ms": 2 * p50_ms, "max_ms": 3 * p50_ms}
    return {"replicas": replicas, "place": place, "faults": faults, "settled": figures}


ROWS = [row(4, "lan", "none", 6.0), row(10, "lan", "none", 7.0), row(4, "lan", "crashed", 8.0)]


def test_the_same_document_is_drawn_alike(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps({"schema": SCHEMA, "rows": ROWS}))
    for name in ("first.svg", "second.svg"):
        said = meshkit("bench", "plot", tmp_path / "rows.json", "--out", tmp_path / name)
        assert (said.code, said.err) == (0, "")
    first = (tmp_path / "first.svg").read_text()
    assert first == (tmp_path / "second.svg").read_text()
    assert first.startswith("<?xml")


def test_what_is_no_such_document(tmp_path: Path) -> None:
    lame = {"schema": SCHEMA, "rows": [{"place": "lan"}]}
    empty = {"schema": SCHEMA, "rows": []}
    texts = ('{"schema": "another"}', "[]", json.dumps(empty), json.dumps(lame), "no json")
    for text in texts:
        (tmp_path / "rows.json").write_text(text)
        said = meshkit("bench", "plot", tmp_path / "rows.json", "--out", tmp_path / "x.svg")
        assert said.code == 1
        assert said.err.count("\n") == 1
    assert not (tmp_path / "x.svg").exists()


def test_a_kind_of_file_that_is_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps({"schema": SCHEMA, "rows": ROWS}))
    said = meshkit("bench", "plot", tmp_path / "rows.json", "--out", tmp_path / "x.nope")
    assert said.code == 1
    assert ".svg or .png" in said.err


def test_without_anything_to_draw_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def none(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(Unplottable, match=r"meshkit\[plots\]"):
        draw({"schema": SCHEMA, "rows": ROWS}, tmp_path / "x.svg")
