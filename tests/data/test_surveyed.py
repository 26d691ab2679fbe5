"""A set that was looked at is decoded when it is asked for, and gives what it gave; a set that has changed is looked at again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from collapse_cli import data
from collapse_cli.data import cache, decoded, on_demand, surveyed
from collapse_cli.data.channels import with_channels
from collapse_cli.data.on_demand import OnDemand, prepare
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images
from tests.data.test_streams import packed, paint

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: Patch) -> Path:
    """An empty cache, and files that count as settled though they were just written."""
    monkeypatch.setattr(surveyed, "SETTLED", -60.0)
    monkeypatch.setattr(on_demand, "WORTH", 1)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


def measured(name: str, split: str = "train", framing: Framing = data.UNCHANGED, **files: object) -> Images:
    with surveyed.as_needed():
        return data.load(name, split, framing=framing, files=ImageFiles(**files))  # type: ignore[arg-type]


def source(kind: str, tmp_path: Path) -> str:
    name = paint(tmp_path / "set")
    return name if kind == "folder" else packed(tmp_path / "set", tmp_path / "set.parquet")


def unread(*_: object) -> None:
    raise AssertionError("no image is looked at again")


@pytest.mark.parametrize("kind", ["folder", "parquet"])
@pytest.mark.parametrize("split", ["train", "test", "all"])
@pytest.mark.parametrize("framing", [Framing(), Framing(9)], ids=["own side", "side 9"])
def test_as_when_all_are_decoded(
    kind: str, split: str, framing: Framing, tmp_path: Path, monkeypatch: Patch
) -> None:
    """The slow twin decodes everything and takes the sample. Modes, alpha, orientations and fractions are among the images."""
    name = source(kind, tmp_path)
    every = data.load(name, split, framing=framing)
    monkeypatch.setattr(decoded, "look", unread)
    some = measured(name, split, framing)
    assert isinstance(some.pixels, OnDemand)
    assert not some.streamed
    assert (some.notes, some.files, some.classes, some.name) == (
        every.notes,
        every.files,
        every.classes,
        every.name,
    )
    assert (some.labels is None) == (every.labels is None)
    index = torch.randperm(len(every), generator=torch.Generator().manual_seed(0))[: len(every) // 2]
    for _ in range(2):
        assert torch.equal(some.pixels[index], every.pixels[index])
    grey, grey_of_all = with_channels(some, 1), with_channels(every, 1)
    assert not grey.streamed
    assert torch.equal(grey.pixels[index], grey_of_all.pixels[index])


def test_only_what_is_asked_for_is_decoded(tmp_path: Path, monkeypatch: Patch) -> None:
    """Once each, however often it is asked for."""
    name = paint(tmp_path / "set")
    data.load(name, "all")
    some, rows = measured(name, "all"), list[int]()
    into = decoded.Stream.into
    monkeypatch.setattr(
        decoded.Stream, "into", lambda stream, *place: (rows.append(place[-1]), into(stream, *place))[1]
    )
    for asked in ([3, 1], [1, 7, 3, 7], []):
        some.pixels[torch.tensor(asked, dtype=torch.long)]
    assert sorted(rows) == [1, 3, 7]


def test_a_training_decodes_all(tmp_path: Path) -> None:
    name = paint(tmp_path / "set")
    assert isinstance(data.load(name).pixels, torch.Tensor)
    assert isinstance(data.load(name).pixels, torch.Tensor)


def rewritten(file: Path) -> None:
    """As long as before, and with the same time of change."""
    state, content = file.stat(), file.read_bytes()
    file.write_bytes(content[:60] + bytes(len(content) - 60))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def replaced(file: Path) -> None:
    file.with_suffix(".new").write_bytes(b"no image")
    file.with_suffix(".new").replace(file)


@pytest.mark.parametrize(
    "change", [rewritten, replaced, Path.unlink, lambda file: file.rename(file.with_name("z.png"))]
)
def test_a_changed_set_is_looked_at_again(change: Callable[[Path], None], tmp_path: Path) -> None:
    """Of image 0 of 40, which no sample asks for: its damage is told all the same, and its new name or its absence is seen."""
    name, file = paint(tmp_path / "set"), tmp_path / "set" / "dog" / "0.png"
    before = data.load(name, "all")
    time.sleep(0.02)  # more than a tick of the file system's clock
    change(file)
    if file.exists():
        with pytest.raises(CollapseError, match=r"0\.png cannot be read as an image"):
            measured(name, "all")
    else:
        now = measured(name, "all")
        assert isinstance(now.pixels, torch.Tensor)
        assert now.files != before.files


def test_files_that_changed_just_now_are_not_believed(
    tmp_path: Path, own_cache: Path, monkeypatch: Patch
) -> None:
    """A second change within one tick of the clock would have the same time."""
    monkeypatch.setattr(surveyed, "SETTLED", 2.0)
    name = paint(tmp_path / "set")
    data.load(name)
    assert not own_cache.exists()


def test_a_table_that_names_files_is_looked_at_each_time(tmp_path: Path, own_cache: Path) -> None:
    """Those files may change while the table stays as it is."""
    import pyarrow
    from pyarrow import parquet

    paint(tmp_path / "set")
    paths = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "set").rglob("*.*"))
    parquet.write_table(pyarrow.table({"image": paths}), tmp_path / "a.parquet")
    data.load(f"parquet:{tmp_path / 'a.parquet'}", files=ImageFiles(image_column="image"))
    assert not own_cache.exists()


def test_broken_images_that_are_left_out_stay_left_out(tmp_path: Path, monkeypatch: Patch) -> None:
    name = paint(tmp_path / "set")
    (tmp_path / "set" / "dog" / "1.png").write_bytes(b"no image")
    every = data.load(name, "all", files=ImageFiles(skip_broken=True))
    monkeypatch.setattr(decoded, "look", unread)
    some = measured(name, "all", skip_broken=True)
    index = torch.arange(len(every))
    assert isinstance(some.pixels, OnDemand)
    assert torch.equal(some.pixels[index], every.pixels[index])
    assert (some.notes, some.files) == (every.notes, every.files)


def test_an_image_that_rots_beneath_the_file_system_is_named_when_it_is_decoded(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    name = paint(tmp_path / "set")
    data.load(name, "all")
    some = measured(name, "all")
    (tmp_path / "set" / "dog" / "0.png").write_bytes(b"no image")
    place = some.files.index("dog/0.png")
    with pytest.raises(CollapseError, match=r"0\.png cannot be read as an image"):
        some.pixels[torch.tensor([place])]


def kept(folder: Path, ending: str) -> Path:
    (file,) = folder.glob(f"*.{ending}")
    return file


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
@pytest.mark.parametrize("ending", ["survey", "pixels"])
def test_what_is_damaged_is_not_believed_and_written_anew(
    ending: str, damage: str, tmp_path: Path, own_cache: Path
) -> None:
    name = paint(tmp_path / "set")
    every, index = data.load(name, "all"), torch.arange(20)
    prepare(measured(name, "all"), index)
    file = kept(own_cache, ending)
    whole = file.read_bytes()
    file.write_bytes(
        {
            "cut": whole[:-1],
            "flipped": whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
            "empty": b"",
            "other": b"x" * 99,
        }[damage]
    )
    again = measured(name, "all")
    prepare(again, index)
    assert torch.equal(again.pixels[index], every.pixels[index])
    assert kept(own_cache, ending).read_bytes() == whole


def test_what_was_decoded_is_read_back(tmp_path: Path, monkeypatch: Patch) -> None:
    name = paint(tmp_path / "set")
    every, index = data.load(name, "all"), torch.tensor([9, 2, 30])
    prepare(measured(name, "all"), index)
    monkeypatch.setattr(decoded.Stream, "into", unread)
    again = measured(name, "all")
    prepare(again, index)
    assert torch.equal(again.pixels[index], every.pixels[index])


@pytest.mark.parametrize("kind", ["off", "read-only", "a file"])
def test_without_a_cache_all_is_as_before(kind: str, tmp_path: Path, monkeypatch: Patch) -> None:
    name, place = paint(tmp_path / "set"), tmp_path / "place"
    if kind == "read-only":
        place = Path("/proc/none")  # nobody can write there, not even root
    elif kind == "a file":
        place.write_text("")
    monkeypatch.setenv(cache.VARIABLE, "off" if kind == "off" else str(place))
    every = data.load(name, "all")
    again = measured(name, "all")
    assert isinstance(again.pixels, torch.Tensor)
    assert torch.equal(again.pixels, torch.as_tensor(every.pixels))


def test_the_cache_is_bounded(own_cache: Path, monkeypatch: Patch) -> None:
    """Of 100 bytes of content each, with 49 of a head, three fit into 450: what was not read for longest goes."""
    monkeypatch.setattr(cache, "MOST", 450)
    monkeypatch.setattr(cache, "LARGEST", 100)
    for number in range(3):
        cache.write(f"{number}", [bytes(100)])
        os.utime(own_cache / f"{number}", (number, number))
    assert cache.read("0") is not None
    cache.write("3", [bytes(50), bytes(50)])
    assert sorted(file.name for file in own_cache.iterdir()) == ["0", "2", "3"]
    cache.write("large", [bytes(101)])
    assert cache.read("large") is None
    assert cache.read("3") == bytes(100)


def test_two_processes_at_once(tmp_path: Path, own_cache: Path) -> None:
    """Both write the same files, and what stays is whole."""
    name = paint(tmp_path / "set")
    script = (
        "import sys, torch; from collapse_cli import data; from collapse_cli.data import surveyed, on_demand; "
        "surveyed.SETTLED, on_demand.WORTH = -60.0, 1; data.load(sys.argv[1], 'all')\n"
        "with surveyed.as_needed(): images = data.load(sys.argv[1], 'all')\n"
        "on_demand.prepare(images, torch.arange(30)); print(int(images.pixels[torch.arange(30)].long().sum()))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    sums = {process.communicate(timeout=120)[0].strip() for process in both}
    expected = int(torch.as_tensor(data.load(name, "all").pixels)[:30].long().sum())
    assert sums == {str(expected)}
    assert all(cache.read(file.name) is not None for file in own_cache.iterdir())
    assert {file.suffix for file in own_cache.iterdir()} == {".survey", ".pixels"}
