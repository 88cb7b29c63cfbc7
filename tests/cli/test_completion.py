"""Completion of names in real shells: the tests press the tab key in bash and zsh, and ask fish for its completions."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import inceptionism as inc
from inceptionism.networks.labels import imagenet_labels
from tests.fuzz import seeds
from tests.support.command import dream

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config"],
}

SETUP = {
    "bash": "bind 'set enable-bracketed-paste off'; eval \"$(_DREAM_COMPLETE=source_bash dream)\"",
    "zsh": 'bindkey -e; unsetopt beep; autoload -U compinit; compinit -u; eval "$(_DREAM_COMPLETE=source_zsh dream)"',
}
"""Commands that load the completion, as `dream --install-completion` does in the configuration of the shell."""

LINES = {
    "dream networks get goo": "googlenet",
    "dream layers mi": "mine",
    "dream photo cup.jpg --layer st": "stem",
    "dream photo cup.jpg --network mine --layer con": "conv",
    "dream class persian-": "persian-cat",
    "dream photo cup.jpg --look feat": "feathers",
    "dream run recipes/tem": "recipes/temples.toml",
    "dream replay some-pi": "some-picture.png",
}
"""Lines before the tab key is pressed, and the last word after it."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a command `dream`, a recipe, a picture, and a home folder with a network and its layers."""
    folder = tmp_path_factory.mktemp("completion")
    command = folder / "bin" / "dream"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom inceptionism.__main__ import main\nmain()\n")
    command.chmod(0o755)
    (folder / "recipes").mkdir()
    (folder / "recipes" / "temples.toml").write_text('kind = "photo"\n')
    (folder / "recipes" / "template.txt").touch()
    (folder / "some-picture.png").touch()
    (folder / "net.prototxt").write_text(seeds.PROTOTXT)
    (folder / "net.caffemodel").write_bytes(seeds.caffemodel())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        added = dream("networks", "add", "mine", "net.prototxt", "net.caffemodel", "--mean", "1,2,3", cwd=folder)
        assert added.returncode == 0, added.stderr
    return folder


def environment(place: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(place),
        "XDG_CACHE_HOME": str(place / "cache"),
        "TERM": "dumb",
    }


def typed(shell: str, keys: str, place: Path, until: str) -> str:
    """Type keys in a shell on a pseudo-terminal, and return everything that it shows until a text appears."""
    control, terminal = pty.openpty()
    process = subprocess.Popen(
        SHELLS[shell],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment(place),
        cwd=place,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    try:
        os.write(control, keys.encode())
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and not re.search(until, shown.decode(errors="replace")):
            if select.select([control], [], [], 1)[0]:
                try:
                    shown += os.read(control, 65536)
                except OSError:  # the shell has ended
                    break
    finally:
        process.kill()
        process.wait()
        os.close(control)
    return shown.decode(errors="replace")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_tab_key_completes_names(shell: str, place: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs the shell {shell}")
    # The beginning of the line becomes a command that prints the words of the line as the shell reads them.
    to_start = "\x01"
    lines = [f"{line}\t{to_start}printf '=%s=\\n' {number} \n" for number, line in enumerate(LINES)]
    end = "printf 'the %s\\n' end\n"
    shown = typed(shell, SETUP[shell] + "\n" + "".join(lines) + end, place, r"the end\r?\n")
    for number, word in enumerate(LINES.values()):
        words = re.search(rf"={number}=\r?\n((?:=\S*=\r?\n)+)", shown)
        assert words is not None, shown
        assert words[1].split()[-1] == f"={word}=", words[1]


def test_fish_completes_names(place: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("needs the shell fish")
    # Each question starts the program several times, so there is one for each kind of name.
    lines = {line: word for line, word in LINES.items() if word not in ("mine", "conv", "some-picture.png")}
    asked = "".join(f"complete -C '{line}'; echo =\n" for line in lines)
    script = f"env _DREAM_COMPLETE=source_fish dream | source\n{asked}"
    done = subprocess.run(
        [*SHELLS["fish"], "-c", script], env=environment(place), cwd=place, capture_output=True, text=True, check=True
    )
    found = [part.split("\n") for part in done.stdout.split("=\n")]
    for values, word in zip(found, [*lines.values(), ""], strict=True):
        assert word in [value.partition("\t")[0] for value in values], (word, values)


def complete(line: str, place: Path) -> dict[str, str]:
    """Return the completions of a line with their descriptions, as fish gets them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        patch.setenv("_DREAM_COMPLETE", "complete_fish")
        patch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        patch.setenv("_TYPER_COMPLETE_ARGS", line)
        done = dream(cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    values = [value.partition("\t") for value in done.stdout.splitlines() if value]
    return {value: about for value, _, about in values}


def test_all_values_are_offered(place: Path, lite0: inc.Network) -> None:
    layers = lite0.layers()
    assert complete("dream photo cup.jpg --layer ", place) == {one.name: one.level for one in layers}
    looks = complete("dream photo cup.jpg --look ", place)
    assert len(looks) == 36
    assert all(0 < len(about) <= 40 for about in looks.values())
    assert complete("dream class Gold", place) == {
        "Goldfish": "class 1",
        "Goldfinch": "class 11",
        "Golden-retriever": "class 207",
    }
    # The look chooses the network, and a layer that is not known in advance is not guessed.
    (place / "lite1.toml").write_text('kind = "photo"\nnetwork = "efficientnet-lite1"\n')
    assert complete("dream photo cup.jpg --look lite1.toml --layer ", place) == {}


def test_an_error_never_reaches_the_line_of_the_user(place: Path) -> None:
    assert complete("dream photo cup.jpg --network ./missing.onnx --layer ", place) == {}
    assert complete("dream photo cup.jpg --look missing.toml --layer ", place) == {}
    description = place / "cache" / "inceptionism" / "networks" / "broken" / "network.json"
    description.parent.mkdir(parents=True)
    description.write_text("{")
    assert complete("dream class --network broken Gold", place) == {}
    assert "efficientnet-lite0" in complete("dream layers ", place)


def test_almost_every_class_has_a_name_of_its_own_that_needs_no_quotes(place: Path) -> None:
    labels = imagenet_labels()
    offered = complete("dream class ", place)
    assert all(
        re.fullmatch(r"[\w-]+", name) and labels.index(name) == int(about[6:]) for name, about in offered.items()
    )
    missing = {*range(1000)} - {int(about[6:]) for about in offered.values()}
    # The last three are names of two classes each.
    assert {labels[index] for index in missing} == {"jack-o'-lantern", "potter's wheel", "cardigan", "maillot", "crane"}
