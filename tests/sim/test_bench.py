"""The benchmark does the usual work, and the same work each time, whatever time it takes."""

from meshkit.sim.bench import bench, setting


def test_it_steps_what_it_is_told_to_and_reports_what_came_of_it() -> None:
    first, second = bench(nodes=4, commands=1_000), bench(nodes=4, commands=1_000)
    assert first["commands"] >= 1_000
    for name in ("heights", "rounds", "notes", "entries", "commands_per_second"):
        assert first[name] > 0, name
    for told in (first, second):
        del told["seconds"], told["commands_per_second"]
    assert first == second


def test_its_mesh_has_no_faults_and_always_something_to_do() -> None:
    made = setting(7)
    assert made.nodes == 7
    assert (made.faults, made.liars, made.pace.death_ppm) == ((), (), 0)
    assert made.work[0].rounds > 1_000
