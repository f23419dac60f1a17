"""A blob store at a scale at which a test can look at every byte."""

from pathlib import Path

from blake3 import blake3

from meshkit.journal import BlobStore, Limits

SMALL = Limits(
    blob_bytes_max=1_000,
    large_bytes_min=100,
    pack_bytes_max=300,
    cache_bytes_max=500,
    staged_bytes_max=800,
)
A, B, LARGE = b"a" * 40, b"b" * 50, b"L" * 150


def named(blob: bytes) -> bytes:
    return blake3(blob).digest()


def opened(folder: Path, read_only: bool = False) -> BlobStore:
    return BlobStore.open(folder, read_only, SMALL)


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
