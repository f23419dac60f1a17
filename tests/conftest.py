"""Every run of the tests is the same run: hypothesis draws the same examples each time.

`HYPOTHESIS_PROFILE=explore` draws new ones instead, and more of them; what it finds becomes an
`@example` or a playbook.
"""

import os

from hypothesis import HealthCheck, settings

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
