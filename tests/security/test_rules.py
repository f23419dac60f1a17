"""Each rule can fail: a line that it finds, and the near one that it leaves alone."""

import pytest

from tests.security.rules import RULES
from tests.security.scan import Source, scan

FOUND = {
    "secret-randomness": [
        "import random\ndef make_key():\n    return random.randbytes(32)",
        "from random import Random\ndef mask(n):\n    return Random.randbytes(n)",
        "import numpy as np\ndef salt():\n    return np.random.bytes(8)",
        "def nonce(moment):\n    return moment.seed",
        "def open_account(self, moment):\n    self.token = moment.seed",
    ],
    "unsafe-decoding": [
        "import pickle",
        "from marshal import loads",
        "def f(x):\n    import cloudpickle.compat",
        "eval('1')",
        "import torch\ntorch.load('m.pt')",
        "import torch\ntorch.load('m.pt', weights_only=False)",
        "import yaml\nyaml.load(text)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "socket.recv_pyobj()",
        "import pandas\npandas.read_pickle(path)",
    ],
    "code-by-name": [
        "import importlib\nimportlib.import_module(task.module)",
        "from importlib import import_module\nimport_module(name)",
        "__import__(name)",
    ],
    "unbounded-read": [
        "stream.read()",
        "with open(path) as file:\n    text = file.read()",
        "path.read_bytes()",
        "Path(name).read_text(encoding='utf-8')",
        "import json\njson.load(file)",
        "response.readline()",
        "journal.read()",
    ],
    "unbounded-decode": [
        "import json\ndef f(data):\n    return json.loads(data)",
        "import msgspec\ndef f(data):\n    return msgspec.msgpack.decode(data)",
        "def f(frame):\n    return Envelope.FromString(frame)",
        "def f(frame):\n    envelope.ParseFromString(frame)",
    ],
    "unbounded-inflation": [
        "import zlib\nzlib.decompress(data)",
        "from gzip import decompress\ndecompress(data)",
        "zstandard.ZstdDecompressor().decompress(data)",
    ],
    "unbounded-socket": [
        "import zmq\ndef f(context):\n    return context.socket(zmq.ROUTER)",
        "import zmq\ndef f(context):\n    s = context.socket(zmq.SUB)\n    s.maxmsgsize = 1",
        "import zmq\ndef limit(s):\n    s.hwm = 9\ndef f(c):\n    limit(c.socket(zmq.SUB))",
    ],
    "secret-file-mode": [
        "def save(path, key):\n    path.write_bytes(key)",
        "def save(path, secret):\n    with open(path, 'wb') as file:\n        file.write(secret)",
        "import os\ndef save(path, key):\n    os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)",
        "def save(path, key):\n    open(path, mode='x')",
    ],
    "shell": [
        "import os\nos.system('ls')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.run('ls', shell=chosen)",
    ],
    "secret-comparison": [
        "given.signature == ours",
        "if mac != expected:\n    pass",
        "password == stored",
    ],
    "secret-shown": [
        "print(secret_key)",
        "import click\nclick.echo(f'made {self.private_key!r}')",
        "log.info('%s', signing_key)",
    ],
    "fails-open": [
        "def verify(x):\n    try:\n        f(x)\n    except Exception:\n        return True",
        "def check_seal(x):\n    try:\n        f(x)\n    except ValueError:\n        pass",
    ],
}

LIMITED = """
import zmq
def limit(socket):
    socket.setsockopt(zmq.MAXMSGSIZE, 1)
    socket.rcvhwm = socket.sndhwm = 9
def f(context):
    limit(context.socket(zmq.SUB))
"""

JOURNAL = """
from meshkit.journal import Journal
def f(self):
    return self._journal.read(), self.reader.read()
"""

LEFT_ALONE = {
    "secret-randomness": [
        "import random\ndef shuffle(cards):\n    random.shuffle(cards)",
        "import os\ndef make_key():\n    return os.urandom(32)",
        "def committee(moment, key):\n    return draw(moment.seed, key)",
        "def secret(task):\n    return task.seed",
        "import numpy as np\ndef f(key, dice: np.random.Generator):\n    return dice.normal()",
    ],
    "unsafe-decoding": [
        "import json",
        "import torch\ntorch.load('m.pt', weights_only=True)",
        "import numpy as np\nnp.load(path)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "re.compile('x')",
    ],
    "code-by-name": ["import importlib\nimportlib.import_module('torch')"],
    "unbounded-read": ["stream.read(64)", "path.open('rb').read(LIMIT)", "read()", JOURNAL],
    "unbounded-decode": [
        "import json\ndef f(data):\n    assert len(data) <= BYTES_MAX\n    return json.loads(data)",
        "def f(frame):\n    check(frame, self.bytes_max)\n    return Envelope.FromString(frame)",
        "def f(name):\n    return name.decode()",
    ],
    "unbounded-inflation": [
        "zstandard.ZstdDecompressor().decompress(data, max_output_size=64)",
        "zlib.decompressobj().decompress(data, 64)",
    ],
    "unbounded-socket": [
        "import zmq\ndef f(c):\n    s = c.socket(zmq.SUB)\n    s.maxmsgsize = 1\n    s.set_hwm(9)",
        LIMITED,
        "import socket\nsocket.socket(socket.AF_INET)",
        "import zmq\ndef f(context):\n    return context.socket(zmq.PAIR)",
    ],
    "secret-file-mode": [
        "import os\ndef save(path, key):\n    os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)",
        "def save(path, report):\n    path.write_text(report)",
        "def load(path, key):\n    open(path, 'rb')",
        "def load(path, key):\n    open(path)",
        "import os\ndef load(path, key):\n    os.open(path, os.O_RDONLY | os.O_CLOEXEC)",
    ],
    "shell": ["import subprocess\nsubprocess.run(['ls'], shell=False)"],
    "secret-comparison": [
        "given.signature == b''",
        "digest == expected",
        "len(seal) == SIGNATURE_BYTES",
        "import hmac\nhmac.compare_digest(mac, expected)",
    ],
    "secret-shown": ["print(public_key)", "import click\nclick.echo(name)"],
    "fails-open": [
        "def verify(x):\n    try:\n        f(x)\n    except ValueError:\n        return False",
        "def close(x):\n    try:\n        f(x)\n    except OSError:\n        pass",
    ],
}


def found(text: str) -> set[str]:
    return {finding.rule for finding in scan(Source("x.py", text), RULES)}


def test_every_rule_is_shown_to_fail_and_to_hold() -> None:
    assert FOUND.keys() == LEFT_ALONE.keys() == RULES.keys()


@pytest.mark.parametrize(("rule", "text"), [(r, t) for r, texts in FOUND.items() for t in texts])
def test_finds(rule: str, text: str) -> None:
    assert rule in found(text)


@pytest.mark.parametrize(
    ("rule", "text"), [(r, t) for r, texts in LEFT_ALONE.items() for t in texts]
)
def test_leaves_alone(rule: str, text: str) -> None:
    assert rule not in found(text)
