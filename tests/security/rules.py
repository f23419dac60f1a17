"""What must never stand together in one function of meshkit, and why.

Each rule takes a scope and yields (node, what is wrong). `tests/security/test_rules.py` shows for
each a line that it finds and a near one that it leaves alone.
"""

import ast
from collections.abc import Iterator

from tests.security.scan import Rule, Scope

Found = Iterator[tuple[ast.AST, str]]

SECRET = frozenset(
    {"nonce", "secret", "secrets", "token", "password", "salt", "private", "signing"}
)
KEYED = SECRET | {"key", "keys", "keypair", "mask", "masks"}

PICKLES = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"})
ZMQ_PICKLES = frozenset({"recv_pyobj", "send_pyobj", "recv_json", "recv_serialized"})
WHOLE_READS = frozenset({"read", "readline", "readlines", "read_bytes", "read_text"})
DECODES = frozenset({"decode", "loads", "ParseFromString", "FromString", "from_canonical"})
DECODERS = ("json.", "msgspec.", "google.protobuf.", "yaml.")
UNBOUNDED_INFLATERS = frozenset(
    {"zlib.decompress", "gzip.decompress", "bz2.decompress", "lzma.decompress"}
)
WRITES = frozenset({"write_bytes", "write_text"})
SHOWS = frozenset(
    {"print", "echo", "secho", "debug", "info", "warning", "error", "exception", "log"}
)
PRIVATE_MODES = frozenset({0o600, 0o400})
JUDGES = frozenset({"verify", "verified", "check", "valid", "authorise", "authorised", "admit"})


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((item.value for item in call.keywords if item.arg == name), None)


def is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def numbers(scope: Scope) -> set[int]:
    return {n.value for n in scope.nodes if isinstance(n, ast.Constant) and type(n.value) is int}


def is_moment_seed(scope: Scope, node: ast.Attribute) -> bool:
    return node.attr == "seed" and last(scope.source.qualified(node.value)) == "moment"


def sets_socket_limits(names: set[str]) -> bool:
    queues = {"RCVHWM", "SNDHWM"} <= names or bool({"HWM", "SET_HWM"} & names)
    return queues and "MAXMSGSIZE" in names


def secret_randomness(scope: Scope) -> Found:
    """Keys, nonces and masks come from the operating system: all other dice can be guessed."""
    if scope.speaks_of(KEYED):
        for call, name in scope.calls:
            if name.startswith(("random.", "numpy.random.")):
                yield call, f"{name} near a secret: use secrets or os.urandom"
    if scope.speaks_of(SECRET):
        for node in scope.nodes:
            if isinstance(node, ast.Attribute) and is_moment_seed(scope, node):
                yield node, "Moment.seed is public chance: use secrets or os.urandom"


def unsafe_decoding(scope: Scope) -> Found:
    """Bytes from elsewhere must never become code."""
    for node in scope.nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.partition(".")[0] in PICKLES:
                yield node, f"{name} runs what it reads"
    for call, name in scope.calls:
        if name in {"eval", "exec", "compile"}:
            yield call, f"{name} runs what it reads"
        elif name == "torch.load" and not is_constant(keyword(call, "weights_only"), True):
            yield call, "torch.load unpickles: say weights_only=True"
        elif name == "yaml.load":
            yield call, "yaml.load builds objects: use safe_load"
        elif name == "numpy.load" and keyword(call, "allow_pickle") is not None:
            if not is_constant(keyword(call, "allow_pickle"), False):
                yield call, "numpy.load unpickles when asked to"
        elif last(name) in ZMQ_PICKLES or last(name) == "read_pickle":
            yield call, f"{last(name)} decodes by a form that we do not bound"


def code_by_name(scope: Scope) -> Found:
    """Who may choose a module's name may choose the code: only names that the genesis lists."""
    for call, name in scope.calls:
        fixed = bool(call.args) and isinstance(call.args[0], ast.Constant)
        if name in {"importlib.import_module", "__import__"} and not fixed:
            yield call, "imports a module that something else names"


def reads_a_journal(scope: Scope, name: str) -> bool:
    """A journal is read entry by entry, and each entry has its limit."""
    ours = any(origin.startswith("meshkit.journal") for origin in scope.source.imports.values())
    return ours and last(name.rpartition(".")[0]).lstrip("_") in {"journal", "reader"}


def unbounded_read(scope: Scope) -> Found:
    """A file or a stream from elsewhere is as long as its sender likes."""
    for call, name in scope.calls:
        bounded = call.args or keyword(call, "size") or reads_a_journal(scope, name)
        if last(name) in WHOLE_READS and "." in name and not bounded:
            yield call, f"{last(name)} without a limit"
        if name == "json.load":
            yield call, "json.load reads without a limit"


def unbounded_decode(scope: Scope) -> Found:
    """Decoding builds objects many times the size of its input: look at the length first."""
    if any(name.endswith(("_MAX", "_max")) for name in scope.identifiers):
        return
    for call, name in scope.calls:
        foreign = name.startswith(DECODERS) or last(name) in {"ParseFromString", "FromString"}
        if foreign and last(name) in DECODES:
            yield call, f"{last(name)} with no named limit (…_MAX) in sight"


def unbounded_inflation(scope: Scope) -> Found:
    """A kilobyte can unpack to a gigabyte."""
    for call, name in scope.calls:
        limited = keyword(call, "max_output_size") or keyword(call, "max_length")
        if name in UNBOUNDED_INFLATERS:
            yield call, f"{name} has no limit: use a decompressor object and max_length"
        elif last(name) == "decompress" and len(call.args) < 2 and not limited:
            yield call, "decompress without max_output_size"


def unbounded_socket(scope: Scope) -> Found:
    """ZeroMQ takes frames of any size, and queues them, unless told otherwise on each socket."""
    mine = {name.upper() for name in scope.identifiers}
    # One step of indirection is allowed: a function of this module that sets all the limits.
    for other in scope.source.scopes:
        theirs = {name.upper() for name in other.identifiers}
        if sets_socket_limits(theirs) and getattr(other.node, "name", "").upper() in mine:
            return
    if not sets_socket_limits(mine):
        for call, name in scope.calls:
            kind = scope.source.qualified(call.args[0]) if call.args else ""
            # A PAIR only ever joins two ends within one process.
            if last(name) == "socket" and kind.startswith("zmq.") and kind != "zmq.PAIR":
                yield call, "a socket without MAXMSGSIZE, RCVHWM and SNDHWM"


def secret_file_mode(scope: Scope) -> Found:
    """A secret's file is born readable by its owner alone: chmod afterwards is too late."""
    if not scope.speaks_of(KEYED - {"keys"}) or numbers(scope) & PRIVATE_MODES:
        return
    for call, name in scope.calls:
        mode = call.args[1] if len(call.args) > 1 else keyword(call, "mode")
        text = mode.value if isinstance(mode, ast.Constant) else ""
        opens = name == "open" and isinstance(text, str) and set(text) & set("wxa")
        flags = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
        creates = name == "os.open" and flags & {"O_CREAT", "O_WRONLY", "O_RDWR"}
        if opens or last(name) in WRITES or creates:
            yield call, "writes near a secret, with no mode 0o600 in sight"


def shell(scope: Scope) -> Found:
    """A shell reads more into a word than we wrote."""
    for call, name in scope.calls:
        given = keyword(call, "shell")
        if name in {"os.system", "os.popen", "subprocess.getoutput"}:
            yield call, f"{name} goes through a shell"
        elif given is not None and not is_constant(given, False):
            yield call, "shell=True goes through a shell"


def secret_comparison(scope: Scope) -> Found:
    """`==` leaks how much was right, and two signatures may differ and both be valid."""
    words = frozenset({"signature", "signatures", "mac", "hmac", "password", "token", "secret"})
    for node in scope.nodes:
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = [node.left, *node.comparators]
            named = [side for side in sides if isinstance(side, ast.Name | ast.Attribute)]
            if any(isinstance(side, ast.Constant) for side in sides):
                continue  # asks whether there is one at all
            for side in named:
                name = (
                    last(scope.source.qualified(side)) if isinstance(side, ast.Name) else side.attr
                )
                if name.lower().split("_")[-1] in words:  # signature_bytes is a length
                    yield node, f"{name} compared with ==: verify it, or hmac.compare_digest"
                    break


def secret_shown(scope: Scope) -> Found:
    """What is printed or logged is read by others."""
    for call, name in scope.calls:
        if last(name) not in SHOWS:
            continue
        for part in ast.walk(call):
            if isinstance(part, ast.Name | ast.Attribute) and part is not call.func:
                shown = part.id if isinstance(part, ast.Name) else part.attr
                if {"secret", "private", "password", "signing"} & set(shown.lower().split("_")):
                    yield call, f"shows {shown}"


def fails_open(scope: Scope) -> Found:
    """A check that meets an error has not said yes."""
    node = scope.node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    if not JUDGES & set(node.name.lower().split("_")):
        return
    for found in scope.nodes:
        if isinstance(found, ast.ExceptHandler):
            for line in found.body:
                if isinstance(line, ast.Return) and is_constant(line.value, True):
                    yield found, f"{node.name} answers yes to an error"
                if isinstance(line, ast.Pass):
                    yield found, f"{node.name} passes over an error"


RULES: dict[str, Rule] = {
    "secret-randomness": secret_randomness,
    "unsafe-decoding": unsafe_decoding,
    "code-by-name": code_by_name,
    "unbounded-read": unbounded_read,
    "unbounded-decode": unbounded_decode,
    "unbounded-inflation": unbounded_inflation,
    "unbounded-socket": unbounded_socket,
    "secret-file-mode": secret_file_mode,
    "shell": shell,
    "secret-comparison": secret_comparison,
    "secret-shown": secret_shown,
    "fails-open": fails_open,
}
