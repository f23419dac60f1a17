"""The schemas say what the values say, and no field ever gets another number."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from meshkit.codec import draft
from meshkit.codec.convert import converter
from meshkit.codec.rooms import ROOM_OF, ROOMS, Room
from meshkit.codec.shape import Shape, shapes
from meshkit.core.value import Value
from meshkit.pb import body_pb2

SCHEMAS = Path(__file__).parents[2] / "schemas"
NUMBERS: draft.Numbers = json.loads((SCHEMAS / draft.NUMBERS).read_text())


def test_the_schemas_and_the_numbers_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert draft.main([str(SCHEMAS), "--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("kind", ROOM_OF, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_value_has_its_message_field_for_field(kind: type[Value]) -> None:
    fields = converter(kind).message.DESCRIPTOR.fields
    assert {field.name for field in fields} == set(kind.__struct_fields__)


def numbers_of(message: Any) -> dict[str, int]:
    return {field.name: field.number for field in message.fields}


@pytest.mark.parametrize("kind", ROOM_OF, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_field_has_the_number_it_was_given(kind: type[Value]) -> None:
    given = NUMBERS[f"{ROOM_OF[kind]}.{kind.__name__}"]
    for name, number in numbers_of(converter(kind).message.DESCRIPTOR).items():
        assert number == given[name][0]


def test_every_kind_has_the_number_it_was_given() -> None:
    given = {name: number for name, (number, _) in NUMBERS["body.Body"].items()}
    for name, number in numbers_of(body_pb2.Body.DESCRIPTOR).items():
        assert number == given[name]


def test_no_number_was_given_twice() -> None:
    for message, fields in NUMBERS.items():
        numbers = [number for number, _ in fields.values()]
        assert len(numbers) == len(set(numbers)), message


# -- how a schema grows ----------------------------------------------------------------------------


class First(Value):
    """Something.

    With more to say.
    """

    height: int
    words: tuple[str, ...]


class Second(Value):
    words: tuple[str, ...]
    valid_round: int
    maybe: bytes | None
    value: Value


def write(kind: type[Value], numbers: draft.Numbers) -> list[str]:
    fields = [(shape.name, *draft._type("room", shape)) for shape in shapes(kind)]
    return draft._message("room", "Thing", fields, numbers)


def test_a_new_field_takes_the_next_number_and_one_that_is_gone_stays_reserved() -> None:
    numbers: draft.Numbers = {}
    assert write(First, numbers)[1:3] == ["  uint64 height = 1;", "  repeated string words = 2;"]
    second = write(Second, numbers)
    assert second[1:6] == [
        "  repeated string words = 2;",
        "  sint64 valid_round = 3;",
        "  optional bytes maybe = 4;",
        "  bytes value = 5;  // of a Body",
        '  reserved 1;  // height\n  reserved "height";',
    ]
    assert write(First, numbers)[1:3] == ["  uint64 height = 1;", "  repeated string words = 2;"]


def test_a_field_whose_type_changes_is_refused() -> None:
    numbers: draft.Numbers = {"room.Thing": {"height": [1, "string"]}}
    with pytest.raises(draft.Renumbered, match=r"room.Thing.height was string and would be uint64"):
        write(First, numbers)


def test_a_room_that_loses_a_class_keeps_its_number() -> None:
    numbers = copy.deepcopy(NUMBERS)
    numbers["body.Body"]["ledger_lost"] = [900, "meshkit.pb.ledger.Lost"]
    text = draft.draft(numbers)["body.proto"]
    assert 'reserved 900;  // ledger_lost\n  reserved "ledger_lost";' in text


def test_comments_are_the_first_paragraph() -> None:
    assert draft._comment(First) == ["// Something."]


def test_scalars_have_their_types() -> None:
    types: dict[type, str] = {int: "uint64", bool: "bool", bytes: "bytes", str: "string"}
    for scalar, name in types.items():
        assert draft._type("room", Shape("x", scalar=scalar)) == (name, "")


def test_a_schema_imports_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room("rounds", ROOMS[-1].modules)

    def one(_: type[Value]) -> tuple[Shape, ...]:
        return (Shape("member", message=next(iter(ROOM_OF))),)

    monkeypatch.setattr(draft, "shapes", one)
    assert draft._imports(room) == ["body"]


def test_writing_and_checking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / draft.FOLDER
    folder.mkdir(parents=True)
    assert draft.main([str(tmp_path), "--check"]) == 1
    assert not list(folder.iterdir())
    assert draft.main([str(tmp_path)]) == 0
    assert draft.main([str(tmp_path), "--check"]) == 0
    assert "written" in capsys.readouterr().out
    written: Any = json.loads((tmp_path / draft.NUMBERS).read_text())
    assert written.keys() == NUMBERS.keys()
