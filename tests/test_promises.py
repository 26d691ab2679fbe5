"""What SECURITY.md promises of every command: nothing is sent, and no user name or absolute path is written unless it was typed.

One walk through the commands, in a home folder of a name that nobody has, with paths typed as relative ones.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import socket
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import pytest

from collapse_cli.cli import COMMANDS, main

SOMEONE = "zaphod-beeblebrox"
WALK = (
    "train moco --dataset folder:images --epochs 1 --batch 20 --queue 20 --out runs/moco --quiet",
    "train moco --resume runs/moco --epochs 2 --quiet",
    "embed runs/moco --out embedded.npz",
    "diagnose runs/moco --html diagnose.html --plot diagnose.svg",
    "causes runs/moco",
    "spectrum runs/moco --plot spectrum.png --json",
    "spectrum rows.npy --plot spectrum.pdf --html spectrum.html",
    "spectrum rows.npy --save-state part.npz",
    "merge part.npz",
    "alignment embedded.npz --json",
    "alignment rows.npy rows.npy --pair",
    "oracle embedded.npz --all",
    "probe rows.npy --labels labels.npy",
    "clusters embedded.npz",
    "classes rows.npy --labels labels.npy --html classes.html",
    "lidar embedded.npz",
    "coverage rows.npy rows.npy",
    "weights runs/moco --html weights.html",
    "codes labels.npy --size 3 --html codes.html",
    "layers runs/moco --html layers.html",
    "compare rows.npy embedded.npz",
    "check runs/moco --require effective_rank>1 --json",
    "check rows.npy --require effective_rank>1 --junit check.xml",
    "report runs/moco",
    "watch runs/moco",
    "watch runs/moco --json",
    "inspect runs/moco --json",
    "inspect images",
    "datasets",
    "methods --json",
    "linear --steps 50 --points 500 --width 8 --seeds 1 --json --html linear.html",
    "gan --steps 5",
    "claims",
    "env",
    "env --json",
    "env --licences",
    "explain check",
    "spectrum nothing.npy",
    "spectrum broken.pt",
    "diagnose images --size 8",
)
LEFT_OUT = {"demo", "calibration", "mcp"}  # a minute each, and a server; what they call is walked through


@dataclass
class Walked:
    """codes: of each line, 2 where it was refused; shown: stdout and stderr of each; contacted: what was asked of the network."""

    folder: Path
    codes: dict[str, int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    contacted: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    home = tmp_path_factory.mktemp("home") / SOMEONE
    home.mkdir()
    walk = Walked(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for name in ("HOME", "USER", "LOGNAME", "USERNAME", "USERPROFILE"):
            patch.setenv(name, str(home) if name in ("HOME", "USERPROFILE") else SOMEONE)
        patch.delenv("XDG_CACHE_HOME", raising=False)
        patch.delenv("COLLAPSE_DATA_DIR", raising=False)
        offline(patch, walk.contacted)
        files()
        for line in WALK:
            patch.setattr(sys, "argv", ["collapse", *line.split()])
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                walk.codes[line] = main(line.split())
            walk.shown[line] = out.getvalue()
        yield walk


def offline(patch: pytest.MonkeyPatch, contacted: list[str]) -> None:
    """Whatever asks for a name or a connection is noted and refused."""

    def refuse(what: str) -> Any:
        def refused(*arguments: Any, **options: Any) -> Any:
            contacted.append(f"{what} {arguments[-1]!r}")
            raise OSError("nothing is sent")

        return refused

    for name in ("connect", "connect_ex", "sendto", "bind"):
        patch.setattr(socket.socket, name, refuse(name))
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        patch.setattr(socket, name, refuse(name))


def files() -> None:
    rows = numpy.random.default_rng(0).standard_normal((90, 6))
    numpy.save("rows.npy", rows)
    numpy.save("labels.npy", numpy.arange(90) % 3)
    Path("broken.pt").write_bytes(b"PK\x03\x04 no zip")
    from PIL import Image

    for number in range(60):
        folder = Path("images") / f"class-{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = numpy.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def test_every_command_is_walked_through(walked: Walked) -> None:
    """And none is refused but those lines that should be."""
    assert {line.split()[0] for line in WALK} == set(COMMANDS) - LEFT_OUT
    refused = {line for line, code in walked.codes.items() if code == 2}
    assert refused == {"spectrum nothing.npy", "spectrum broken.pt", "diagnose images --size 8"}, {
        line: walked.shown[line] for line in refused
    }
    assert not [line for line, code in walked.codes.items() if code not in (0, 1, 2, 3)]


def test_nothing_is_sent(walked: Walked) -> None:
    assert walked.contacted == []


def test_no_download_without_being_asked(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that is not there is refused, and the option is named; nothing has tried to fetch it."""
    contacted: list[str] = []
    for line in ("train moco", "diagnose runs/moco", "inspect"):
        command = [*line.split(), "--dataset", "cifar10", "--data-dir", str(walked.folder / "data")]
        command = [word for word in command if line != "inspect" or word != "--dataset"]
        with monkeypatch.context() as patch, contextlib.redirect_stderr(io.StringIO()) as story:
            offline(patch, contacted)
            assert main(command) == 2
        assert "--download" in story.getvalue()
    assert contacted == []


def test_no_user_and_no_absolute_path_is_written(walked: Walked) -> None:
    """Of every file that was written, compressed parts included."""
    written = [path for path in walked.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {
        ".json",
        ".html",
        ".svg",
        ".pdf",
        ".png",
        ".npz",
        ".pt",
        ".toml",
        ".xml",
    }
    telling = [str(path.relative_to(walked.folder)) for path in written if tells(path.read_bytes())]
    assert telling == []


def test_no_user_and_no_absolute_path_is_shown(walked: Walked) -> None:
    assert [line for line, shown in walked.shown.items() if tells(shown.encode())] == []


def test_pages_and_plots_bear_no_folder_of_a_home(walked: Walked, tmp_path: Path) -> None:
    """Also where an absolute path was typed: of the input, of the folder of a training, of images. Pages have base names."""
    home, lines = walked.folder, []
    for name in ("page.html", "plot.svg", "plot.pdf"):
        option = "--html" if name.endswith("html") else "--plot"
        lines.append(f"diagnose {home}/rows.npy {option} {tmp_path}/{name}")
    run = tmp_path / "run"
    lines.append(
        f"train moco --dataset folder:{home}/images --epochs 1 --batch 20 --queue 20 --out {run} --quiet"
    )
    lines.append(f"report {run} --out {tmp_path}/report.html")
    for line in lines:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert main(line.split()) in (0, 3 * line.startswith("report")), (
                line
            )  # so few images decide nothing
    assert [path.name for path in tmp_path.iterdir() if path.is_file() and tells(path.read_bytes())] == []
    for name, place in (("page.html", "rows.npy"), ("report.html", "folder:images")):
        text = (tmp_path / name).read_text()
        assert place in text
        assert f"/{place}" not in text


def tells(content: bytes) -> bool:
    """Whether the user's name is in there, also inside a zip or a stream of a PDF or PNG, or the name of this machine."""
    parts = [content]
    if content.startswith(b"PK"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as members:
            parts += [members.read(name) for name in members.namelist()]
    for stream in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
        with contextlib.suppress(zlib.error):
            parts.append(zlib.decompressobj().decompress(content[stream.start() :], 1 << 20))
    names = [SOMEONE.encode()]
    host = socket.gethostname().encode()
    names += [host] if len(host) > 6 else []
    return any(name in part for part in parts for name in names)


def test_a_changed_bit_changes_no_answer_unseen(walked: Walked, tmp_path: Path) -> None:
    """Of a checkpoint, at 24 places: it is refused, or its weights are measured as before. Without checksums that is told."""
    whole = (walked.folder / "runs/moco/checkpoint.pt").read_bytes()
    dice, answers, changed = random.Random(0), [], tmp_path / "changed.pt"
    for place in [-1, *(dice.randrange(len(whole) // 20, len(whole)) for _ in range(24))]:
        content = bytearray(whole)
        if place >= 0:
            content[place] ^= 1 << dice.randrange(8)
        changed.write_bytes(content)
        with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(io.StringIO()):
            code = main(["weights", str(changed), "--json"])
        assert code in (0, 2)
        answers.append(json.loads(shown.getvalue())["results"] if code == 0 else None)
    assert answers[0]
    assert all(answer in (None, answers[0]) for answer in answers)
    assert answers.count(None) > 12
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        assert main(["inspect", "rows.npy"]) == 0
    assert "damage to its numbers cannot be told" in shown.getvalue().replace("\n                 ", " ")


def test_a_home_folder_that_is_told_is_told_as_a_tilde(walked: Walked) -> None:
    assert f"~{os.sep}.cache{os.sep}collapse" in walked.shown["env"]


def test_a_name_is_found_wherever_it_is_hidden() -> None:
    """Else the two above would pass for nothing."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("facts.json", f'{{"path": "/home/{SOMEONE}/x"}}')
    stream = b"stream\n" + zlib.compress(SOMEONE.encode() * 3) + b"\nendstream"
    assert all(tells(content) for content in (SOMEONE.encode(), packed.getvalue(), stream))
    assert not tells(b"nobody")


def test_the_tests_that_the_page_names_exist() -> None:
    root = Path(__file__).parent.parent
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (root / "SECURITY.md").read_text())
    assert len(named) > 12
    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (root / path).read_text()]
    assert missing == []
