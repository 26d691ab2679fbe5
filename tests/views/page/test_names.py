"""A page has base names alone: no folder of an input, in whatever form it was written, and nothing else is changed."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_cli.views.page.names import base_names, renaming
from tests.documents import answer

LETTERS = "abcXYZ019 _-.é'(){}$&;:=,\"ø日"
names = st.text(LETTERS, min_size=1, max_size=8).filter(
    lambda name: name.strip(". ~") != "" and name == name.strip()
)
folders = st.lists(names, min_size=2, max_size=4).map(lambda parts: "/" + "/".join(parts))
FREE = [
    "accuracy, 1/classes",
    "images/s",
    "std·√D / 1",
    "h/z and z/h",
    "https://example.org/a/b.html?q=/c/d",
    "Wang & Isola 2020, arXiv:2005.10242",
    "pixels:digits",
    "digits/train",
    "</script><img src=x onerror=alert(1)>",
    "sum |v|^2 / (N sum |v|^4)",
    "a ratio of 1:2 \\ 3",
    "torch.nn.Linear",
    "2026/01/02 12:00",
    "~ 3 of 4",
]


def page(paths: list[str], texts: list[str], argv: list[str] | None = None) -> dict[str, Any]:
    """A document about these inputs that warns of these texts."""
    inputs = [{"path": path, "sha256": str(n)} for n, path in enumerate(paths)]
    return answer("spectrum", [], argv=argv or ["spectrum", *paths], inputs=inputs, warnings=texts)


def sentences(path: str) -> list[str]:
    """Where a path stands in a document."""
    return [
        f"{path}: 3 of 4 images are left out",
        f"collapse diagnose {shlex.quote(path)} --all",
        f"read from {path}/results",
        f"see ({path}).",
        f"--labels={shlex.quote(path)}",
        f"folder:{path}",
    ]


@given(folders, names)
def test_no_folder_of_an_input_survives(folder: str, name: str) -> None:
    path = f"{folder}/{name}"
    whole = json.dumps(base_names([page([path], sentences(path))]), ensure_ascii=False)
    assert folder not in whole
    assert json.dumps(folder, ensure_ascii=False)[1:-1] not in whole


@given(st.lists(folders, min_size=1, max_size=3, unique=True), names)
def test_a_second_time_changes_nothing(places: list[str], name: str) -> None:
    paths = [f"{place}/{name}" for place in places]
    once = base_names([page(paths, [text for path in paths for text in sentences(path)])])
    assert base_names(once) == once


@given(st.lists(folders, min_size=2, max_size=4, unique=True), names)
def test_inputs_keep_names_of_their_own(places: list[str], name: str) -> None:
    """By the shortest ending that no other has: found here by trying all lengths."""
    paths = [f"{place}/{name}" for place in places]
    (document,) = base_names([page(paths, [])])
    shown = [facts["path"] for facts in document["inputs"]]
    assert len(set(shown)) == len(paths)
    for path, ending in zip(paths, shown, strict=True):
        parts = path.strip("/").split("/")
        length = ending.count("/") + 1
        assert "/".join(parts[-length:]) == ending
        shorter = [other.strip("/").split("/")[1 - length :] for other in paths] if length > 1 else []
        assert length == 1 or shorter.count(parts[1 - length :]) > 1


@given(st.text(max_size=60))
def test_any_text_is_settled_at_once(text: str) -> None:
    change = renaming([page(["/home/me/runs/moco"], [])])
    assert change(change(text)) == change(text)


@given(st.lists(st.sampled_from(FREE), max_size=4))
def test_other_texts_are_as_they_were(texts: list[str]) -> None:
    (document,) = base_names([page(["/home/me/runs/moco"], texts)])
    assert document["warnings"] == texts


@given(st.text(st.characters(exclude_characters="/\\~")))
def test_a_text_without_a_separator_is_as_it_was(text: str) -> None:
    assert renaming([page(["/home/me/runs/moco", "rows.npy"], [])])(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/me/runs/moco/results: damaged", "moco/results: damaged"),
        ("written to /var/data/set.csv, and to /var/log/x", "written to set.csv, and to x"),
        ("--out=/a/b/c.html", "--out=c.html"),
        ("folder:/a/b/images/train", "folder:train"),
        (r"C:\Users\me\rows.npy is missing", "rows.npy is missing"),
        (r"\\server\share\rows.npy", "rows.npy"),
        ("C:/Users/me/rows.npy", "rows.npy"),
        ("file:///home/me/x.npy", "x.npy"),
        ("~/set/images and ~me/other/x.npy", "images and x.npy"),
        ("'/a/b/c.npy'", "'c.npy'"),
        ("/a", "/a"),
        ("/home/me/runs/moco-2 is another", "moco-2 is another"),
    ],
)
def test_paths_in_sentences(text: str, shown: str) -> None:
    assert renaming([page(["/home/me/runs/moco"], [])])(text) == shown


def test_a_relative_path_is_changed_where_it_stands() -> None:
    """As given, absolute, and behind `./`; not within another name."""
    texts = [f"runs/moco: old; ./runs/moco and {os.path.abspath('runs/moco')}; myruns/moco, runs/moco.npz"]
    (document,) = base_names([page(["runs/moco"], texts)])
    assert document["warnings"] == ["moco: old; moco and moco; myruns/moco, runs/moco.npz"]


def test_a_name_that_is_only_a_word_stays_one() -> None:
    """`results` and `.` are inputs in the folder that one is in, and any word of a sentence."""
    texts = ["results are in results. The end."]
    (document,) = base_names([page(["results", "."], texts)])
    assert document["warnings"] == texts
    assert [facts["path"] for facts in document["inputs"]] == ["results", Path.cwd().name]


def test_other_files_of_an_input() -> None:
    """With blanks in their names, which no sentence delimits."""
    path, labels, dataset = "/a/b/x.npy", "/my data/two words/l.csv", "folder:/my data/two words"
    facts = {"path": path, "labels": labels, "options": {"dataset": dataset, "seed": 0}}
    text = f"labels: the rows of {labels}, in order; images of {dataset}"
    argv = ["spectrum", path, "--dataset", dataset, f"--labels={labels}"]
    (document,) = base_names([answer("spectrum", [], argv=argv, inputs=[facts], warnings=[text])])
    assert document["warnings"] == ["labels: the rows of l.csv, in order; images of folder:two words"]
    assert document["inputs"] == [
        {"path": "x.npy", "labels": "l.csv", "options": {"dataset": "folder:two words", "seed": 0}}
    ]
    assert document["argv"] == ["spectrum", "x.npy", "--dataset", "folder:two words", "--labels=l.csv"]


def test_documents_of_one_page_agree() -> None:
    """One that covers one of two inputs alone calls it as the other does; the same run measured elsewhere is the same."""
    both, alone = page(["/x/a/checkpoint.pt", "/x/b/checkpoint.pt"], []), page(["/x/b/checkpoint.pt"], [])
    alone["inputs"][0]["sha256"] = both["inputs"][1]["sha256"]
    assert base_names([both, alone])[1]["inputs"][0]["path"] == "b/checkpoint.pt"
    now, earlier = page(["/now/run"], []), page(["/before/run"], ["/before/run: old"])
    shown = base_names([now, earlier])
    assert [document["inputs"][0]["path"] for document in shown] == ["run", "run"]
    assert shown[1]["warnings"] == ["run: old"]


def test_the_documents_are_left_alone() -> None:
    document = page(["/x/y/rows.npy"], ["/x/y/rows.npy: bad"])
    before = json.dumps(document)
    base_names([document])
    assert json.dumps(document) == before
