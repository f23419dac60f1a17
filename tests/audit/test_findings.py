"""Findings are told once, in order, and too many alike are counted."""

from meshkit.audit.findings import OF_A_KIND_MAX, Finding, Findings

ANN, BEN = b"a" * 32, b"b" * 32


def test_each_is_told_once_and_in_order() -> None:
    findings = Findings()
    findings.add(BEN, 1, "hash", "altered")
    findings.add(ANN, 9, "gap", "missing", 12)
    findings.add(ANN, 2, "hash", "altered", 2)
    findings.add(BEN, 1, "hash", "altered")
    assert list(findings) == [
        Finding(ANN, 2, "hash", "altered"),
        Finding(ANN, 9, "gap", "missing", 12),
        Finding(BEN, 1, "hash", "altered"),
    ]
    assert len(findings) == 3


def test_too_many_alike_are_counted() -> None:
    findings = Findings()
    for entry in range(1, OF_A_KIND_MAX + 4):
        findings.add(ANN, entry, "lie", "said otherwise")
    told = list(findings)
    assert len(told) == OF_A_KIND_MAX + 1
    assert told[-1] == Finding(ANN, 0, "lie", "3 more of this kind")
