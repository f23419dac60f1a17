"""What the package offers, and what it does not make everybody pay for."""

import subprocess
import sys

import pytest

import meshkit.journal


def test_every_name_that_is_offered_is_there() -> None:
    assert all(hasattr(meshkit.journal, name) for name in meshkit.journal.__all__)
    with pytest.raises(AttributeError, match="no Ledger"):
        _ = meshkit.journal.Ledger


def test_the_simulator_does_not_pay_for_the_store() -> None:
    """Importing the recorder patches `dataclasses`; only who opens a journal may do so."""
    code = "import sys, meshkit.journal.memory; print('eventsourcing' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
