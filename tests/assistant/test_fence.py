"""Ways out of the folder, one test each: all end in a sentence that names the path, and in no measurement."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet
from safetensors.torch import save_file

from collapse_cli import fence
from collapse_cli.errors import CollapseError

from .conftest import Ask

MODULES = (("Transformer", ""), ("Dense", ".hidden"))


def refused(said: dict[str, Any], *words: str) -> str:
    """The error, which has these words and a remedy, and is none of ours."""
    text: str = said.get("error", "")
    assert text, said.get("text")
    assert "internal" not in text
    assert "Traceback" not in text
    assert "\n  " in text
    for word in words:
        assert word in text, text
    return text


def test_what_lies_inside_is_measured(ask: Ask) -> None:
    assert ask("diagnose", inputs=["e.npy"])["text"].startswith("✓ Healthy.")


def test_the_data_folder_is_inside(ask: Ask, folder: Path) -> None:
    shutil.copy("e.npy", folder.parent / "data" / "d.npy")
    assert "text" in ask("diagnose", inputs=[str(folder.parent / "data" / "d.npy")])


@pytest.mark.parametrize("tool", ["inspect", "diagnose", "check", "compare"])
def test_upwards(ask: Ask, tool: str) -> None:
    given = (
        {"input": "../outside/secret.npy"}
        if tool == "inspect"
        else {"inputs": ["e.npy", "../outside/secret.npy"]}
    )
    refused(ask(tool, **given), "../outside/secret.npy lies outside of", "start it in a folder above")


def test_absolute(ask: Ask, folder: Path) -> None:
    refused(ask("diagnose", inputs=["/etc/passwd"]), "/etc/passwd lies outside of")
    refused(ask("inspect", input=str(folder.parent / "outside" / "secret.npy")), "lies outside of")


def test_a_folder_whose_name_begins_alike(ask: Ask, folder: Path) -> None:
    """work-2 is not within work."""
    shutil.copytree(folder, folder.parent / "work-2")
    refused(ask("diagnose", inputs=["../work-2/e.npy"]), "lies outside of")


def test_a_link_to_a_file(ask: Ask, folder: Path) -> None:
    (folder / "link.npy").symlink_to(folder.parent / "outside" / "secret.npy")
    refused(ask("diagnose", inputs=["link.npy"]), "link.npy lies outside of")


def test_a_link_to_a_folder(ask: Ask, folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "outside")
    refused(ask("diagnose", inputs=["link/secret.npy"]), "link/secret.npy lies outside of")
    refused(ask("diagnose", inputs=["link"]), "link lies outside of")


def test_a_link_within_a_folder_of_embeddings(ask: Ask, folder: Path) -> None:
    (folder / "set").mkdir()
    shutil.copy("e.npy", "set/a.npy")
    (folder / "set" / "b.npy").symlink_to(folder.parent / "outside" / "secret.npy")
    refused(ask("diagnose", inputs=["set"]), "set/b.npy is a link out of")


def test_a_link_within_a_folder_that_a_link_leads_to(ask: Ask, folder: Path) -> None:
    """The first link stays inside, the second does not."""
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "b.npy").symlink_to(folder.parent / "outside" / "secret.npy")
    (folder / "set").mkdir()
    shutil.copy("e.npy", "set/a.npy")
    (folder / "set" / "more").symlink_to(folder / "deep")
    refused(ask("diagnose", inputs=["set"]), "b.npy is a link out of")


def test_links_in_a_circle_end(ask: Ask, folder: Path) -> None:
    (folder / "set").mkdir()
    shutil.copy("e.npy", "set/a.npy")
    (folder / "set" / "again").symlink_to(folder / "set")
    assert "text" in ask("diagnose", inputs=["set"])


def test_a_link_within_a_folder_of_images(ask: Ask, folder: Path) -> None:
    for name in ("images/a", "images/b"):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / name / "1.png")
    Image.new("RGB", (8, 8)).save(folder.parent / "outside" / "2.png")
    (folder / "images" / "b" / "2.png").symlink_to(folder.parent / "outside" / "2.png")
    for said in (ask("inspect", input="images"), ask("inspect", input="folder:images")):
        refused(said, "b/2.png is a link out of")


def test_images_that_a_table_names(ask: Ask, folder: Path) -> None:
    """A column of paths leads to files; one that leads out is no image that cannot be read, but refused."""
    Image.new("RGB", (8, 8)).save(folder.parent / "outside" / "1.png")
    names = pyarrow.array(["../outside/1.png", "../outside/1.png"])
    parquet.write_table(pyarrow.table({"image": names}), folder / "t.parquet")
    refused(
        ask("diagnose", inputs=["pixels:parquet:t.parquet"], image_column="image"), "1.png lies outside of"
    )
    skipped = ask("diagnose", inputs=["pixels:parquet:t.parquet"], image_column="image", skip_broken=True)
    refused(skipped, "1.png lies outside of")


def test_a_split_that_links_out(ask: Ask, folder: Path) -> None:
    """DIR/train names train-….parquet, which pyarrow opens without Python's knowing."""
    table = pyarrow.table({"emb": pyarrow.array([[1.0, 2.0]] * 30)})
    parquet.write_table(table, folder.parent / "outside" / "x.parquet")
    (folder / "tables").mkdir()
    (folder / "tables" / "train-00000-of-00001.parquet").symlink_to(folder.parent / "outside" / "x.parquet")
    refused(ask("diagnose", inputs=["tables/train"]), "is a link out of")


@pytest.mark.parametrize("name", ["labels", "groups", "views_of", "second"])
def test_every_argument_that_is_a_file(ask: Ask, name: str) -> None:
    refused(
        ask("diagnose", inputs=["e.npy"], **{name: "../outside/labels.csv"}),
        "../outside/labels.csv lies outside of",
    )


@pytest.mark.parametrize(
    "dataset", ["folder:../outside", "text:../outside/labels.csv#label", "parquet:/tmp", "../outside"]
)
def test_every_kind_of_data_set(ask: Ask, dataset: str) -> None:
    refused(ask("diagnose", inputs=["e.npy"], dataset=dataset), "lies outside of")
    refused(ask("compare", inputs=["e.npy", "c.npy"], dataset=["digits", dataset]), "lies outside of")
    refused(ask("diagnose", inputs=[f"pixels:{dataset}"]), "lies outside of")


def test_a_baseline(ask: Ask, folder: Path) -> None:
    refused(
        ask("check", inputs=["e.npy"], baseline="../outside/secret.npy"),
        "../outside/secret.npy lies outside of",
    )
    (folder / "pyproject.toml").write_text('[tool.collapse.check]\nbaseline = "../outside/secret.npy"\n')
    refused(ask("check", inputs=["e.npy"]), "outside/secret.npy lies outside of")


def test_a_project_above_is_not_looked_into(ask: Ask, folder: Path) -> None:
    """The folder above has a gate that no input passes, which a terminal would read."""
    (folder.parent / "pyproject.toml").write_text(
        '[tool.collapse.check]\nrequire = ["effective_rank >= 1000"]\n'
    )
    assert ask("check", inputs=["e.npy"])["structured"]["status"] == "passed"


def test_a_project_that_is_a_link_out(ask: Ask, folder: Path) -> None:
    (folder.parent / "outside" / "pyproject.toml").write_text("[tool.collapse.check]\nonly = []\n")
    (folder / "pyproject.toml").symlink_to(folder.parent / "outside" / "pyproject.toml")
    refused(ask("check", inputs=["e.npy"]), "pyproject.toml lies outside of", "start it in a folder above")


def test_a_project_without_end(ask: Ask, folder: Path) -> None:
    (folder / "pyproject.toml").write_text("a = " + "[" * 50_000)
    refused(ask("check", inputs=["e.npy"]), "pyproject.toml is not TOML")


def test_a_run_whose_images_or_labels_lie_elsewhere(ask: Ask, folder: Path) -> None:
    """The checkpoint names them, and no argument does."""
    from collapse_cli.cli import main

    for label in "ab":
        (folder / "images" / label).mkdir(parents=True)
        for number in range(8):
            noise = numpy.random.default_rng(number).integers(0, 255, (8, 8, 3), dtype="uint8")
            Image.fromarray(noise).save(folder / "images" / label / f"{number}.png")
    train = ["train", "moco", "--steps", "1", "--batch", "4", "--queue", "4", "-q", "--dataset"]
    assert main([*train, f"folder:{folder / 'images'}", "--out", "run"]) == 0
    shutil.move(folder / "images", folder.parent / "outside" / "images")
    (folder / "images").symlink_to(folder.parent / "outside" / "images")
    assert "text" in ask("inspect", input="run")
    refused(ask("diagnose", inputs=["run"]), "images lies outside of")
    refused(ask("compare", inputs=["run", "e.npy"]), "images lies outside of")


@pytest.mark.parametrize("home", ["~/x.npy", "~root/x.npy", "folder:~/x", "~"])
def test_a_home(ask: Ask, home: str) -> None:
    refused(ask("diagnose", inputs=["e.npy"], dataset=home), "lies outside of")
    refused(ask("diagnose", inputs=["e.npy"], labels=home), "lies outside of")


@pytest.mark.parametrize(
    "address", ["s3://b/x.npy", "hf://a/b", "https://h/x.npy", "http:/h/x.npy", "gs://b/x", "memory://x.npy"]
)
def test_an_address(ask: Ask, address: str) -> None:
    refused(ask("diagnose", inputs=[address]), "lies elsewhere", "in a terminal")
    refused(ask("inspect", input=address), "lies elsewhere")
    refused(ask("diagnose", inputs=["e.npy"], dataset=f"folder:{address}"), "lies elsewhere")
    refused(ask("diagnose", inputs=["e.npy"], labels=address), "lies elsewhere")


@pytest.mark.parametrize(
    "path", ["//server/share/x.npy", "file:///etc/passwd", "pixels:folder:/etc", "folder:pixels:/etc"]
)
def test_other_ways_to_write_a_path(ask: Ask, path: str) -> None:
    refused(ask("diagnose", inputs=[path]), "lies outside of")


@pytest.mark.parametrize(
    "path", ["\\\\server\\share\\x.npy", "C:\\x.npy", "*.npy", "[ec].npy", "e.np?", "％2e％2e/x.npy"]
)
def test_letters_that_mean_nothing_here(ask: Ask, path: str) -> None:
    """No file is called so: what a shell or another system would make of them is not made."""
    refused(ask("diagnose", inputs=[path]), "there is no file")


def test_letters_that_look_alike(ask: Ask, folder: Path) -> None:
    """A fullwidth full stop, a division slash and a Greek letter are letters of a name, whatever they look like."""
    refused(ask("diagnose", inputs=["．．/outside/secret.npy"]), "there is no file")
    refused(ask("diagnose", inputs=["..∕outside∕secret.npy"]), "there is no file")
    refused(ask("diagnose", inputs=["е.npy"]), "there is no file")


def test_a_zero_and_a_name_without_end(ask: Ask) -> None:
    refused(ask("diagnose", inputs=["e.npy\0.txt"]), "no path may have")
    refused(ask("diagnose", inputs=["a" * 5000]), "too long for a path")
    refused(ask("diagnose", inputs=["a/" * 5000]), "too long for a path")
    assert len(refused(ask("inspect", input="\ud800"))) < 1000


def test_objects_and_pickles_run_nothing(ask: Ask, folder: Path) -> None:
    """Both would write a file, were they unpickled."""

    class Bomb:
        def __reduce__(self) -> Any:
            return Path.write_text, (folder / "ran", "x")

    numpy.save("objects.npy", numpy.array([Bomb()], dtype=object), allow_pickle=True)
    torch.save({"encoder": Bomb()}, "bomb.pt")
    for name in ("objects.npy", "bomb.pt"):
        refused(ask("diagnose", inputs=[name]), name)
        ask("inspect", input=name)
    assert not (folder / "ran").exists()


def test_an_index_that_names_files_elsewhere(ask: Ask, folder: Path) -> None:
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    places = {"weight_map": {"w": "../../outside/secret.npy"}}
    (folder / "model" / "model.safetensors.index.json").write_text(json.dumps(places))
    refused(ask("diagnose", inputs=["model"]), "not an index of weights")


def test_a_module_in_a_hidden_folder(ask: Ask, folder: Path) -> None:
    """In hidden folders no links are looked for, as nothing is read there; so no model may name one."""
    modules = [{"type": f"sentence_transformers.models.{name}", "path": path} for name, path in MODULES]
    for name in ("", ".hidden"):
        (folder / "model" / name).mkdir()
    (folder / "model" / "modules.json").write_text(json.dumps(modules))
    (folder / "model" / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": 8}))
    save_file({"embeddings.word_embeddings.weight": torch.ones(2, 8)}, "model/model.safetensors")
    (folder / "model" / ".hidden" / "model.safetensors").symlink_to(folder.parent / "outside" / "secret.npy")
    for said in (ask("inspect", input="model"), ask("diagnose", inputs=["model"], dataset="text:x.txt")):
        refused(said, "in a hidden one, at '.hidden'")


def test_paths_stay_as_they_are_given(ask: Ask, folder: Path) -> None:
    said = ask("diagnose", inputs=["./e.npy"])
    assert said["structured"]["inputs"][0]["path"] == str(Path("./e.npy"))
    assert str(folder) not in said["text"]


def test_without_a_fence_nothing_is_refused() -> None:
    assert not fence.is_up()
    fence.admit("/etc/passwd")
    assert fence.reaches("/")


def test_the_fence_is_down_after_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(CollapseError, match="lies outside of"),
        fence.within(fence.Fence((str(tmp_path),), "")),
    ):
        fence.admit("/etc/passwd")
    assert not fence.is_up()
