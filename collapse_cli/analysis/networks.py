"""A network of ours or of another library, with images -> a Subject."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from collapse_cli.analysis import image_sets, stored
from collapse_cli.analysis.initial import unsettled_norms
from collapse_cli.analysis.measuring import Measuring, device
from collapse_cli.analysis.subject import Subject
from collapse_cli.data.channels import with_channels
from collapse_cli.data.on_demand import prepare
from collapse_cli.data.surveyed import as_needed
from collapse_cli.data_notes import DataNote
from collapse_cli.embedding import embed, sample
from collapse_cli.errors import CollapseError
from collapse_cli.root_causes import Case, Trained
from collapse_cli.runs import checkpoint, foreign
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.foreign import Foreign
from collapse_cli.runs.record import Record
from collapse_cli.runs.shell import quoted
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Embeddings, Framing, Images
from collapse_cli.stage import Stage


def of_checkpoint(path: Path, source: Source, measuring: Measuring) -> Subject:
    """A run folder or a checkpoint of ours, on the images of its own data set or of another of their shape."""
    _refuse_framing(source.path, measuring)
    saved = checkpoint.load(source, device(measuring.device))
    file, run = source.path, saved.run
    record, trained_on = _record(file), run.training.dataset
    measuring = measuring.settled(measuring.dataset or trained_on, trained_on)

    def embedded(images: Images) -> Embeddings:
        index = sample(images, measuring.samples, measuring.seed)
        prepare(images, index)
        return embed(saved.method, images, saved.normalisation, index)

    images = images_of(saved, measuring, measuring.split)
    clean = embedded(images)
    facts: dict[str, Any] = {"path": str(path), "sha256": source.sha256, "layout": "collapse checkpoint"}
    done, planned, part = saved.state.epoch, run.training.epochs, saved.state.part
    reached = record.stage(done, planned) if record else Stage("unknown", done, planned)
    reached = replace(reached, step=part.step, steps=part.steps) if part else reached
    facts |= {
        **checkpoint.reached(saved.state),
        "epochs": reached.planned,
        "status": reached.status,
        "method": run.method,
        "split": measuring.split,
    }
    trained = Trained(run, saved.data, saved.state.epoch)
    own = image_sets.is_own(trained_on, measuring.dataset)
    learned_from = own and measuring.split == run.training.split and images.data_shape == saved.data
    same_classes = images.classes == saved.classes and image_sets.same_labels(run.training, measuring)
    return Subject(
        str(file.parent.name if file.name == "checkpoint.pt" else file.name), facts, clean, measuring,
        temperature=saved.method.temperature,
        case=Case(saved.method, images, saved.normalisation, run.training.recipe, run.training.strength,
                  measuring.seed, trained, measuring.samples, "", learned_from, own and same_classes),
        checkpoint=saved,
        record=record,
        stage=reached,
        load_split=lambda split: embedded(images_of(saved, measuring, split)),
        notes=images.notes,
        images=images,
        available=len(images),
        count_images=lambda split: len(images_of(saved, measuring, split)),
        story=(*stored.story(facts, len(clean), clean.source), *_unfinished(reached)),
    )  # fmt: skip


def _refuse_framing(path: Path, measuring: Measuring) -> None:
    """Raises CollapseError for a way of cutting images, which a run of ours has settled."""
    if measuring.framing != "auto":
        raise CollapseError(
            f"--framing {measuring.framing}: {path} is a run of collapse, whose images are framed as in its training",
            "leave out --framing; it is for checkpoints of other libraries",
        )


def _record(file: Path) -> Record | None:
    """The run folder of a checkpoint that is its last one; None for any other, such as one that was copied elsewhere."""
    record = Record(file.parent)
    return record if file == record.checkpoint and (file.parent / "settings.toml").exists() else None


def _unfinished(reached: Stage) -> tuple[str, ...]:
    return (f"  {reached.in_words}",) if reached.in_words else ()


def images_of(saved: Checkpoint, measuring: Measuring, split: str) -> Images:
    """A split of the run's data set, or of another: a folder's images get its side, and any have as many channels as it takes."""
    training = saved.run.training
    own = image_sets.is_own(training.dataset, measuring.dataset)
    files, notes = image_sets.of_run(training, measuring) if own else (measuring, ())
    dataset, framing = measuring.dataset or training.dataset, Framing(saved.shape[-1])
    with as_needed():
        images = image_sets.load(dataset, split, files, measuring.data_dir, measuring.download, framing)
    images = with_channels(images, saved.shape[0])
    if images.shape != saved.shape:
        raise CollapseError(
            f"{images.name} has images of {images.shape}, but the run was trained on {saved.shape}",
            "choose another --dataset: images of your own are folder:PATH",
        )
    if notes and (split != training.split or len(images) != saved.data.images):
        trained_on = saved.data.images if split == training.split else 0
        notes = (*notes, image_sets.of_others(images, trained_on))
    return replace(images, notes=(*notes, *images.notes))


def of_foreign(source: Source, measuring: Measuring) -> Subject:
    """Another library's network, on the images that --dataset names, at the side it was trained on where they have none."""
    path, network = source.path, foreign.load(source, measuring)
    if not measuring.dataset:
        raise CollapseError(
            f"{path} ({network.layout}, {network.arch}) is a network, and no images were given to measure it on",
            f"name images with --dataset NAME; `collapse weights {quoted(path)}` measures its weights without images",
        )
    measuring = measuring.settled(measuring.dataset)
    parts = foreign.Frozen(network.encoder, network.projector, network.cluster_head)
    method: Any = parts.to(device(measuring.device)).eval()

    def embedded(images: Images) -> Embeddings:
        index = sample(images, measuring.samples, measuring.seed)
        prepare(images, index)
        return embed(method, images, network.normalisation, index)

    images = _images_for(network, path, measuring, measuring.split)
    clean, recipe = embedded(images), "digits" if network.channels == 1 else "moco_v2"
    case = Case(
        method,
        images,
        network.normalisation,
        recipe,
        1.0,
        measuring.seed,
        samples=measuring.samples,
        learned_from=False,
    )
    warnings = (*network.warnings, *([unsettled] if (unsettled := unsettled_norms(case)) else []))
    facts = _facts(source, network, recipe, warnings) | {"split": measuring.split}
    return Subject(
        path.name, facts, clean, measuring,
        case=case,
        load_split=lambda split: embedded(_images_for(network, path, measuring, split)),
        notes=images.notes,
        images=images,
        available=len(images),
        count_images=lambda split: len(_images_for(network, path, measuring, split)),
        story=(
            *(f"warning: {path}: {warning}" for warning in warnings),
            *stored.story(facts, len(clean), clean.source, network.unknown),
        ),
    )  # fmt: skip


def _images_for(network: Foreign, path: Path, measuring: Measuring, split: str) -> Images:
    """A split of the data set that was named, with as many channels as the network takes."""
    with as_needed():
        images = image_sets.load(
            measuring.dataset, split, measuring, measuring.data_dir, measuring.download, network.framing
        )
    images = with_channels(images, network.channels)
    if images.shape[0] != network.channels:
        raise CollapseError(
            f"{images.name} has images of {images.shape[0]} channels, but {path} takes {network.channels}",
            "choose another --dataset: images of your own are folder:PATH",
        )
    count, (_, height, width) = len(images), images.shape
    if (height, width) == (network.size, network.size):
        return images
    what = f"used at their own {height} x {width} pixels, though the network is for {network.size} x {network.size}"
    note = DataNote("chosen", count, count, "images", what, "images of a folder are resized")
    return replace(images, notes=(*images.notes, note))


def _facts(source: Source, network: Foreign, recipe: str, warnings: tuple[str, ...]) -> dict[str, Any]:
    """What the JSON says of another library's checkpoint; views: the recipe by which its augmented views are made."""
    optional = {"prefix": network.prefix or None, "epoch": network.epoch, "views": recipe}
    return {
        "path": str(source.path), "sha256": source.sha256, "layout": network.layout,
        "architecture": network.arch, "matched": f"{network.matched} of {network.total}",
        **{name: value for name, value in optional.items() if value is not None},
        "assumed": [*network.assumed, *network.unknown],
        **({"warnings": list(warnings)} if warnings else {}),
        **({"left_over": list(network.leftover)} if network.leftover else {}),
    }  # fmt: skip
