"""Work done by children, or here."""

import os
import threading
from functools import partial

import pytest

from meshkit.audit.forks import Forks, processors


def test_results_come_in_the_order_of_the_work() -> None:
    for workers in (1, 3):
        with Forks(workers) as children:
            for number in range(7):
                children.give(partial(bytes, [number]))
            assert list(children.results()) == [bytes([number]) for number in range(7)]


def test_a_child_is_a_process_of_its_own() -> None:
    with Forks(2) as children:
        children.give(lambda: b"%d" % os.getpid())
        [pid] = children.results()
    assert int(pid) != os.getpid()
    with Forks(1) as children:
        children.give(lambda: b"%d" % os.getpid())
        assert list(children.results()) == [b"%d" % os.getpid()]


def test_what_goes_wrong_in_a_child_goes_wrong_here() -> None:
    here = os.getpid()

    def work() -> bytes:
        raise ValueError("as it must" if os.getpid() == here else "in the child")

    with Forks(2) as children:
        children.give(work)
        with pytest.raises(ValueError, match="as it must"):
            list(children.results())


def test_no_child_is_left_behind() -> None:
    with Forks(2) as children:
        children.give(lambda: b"x" * 1_000_000)
        children.give(lambda: b"y")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_beside_other_threads_nothing_is_forked() -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    with Forks(2) as children:
        children.give(lambda: b"%d" % os.getpid())
        assert list(children.results()) == [b"%d" % os.getpid()]
    done.set()
    other.join()


def test_there_is_a_processor() -> None:
    assert processors() >= 1
