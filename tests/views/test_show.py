"""How a command ends: what goes to stdout, to stderr and into files."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.streams import standard
from collapse_cli.views import Output, show
from collapse_cli.views.plain_letters import fitting


def test_json_is_alone_on_stdout_and_is_the_document(two, capsys):
    show(two, Output(json=True))
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads(json.dumps(two))
    assert "λ, centred" in out  # letters are not escaped
    assert err == ""


def test_json_keeps_what_stdout_cannot_carry(one, monkeypatch, tmp_path):
    """An ASCII stdout, and a path that is not UTF-8: escapes that any reader of JSON turns back."""
    one["argv"].append("run-\udcff")
    with open(tmp_path / "out", "w", encoding="ascii") as ascii_only:
        monkeypatch.setattr(sys, "stdout", ascii_only)
        show(one, Output(json=True))
    assert json.loads((tmp_path / "out").read_text())["argv"] == one["argv"]


def test_warnings_and_written_files_go_to_stderr(one, capsys, tmp_path):
    show(one, Output(plot=tmp_path / "a.png", html=tmp_path / "a.html", all=True))
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "warning: the projector was not found: only h is measured",
        f"wrote {tmp_path / 'a.png'}",
        f"wrote {tmp_path / 'a.html'}",
    ]
    assert "effective rank" in out
    assert "projector" not in out


def test_quiet_leaves_only_warnings_and_files(one, capsys, tmp_path):
    show(one, Output(plot=tmp_path / "a.svg", quiet=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "warning: the projector was not found: only h is measured\n"
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("output", "said", "remedy"),
    [
        (
            Output(plot=Path("a.gif")),
            "unknown suffix '.gif'",
            "--plot FILE.png or --plot FILE.svg or --plot FILE.pdf",
        ),
        (Output(width=3.3), "--plot-width is there, and no plot is drawn", "--plot FILE.png"),
        (Output(only="eigen"), "--plot-only is there, and no plot is drawn", "--plot FILE.png"),
        (Output(plot=Path("a.png"), only="loss"), "no chart of this answer has 'loss'", "Eigenvalues"),
        (Output(plot=Path("a.png"), width=float("nan")), "--plot-width nan", "--plot-width 3.3"),
        (Output(plot=Path("a")), "unknown suffix ''", "--plot FILE.png"),
        (Output(html=Path("a.png")), "unknown suffix '.png'", "--html FILE.html"),
        (Output(plot=Path("missing/a.png")), "no such directory", "mkdir -p missing"),
        (Output(html=Path("folder")), "this is a directory", "name a file"),
    ],
)
def test_files_that_cannot_be_are_refused_before_any_output(
    one, capsys, tmp_path, monkeypatch, output, said, remedy
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(CollapseError, match=said) as raised:
        show(one, output)
    assert remedy in raised.value.hint
    assert raised.value.code == 2
    assert capsys.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_nothing_is_half_written_when_drawing_fails(one, tmp_path, monkeypatch):
    """The file from before stays, and no other is left beside it."""
    from matplotlib.figure import Figure

    def half(self, path, **_):
        Path(path).write_bytes(b"half")
        raise ValueError("pen broke")

    kept = tmp_path / "a.png"
    kept.write_bytes(b"before")
    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(ValueError, match="pen broke"):
        show(one, Output(plot=kept, quiet=True))
    assert kept.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [kept]


def test_a_full_disk_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(CollapseError, match="No space left") as raised, whole(tmp_path / "a.html"):
        raise OSError(28, "No space left on device")
    assert raised.value.hint == "free some space, or choose another place"


def test_a_link_keeps_being_a_link(tmp_path):
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    with whole(tmp_path / "link.html") as part:
        part.write_text("new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text() == "new"


def test_importing_views_loads_nothing_heavy():
    heavy = "rich", "matplotlib", "jinja2", "numpy", "torch"
    code = f"import sys, collapse_cli.views; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_full_disk_behind_stdout_is_said(one, as_json, monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with (
            standard(fitting),
            pytest.raises(CollapseError, match="cannot write to stdout: No space left on device"),
        ):
            show(one, Output(json=as_json))
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
