"""Writes the schemas after the values, and never gives a field another number.

    python -m meshkit.codec.draft schemas [--check]

The numbers stand in `schemas/numbers.json`, the memory of every number ever given. A new field
takes the next number; a field that is gone leaves its number and name reserved; a field whose type
changes is refused, for old bytes would be read as something else: give it a new name. With --check
nothing is written, and the exit code says whether the files are what would be written.
"""

import json
import sys
from pathlib import Path
from typing import Any, TypeAlias

from meshkit.codec.form import SIGNED_NAMES
from meshkit.codec.rooms import BODY_ROOM, ROOM_OF, ROOMS, Room, kind_name
from meshkit.codec.shape import Shape, shapes
from meshkit.core.value import Value

Numbers: TypeAlias = dict[str, dict[str, list[Any]]]  # message -> field -> [number, type]

FOLDER = Path("meshkit/pb")  # below the root of the schemas: mirrors the package
NUMBERS = "numbers.json"
FILE_CHARS_MAX = 2**20  # of a schema, and of the numbers (they have 40,000)


class Renumbered(Exception):
    """A field would mean something else under its old number."""


def draft(numbers: Numbers) -> dict[str, str]:
    """The text of every schema by file name; `numbers` grows by what is new."""
    return {f"{room.name}.proto": _schema(room, numbers) for room in ROOMS}


def _schema(room: Room, numbers: Numbers) -> str:
    lines = [
        f"// The values of {', '.join(module.__name__ for module in room.modules)}, as messages;",
        "// what they and their fields mean is said there. Written by meshkit.codec.draft.",
        "",
        'syntax = "proto3";',
        "",
        f"package meshkit.pb.{room.name};",
        "",
    ]
    imports = _imports(room)
    lines += [f'import "{FOLDER}/{name}.proto";' for name in imports] + [""] * bool(imports)
    for kind in room.classes:
        lines += _comment(kind)
        fields = [(shape.name, *_type(room.name, shape)) for shape in shapes(kind)]
        lines += _message(room.name, kind.__name__, fields, numbers)
    if room.name == BODY_ROOM:
        lines += _body(numbers)
    return "\n".join(lines)


def _imports(room: Room) -> list[str]:
    if room.name == BODY_ROOM:
        return [other.name for other in ROOMS if other is not room]
    used = [shape.message for kind in room.classes for shape in shapes(kind)]
    return sorted({ROOM_OF[kind] for kind in used if kind} - {room.name})


def _comment(kind: type[Value]) -> list[str]:
    lines = (kind.__doc__ or "").strip().split("\n\n")[0].splitlines()
    return [f"// {line.strip()}" for line in lines]


def _type(room: str, shape: Shape) -> tuple[str, str]:
    """The protobuf type of a field, and what a reader of the schema should be told besides."""
    label = "repeated " if shape.many else "optional " if shape.optional else ""
    if shape.allowed:
        return (f"{label}Body", "") if room == BODY_ROOM else (f"{label}bytes", "  // of a Body")
    if shape.message is not None:
        return f"{label}{_message_type(room, shape.message)}", ""
    assert shape.scalar is not None
    if shape.scalar is int:
        return f"{label}{'sint64' if shape.name in SIGNED_NAMES else 'uint64'}", ""
    return f"{label}{ {bool: 'bool', bytes: 'bytes', str: 'string'}[shape.scalar] }", ""


def _message_type(room: str, kind: type[Value]) -> str:
    other = ROOM_OF[kind]
    return kind.__name__ if other == room else f"meshkit.pb.{other}.{kind.__name__}"


def _message(
    room: str, name: str, fields: list[tuple[str, str, str]], numbers: Numbers
) -> list[str]:
    known = numbers.setdefault(f"{room}.{name}", {})
    body = [
        f"  {kind} {field} = {_number(known, f'{room}.{name}', field, kind)};{remark}"
        for field, kind, remark in fields
    ]
    body += _reserved(known, {field for field, _, _ in fields})
    return [f"message {name} {{", *body, "}", ""] if body else [f"message {name} {{}}", ""]


def _number(known: dict[str, list[Any]], message: str, field: str, kind: str) -> int:
    if field not in known:
        known[field] = [1 + max((number for number, _ in known.values()), default=0), kind]
    number, before = known[field]
    if before != kind:
        raise Renumbered(f"{message}.{field} was {before} and would be {kind}: give it a new name")
    return int(number)


def _reserved(known: dict[str, list[Any]], present: set[str]) -> list[str]:
    gone = sorted((number, name) for name, (number, _) in known.items() if name not in present)
    return [f'  reserved {number};  // {name}\n  reserved "{name}";' for number, name in gone]


def _body(numbers: Numbers) -> list[str]:
    known = numbers.setdefault(f"{BODY_ROOM}.Body", {})
    kinds = {kind_name(kind): _message_type(BODY_ROOM, kind) for kind in ROOM_OF}
    fields = [
        f"    {kind} {name} = {_number(known, 'Body', name, kind)};" for name, kind in kinds.items()
    ]
    gone = _reserved(known, set(kinds))
    lines = ["// Any value that may travel or be journaled.", "message Body {", "  oneof kind {"]
    return [*lines, *fields, "  }", *gone, "}", ""]


def main(arguments: list[str]) -> int:
    root = Path(arguments[0])
    path = root / NUMBERS
    numbers: Numbers = json.loads(_text(path)[:FILE_CHARS_MAX] or "{}")
    files = {root / FOLDER / name: text for name, text in draft(numbers).items()}
    files[path] = _numbers_text(numbers)
    stale = [file for file, text in files.items() if _text(file) != text]
    checking = "--check" in arguments
    for file in stale:
        sys.stdout.write(f"{'not up to date' if checking else 'written'}: {file}\n")
        if not checking:
            file.write_text(files[file])
    return 1 if stale and checking else 0


def _text(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open() as file:
        return file.read(FILE_CHARS_MAX)


def _numbers_text(numbers: Numbers) -> str:
    """One line a field, so that a change shows as what it is."""
    messages = [
        f" {json.dumps(name)}: {{\n"
        + ",\n".join(
            f"  {json.dumps(field)}: {json.dumps(entry)}" for field, entry in fields.items()
        )
        + "\n }"
        for name, fields in sorted(numbers.items())
    ]
    return "{\n" + ",\n".join(messages) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
