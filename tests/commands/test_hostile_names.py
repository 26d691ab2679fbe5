"""Names that a terminal, a workflow, a browser or a shell would obey, wherever a user may have names, through every way out."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy
import pyarrow
import pyarrow.parquet
import pytest
import torch
from PIL import Image

from collapse_cli.cli import main
from collapse_cli.printable import in_lines, printable

NAME = 'a\x1b]0;t\x07\x1b[2J\r\n::error::x\u202e\x85<img src=x onerror=y>"]]>$(x){{7*7}}$\\frac$##[error]'
NAMES = [NAME, NAME + "2", "\n::warning::b\u2028", "_c\x7f<script>"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OURS = re.compile(r"::(error|warning) title=collapse check[^:]*::")
Capture = pytest.CaptureFixture[str]


class Tags(HTMLParser):
    """The tags of a page, how often each, with the names of its attributes; and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[tuple[str, ...]] = Counter()
        self.values: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag, *sorted(name for name, _ in attributes)] += 1
        self.values += [value or "" for name, value in attributes if name in ("href", "src", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(text: str) -> None:
    """No letter is obeyed, and no line is a workflow's command but ours."""
    assert in_lines(text) == text
    lines = [line for line in text.split("\n") if not OURS.match(line)]
    assert not [line for line in lines if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)]


def rows(count: int = 90) -> numpy.ndarray[Any, Any]:
    return numpy.random.default_rng(0).standard_normal((count, 6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hostile folder of embeddings, tables, a state file and images, all with hostile names in them."""
    folder = tmp_path_factory.mktemp("hostile") / NAME
    folder.mkdir()
    labels = numpy.arange(90) % 3
    numpy.savez(folder / f"{NAME}.npz", representations=rows(), labels=labels, classes=numpy.array(NAMES[:3]))
    numpy.save(folder / f"{NAMES[1]}.npy", rows(80))
    columns = {
        NAME: list(rows()),
        NAMES[3]: [NAMES[n] for n in labels],
        NAMES[2]: [f"{NAME}{n // 2}" for n in range(90)],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{NAME}.parquet")
    torch.save(
        {f"{NAME}.weight": torch.randn(8, 6), f"{NAMES[1]}.weight": torch.randn(6, 6)}, folder / f"{NAME}.pt"
    )
    for n in range(30):
        place = folder / "images" / NAMES[n % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = numpy.random.default_rng(n).integers(0, 256, (8, 8), dtype=numpy.uint8)
        Image.fromarray(pixels).save(place / f"{NAME}{n}.png")
    (folder / "images" / NAMES[0] / f"{NAME}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / f"{NAME}.toml").write_text(f"[training]\ndataset = {json.dumps(NAME)}\n")
    (folder / f"{NAME}2.toml").write_text(f"[training]\n{json.dumps(NAME)} = 1\n")
    return folder


@pytest.fixture(scope="module")
def run_of(folder: Path) -> Path:
    """A run on the hostile images."""
    out = folder / "run"
    data = f"folder:{folder / 'images'}"
    argv = ["train", "supervised", "--dataset", data, "--skip-broken", "--epochs", "1", "--batch", "8", "-q"]
    assert main([*argv, "--out", str(out)]) == 0
    return out


def commands(folder: Path) -> dict[str, list[str]]:
    """Every command that reads a file of somebody's."""
    npz, npy = str(folder / f"{NAME}.npz"), str(folder / f"{NAMES[1]}.npy")
    table = [str(folder / f"{NAME}.parquet"), "--column", NAME]
    labels = ["--labels", table[0], "--label-column", NAMES[3]]
    return {
        "diagnose": ["diagnose", npz],
        "spectrum": ["spectrum", npz, npy],
        "table": ["classes", *table, *labels],
        "views": ["alignment", *table, "--views-of", NAMES[2]],
        "probe": ["probe", npz],
        "clusters": ["clusters", npz],
        "classes": ["classes", npz],
        "lidar": ["lidar", *table, "--views-of", NAMES[2]],
        "coverage": ["coverage", npz, npy],
        "compare": ["compare", npz, npy],
        "check": ["check", npz, "--require", "effective_rank >= 100"],
        "weights": ["weights", str(folder / f"{NAME}.pt")],
    }


USUAL = ("table", "check", "weights")  # of which the others have their views


def fine(code: int) -> bool:
    return code in (0, 1, 3)


@pytest.mark.parametrize(
    "name",
    [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in commands(Path())],
)
def test_every_command_and_every_way_out(
    name: str, folder: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = commands(folder)[name]
    for shown in ([], ["--all"], ["--all", "colour"], ["--json"]):
        if "colour" in shown:
            monkeypatch.setenv("FORCE_COLOR", "1")
        assert fine(main(["--help"] if not argv else [*argv, *shown[:1]]))
        out, err = capsys.readouterr()
        monkeypatch.delenv("FORCE_COLOR", raising=False)
        harmless(COLOUR.sub("", out) if "colour" in shown else out)
        harmless(err)
        assert r"\x1b]0;t\x07" in out or r"\033]0;t\007" in out or shown == ["--json"]
    document = json.loads(out)
    assert document["inputs"][0]["path"] == argv[1]
    files = [tmp_path / file for file in ("a.svg", "a.html")]
    assert fine(main([*argv, "--plot", str(files[0]), "--html", str(files[1]), "-q"]))
    harmless(capsys.readouterr().err)
    for file in files:
        assert in_lines(file.read_text()) == file.read_text()
    ElementTree.parse(files[0])
    page = Tags(files[1].read_text())
    assert not {tag for tag, *_ in page.tags} & {"img", "iframe", "object"}
    assert [count for (tag, *_), count in page.tags.items() if tag == "script"] == [1]  # the page's own
    assert not [names for names in page.tags if any(part.startswith("on") for part in names[1:])]
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in page.values)
    assert "<img src=x onerror=y>" in page.text


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_other_plots(suffix: str, folder: Path, tmp_path: Path) -> None:
    """matplotlib reads no mathematics in a name."""
    for name in ("classes", "weights"):
        assert main([*commands(folder)[name], "--plot", str(tmp_path / f"a.{suffix}"), "-q"]) == 0


def test_the_reports_of_a_gate(
    folder: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JUnit parses; annotations are commands of ours, and each is one line; the summary marks up nothing."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    junit, baseline = tmp_path / "a.xml", tmp_path / "a.json"
    argv = commands(folder)["check"]
    for shown in ([], ["--json"], ["-q"]):
        assert main([*argv, *shown, "--format", "github", "--junit", str(junit)]) == 1
        out, err = capsys.readouterr()
        harmless(out)
        harmless(err)
        assert sum(line.startswith("::error title=") for line in err.splitlines()) >= 1
        root = ElementTree.parse(junit).getroot()
        assert [suite.get("name") for suite in root] == [printable(argv[1])]
        harmless((tmp_path / "summary.md").read_text())
    assert main(["check", argv[1], "--save-baseline", str(baseline), "-q"]) in (0, 3)
    assert not baseline.exists() or json.loads(baseline.read_text())["inputs"][0]["path"] == argv[1]


@pytest.mark.parametrize("shown", [[], ["--json"]])
def test_inspect(shown: list[str], folder: Path, capsys: Capture) -> None:
    """Files of every kind, and images of which one is broken."""
    for path in (*sorted(folder.iterdir()), f"folder:{folder / 'images'}"):
        code = main(["inspect", str(path), *shown])
        out, err = capsys.readouterr()
        assert code in (0, 2)
        harmless(out)
        harmless(err)
        if shown and code == 0:
            assert str(folder) in json.loads(out)["path"]


@pytest.mark.slow
def test_a_run_on_hostile_images(run_of: Path, folder: Path, tmp_path: Path, capsys: Capture) -> None:
    """Its files, its page, its answers; it is resumed by the name that it saved."""
    for name in ("run.json", "settings.toml", "history.jsonl"):
        harmless((run_of / name).read_text())
    assert main(["report", str(run_of)]) == 0
    out, err = capsys.readouterr()
    harmless(out)
    harmless(err)
    for file in (run_of / "results").iterdir():
        assert in_lines(file.read_text()) == file.read_text()
    page = Tags((run_of / "report.html").read_text())
    assert not {tag for tag, *_ in page.tags} & {"img", "iframe", "object"}
    assert [count for (tag, *_), count in page.tags.items() if tag == "script"] == [1]  # the page's own
    assert "<img src=x onerror=y>" in page.text
    for argv in (
        ["train", "--resume", str(run_of), "--epochs", "2"],
        ["train", "--resume", str(run_of), "--epochs", "2"],
        ["train", "--resume", str(run_of), "--epochs", "3", "--dry-run"],
        ["embed", str(run_of), "--out", str(tmp_path / f"{NAME}.npz")],
        ["causes", str(run_of)],
        ["oracle", str(run_of)],
    ):
        assert main(argv) in (0, 2, 3)
        out, err = capsys.readouterr()
        harmless(out)
        harmless(err)


@pytest.mark.parametrize(
    "argv",
    [
        ["train", "--config", f"FOLDER/{NAME}.toml"],
        ["train", "--config", f"FOLDER/{NAME}2.toml"],
        ["train", "--set", f"{NAME}=1"],
        ["train", "--set", NAME],
        ["train", "--dataset", NAME],
        ["train", "--dataset", f"folder:FOLDER/{NAME}"],
        ["train", "--out", "FOLDER"],
        ["train", "--resume", "FOLDER"],
        ["train", NAME],
        ["train", "--lr", NAME],
        [NAME],
        ["spectrum", NAME],
        ["spectrum", f"FOLDER/{NAME}.parquet", "--column", NAMES[1]],
        ["probe", f"FOLDER/{NAME}.parquet", "--column", NAME],
        ["probe", f"FOLDER/{NAMES[1]}.npy", "--labels", f"FOLDER/{NAME}"],
        ["spectrum", f"FOLDER/{NAME}.pt"],
        ["spectrum", f"FOLDER/{NAME}.npz", "--plot", f"FOLDER/{NAME}"],
        ["spectrum", f"FOLDER/{NAME}.npz", "--plot", f"FOLDER/{NAME}/a.png"],
        ["spectrum", f"FOLDER/{NAME}.npz", f"--{NAME}"],
        ["check", f"FOLDER/{NAME}.npz", "--require", NAME],
        ["check", f"FOLDER/{NAME}.npz", "--baseline", NAME],
        ["check", f"FOLDER/{NAME}.npz", "--require", f"{NAME} >= 1", "--format", "github"],
        ["inspect", NAME],
        ["claims", NAME],
        ["gan", "--cure", NAME],
        ["report", NAME],
        ["demo", "--out", "FOLDER"],
    ],
    ids=lambda argv: " ".join(argv).replace(NAME, "X").encode("unicode_escape").decode()[:60],
)
def test_what_is_refused_is_refused_in_print(argv: list[str], folder: Path, capsys: Capture) -> None:
    """A message of one line, and a hint of at most one."""
    assert main([word.replace("FOLDER", str(folder)) for word in argv]) == 2
    out, err = capsys.readouterr()
    harmless(out)
    harmless(err)
    lines = [line for line in err.splitlines() if not OURS.match(line)]
    assert lines[-2].startswith("collapse: ")
    assert lines[-1].startswith("  ")


def test_the_command_of_a_hint_can_be_pasted(folder: Path, capsys: Capture) -> None:
    """Its words, read as a shell reads them, name the file."""
    import subprocess

    if shutil.which("bash") is None:
        pytest.skip("there is no bash to ask")
    assert main(["train", "--out", str(folder)]) == 2
    capsys.readouterr()
    assert main(["spectrum", str(folder / f"{NAME}.pt")]) == 2
    hint = capsys.readouterr().err.splitlines()[-1]
    words = hint[hint.index("collapse inspect ") :].split("; ")[0]
    read = subprocess.run(["bash", "-c", f"printf '%s\\0' {words}"], capture_output=True, check=True).stdout
    assert read.decode().split("\0")[2] == str(folder / f"{NAME}.pt")


def test_a_terminal_with_a_bar(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The bar's own escapes and no others: the names are within it as they are within lines."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert fine(main(commands(folder)["check"]))
    err = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", capsys.readouterr().err)
    assert in_lines(err) == err
