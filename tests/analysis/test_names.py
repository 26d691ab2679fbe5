"""What inputs of a comparison are called: as short as tells them apart, and the same everywhere."""

from __future__ import annotations

import pytest

from collapse_cli.analysis.names import of_groups, of_paths


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/data/x/first.npy", "/data/y/second.npy"], ["first.npy", "second.npy"]),
        (["runs/a/rows.npy", "runs/b/rows.npy"], ["a", "b"]),
        (["runs/a/rows.npy", "runs/b/rows.npy", "c.npy"], ["a/rows.npy", "b/rows.npy", "c.npy"]),
        (["x/a/1/rows.npy", "x/b/1/rows.npy"], ["a", "b"]),
        (["a/rows.npy", "rows.npy"], ["a/rows.npy", "rows.npy"]),
        (["/data/rows.npy"], ["rows.npy"]),
        (["pixels:digits", "array 2"], ["pixels:digits", "array 2"]),
        (["rows.npy", "rows.npy"], ["rows.npy", "rows.npy"]),
    ],
    ids=["their files", "their folders", "some share", "folders above", "one within", "one", "no paths", "twins"],
)  # fmt: skip
def test_a_path_is_called_by_what_tells_it_from_the_others(paths: list[str], names: list[str]) -> None:
    assert of_paths(paths) == names


def test_runs_are_called_by_their_settings_and_all_else_by_its_path() -> None:
    settings = [{"method": "moco"}, {}, {}]
    facts = [{"path": "runs/1"}, {"path": "data/a.npy"}, {"path": "sets/all.npy", "part": "train"}]
    assert of_groups(settings, facts) == ["moco", "a.npy", "train"]


def test_no_file_takes_the_name_of_a_group() -> None:
    assert of_groups([{"method": "moco"}, {}], [{"path": "runs/1"}, {"path": "data/moco"}]) == ["moco", "data/moco"]  # fmt: skip
