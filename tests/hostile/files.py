"""One small valid file of every kind that the tool reads, each in a folder of its own, with commands that read it."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image

from collapse_cli.cli import main

ROWS, WIDTH = 60, 6
NAMES = [f"e{i}" for i in range(WIDTH)]
IMAGES = 24
TRAIN = (
    *("train", "moco", "--encoder", "mlp", "--queue", "64", "--head-hidden", "8", "--dim", "4"),
    *("--dataset", "folder:images", "--batch", "8", "--split", "all", "--quiet"),
)


@dataclass(frozen=True)
class Sound:
    """A valid input: the files of it that may be damaged, and command lines that read them."""

    kind: str
    files: tuple[str, ...]
    lines: tuple[str, ...]
    checked: bool = False  # whether checksums in the file cover what is measured
    text: str = ""  # json, jsonl, or nothing: whose nodes can be replaced


def rows(seed: int = 0) -> numpy.ndarray:
    """Embeddings (60, 6) in float32."""
    return numpy.random.default_rng(seed).standard_normal((ROWS, WIDTH)).astype("f4")


def labels() -> numpy.ndarray:
    """Three classes, in turn."""
    return numpy.arange(ROWS) % 3


def noise(seed: int, side: int = 16) -> Image.Image:
    """An image of colour."""
    return Image.fromarray(numpy.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype="u1"))


def image_folder(folder: Path, suffix: str = "png", count: int = IMAGES) -> None:
    """Two classes of images, in the folder `images`."""
    for place in range(count):
        path = folder / "images" / "ab"[place % 2] / f"{place}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(place).save(path)


def vit(seed: int = 0) -> dict[str, torch.Tensor]:
    """A vision transformer of one block and 32 dimensions, for images of 16 pixels, by the names that timm gives."""
    shapes = {"attn.qkv": (96, 32), "attn.proj": (32, 32), "mlp.fc1": (128, 32), "mlp.fc2": (32, 128)}
    sizes = {"cls_token": (1, 1, 32), "pos_embed": (1, 17, 32), "patch_embed.proj.weight": (32, 3, 4, 4)}
    sizes |= dict.fromkeys(("patch_embed.proj.bias", "norm.weight", "norm.bias"), (32,))
    sizes |= {f"blocks.0.{name}.{part}": (32,) for name in ("norm1", "norm2") for part in ("weight", "bias")}
    sizes |= {f"blocks.0.{name}.weight": shape for name, shape in shapes.items()}
    sizes |= {f"blocks.0.{name}.bias": shape[:1] for name, shape in shapes.items()}
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=draw) * 0.1 for name, shape in sizes.items()}


def hugging_face() -> dict[str, torch.Tensor]:
    """The same network by the names of transformers."""
    part = {"norm1": "layernorm_before", "norm2": "layernorm_after", "attn.proj": "attention.output.dense"}
    part |= {"mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}
    first = {"cls_token": "embeddings.cls_token", "pos_embed": "embeddings.position_embeddings"}
    tensors = {}
    for name, tensor in vit().items():
        stem, _, end = name.removeprefix("blocks.0.").rpartition(".")
        if name in first:
            tensors[first[name]] = tensor
        elif stem == "patch_embed.proj":
            tensors[f"embeddings.patch_embeddings.projection.{end}"] = tensor
        elif stem == "attn.qkv":
            for role, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                tensors[f"encoder.layer.0.attention.attention.{role}.{end}"] = third.clone()
        else:
            tensors[f"encoder.layer.0.{part[stem]}.{end}" if stem in part else f"layernorm.{end}"] = tensor
    return tensors


ONE = (
    "spectrum {} --json",
    "inspect {} --json",
    "diagnose {} --json",
    "check {} --json",
    "alignment {} {} --pair --json",
)
TOLD = (*ONE[:2], "probe {} --json", "classes {} --json")
WEIGHTS = ("weights {} --json", "inspect {} --json", "spectrum {} --dataset folder:images --heads 2 --json")
PIXELS = (
    "spectrum pixels:{} --json",
    "inspect {} --json",
    "spectrum pixels:{} --skip-broken --json",
    "train moco --dry-run --dataset {} --batch 8 --size 16",
)


def sound(kind: str, file: str, lines: tuple[str, ...], name: str = "", **more: Any) -> Sound:
    """An input of one file, which the command lines call by its own name, or by another."""
    return Sound(kind, (file,), tuple(line.replace("{}", name or file) for line in lines), **more)


def npy(folder: Path) -> Sound:
    numpy.save(folder / "e.npy", rows())
    return sound("npy", "e.npy", ONE)


def npz(folder: Path) -> Sound:
    numpy.savez(folder / "e.npz", embeddings=rows(), labels=labels())
    return sound("npz", "e.npz", TOLD, checked=True)


def npz_deflated(folder: Path) -> Sound:
    numpy.savez_compressed(folder / "e.npz", embeddings=rows(), labels=labels())
    return sound("npz_deflated", "e.npz", TOLD, checked=True)


def shards(folder: Path) -> Sound:
    (folder / "parts").mkdir()
    for place in range(3):
        numpy.save(folder / "parts" / f"part_{place}.npy", rows(place))
    return sound("shards", "parts/part_1.npy", ONE[:3], "parts")


def tensor_zip(folder: Path) -> Sound:
    torch.save(
        {"embeddings": torch.from_numpy(rows()), "labels": torch.from_numpy(labels())}, folder / "e.pt"
    )
    return sound("tensor_zip", "e.pt", TOLD, checked=True)


def tensor_legacy(folder: Path) -> Sound:
    torch.save(torch.from_numpy(rows()), folder / "e.pt", _use_new_zipfile_serialization=False)
    return sound("tensor_legacy", "e.pt", ONE[:3])


def tensors(folder: Path) -> Sound:
    from safetensors.numpy import save_file

    save_file({"embeddings": rows(), "labels": labels()}, folder / "e.safetensors")
    return sound("safetensors", "e.safetensors", TOLD)


def table(end: str) -> Callable[[Path], Sound]:
    """A table of columns e0 …, and of labels, in one of the formats of pyarrow."""

    def build(folder: Path) -> Sound:
        import pyarrow
        from pyarrow import feather, parquet

        columns = dict(zip(NAMES, rows().T, strict=True)) | {"label": [f"c{i}" for i in labels()]}
        made = pyarrow.table(columns)
        path = folder / f"e.{end}"
        if end == "parquet":
            parquet.write_table(made, path)
        elif end == "feather":
            feather.write_feather(made, path)
        else:
            with pyarrow.ipc.new_file(path, made.schema) as file:
                file.write_table(made)
        return sound(end, path.name, (*ONE[:2], *["probe {} --labels {} --json"][: end == "parquet"]))

    return build


def lists(folder: Path) -> Sound:
    import pyarrow
    from pyarrow import parquet

    made = pyarrow.table({"embedding": list(rows()), "label": labels()})
    parquet.write_table(made, folder / "e.parquet", write_page_checksum=True)
    return sound("parquet_lists", "e.parquet", TOLD)


def written(separator: str) -> str:
    """The rows as a table with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator)
    writer.writerow([*NAMES, "label"])
    writer.writerows([*row, f"c{label}"] for row, label in zip(rows().tolist(), labels(), strict=True))
    return stream.getvalue()


def comma(folder: Path) -> Sound:
    (folder / "e.csv").write_text(written(","))
    return sound("csv", "e.csv", TOLD)


def tab(folder: Path) -> Sound:
    (folder / "e.tsv").write_text(written("\t"))
    return sound("tsv", "e.tsv", ONE[:2])


def comma_zipped(folder: Path) -> Sound:
    (folder / "e.csv.gz").write_bytes(gzip.compress(written(",").encode(), mtime=0))
    return sound("csv.gz", "e.csv.gz", ONE[:2], checked=True)


def objects() -> str:
    """The rows as objects, one on a line."""
    pairs = zip(rows().tolist(), labels().tolist(), strict=True)
    return "".join(json.dumps({"embedding": row, "label": label}) + "\n" for row, label in pairs)


def jsonl(folder: Path) -> Sound:
    (folder / "e.jsonl").write_text(objects())
    return sound("jsonl", "e.jsonl", TOLD, text="jsonl")


def jsonl_zipped(folder: Path) -> Sound:
    (folder / "e.jsonl.gz").write_bytes(gzip.compress(objects().encode(), mtime=0))
    return sound("jsonl.gz", "e.jsonl.gz", ONE[:2], checked=True)


def glove(folder: Path) -> Sound:
    lines = [" ".join([f"word{place}", *map(str, row)]) for place, row in enumerate(rows().tolist())]
    (folder / "glove.txt").write_text("\n".join(lines) + "\n")
    return sound("glove", "glove.txt", ONE[:2])


def word2vec(folder: Path) -> Sound:
    lines = [f"{ROWS} {WIDTH}"] + [
        " ".join([f"w{place}", *map(str, row)]) for place, row in enumerate(rows().tolist())
    ]
    (folder / "e.vec").write_text("\n".join(lines) + "\n")
    return sound("word2vec", "e.vec", ONE[:2])


def hdf5(folder: Path) -> Sound:
    import h5py

    with h5py.File(folder / "e.h5", "w") as file:
        file["embeddings"], file["labels"] = rows(), labels()
    return sound("hdf5", "e.h5", TOLD)


def hdf5_checked(folder: Path) -> Sound:
    import h5py

    with h5py.File(folder / "e.h5", "w") as file:
        file.create_dataset("embeddings", data=rows(), chunks=(20, 6), fletcher32=True, compression="gzip")
    return sound("hdf5_fletcher", "e.h5", ONE[:2])


def images(suffix: str) -> Callable[[Path], Sound]:
    """A folder of images of one kind, one of which is damaged."""

    def build(folder: Path) -> Sound:
        image_folder(folder, suffix, 12)
        return sound(f"images_{suffix}", f"images/b/5.{suffix}", PIXELS, "folder:images")

    return build


def image_table(folder: Path) -> Sound:
    import pyarrow
    from pyarrow import parquet

    cells = []
    for place in range(12):
        stream = io.BytesIO()
        noise(place).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": f"{place}.png"})
    (folder / "set").mkdir()
    made = pyarrow.table({"image": cells, "label": [place % 2 for place in range(12)]})
    parquet.write_table(made, folder / "set" / "train-00000.parquet")
    return sound("images_parquet", "set/train-00000.parquet", PIXELS, "parquet:set")


def label_file(end: str) -> Callable[[Path], Sound]:
    """Labels of embeddings in a file of their own."""

    def build(folder: Path) -> Sound:
        numpy.save(folder / "e.npy", rows())
        path = folder / f"labels.{end}"
        if end == "npy":
            numpy.save(path, labels())
        elif end == "npz":
            numpy.savez(path, labels=labels())
        elif end == "pt":
            torch.save(torch.from_numpy(labels()), path)
        else:
            head = {"csv": "label\n", "txt": "", "jsonl": ""}[end]
            shape = '{{"label": "c{}"}}' if end == "jsonl" else "c{}"
            path.write_text(head + "".join(shape.format(label) + "\n" for label in labels()))
        lines = (
            "probe e.npy --labels {} --json",
            "spectrum e.npy --groups {} --json",
            "lidar e.npy --views-of {} --json",
        )
        lines = lines[:1] if end == "jsonl" else lines
        return sound(
            f"labels_{end}", path.name, lines, checked=end == "npz", text="jsonl" if end == "jsonl" else ""
        )

    return build


def weights_zip(folder: Path) -> Sound:
    image_folder(folder)
    torch.save({"epoch": 7, "arch": "vit", "state_dict": vit(), "args": {"lr": 0.1}}, folder / "vit.pth")
    return sound("weights_zip", "vit.pth", WEIGHTS, checked=True)


def weights_legacy(folder: Path) -> Sound:
    image_folder(folder)
    torch.save({"model": vit()}, folder / "vit.pth", _use_new_zipfile_serialization=False)
    return sound("weights_legacy", "vit.pth", WEIGHTS)


def weights_tensors(folder: Path) -> Sound:
    from safetensors.torch import save_file

    image_folder(folder)
    save_file(vit(), folder / "vit.safetensors")
    return sound("weights_safetensors", "vit.safetensors", WEIGHTS)


def transformers_folder(folder: Path) -> None:
    """A folder as `save_pretrained` writes it."""
    from safetensors.torch import save_file

    image_folder(folder)
    (folder / "hf").mkdir()
    save_file(hugging_face(), folder / "hf" / "model.safetensors")
    config = {"architectures": ["ViTModel"], "model_type": "vit", "hidden_size": 32, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 2, "intermediate_size": 128, "hidden_act": "gelu", "image_size": 16}
    config |= {"patch_size": 4, "num_channels": 3, "qkv_bias": True, "layer_norm_eps": 1e-12}
    (folder / "hf" / "config.json").write_text(json.dumps(config))
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": 16, "width": 16},
    }
    processor |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 2, "do_normalize": True}
    (folder / "hf" / "preprocessor_config.json").write_text(json.dumps(processor))


HF = (WEIGHTS[0], WEIGHTS[1], "spectrum {} --dataset folder:images --json")


def folder_weights(folder: Path) -> Sound:
    transformers_folder(folder)
    return sound("hf_weights", "hf/model.safetensors", HF, "hf")


def folder_config(folder: Path) -> Sound:
    transformers_folder(folder)
    return sound("hf_config", "hf/config.json", HF, "hf", text="json")


def folder_processor(folder: Path) -> Sound:
    transformers_folder(folder)
    return sound("hf_processor", "hf/preprocessor_config.json", HF, "hf", text="json")


def distributed(file: str) -> Callable[[Path], Sound]:
    """A folder of `torch.distributed.checkpoint`; one of its two files is damaged."""

    def build(folder: Path) -> Sound:
        import torch.distributed.checkpoint as dcp

        image_folder(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dcp.save({"model": vit()}, checkpoint_id=folder / "dcp", no_dist=True)
        return sound(f"dcp{file[:3]}", f"dcp/{file}", WEIGHTS, "dcp")

    return build


RUN = (
    "spectrum run --json",
    "diagnose run --json",
    "weights run --json",
    "inspect run --json",
    "train --resume run --epochs 2 --dry-run",
    "check run --json",
    "compare run e.npy --json",
    "embed run --out h.npz --overwrite",
)


def run(file: str, text: str = "") -> Callable[[Path], Sound]:
    """A run folder of ours after one epoch, with a saved result; one of its files is damaged."""

    def build(folder: Path) -> Sound:
        trained = folder.parent / "trained"
        if not trained.exists():
            trained.mkdir()
            image_folder(trained)
            numpy.save(trained / "e.npy", rows())
            assert run_in(trained, *TRAIN, "--epochs", "1", "--out", "run") == 0
            assert run_in(trained, "alignment", "run", "--quiet") in (0, 3)
        shutil.copytree(trained, folder, dirs_exist_ok=True)
        return sound(f"run_{file}", f"run/{file}", RUN, "run", checked=file == "checkpoint.pt", text=text)

    return build


def run_in(folder: Path, *argv: str) -> int:
    """A command with `folder` as the current one; what it prints is dropped."""
    dropped = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(dropped), contextlib.redirect_stderr(dropped):
        return main(list(argv))


def config(folder: Path) -> Sound:
    (folder / "mine.toml").write_text(
        '[method]\nname = "moco"\nqueue = 64\n[model]\nencoder = "mlp"\ndim = 8\n[training]\nepochs = 1\nlr = 0.05\n'
    )
    return sound("config", "mine.toml", ("train --config {} --dry-run", "train mochi --config {} --dry-run"))


def answer(folder: Path) -> Sound:
    for seed, (name, place) in enumerate((("e.npy", "saved.json"), ("f.npy", "other.json"))):
        numpy.save(folder / name, rows(seed))  # the same answer twice would be refused
        assert run_in(folder, "check", name, "--save-baseline", place, "--quiet") == 0
    lines = (
        "check e.npy --baseline {} --json",
        "compare {} other.json --json",
        "compare {} e.npy --json",
        "check {} --json",
    )
    return sound("answer", "saved.json", lines, text="json")


def project(folder: Path) -> Sound:
    numpy.save(folder / "e.npy", rows())
    (folder / "pyproject.toml").write_text(
        '[tool.collapse.check]\nrequire = ["effective_rank >= 2"]\ntolerance = ["5%"]\nstrict = true\n'
    )
    return sound("pyproject", "pyproject.toml", ("check e.npy --json",))


def covariance(folder: Path) -> Sound:
    numpy.save(folder / "c.npy", numpy.eye(4))
    line = (
        "linear --width 4 --steps 3 --seeds 1 --points 50 --noise 0.5 --batch 8 --{}-covariance c.npy --json"
    )
    return Sound("covariance", ("c.npy",), (line.format("data"), line.format("augment")))


BUILDERS: tuple[Callable[[Path], Sound], ...] = (
    *(npy, npz, npz_deflated, shards, tensor_zip, tensor_legacy, tensors, lists),
    *map(table, ("parquet", "feather", "arrow")),
    *(comma, tab, comma_zipped, jsonl, jsonl_zipped, glove, word2vec, hdf5, hdf5_checked),
    *map(images, ("png", "jpg", "webp", "gif", "tiff", "bmp")),
    image_table,
    *map(label_file, ("csv", "txt", "jsonl", "npy", "npz", "pt")),
    *(weights_zip, weights_legacy, weights_tensors, folder_weights, folder_config, folder_processor),
    *map(distributed, (".metadata", "__0_0.distcp")),
    *(run("checkpoint.pt"), run("settings.toml"), run("run.json", "json"), run("history.jsonl", "jsonl")),
    run("results/alignment.json", "json"),
    *(config, answer, project, covariance),
)


def build_all(folder: Path) -> dict[str, tuple[Path, Sound]]:
    """Every kind in a folder of its own, by its name."""
    made = {}
    for place, build in enumerate(BUILDERS):
        home = folder / str(place)
        home.mkdir(parents=True)
        kind = build(home)
        made[kind.kind] = (home, kind)
    return made
