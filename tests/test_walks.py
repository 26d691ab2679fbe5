"""Each folder is read once, whatever links lead to it; what lies in a folder stays there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collapse_cli import walks
from collapse_cli.errors import CollapseError
from collapse_cli.progress import told_to
from collapse_cli.walks import Walk, folders_in, of_the_system, once


def made(root: Path, *files: str) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(walk: Walk) -> list[str]:
    return sorted("/".join(parts) for parts in walk)


def told(places: list[walks.Parts]) -> list[str]:
    return sorted("/".join(parts) for parts in places)


def test_files_stay_where_they_lie(tmp_path: Path) -> None:
    """A link whose name comes first takes nothing from the folder that it leads to."""
    made(tmp_path, "cat/1", "dog/deep/2")
    (tmp_path / "ant").symlink_to("cat")
    (tmp_path / "cat/zoo").symlink_to("../dog")
    walk = Walk(tmp_path)
    assert names(walk) == ["cat/1", "dog/deep/2"]
    assert (told(walk.again), walk.folders) == (["ant", "cat/zoo"], 4)


@pytest.mark.parametrize("target", [".", "..", "../..", "../../..", "/", "../dog", "loop"])
def test_loops_end(tmp_path: Path, target: str) -> None:
    """To itself, to the folder, to what it lies in, to a sibling that leads back."""
    root = made(tmp_path / "above/set", "cat/1", "dog/2")
    made(tmp_path / "above", "beside/3")
    (root / "cat/loop").symlink_to(target)
    (root / "dog/loop").symlink_to("../cat")
    assert [name for name in names(Walk(root)) if "loop" not in name] == ["cat/1", "dog/2"]
    assert len(names(Walk(root))) == 2 + (
        target == "loop"
    )  # a link to itself is a file that cannot be opened


def test_a_folder_elsewhere_is_followed_once_and_not_beyond(tmp_path: Path) -> None:
    """far/home leads back into the set, far/up to what far lies in."""
    made(tmp_path, "set/dog/1", "far/2", "far/deep/3")
    (tmp_path / "set/cat").symlink_to(tmp_path / "far")
    (tmp_path / "set/cow").symlink_to(tmp_path / "far")
    (tmp_path / "far/home").symlink_to(tmp_path / "set")
    (tmp_path / "far/up").symlink_to(tmp_path)
    walk = Walk(tmp_path / "set")
    assert names(walk) == ["cat/2", "cat/deep/3", "dog/1"]
    assert told(walk.again) == ["cat/home", "cat/up", "cow"]


def test_links_to_a_folder_and_to_one_in_it(tmp_path: Path) -> None:
    """The more exact link has the inner folder, in whichever order they are named."""
    made(tmp_path, "far/1", "far/deep/2")
    for outer, inner in (("a", "b"), ("b", "a")):
        root = tmp_path / f"set {outer}"
        root.mkdir()
        (root / outer).symlink_to(tmp_path / "far")
        (root / inner).symlink_to(tmp_path / "far/deep")
        walk = Walk(root)
        assert names(walk) == sorted([f"{outer}/1", f"{inner}/2"])
        assert told(walk.again) == [f"{outer}/deep"]


def test_many_links_in_a_circle_do_not_multiply(tmp_path: Path) -> None:
    """Eight folders that link to all others: followed naively they are 8! ways."""
    made(tmp_path, *(f"{n}/file" for n in range(8)))
    for n in range(8):
        for other in range(8):
            (tmp_path / f"{n}/to{other}").symlink_to(f"../{other}")
    walk = Walk(tmp_path)
    assert len(names(walk)) == 8
    assert len(walk.again) == 64


def test_hidden_ones_are_passed_over_and_linked_files_are_told(tmp_path: Path) -> None:
    made(tmp_path, "1", ".2", ".git/3")
    (tmp_path / "link").symlink_to("1")
    walk = Walk(tmp_path)
    assert (names(walk), walk.links) == (["1", "link"], [("link",)])


def test_a_folder_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "1", "shut/2")
    scan = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(walks.os, "scandir", refusing)
    walk = Walk(tmp_path)
    assert (names(walk), walk.closed) == (["1"], [("shut",)])
    with pytest.raises(CollapseError, match=r"shut cannot be read \(Permission denied\)"):
        list(Walk(tmp_path / "shut"))


def test_a_path_that_becomes_too_long_is_told(tmp_path: Path) -> None:
    """Folders in folders, deeper than a path may be long."""
    home = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(24):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    finally:
        os.chdir(home)
    walk = Walk(tmp_path)
    assert names(walk) == []
    assert len(walk.closed) == 1
    assert walk.folders < 24


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_the_systems_own_folders_are_refused_and_not_followed(tmp_path: Path) -> None:
    made(tmp_path, "1")
    for name, target in (("a", "/proc"), ("b", "/proc/self/task"), ("c", "/sys"), ("d", "/dev")):
        (tmp_path / name).symlink_to(target)
    walk = Walk(tmp_path)
    assert (names(walk), told(walk.closed)) == (["1"], ["a", "b", "c", "d"])
    for path in ("/proc/self", "/sys", "/dev"):
        with pytest.raises(CollapseError, match="operating system"):
            list(Walk(Path(path)))
    assert not of_the_system("/dev/shm/images")
    assert not of_the_system("/process")


def test_a_long_walk_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "MANY", 2)
    lines: list[str] = []
    with told_to(lambda text, done=0, total=0: lines.append(text)):
        list(Walk(made(tmp_path, "1", "2", "3", "4", "5")))
    assert [line.split()[0] for line in lines] == ["2", "4"]


def test_folders_in_a_folder_are_each_there_once(tmp_path: Path) -> None:
    made(tmp_path, "cat/1", "dog/2", ".hid/3", "file")
    for name, target in (("ant", "cat"), ("back", "."), ("up", ".."), ("none", "nowhere")):
        (tmp_path / name).symlink_to(target)
    assert [each.name for each in folders_in(tmp_path)] == ["cat", "dog"]
    assert folders_in(tmp_path / "nowhere") == []


def test_a_file_goes_before_links_to_it(tmp_path: Path) -> None:
    made(tmp_path, "b", "x/c")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "d").symlink_to("x/c")
    (tmp_path / "e").symlink_to("d")
    assert [path.name for path in once(sorted(tmp_path.iterdir()))] == ["b", "d", "x"]
