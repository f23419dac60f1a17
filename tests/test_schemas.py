"""The generated code is what the schemas say, byte for byte, and nothing else lies beside it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "schemas"
GENERATED = ROOT / "meshkit" / "pb"


def test_generated_code_is_up_to_date(tmp_path: Path) -> None:
    protos = sorted(SCHEMAS.rglob("*.proto"))
    assert protos
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(SCHEMAS)]
    command += [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *map(str, protos)]
    subprocess.run(command, check=True)
    fresh = {path.name: path.read_bytes() for path in tmp_path.rglob("*_pb2.py*")}
    kept = {path.name: path.read_bytes() for path in GENERATED.glob("*_pb2.py*")}
    assert kept.keys() == fresh.keys()
    stale = [name for name in sorted(fresh) if kept[name] != fresh[name]]
    assert not stale, "run `make schemas` and commit what changes"


def test_every_schema_has_the_path_of_its_package() -> None:
    """So that the generated imports just work."""
    for proto in SCHEMAS.rglob("*.proto"):
        assert proto.parent == SCHEMAS / "meshkit" / "pb", proto
