"""Nothing that travels or is journaled is forgotten, and nothing has two names."""

from types import ModuleType
from typing import Any, get_args

import pytest

from meshkit.codec.rooms import ROOM_OF, ROOMS, Room, kind_name
from meshkit.consensus.tendermint.messages import Vote
from meshkit.core.machine import Broadcast, Send, Wake
from meshkit.core.value import Statement, Value
from meshkit.ledger.messages import SubmitTask

MODULES = [module for room in ROOMS for module in room.modules]


def union(module: ModuleType, name: str) -> set[Any]:
    return set(get_args(getattr(module, name, None)))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__))
def test_every_command_and_event_is_carried(module: ModuleType) -> None:
    needed = union(module, "Command") | union(module, "Event") | union(module, "Message")
    missing = sorted(kind.__name__ for kind in needed if kind not in ROOM_OF)
    assert not missing


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.name))
def test_what_is_never_carried_exists_and_is_no_command_event_or_statement(room: Room) -> None:
    found = {
        name: item
        for module in room.modules
        for name, item in vars(module).items()
        if isinstance(item, type) and issubclass(item, Value)
    }
    assert set(found) >= room.never
    assert not any(issubclass(found[name], Statement) for name in room.never)


def test_effects_stay_inside_the_node() -> None:
    effects = set[Any]().union(*(union(module, "Effect") for module in MODULES))
    assert not sorted(kind.__name__ for kind in effects - {Broadcast, Send} if kind in ROOM_OF)


def test_a_kind_is_called_after_its_room_and_its_class() -> None:
    assert kind_name(Vote) == "tendermint_vote"
    assert kind_name(SubmitTask) == "ledger_submit_task"
    assert kind_name(Wake) == "wake"
    assert len({kind_name(kind) for kind in ROOM_OF}) == len(ROOM_OF)


def test_the_tag_of_a_statement_is_its_own() -> None:
    domains = [kind.DOMAIN for kind in ROOM_OF if issubclass(kind, Statement)]
    assert len(domains) == len(set(domains))
