"""A seed of the world of bare engines: run, run again and compared, and told of in a report.

Its scenarios are named by engine: `tendermint/campaign`. The second run is only witnessed.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from meshkit.sim.campaign import ANOTHER_STORY, told
from meshkit.sim.engines.check import Examiner, Witness
from meshkit.sim.engines.kit import Kit
from meshkit.sim.engines.pbft import KIT as PBFT
from meshkit.sim.engines.raft import KIT as RAFT
from meshkit.sim.engines.setting import SCENARIOS as BY_NAME
from meshkit.sim.engines.setting import Ground
from meshkit.sim.engines.tendermint import KIT as TENDERMINT
from meshkit.sim.engines.trial import Trial
from meshkit.sim.run import Report

KITS: Mapping[str, Kit] = {kit.engine.name: kit for kit in (TENDERMINT, PBFT, RAFT)}
SCENARIOS = tuple(f"{engine}/{name}" for engine in KITS for name in BY_NAME)


def play(scenario: str, seed: int, twice: bool = True) -> Report:
    """One seed of a scenario; with `twice` it must come to the same a second time."""
    engine, _, name = scenario.partition("/")
    kit = KITS[engine]
    ground = BY_NAME[name](kit, seed)
    first = _run(kit, seed, name, ground, Examiner(ground.seated))
    if first.failure or not twice:
        return first
    second = _run(kit, seed, name, ground, Witness())
    same = (first.digest, first.commands, first.entries, first.heights, first.virtual_ms)
    again = (second.digest, second.commands, second.entries, second.heights, second.virtual_ms)
    return first if same == again and not second.failure else replace(first, failure=ANOTHER_STORY)


def _run(kit: Kit, seed: int, name: str, ground: Ground, watch: Witness) -> Report:
    return told(Trial(kit, seed, ground, watch), name)
