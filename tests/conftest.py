"""Every run of the tests is the same run: hypothesis draws the same examples each time.

`HYPOTHESIS_PROFILE=explore` draws new ones instead, and more of them; what it finds becomes an
`@example` or a playbook.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.live import Live

# No deadline: a timed assertion fails on a busy machine and teaches nothing.
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,  # a room's tests stay under 20 s (a guess that has held)
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def resting_mesh() -> "Iterator[Live]":
    """One mesh for all tests of this process that talk to one; it takes seconds to start."""
    # Whoever tests what is pure has no use for sockets.
    from tests.live import live_mesh

    with live_mesh() as live:
        yield live


@pytest.fixture
def live(resting_mesh: "Live") -> "Iterator[Live]":
    """That mesh, running for as long as the test does."""
    with resting_mesh.awake():
        yield resting_mesh
