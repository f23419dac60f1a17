"""The rules of STYLE.md that a machine can hold us to, as functions from a file to complaints.

After TigerBeetle's tidy.zig: what a reviewer would otherwise say by hand, again and again. Each
rule yields one sentence a finding; `tests/test_tidy.py` runs them over the tree and shows that
each can fail.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FOLDERS = ("meshkit", "cli", "services")

FILE_LINES_MAX = 500  # STYLE.md, rule 7
FUNCTION_LINES_MAX = 60  # STYLE.md, rule 7
MEDIAN_LINES_MAX = 10  # STYLE.md, rule 7

PURE = ("core", "consensus", "ledger", "pool", "rounds", "node.py")
VAGUE_WORDS = frozenset({"manager", "handler", "helper", "helpers", "util", "utils"})
WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# What may take a set or a map in any order, because what it gives does not depend on the order.
ORDERLESS = frozenset(
    {"sorted", "len", "sum", "any", "all", "set", "frozenset", "Map", "min", "max"}
)
VIEWS = frozenset({"items", "keys", "values"})

LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
STUB = "NotImplementedError"
EXCUSE = re.compile(
    r"#\s*(type: ignore|pyright: ignore|noqa|pragma: no cover)(?P<rest>[^#]*)(?P<why>#.*)?"
)
# The project speaks of itself alone: no path of somebody's machine, no package index's host.
ELSEWHERE = re.compile(
    r"(?<![\w.~-])/(work|root|opt|home|mnt)/"
    r"|\b(pypi\.org|pythonhosted\.org|npmjs\.|deb\.debian\.)"
    r"|\b(this|my|our|previous|another|build) session\b",
    re.IGNORECASE,
)

# Constants that bound or time something end in one of these, for the unit comes last.
BOUND = re.compile(
    r"^[A-Z][A-Z0-9_]*(?<!_PER)_(MAX|MIN|LIMIT|NS|US|MS|S|SECONDS|TIMEOUT|INTERVAL|WINDOW|DEPTH)$"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    """Every file of ours that runs, generated code aside."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "pb" not in path.relative_to(ROOT).parts]


def tests() -> list[Path]:
    folders = ("tests", "integration")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def texts() -> list[Path]:
    """Everything that people read."""
    names = (
        "*.md",
        "*.toml",
        "Makefile",
        ".ci/run",
        "docs/**/*.md",
        "changes/*",
        "schemas/**/*.proto",
    )
    found = [path for name in names for path in sorted(ROOT.glob(name)) if path.is_file()]
    return [*found, *sources(), *tests()]


def is_pure(path: Path) -> bool:
    folder, *rest = path.relative_to(ROOT).parts
    return folder == "meshkit" and rest[0] in PURE


def functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def twin_of(path: Path) -> Path:
    """Where the tests of a source file stand: the tests mirror the tree one to one."""
    folder, *rest = path.relative_to(ROOT).parts
    inner = Path(*rest) if folder == "meshkit" else Path(folder, *rest[1:])
    return ROOT / "tests" / inner.parent / f"test_{inner.name}"


def twin(path: Path, tree: ast.Module) -> Iterator[str]:
    """A test file for each source file that does anything: what only declares is tested in use.

    A package's own file has no test, and so no logic either.
    """
    if path.name == "__init__.py":
        kept = [f.name for f in functions(tree) if f.name not in ("__getattr__", "__dir__")]
        if kept:
            yield f"a package's own file only explains and exports, it defines {kept[0]}"
    elif functions(tree) and not twin_of(path).exists():
        yield f"no test file: {twin_of(path).relative_to(ROOT)}"


def said(tree: ast.Module) -> Iterator[str]:
    if not ast.get_docstring(tree):
        yield "does not say what it is for"


def sized(text: str, tree: ast.Module) -> Iterator[str]:
    if text.count("\n") > FILE_LINES_MAX:
        yield f"is {text.count(chr(10))} lines long, more than {FILE_LINES_MAX}"
    for function in functions(tree):
        if lines_of(function) > FUNCTION_LINES_MAX:
            yield f"{function.name} is {lines_of(function)} lines long"


def named(path: Path, tree: ast.Module) -> Iterator[str]:
    """A vague name says that a thing has no one purpose."""
    names = [n.name for n in ast.walk(tree) if isinstance(n, Function | ast.ClassDef)]
    for name in [path.stem, *names]:
        vague = {word.lower() for word in WORD.findall(name)} & VAGUE_WORDS
        if vague:
            yield f"{name} is called a {min(vague)}: say what it does"


def finished(text: str, tree: ast.Module | None) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if LATER.search(line):
            yield f"line {number} puts something off"
    for function in functions(tree) if tree else ():
        raised = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
        # What a subclass must bring is no stub, if its docstring says what that is.
        if any(n.id == STUB for n in raised) and not ast.get_docstring(function):
            yield f"line {function.lineno} is a stub"


def excused(text: str) -> Iterator[str]:
    """A tool is overruled only with a reason: a second comment, or words after a colon."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = EXCUSE.search(line)
        if found and not found["why"] and not re.search(r"no cover: \w", line):
            yield f"line {number} overrules a tool and does not say why"


def warranted(text: str, tree: ast.Module) -> Iterator[str]:
    """A number that bounds or times something says where it comes from, on its line or above."""
    lines = text.splitlines()
    bodies = [tree.body, *(n.body for n in ast.walk(tree) if isinstance(n, ast.ClassDef))]
    for node in (node for body in bodies for node in body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and BOUND.search(target.id) and is_number(value):
            around = [lines[node.lineno - 2], *lines[node.lineno - 1 : node.end_lineno]]
            if not any("#" in line for line in around):
                yield f"line {node.lineno}: where does {target.id} come from?"


def is_number(node: ast.AST | None) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.BinOp(left=left, right=right):
            return is_number(left) and is_number(right)
        case _:
            return False


class Fields(NamedTuple):
    """The names of fields that some class declares as a Map or a set, and those that only such do.

    Types are not inferred here: a name that is a Map in one class and a tuple in another counts
    only where it is used as a Map (`.items()`).
    """

    any: frozenset[str]
    only: frozenset[str]


def map_fields(trees: list[ast.Module]) -> Fields:
    declared = [
        (node.target.id, is_unordered_type(node.annotation))
        for tree in trees
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    unordered = frozenset(name for name, is_map in declared if is_map)
    return Fields(unordered, unordered - {name for name, is_map in declared if not is_map})


def is_unordered_type(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return isinstance(annotation, ast.Name) and annotation.id in {"Map", "set", "frozenset"}


def is_unordered(node: ast.expr, fields: Fields, local: frozenset[str]) -> bool:
    """Whether iterating over `node` may go in an order that differs between processes."""
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset" | "Map")):
            return True
        case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in VIEWS:
            return is_unordered(owner, Fields(fields.any, fields.any), local)
        case ast.Attribute(attr=attr):
            return attr in fields.only
        case ast.Name(id=name):
            return name in local
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr() | ast.Sub() | ast.BitXor()):
            return is_unordered(left, fields, local)
        case _:
            return False


def locals_unordered(function: Function, fields: Fields) -> frozenset[str]:
    """A function's own names for maps and sets, by annotation or by what is assigned to them."""
    arguments = [*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs]
    found = {a.arg for a in arguments if is_unordered_type(a.annotation)}
    for node in sorted(ast.walk(function), key=lambda node: getattr(node, "lineno", 0)):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind):
                if is_unordered_type(kind):
                    found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if is_unordered(value, fields, frozenset(found)):
                    found.add(name)
            case _:
                pass
    return frozenset(found)


def ordered(tree: ast.Module, fields: Fields) -> Iterator[str]:
    """Nothing pure iterates a set, nor a map unless sorted: their order is not the same for all."""
    for function in functions(tree):
        local = locals_unordered(function, fields)
        harmless: set[ast.AST] = set()
        for node in ast.walk(function):
            looped: list[ast.expr] = []
            match node:
                case ast.Call(func=ast.Name(id=name), args=arguments) if name in ORDERLESS:
                    if not any(k.arg == "key" for k in node.keywords) or name == "sorted":
                        harmless.update(arguments)
                case ast.SetComp():
                    continue
                case ast.Call(
                    func=ast.Name(id="list" | "tuple" | "iter" | "enumerate"), args=[first, *_]
                ):
                    looped = [] if node in harmless else [first]
                case ast.Call(func=ast.Attribute(attr="join" | "extend"), args=[first]):
                    looped = [first]
                case ast.For(iter=first) | ast.Starred(value=first):
                    looped = [first]
                case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                    looped = [] if node in harmless else [g.iter for g in node.generators]
                case _:
                    pass
            for expression in looped:
                if is_unordered(expression, fields, local):
                    line = expression.lineno
                    yield f"line {line} iterates {ast.unparse(expression)} in no fixed order"


def ours(text: str) -> Iterator[str]:
    """The project speaks of itself alone."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := ELSEWHERE.search(line):
            yield f"line {number} speaks of {found[0]!r}"


def given_up(text: str) -> Iterator[str]:
    """A decision's record ends with what it cost."""
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    if not headings or headings[-1] != "## What was given up":
        yield "does not end with what was given up"
    for heading in ("## Context", "## Decision", "## Consequences"):
        if heading not in headings:
            yield f"has no {heading[3:].lower()}"
