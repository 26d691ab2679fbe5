"""Which columns are the rows: the rule by itself, on names and kinds; and that every format keeps to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy
import pyarrow
import pytest
from pyarrow import csv, feather, parquet

from collapse_cli.errors import CollapseError
from collapse_cli.runs.columns import Choice, choose
from collapse_cli.runs.families import Column
from collapse_cli.runs.source import Source

PATH = Path("e.csv")


def columns(text: str) -> list[Column]:
    """`x` is a column of numbers, `[x]` one of lists, `[#x]` of lists of whole numbers, `"x"` of words."""
    made = []
    for name in text.split():
        if name.startswith("["):
            made.append(Column(name.strip("[#]"), "list", whole="#" in name))
        elif name.startswith('"'):
            made.append(Column(name.strip('"'), "other", classes=True))
        else:
            made.append(Column(name, "number", whole=True, classes=True))
    return made


def chosen(text: str, wanted: str = "", ragged: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Names of the rows, and of what is left out."""
    made = columns(text)
    found: Choice = choose(made, wanted, PATH, lambda place: made[place].name in ragged)
    return [made[place].name for place in found.spaces["rows"]], list(found.aside)


@pytest.mark.parametrize(
    ("text", "rows", "aside"),
    [
        ("item_id timestamp emb_0 emb_1 emb_2 width", "emb_0 emb_1 emb_2", "item_id timestamp width"),
        ("dim_002 dim_000 dim_001", "dim_000 dim_001 dim_002", ""),
        ("9 10 0 1 2 3 4 5 6 7 8 user", "0 1 2 3 4 5 6 7 8 9 10", "user"),
        ("x1 x2 x3 y", "x1 x2 x3", "y"),
        ("f[0] f[1] loss", "f[0] f[1]", "loss"),
        ("layer4_emb_0 layer4_emb_1 layer4_loss", "layer4_emb_0 layer4_emb_1", "layer4_loss"),
        ('id [embedding] "caption" width height', "embedding", "id caption width height"),
        ("[embedding] [#input_ids] [#attention_mask]", "embedding", "input_ids attention_mask"),
        ("[vector] [bbox] tsne_0 tsne_1", "vector", "bbox tsne_0 tsne_1"),
        ("emb_0 emb_1 tsne_0 tsne_1", "emb_0 emb_1", "tsne_0 tsne_1"),
        ("score emb_0 emb_1 score", "emb_0 emb_1", "score score"),
    ],
)  # fmt: skip
def test_what_is_clear(text: str, rows: str, aside: str) -> None:
    assert chosen(text) == (rows.split(), aside.split())


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("a0 a1 b0 b1", "2 columns, a0 to a1; 2 columns, b0 to b1", "--column a or --column b"),
        ("[image] [text]", "the column image; the column text", "--column image or --column text"),
        ("[h] x0 x1", "the column h; 2 columns, x0 to x1", "--column h or --column x"),
        ("[image_embedding] [text_embedding]", "the column image_embedding; the column text_embedding", "--column"),
        ("x y z", "its columns of numbers are: x, y, z", "--column x,y,z"),
        ("item_id timestamp", "its columns of numbers are: item_id, timestamp", "--column item_id,timestamp"),
        ("width", "its columns of numbers are: width", "--column width"),
        ("emb_0 emb_1 emb_3", "3 columns, emb_0 to emb_3, without emb_2", "--column emb"),
        ("sales_2019 sales_2020", "without sales_0", "--column sales"),
        ("a_0 a_1 a0 a1", "2 columns, a_0 to a_1; 2 columns, a0 to a1", "--column a_0 or --column a0"),
        ('"url" id', "no column of numbers; its columns are: url, id", "a column of lists"),
        (" ".join("abcdefghij"), "a, b, c, d, e, f, g, h and 2 more", "--column '*'"),
    ],
)  # fmt: skip
def test_what_is_not_clear_names_the_candidates_and_what_to_type(text: str, said: str, hint: str) -> None:
    with pytest.raises(CollapseError) as caught:
        chosen(text)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("emb", "emb_0 emb_1"),
        ("emb_", "emb_0 emb_1"),
        ("emb_1", "emb_0 emb_1"),
        ("list", "list"),
        ("x,y", "x y"),
        ("y, x", "y x"),
        ("x", "x"),
        ("0", "0 2"),
        ("emb*", "emb_0 emb_1"),
        ("*", "emb_0 emb_1 x y 0 2"),
        ("year,x", "year x"),
    ],
)
def test_what_was_asked_for(wanted: str, rows: str) -> None:
    """A stem, any column that shares it, a column of lists, columns between commas, and * as in a shell."""
    text = 'id emb_0 emb_1 [list] x y 0 2 "url" label year'.replace("year", "label_of_year")
    wanted, rows = wanted.replace("year", "label_of_year"), rows.replace("year", "label_of_year")
    expected = rows.split() + (["label_of_year"] if wanted == "*" else [])
    assert chosen(text, wanted)[0] == expected


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("emd", "did you mean 'emb'"),
        ("url", "the column url contains no numbers"),
        ("x,q", "no column 'q' of numbers"),
    ],
)
def test_what_is_not_there(wanted: str, said: str) -> None:
    with pytest.raises(CollapseError) as caught:
        chosen('emb_0 emb_1 x "url"', wanted)
    assert said in str(caught.value)


def test_lists_of_several_lengths_are_left_out_where_that_decides() -> None:
    assert chosen("[a] [b]", ragged="a") == (["b"], ["a"])
    assert chosen("[a]", ragged="a") == (["a"], [])


def test_names_that_stand_for_two_columns() -> None:
    with pytest.raises(CollapseError, match="2 columns are called 'emb_1'"):
        chosen("emb_0 emb_1 emb_1")
    with pytest.raises(CollapseError, match="2 columns are called 'label'"):
        chosen("emb_0 emb_1 label label")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("class label x0 x1", "label"),
        ("x0 x1 target", "target"),
        ('x0 x1 "Category"', "Category"),
        ("x0 x1 y", None),
    ],
)
def test_labels_by_their_name(text: str, label: str | None) -> None:
    made = columns(text)
    place = choose(made, "", PATH).label
    assert (None if place is None else made[place].name) == label
    assert choose(made, "x0,x1", PATH).label == place


def test_hostile_names() -> None:
    """Digits without end, a number that leaves a gap of a billion, a megabyte of one letter: told at once."""
    many = [
        Column(name, "number")
        for name in ("1" * 5000, "emb_0", "emb_999999999", "a" * (1 << 20), "7" * (1 << 20))
    ]
    with pytest.raises(CollapseError, match="without emb_1"):
        choose(many, "", PATH)


ROWS = numpy.arange(24).reshape(6, 4) / 7
TABLE = {
    "item_id": pyarrow.array(range(6)),
    **{f"emb_{n}": pyarrow.array(ROWS[:, n]) for n in (2, 0, 3, 1)},
    "pc_0": pyarrow.array(ROWS[:, 0]),
    "pc_1": pyarrow.array(ROWS[:, 1]),
    "width": pyarrow.array([640] * 6),
    "caption": pyarrow.array(list("abcdef")),
    "label": pyarrow.array(list("ppqqrr")),
}


def as_csv(table: pyarrow.Table, path: Path) -> None:
    csv.write_csv(table, path, csv.WriteOptions(delimiter="\t" if path.suffix == ".tsv" else ","))


def as_lines(table: pyarrow.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


WRITERS: dict[str, Callable[[pyarrow.Table, Path], None]] = {
    "e.csv": as_csv,
    "e.tsv": as_csv,
    "e.jsonl": as_lines,
    "e.ndjson": as_lines,
    "e.parquet": lambda table, path: parquet.write_table(table, path, row_group_size=4),
    "e.feather": lambda table, path: feather.write_feather(table, str(path), chunksize=4),
    "e.arrow": lambda table, path: feather.write_feather(table, str(path), compression="uncompressed"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_rule_in_every_format(name: str, tmp_path: Path) -> None:
    """The family whose name says so, in the order of its counter; --column takes another; where none says, both are named."""
    WRITERS[name](pyarrow.table(TABLE), tmp_path / name)
    found = Source(tmp_path / name).content
    assert numpy.array_equal(found.rows["rows"].numpy(), ROWS)
    assert found.aside == ("item_id", "pc_0", "pc_1", "width", "caption")
    assert (found.labels.tolist(), found.classes) == ([0, 0, 1, 1, 2, 2], ("p", "q", "r"))
    assert found.assumed[0] == "embeddings: 4 columns, emb_0 to emb_3"
    other = Source(tmp_path / name, "pc").content
    assert numpy.array_equal(other.rows["rows"].numpy(), ROWS[:, :2])
    two = {"q1": TABLE["pc_1"], "pc_0": TABLE["pc_0"], "pc_1": TABLE["pc_1"], "q0": TABLE["pc_0"]}
    WRITERS[name](pyarrow.table(two), tmp_path / name)
    with pytest.raises(CollapseError, match="q0 to q1; 2 columns, pc_0 to pc_1"):
        _ = Source(tmp_path / name).content


@pytest.mark.parametrize("name", ["e.jsonl", "e.parquet", "e.feather", "e.arrow"])
def test_one_column_of_lists_in_every_format(name: str, tmp_path: Path) -> None:
    lists = {"id": TABLE["item_id"], "embedding": list(ROWS), "tokens": [[1.5] * n for n in range(1, 7)]}
    WRITERS[name](pyarrow.table(lists), tmp_path / name)
    found = Source(tmp_path / name).content
    assert numpy.array_equal(found.rows["rows"].numpy(), ROWS)
    assert (found.aside, found.chosen) == (("id", "tokens"), "the column embedding")
    with pytest.raises(CollapseError, match="numbers"):
        _ = Source(tmp_path / name, "tokens").content


@pytest.mark.parametrize("name", WRITERS)
def test_a_column_called_class_is_labels_where_a_class_has_several_samples(name: str, tmp_path: Path) -> None:
    rows = {f"x{n}": ROWS[:, n] for n in range(4)}
    WRITERS[name](pyarrow.table({**rows, "class": [3, 3, 4, 4, 5, 5]}), tmp_path / name)
    found = Source(tmp_path / name).content
    assert (found.labels.tolist(), found.classes) == ([0, 0, 1, 1, 2, 2], ("3", "4", "5"))
    assert "labels: the column class" in found.assumed
    WRITERS[name](pyarrow.table({**rows, "class": range(6)}), tmp_path / name)
    assert (Source(tmp_path / name).content.labels, Source(tmp_path / name).content.aside) == (
        None,
        ("class",),
    )


@pytest.mark.parametrize("name", ["e.jsonl", "e.parquet", "e.feather"])
@pytest.mark.parametrize("label", [[["a"], ["a", "b"], []] * 2, [{"name": "a"}] * 6, [[1, 2]] * 6], ids=str)
def test_a_label_that_is_no_word_or_number_is_left_out(
    name: str, label: list[object], tmp_path: Path
) -> None:
    """Several tags for a row, or an object, are no class."""
    WRITERS[name](pyarrow.table({"embedding": list(ROWS), "label": label}), tmp_path / name)
    found = Source(tmp_path / name).content
    assert (found.labels, found.aside, found.rows["rows"].shape) == (None, ("label",), (6, 4))


def test_a_price_with_a_comma_is_a_word(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text('x0,x1,views\n1,2,"1,234"\n3,4,"5,678"\n')
    assert Source(tmp_path / "e.csv").content.aside == ("views",)
