from __future__ import annotations

import pwd
import shlex
from pathlib import Path

import pytest
import torch
from PIL import Image

from collapse_cli import data
from collapse_cli.errors import CollapseError

FETCHED = [name for name in data.NAMES if name != "digits"]


def test_data_root_argument_before_environment_before_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLLAPSE_DATA_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data.data_root(None) == tmp_path / ".cache/collapse"
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data.data_root(None) == Path("/cache/collapse")
    monkeypatch.setenv("COLLAPSE_DATA_DIR", "/environment")
    assert data.data_root(None) == Path("/environment")
    assert data.data_root("/argument") == Path("/argument")
    assert data.data_root("~/mine") == tmp_path / "mine"


def test_who_has_no_home_keeps_data_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLLAPSE_DATA_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a user that only a container knows, by number
    assert data.data_root(None) == Path(".cache/collapse")
    assert len(data.load("digits")) > 0
    assert data.data_root("/argument") == Path("/argument")
    with pytest.raises(CollapseError, match="no home"):
        data.data_root("~/mine")


@pytest.mark.parametrize("name", FETCHED)
def test_absent_data_is_named_and_not_fetched(name: str, tmp_path: Path, unplugged: list[str]) -> None:
    with pytest.raises(CollapseError) as caught:
        data.load(name, data_dir=tmp_path)
    assert name in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert all(word in caught.value.hint for word in ("--download", "--data-dir", "digits"))
    assert unplugged == []


@pytest.mark.parametrize("name", FETCHED)
def test_a_failed_download_is_told_in_a_sentence(
    name: str, tmp_path: Path, unplugged: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CollapseError, match=f"{name} could not be downloaded") as caught:
        data.load(name, data_dir=tmp_path, download=True)
    assert str(tmp_path) in caught.value.hint
    assert unplugged != []
    assert capfd.readouterr() == ("", "")


def test_digits_need_neither_folder_nor_network(tmp_path: Path, unplugged: list[str]) -> None:
    assert len(data.load("digits", data_dir=tmp_path / "nowhere")) == 1347
    assert unplugged == []


def test_unknown_name_and_split_get_the_nearest() -> None:
    with pytest.raises(CollapseError, match="no data set named 'fashionmnist'") as caught:
        data.load("fashionmnist")
    assert "'fashion_mnist'" in caught.value.hint
    with pytest.raises(CollapseError, match="no split named 'tests'") as caught:
        data.load("digits", "tests")
    assert "'test'" in caught.value.hint


def test_a_scheme_without_a_path_is_unknown() -> None:
    with pytest.raises(CollapseError) as caught:
        data.load("folder:")
    assert "folder:PATH" in caught.value.hint


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (4, 4), (7, 7, 7)).save(tmp_path / "mine/a.png")
    assert torch.equal(torch.as_tensor(data.load("folder:~/mine", "all").pixels), torch.full((1, 3, 4, 4), 7))


@pytest.mark.parametrize(
    ("scheme", "name"), [("folder", "my imgs"), ("parquet", "shards"), ("parquet", "a.parquet")]
)
def test_a_path_without_its_scheme_is_told_how_to_be_named(
    scheme: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("my imgs", "shards"):
        Path(folder).mkdir()
    for file in ("shards/1.parquet", "a.parquet"):
        Path(file).touch()
    with pytest.raises(CollapseError, match=r"but a (folder|file) of this name is there") as caught:
        data.load(name)
    assert shlex.split(caught.value.hint)[1:] == ["--dataset", f"{scheme}:{name}"]
