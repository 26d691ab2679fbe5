"""collapse report of any input: where its page is written, what stands on it, what is refused, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy
import pytest

import collapse_cli as collapse
from collapse_cli.analysis import report
from collapse_cli.answers import version
from collapse_cli.cli import main
from collapse_cli.views import targets

Capture = pytest.CaptureFixture[str]
OURS = f'<meta name="generator" content="collapse {version()}">'


class Text(HTMLParser):
    """What is read on a page, in one line; images by their alternative texts."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.images: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("class") == "thumb":
            self.images.append(named.get("aria-label") or "")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def __str__(self) -> str:
        return " ".join("".join(self.parts).split())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with 300 embeddings of 16 dimensions in 4 classes, and others of theirs."""
    monkeypatch.chdir(tmp_path)
    rows = numpy.random.default_rng(0).normal(size=(300, 16)).astype("float32")
    numpy.save("rows.npy", rows)
    numpy.save("few.npy", rows[:3])
    numpy.savez("labelled.npz", representations=rows, labels=numpy.arange(300) % 4)
    numpy.savez("single.npz", representations=rows, labels=numpy.zeros(300, int))
    (tmp_path / "sub").mkdir()
    numpy.save("sub/rows.npy", rows[:200])
    return tmp_path


@pytest.fixture
def copy(run: Path, here: Path) -> Path:
    return Path(shutil.copytree(run, here / "moco", ignore=shutil.ignore_patterns("results")))


@pytest.mark.parametrize(
    ("argv", "page"),
    [
        (["rows.npy"], "rows.report.html"),
        (["sub/rows.npy"], "rows.report.html"),
        (["labelled.npz"], "labelled.report.html"),
        (["rows.npy", "sub/rows.npy"], "report.html"),
        (["rows.npy", "--out", "mine.htm"], "mine.htm"),
    ],
    ids=str,
)
def test_where_the_page_is_written(argv: list[str], page: str, here: Path, capsys: Capture) -> None:
    before = set(here.rglob("*"))
    assert main(["report", *argv]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(f"wrote {page}\n")
    assert set(here.rglob("*")) - before == {here / page}
    assert OURS in (here / page).read_text()


@pytest.mark.parametrize(
    ("names", "page"),
    [
        (["pixels:digits"], "digits.report.html"),
        (["pixels:folder:/a/b"], "b.report.html"),
        (["a/checkpoint_0199.pth.tar"], "checkpoint_0199.report.html"),
        (["model.v2.pt"], "model.v2.report.html"),
        (["folder.v2"], "folder.v2.report.html"),
        (["a.npy", "b.npy"], "report.html"),
    ],
)
def test_what_the_page_is_called(names: list[str], page: str, here: Path) -> None:
    """A folder has no suffix."""
    (here / "folder.v2").mkdir()
    assert targets.page_of([Path(name) for name in names]) == page


def test_a_run_has_its_page_and_its_answers(copy: Path) -> None:
    """Beside answers that were saved before."""
    assert main(["lidar", str(copy), "--samples", "300", "-q"]) == 0
    assert main(["report", str(copy), "--samples", "300", "-q"]) == 0
    page = Text(copy / "report.html")
    assert "moco on digits" in str(page)
    assert "LiDAR" in str(page)
    assert (copy / "results" / "alignment.json").exists()
    assert str(copy.parent) not in (copy / "report.html").read_text()
    assert any(re.fullmatch(r"image \d+ of digits/train, class \d", text) for text in page.images)


def test_what_the_monitor_saw_is_on_the_page_up_to_the_checkpoint(copy: Path) -> None:
    """Two epochs are 10 steps or more; a look after the step of the checkpoint belongs to no network that is there."""
    head = '{"schema": 1, "event": '
    looks = [
        f'{head}"look", "step": {step}, "loss": {step}.5, "variance": 0.5}}\n' for step in (1, 10, 10**6)
    ]
    warning = f'{head}"warning", "step": 10, "kind": "complete collapse", "message": "Complete collapse at step 10."}}\n'
    begin = f'{head}"begin", "step": 0, "chance": {{"ln(K+1)": 5.5}}}}\n'
    (copy / "monitor.jsonl").write_text("".join([begin, *looks[:2], warning, looks[2]]))
    assert main(["report", "moco", "-q"]) == 0
    told = json.loads((copy / "results/train.json").read_text())
    assert [result["kind"] for result in told["results"]][:2] == ["history", "monitored"]
    loss = told["results"][1]["metrics"]["loss"]
    assert (loss["at"], loss["values"], loss["null"]) == ([1.0, 10.0], [1.5, 10.5], [5.5, 5.5])
    assert told["warnings"] == ["Complete collapse at step 10."]
    page = str(Text(copy / "report.html"))
    assert "Training, by the batches that the monitor looked at" in page
    assert "Complete collapse at step 10." in page


def test_answers_on_other_data_are_left_out_and_told(copy: Path, capsys: Capture) -> None:
    """`lidar` was measured on the images of the training, the page is of other images."""
    assert main(["lidar", str(copy), "-q"]) == 0
    assert main(["report", str(copy), "--split", "test", "--samples", "300"]) == 0
    told = "measured on another checkpoint or on other data: the saved answers of lidar"
    assert told in capsys.readouterr().err
    text = str(Text(copy / "report.html"))
    assert told in text
    assert "LiDAR" not in text


def test_several_inputs_stand_in_every_section(copy: Path, here: Path, capsys: Capture) -> None:
    """What a run alone allows is of the run alone; nothing is saved."""
    assert main(["report", str(copy), "labelled.npz", "--samples", "300"]) == 0
    text = str(Text(here / "report.html"))
    assert "moco and labelled.npz" in text
    assert not (copy / "results").exists()
    for section in ("Spectrum", "Probe", "Classes"):
        part = text.split(f" {section} ", 2)[-1]
        assert "moco" in part
        assert "labelled.npz" in part


def test_what_cannot_be_measured_is_left_out_and_told(here: Path, capsys: Capture) -> None:
    """Of one class there is no probe; the others have theirs."""
    assert main(["report", "single.npz", "labelled.npz"]) == 0
    err = capsys.readouterr().err
    assert "warning: the page has no probe: single.npz · h: a probe needs at least two classes" in err
    text = str(Text(here / "report.html"))
    assert "the page has no probe: single.npz" in text
    assert "few labels" in text


def test_inconclusive_is_3(here: Path) -> None:
    """As `diagnose` has it; of several inputs only where none is conclusive."""
    assert main(["diagnose", "few.npy", "-q"]) == 3
    assert main(["report", "few.npy", "-q"]) == 3
    assert OURS in (here / "few.report.html").read_text()
    assert main(["report", "few.npy", "rows.npy", "-q"]) == 0


def test_quiet_says_nothing(here: Path, capsys: Capture) -> None:
    assert main(["report", "rows.npy", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("content", ["<html>mine</html>", "", "collapse 0.3.0"])
def test_a_file_of_somebody_else_is_not_replaced(content: str, here: Path, capsys: Capture) -> None:
    """Nor is anything measured; --out replaces what it names."""
    (here / "rows.report.html").write_text(content)
    assert main(["report", "rows.npy"]) == 2
    error = capsys.readouterr().err
    assert error.splitlines() == [
        "collapse: rows.report.html is already there, and it is not a page of collapse",
        "  collapse report rows.npy --out report.html",
    ]
    assert (here / "rows.report.html").read_text() == content
    assert main(["report", "rows.npy", "--out", "rows.report.html", "-q"]) == 0
    assert OURS in (here / "rows.report.html").read_text()


def test_a_page_of_ours_is_replaced(here: Path) -> None:
    """Also one of a version that did not write down that it is one."""
    for before in (OURS, '<footer>\n<p class="soft">collapse 0.2.1: <code>report rows.npy</code></p>'):
        (here / "rows.report.html").write_text(f"<!doctype html>{before}")
        assert main(["report", "rows.npy", "-q"]) == 0
        assert before == OURS or before not in (here / "rows.report.html").read_text()


def test_a_page_of_other_inputs_is_not_replaced(here: Path, capsys: Capture) -> None:
    """Two files of one name in two folders; the same input again replaces its page, also where its path is typed otherwise."""
    assert main(["report", "rows.npy", "-q"]) == 0
    before = (here / "rows.report.html").read_text()
    assert main(["report", "sub/rows.npy", "-q"]) == 2
    assert "rows.report.html is already there, and it is about other inputs" in capsys.readouterr().err
    assert (here / "rows.report.html").read_text() == before
    assert main(["report", str(here / "rows.npy"), "-q"]) == 0


def test_a_file_of_somebody_else_in_a_run_folder(copy: Path, capsys: Capture) -> None:
    (copy / "report.html").write_text("<p>notes of mine</p>")
    assert main(["report", str(copy)]) == 2
    assert f"collapse report {copy} --out report.html" in capsys.readouterr().err
    assert (copy / "report.html").read_text() == "<p>notes of mine</p>"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["missing.npy"], "there is no file missing.npy"),
        (["rows.npy", "--out", "no/page.html"], "--out no/page.html: no such directory"),
        (["rows.npy", "--out", "page.txt"], "unknown suffix '.txt'"),
        (["nan.npy"], "1 of 300 embeddings contain nan or infinity"),
        (["rows.npy", "nan.npy"], "nan.npy · h: 1 of 300 embeddings contain nan or infinity"),
        (["rows.npy", "sub/rows.npy", "--labels", "labels.txt"], "--labels are those of one INPUT"),
    ],
    ids=str,
)
def test_what_is_refused(argv: list[str], told: str, here: Path, capsys: Capture) -> None:
    """In one sentence and a hint; no page is left."""
    rows = numpy.load("rows.npy")
    rows[7, 3] = numpy.nan
    numpy.save("nan.npy", rows)
    (here / "labels.txt").write_text("a\n" * 300)
    assert main(["report", *argv]) == 2
    *_, message, hint = capsys.readouterr().err.splitlines()
    assert message.startswith("collapse: ")
    assert told in message
    assert hint.startswith("  ")
    assert not list(here.rglob("*.html"))


def test_the_same_input_twice_has_two_names(here: Path) -> None:
    assert main(["report", "rows.npy", "./rows.npy", "-q"]) == 0
    assert "rows.npy and rows.npy" in str(Text(here / "report.html"))


def test_paths_are_base_names(here: Path) -> None:
    """Which are longer where two inputs have one; the answer in JSON has them as they were given."""
    given = [str(here / "rows.npy"), str(here / "sub/rows.npy")]
    assert main(["report", *given, "-q"]) == 0
    page = (here / "report.html").read_text()
    assert str(here) not in page
    assert "sub/rows.npy" in page


def test_images_of_one_s_own_need_to_be_asked_for(here: Path, capsys: Capture) -> None:
    """One sentence says how."""
    from PIL import Image

    rng = numpy.random.default_rng(0)
    for n in range(60):
        (here / "mine" / f"kind {n % 2}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 12), dtype=numpy.uint8)).save(
            here / f"mine/kind {n % 2}/{n}.png"
        )
    dataset = f"pixels:folder:{here}/mine"
    sentence = (
        "Images are not shown, since this page is made to be shared; `collapse report --images` shows them."
    )
    assert main(["report", dataset, "-q"]) == 3  # so few are
    hidden = Text(here / "mine.report.html")
    assert sentence in str(hidden)
    assert "<symbol" not in (here / "mine.report.html").read_text()
    assert main(["report", dataset, "-q", "--images"]) == 3
    asked = Text(here / "mine.report.html")
    assert sentence not in str(asked)
    html = (here / "mine.report.html").read_text()
    assert html.count("<symbol") == 60
    assert len(set(re.findall(r"image \d+ of mine/all, class kind [01]", html))) == 60
    assert str(here) not in (here / "mine.report.html").read_text()


def test_saved_answers_have_the_path_as_it_was_given(copy: Path) -> None:
    assert main(["report", str(copy), "--samples", "200", "-q"]) == 0
    saved = json.loads((copy / "results" / "diagnose.json").read_text())
    assert saved["inputs"][0]["path"] == str(copy)


def test_files_of_one_name_are_told_apart_by_their_folders(here: Path) -> None:
    (here / "other").mkdir()
    shutil.copy(here / "sub" / "rows.npy", here / "other" / "rows.npy")
    loaded = [collapse.load(each) for each in ("sub/rows.npy", "other/rows.npy", "few.npy")]
    assert report.title(loaded[:2]) == "sub/rows.npy and other/rows.npy"
    assert report.title([loaded[0], loaded[2]]) == "rows.npy and few.npy"
