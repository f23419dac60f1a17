"""What the journal's tests share: a node with a cheap key, and children that fail as we like."""

import os
import resource
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from blake3 import blake3

from meshkit.journal import Identity, Journal
from meshkit.journal.packs import Kind, header

MESH, NODE = bytes(range(32)), bytes(range(100, 132))
OTHER_MESH, OTHER_NODE = bytes(32), bytes([7]) * 32
ME = Identity(MESH, NODE)
NOBODY = 65_534


def sign(digest: bytes, key: bytes = NODE) -> bytes:
    """Not a signature, but 64 bytes that depend on key and digest: real ones take 100x as long."""
    return blake3(key + digest).digest(length=64)


def is_signed(key: bytes, digest: bytes, signature: bytes) -> bool:
    return signature == sign(digest, key)


def open_journal(path: Path) -> Journal:
    return Journal.open(path, MESH, NODE, sign)


def bodies(first: int, last: int) -> list[bytes]:
    return [f"entry {index}".encode() for index in range(first, last + 1)]


def record(pack: int, offset: int, kind: Kind, digest: bytes, body: bytes) -> bytes:
    """A whole record of a blob store's pack."""
    return header(pack, offset, kind, digest, len(body)) + body


@contextmanager
def public_folder() -> Generator[Path]:
    """A folder that every user can reach, which pytest's own is not."""
    with TemporaryDirectory(prefix="meshkit-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def fork() -> int:
    with warnings.catch_warnings():
        # Later Pythons warn that threads do not survive a fork; the child here needs none.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def in_child(
    story: Callable[[], str], unprivileged: bool = False, file_bytes_max: int | None = None
) -> str:
    """What `story` returns in a process of its own, or the error that ends it."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        try:
            if unprivileged and os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            if file_bytes_max is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))
            said = story()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read(1 << 20).decode()
    os.waitpid(child, 0)
    return said


def one_line(said: str, kind: str, *words: str) -> bool:
    return said.startswith(kind + ": ") and "\n" not in said and all(w in said for w in words)
