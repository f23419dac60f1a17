"""A small scanner for what general ones miss: the mistakes that would break *this* system.

A source file is parsed once and cut into scopes (the module's own lines, and each function's).
Rules (`tests/security/rules.py`) look at a scope and yield findings. No data flow is followed: a
rule asks what stands together in one function, which is coarse, quick and easy to argue with.

A finding is accepted by a comment on its line, or on the line above, that names the rule and says
why:

    frame = path.read_bytes()  # scan: unbounded-read: our own file, written by us, 64 bytes

A comment that gives no reason, or accepts what is no longer found, is itself a finding.

    python -m tests.security.scan meshkit cli services
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ACCEPTED = re.compile(r"#\s*scan:\s*(?P<rule>[a-z-]+)(?::\s*(?P<reason>.*\S))?")
REASON_CHARS_MIN = 12  # "ok" is no reason (a guess)
WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.what}"


def split_words(identifier: str) -> set[str]:
    """The lower-case words of a snake_case or CamelCase identifier."""
    return {word.lower() for word in WORD.findall(identifier)}


@dataclass(frozen=True)
class Scope:
    """One function's own lines, or a module's: nested functions are scopes of their own."""

    source: "Source"
    node: ast.Module | Function

    @cached_property
    def nodes(self) -> list[ast.AST]:
        found: list[ast.AST] = []
        pending: list[ast.AST] = list(ast.iter_child_nodes(self.node))
        while pending:
            node = pending.pop()
            found.append(node)
            if not isinstance(node, Function):
                pending.extend(ast.iter_child_nodes(node))
        return sorted(found, key=lambda node: getattr(node, "lineno", 0))

    @cached_property
    def identifiers(self) -> list[str]:
        """What this scope calls things, its own name included; keyword names are the callee's."""
        found = [self.node.name] if isinstance(self.node, Function) else []
        for node in self.nodes:
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                    found.append(name)
                case _:
                    pass
        return found

    def speaks_of(self, words: frozenset[str]) -> bool:
        return bool(words & self.words)

    @cached_property
    def words(self) -> set[str]:
        return {word for identifier in self.identifiers for word in split_words(identifier)}

    @cached_property
    def calls(self) -> list[tuple[ast.Call, str]]:
        """Each call with the callee's full dotted name, as far as the imports tell it."""
        found = [node for node in self.nodes if isinstance(node, ast.Call)]
        return [(call, self.source.qualified(call.func)) for call in found]


Rule = Callable[[Scope], Iterator[tuple[ast.AST, str]]]


@dataclass
class Source:
    path: str
    text: str
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text)

    @cached_property
    def imports(self) -> dict[str, str]:
        """Local name -> the dotted name it stands for."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.name if alias.asname else alias.name.partition(".")[0]
                    found[alias.asname or name] = name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    def qualified(self, node: ast.expr) -> str:
        """`np.random.normal` as `numpy.random.normal`; what hangs on a call begins with a dot."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.qualified(node.value)}.{node.attr}"
        return ""

    @cached_property
    def scopes(self) -> list[Scope]:
        functions = [node for node in ast.walk(self.tree) if isinstance(node, Function)]
        return [Scope(self, node) for node in (self.tree, *functions)]

    def accepted(self) -> dict[tuple[int, str], str]:
        """(line of code, rule) -> the reason given for accepting what the rule finds there."""
        found: dict[tuple[int, str], str] = {}
        for number, line in enumerate(self.text.splitlines(), start=1):
            if match := ACCEPTED.search(line):
                below = line.lstrip().startswith("#")
                found[number + below, match["rule"]] = match["reason"] or ""
        return found


def scan(source: Source, rules: dict[str, Rule]) -> list[Finding]:
    """Every finding in one file, in order of line."""
    accepted = source.accepted()
    used: set[tuple[int, str]] = set()
    findings: list[Finding] = []
    for scope in source.scopes:
        for name, rule in rules.items():
            for node, what in rule(scope):
                at = (getattr(node, "lineno", 1), name)
                used.add(at)
                if len(accepted.get(at, "")) < REASON_CHARS_MIN:
                    findings.append(Finding(source.path, at[0], name, what))
    for line, name in sorted(accepted.keys() - used):
        findings.append(Finding(source.path, line, name, "accepted here, but not found here"))
    return sorted(findings, key=lambda finding: finding.line)


def scan_all(roots: Sequence[Path], rules: dict[str, Rule]) -> list[Finding]:
    """Every finding under `roots`, generated code aside."""
    findings: list[Finding] = []
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            if not path.name.endswith("_pb2.py"):
                findings += scan(Source(str(path), path.read_text(encoding="utf-8")), rules)
    return findings


def main(arguments: Sequence[str]) -> int:
    from tests.security.rules import RULES

    findings = scan_all([Path(argument) for argument in arguments], RULES)
    for finding in findings:
        print(finding)
    print(f"{len(RULES)} rules, {len(findings)} findings", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
