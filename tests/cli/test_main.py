"""The command line as a whole: its nouns, its settings, and how nonsense is refused."""

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest
from meshkit_cli import main as command_line
from meshkit_cli.main import COMMANDS, over, usage

from meshkit import __version__
from tests.live import Said, meshkit


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, and a configuration folder beside it, both empty."""
    for name in ("here", "config"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("MESHKIT_HOME", "MESHKIT_OPERATOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def near(text: str) -> None:
    Path("meshkit.toml").write_text(text)


def far(text: str) -> None:
    folder = Path("../config/meshkit")
    folder.mkdir()
    (folder / "meshkit.toml").write_text(text)


def home_asked(*words: str, **environment: str) -> str:
    """Which home `meshkit node status` takes: none is there, and the refusal names it."""
    refused = meshkit("node", "status", *words, **environment).complains(1)
    home, colon, why = refused.partition(": ")
    assert (colon, why) == (": ", f"there is no node; make one with: meshkit init --home {home}")
    return home


def children(command: click.Command) -> list[click.Command]:
    """The command and everything below it."""
    if not isinstance(command, click.Group):
        return [command]
    return [command, *(one for inner in command.commands.values() for one in children(inner))]


# -- nouns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("noun", sorted(COMMANDS))
def test_each_noun_has_its_module_and_says_what_all_of_it_is_for(noun: str) -> None:
    found = command_line.main.get_command(click.Context(command_line.main), noun)
    assert found is not None
    for command in children(found):
        assert command.help, command.name


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_noun_with_what_it_does(flag: str) -> None:
    said = meshkit(flag)
    assert said.code == 0
    for noun, words in COMMANDS.items():
        assert f"  {noun}" in said.out
        assert words in said.out


@pytest.mark.parametrize("noun", sorted(COMMANDS))
def test_help_of_a_noun_needs_nothing_else(noun: str) -> None:
    said = meshkit(noun, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: meshkit {noun}")


def test_help_needs_neither_sockets_nor_numpy() -> None:
    program = (
        "import sys\n"
        "from meshkit_cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "sys.exit(' '.join({'zmq', 'numpy', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("Usage: ")
    assert done.stderr.strip() == ""


def test_the_version_is_the_package_s() -> None:
    assert meshkit("--version").out == f"meshkit, version {__version__}\n"


# -- nonsense --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing"], "No such command 'nothing'; see: meshkit --help"),
        (["--nothing"], "No such option '--nothing'; see: meshkit --help"),
        (["task", "nothing"], "No such command 'nothing'; see: meshkit task --help"),
        (["join"], "Missing argument 'TICKET'; see: meshkit join --help"),
        (["join", "nowhere"], "Invalid value for 'TICKET': File 'nowhere' does not exist"),
        (["mesh", "up", "--nodes", "0"], "Invalid value for '--nodes': 0 is not in the range"),
        (["mesh", "up", "--nodes", "many"], "Invalid value for '--nodes': 'many' is not"),
        (["mesh", "status", "-o", "xml"], "Invalid value for '-o' / '--output': 'xml' is not"),
        (["node", "status", "--home"], "Option '--home' requires an argument; see: "),
        (["node", "status", "more"], "Got unexpected extra argument"),
    ],
)
def test_words_without_meaning_are_refused_in_one_line(words: list[str], line: str) -> None:
    assert meshkit(*words).complains(2).startswith(line)


def test_output_without_room_is_a_failure_and_other_errors_of_the_system_are_bugs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, usage():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert ended.value.exit_code == 1
    said = "meshkit: the output cannot be written: No space left on device\n"
    assert capsys.readouterr().err == said
    for bug in (OSError(errno.EBADF, "Bad file"), OSError(errno.ENOSPC, "No space", "a file")):
        with pytest.raises(OSError, match=str(bug.strerror)), usage():
            raise bug


@pytest.mark.parametrize("words", [[], ["task"]])
def test_who_says_nothing_is_shown_what_can_be_said(words: list[str]) -> None:
    said = meshkit(*words)
    assert said.code == 2
    assert "Commands:" in said.out + said.err


# -- settings --------------------------------------------------------------------------------------


def test_the_flag_goes_before_the_environment_before_the_near_file_before_the_far() -> None:
    assert home_asked() == "node"
    far('home = "far"')
    assert home_asked() == "far"
    near('home = "near"')
    assert home_asked() == "near"
    assert home_asked(MESHKIT_HOME="environment") == "environment"
    assert home_asked("--home", "flag", MESHKIT_HOME="environment") == "flag"


def test_a_command_s_own_table_goes_before_what_is_said_for_all() -> None:
    near('home = "all"\n[node.status]\nhome = "its own"')
    assert home_asked() == "its own"
    assert meshkit("node", "peers").complains(1).startswith("all: ")


def test_options_without_a_variable_of_their_own_are_set_in_a_table_only() -> None:
    near('output = "xml"')
    assert home_asked() == "node"
    near('[node.status]\noutput = "xml"')
    assert "'xml' is not one of" in meshkit("node", "status").complains(2)
    variable = meshkit("node", "status", MESHKIT_NODE_STATUS_OUTPUT="yaml")
    assert "'yaml' is not one of" in variable.complains(2)


def test_two_files_are_laid_over_each_other_table_by_table() -> None:
    far_one = {"home": "far", "task": {"submit": {"rounds": 1, "bits": 2}}, "node": 1}
    near_one = {"task": {"submit": {"rounds": 3}, "list": {}}, "node": {"status": {}}}
    assert over(near_one, far_one) == {
        "home": "far",
        "task": {"submit": {"rounds": 3, "bits": 2}, "list": {}},
        "node": {"status": {}},
    }


def refused(said: Said, words: str) -> None:
    assert words in said.complains(2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("home = ", "meshkit.toml: "),
        ("home = '\N{LATIN SMALL LETTER A WITH DIAERESIS}'", "meshkit.toml: "),
        ("node = 3", "meshkit.toml: node is a command: its settings are a table, as in [node]"),
        ("[node]\nstatus = 3", "meshkit.toml: status is a command: its settings are a table"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, words: str) -> None:
    Path("meshkit.toml").write_bytes(text.encode("latin-1"))
    refused(meshkit("node", "status"), words)


def test_a_folder_in_a_file_s_place_is_refused() -> None:
    Path("meshkit.toml").mkdir()
    refused(meshkit("node", "status"), "meshkit.toml")


def test_no_configuration_folder_is_none_to_read(somewhere: Path) -> None:
    (somewhere / "file").touch()
    assert home_asked(XDG_CONFIG_HOME=str(somewhere / "file")) == "node"
    assert home_asked(XDG_CONFIG_HOME="", HOME=str(somewhere)) == "node"
