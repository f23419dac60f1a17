"""Marks that lead to decisions, or do not."""

from meshkit.audit.findings import Findings
from meshkit.audit.index import check_index
from meshkit.audit.trial import Decision, Deposition
from meshkit.consensus.messages import Certificate
from meshkit.core.value import Value

ANN = b"a" * 32
DECIDED = {1: 10, 2: 20, 3: 30}


def found(marked: dict[int, int], stopped: int = 0) -> list[tuple[int, str, str]]:
    said, findings = Deposition(ANN), Findings()
    said.entries, said.stopped = 35, stopped
    for height, entry in DECIDED.items():
        said.decisions[height] = Decision(ANN, entry, Certificate(height, 0, b"", ()), Value())
    check_index(said, marked, findings)
    assert all(one.node == ANN for one in findings)
    return [(one.entry, one.kind, one.what) for one in findings]


def test_each_leads_to_its_decision() -> None:
    assert found(DECIDED) == []


def test_one_that_is_gone_or_leads_elsewhere() -> None:
    for marked in ({1: 10, 3: 30}, {**DECIDED, 2: 21}, {**DECIDED, 2: 99}):
        [(entry, kind, what)] = found(marked)
        assert (entry, kind) == (20, "mark")
        assert "height 2" in what
        assert "more" not in what


def test_all_that_are_gone_are_one_finding() -> None:
    [(entry, kind, what)] = found({})
    assert (entry, kind) == (10, "mark")
    assert what.endswith("nor do those of 2 heights more")


def test_one_too_many() -> None:
    [(entry, kind, what)] = found({**DECIDED, 4: 33})
    assert (entry, kind) == (33, "mark")
    assert "height 4" in what
    assert found({**DECIDED, 4: 36}) == [], "what is behind the entries that were read may be true"
    assert found({**DECIDED, 4: 33}, stopped=31) == [], "nor is anything known of what was not read"
