"""The scanner itself: scopes, names, accepted findings, and the tree as it stands."""

from pathlib import Path

import pytest

from tests.security.rules import RULES
from tests.security.scan import Source, main, scan, split_words

ROOT = Path(__file__).parents[2]
LINE = "path.read_bytes()"


def findings(text: str) -> list[str]:
    return [str(finding) for finding in scan(Source("x.py", text), RULES)]


def test_names_file_line_and_rule() -> None:
    assert findings(f"\n{LINE}") == ["x.py:2: unbounded-read: read_bytes without a limit"]


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("secret_key", {"secret", "key"}),
        ("SigningKey", {"signing", "key"}),
        ("ZMQKey2", {"zmq", "key2"}),
        ("monkey", {"monkey"}),
    ],
)
def test_words(identifier: str, words: set[str]) -> None:
    assert split_words(identifier) == words


def test_a_function_is_judged_by_its_own_lines() -> None:
    text = "import random\ndef key(): return 1\ndef cards():\n    return random.random()"
    assert findings(text) == []


def test_a_reason_accepts_a_finding() -> None:
    assert findings(f"{LINE}  # scan: unbounded-read: our own file, 64 bytes") == []
    assert findings(f"# scan: unbounded-read: our own file, 64 bytes\n{LINE}") == []


def test_no_reason_accepts_nothing() -> None:
    assert len(findings(f"{LINE}  # scan: unbounded-read")) == 1
    assert len(findings(f"{LINE}  # scan: unbounded-read: ok")) == 1


def test_another_rule_accepts_nothing() -> None:
    assert len(findings(f"{LINE}  # scan: shell: our own file, 64 bytes")) == 2


def test_what_is_accepted_must_still_be_there() -> None:
    text = "x = 1  # scan: shell: nothing here goes through a shell"
    assert findings(text) == ["x.py:1: shell: accepted here, but not found here"]


def test_the_command_tells_by_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ours_pb2.py").write_text("import pickle", encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    (tmp_path / "ours.py").write_text("import pickle", encoding="utf-8")
    assert main([str(tmp_path)]) == 1
    assert "ours.py:1: unsafe-decoding" in capsys.readouterr().out


def test_the_tree_is_clean() -> None:
    assert main([str(ROOT / folder) for folder in ("meshkit", "cli", "services")]) == 0
