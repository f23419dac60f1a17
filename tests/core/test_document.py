"""Documents are for reading: what goes out in full, what comes back in with its place named."""

import json

import pytest
from immutables import Map

from meshkit.core.document import from_document, to_document
from meshkit.core.value import Value


class Point(Value):
    x: int
    key: bytes = b""


class Shape(Value):
    name: str
    points: tuple[Point, ...]
    closed: bool = False


class Chart(Value):
    shapes: Map[bytes, Shape]


SHAPE = Shape("line", (Point(1, b"\x01"), Point(2)), True)


def test_a_value_is_written_with_names_hex_and_order() -> None:
    chart = Chart(Map({b"\x02": SHAPE, b"\x01": Shape("", ())}))
    document = json.loads(json.dumps(to_document(chart)))
    assert list(document["shapes"]) == ["01", "02"]
    assert document["shapes"]["02"]["points"][0] == {"kind": "Point", "x": 1, "key": "01"}
    assert to_document({2: None}) == {"2": None}


def test_a_value_comes_back_from_its_document() -> None:
    assert from_document(Shape, json.loads(json.dumps(to_document(SHAPE)))) == SHAPE
    assert from_document(Point, {"x": 3}) == Point(3)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "Shape: an object is needed"),
        ({}, "Shape: 'name' is missing"),
        ({"name": 1, "points": []}, "Shape.name: str is needed, found 1"),
        ({"name": "", "points": {}}, "Shape.points: a list is needed"),
        ({"name": "", "points": [{"x": True}]}, r"Shape.points\[0\].x: int is needed, found True"),
        ({"name": "", "points": [{"x": 1, "key": "zz"}]}, "key: hex digits are needed"),
        ({"name": "", "points": [], "colour": 1}, "Shape: no field is called 'colour'"),
    ],
)
def test_what_is_wrong_is_named(document: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        from_document(Shape, document)
