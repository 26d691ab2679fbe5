"""Maps and galleries of a page: which images they show, and what they say of them, as slow loops find it."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli import embedding
from collapse_cli.analysis import negative_gallery, view_gallery
from collapse_cli.analysis.exhibits import exhibits
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.loading import load as load_any
from collapse_cli.analysis.loss_pairs import Keys, loss_pairs
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.point_gallery import collapsed
from collapse_cli.analysis.subject import Subject
from collapse_cli.analysis.thumbnails import Thumbnails, png
from collapse_cli.cli import main
from collapse_cli.exhibits import Exhibits, Gallery
from collapse_cli.metrics.spectrum import spectrum
from collapse_cli.shapes import VIEWS, Images, Origin

HARD, PAIRS, POINT = (
    "Queries and their hardest negatives",
    "Augmented pairs",
    "Images that collapse onto one point in",
)


@pytest.fixture(scope="module")
def subject(run: Path) -> Subject:
    """Its network in eval mode, as it is measured."""
    loaded = load(run, Measuring())
    assert loaded.case is not None
    cast(nn.Module, loaded.case.method).eval()
    return loaded


@pytest.fixture(scope="module")
def shown(subject: Subject) -> Exhibits:
    return exhibits([subject])


def gallery(shown: Exhibits, title: str) -> Gallery:
    (chosen,) = (each for each in shown.galleries if each.title.startswith(title))
    return chosen


def number(key: str) -> int:
    """Of the image: the last word of `digits/train of 1347 8c01… 17`."""
    return int(key.split()[-1])


def test_maps_of_both_spaces_have_the_same_points(shown: Exhibits, subject: Subject) -> None:
    """Two of each space; coordinates beside a decomposition of the centred unit embeddings."""
    assert [each.title[:2] for each in shown.maps] == ["h ", "h ", "z ", "z "]
    assert len({each.images for each in shown.maps}) == 1
    for each in shown.maps:
        assert len(each.points) == len(set(each.images)) == 1000
        assert each.note.startswith("1,000 of 1,347 embeddings")
    first = shown.maps[2]
    units = normalize(subject.clean.spaces["z"].double(), dim=1)
    centred = units - units.mean(dim=0)
    sigma, directions = torch.linalg.svd(centred, full_matrices=False)[1:]
    for axis, text in enumerate((first.x, first.y)):
        share = float(sigma[axis] ** 2 / sigma.square().sum())
        assert text == f"direction {axis + 1}: {share:.0%} of the variance".replace("%", " %")
        expected = centred[[number(key) for key in first.images]] @ directions[axis]
        points = torch.tensor(first.points, dtype=torch.float64)[:, axis]
        assert float((points.abs() - expected.abs()).abs().max()) < 1e-9


def test_the_last_active_directions_are_the_verdict_s(shown: Exhibits, subject: Subject) -> None:
    generator = torch.Generator().manual_seed(0)
    for space, each in zip("hz", shown.maps[1::2], strict=True):
        active = int(spectrum(subject.clean.spaces[space], generator).active)
        assert each.title == f"{space} along the last two of its {active} active directions"
        assert each.x.startswith(f"direction {active - 1}: ")
        assert each.y.startswith(f"direction {active}: ")


def test_points_bear_their_class_in_proportion(shown: Exhibits, subject: Subject) -> None:
    labels = subject.clean.labels
    assert labels is not None
    first = shown.maps[0]
    assert list(first.classes) == [str(int(labels[number(key)])) for key in first.images]
    sizes = Counter(labels.tolist())
    for digit, count in Counter(first.classes).items():
        assert count == pytest.approx(1000 / 1347 * sizes[int(digit)], abs=1.5)


def test_no_more_thumbnails_than_a_page_has_and_each_says_what_it_is(
    shown: Exhibits, subject: Subject
) -> None:
    assert 150 < len(shown.thumbnails) <= 200
    labels = subject.clean.labels
    assert labels is not None
    for key, each in shown.thumbnails.items():
        if "view" not in key:
            assert each.text == f"image {number(key)} of digits/train, class {int(labels[number(key)])}"
    in_galleries = {
        name
        for every in shown.galleries
        for row in every.rows
        for name in (row.image, *(other.image for other in row.others))
    }
    assert in_galleries <= set(shown.thumbnails)


def test_a_thumbnail_is_the_image(shown: Exhibits, subject: Subject) -> None:
    """Digits of 8 x 8 pixels, each of which becomes 4 x 4."""
    assert subject.images is not None
    key = shown.maps[0].images[0]
    drawn = numpy.asarray(Image.open(io.BytesIO(shown.thumbnails[key].png)))
    pixels = numpy.asarray(subject.images.pixels[torch.tensor([number(key)])][0, 0])
    assert (drawn == pixels.repeat(4, axis=0).repeat(4, axis=1)).all()


@pytest.mark.parametrize(
    ("shape", "size", "mode"),
    [
        ((1, 8, 8), (32, 32), "L"),
        ((3, 28, 28), (32, 32), "RGB"),
        ((3, 24, 24), (48, 48), "RGB"),
        ((3, 32, 32), (32, 32), "RGB"),
        ((3, 40, 20), (20, 40), "RGB"),
        ((3, 224, 112), (24, 48), "RGB"),
        ((4, 16, 16), (32, 32), "L"),
        ((1, 1, 300), (48, 1), "L"),
    ],
)
def test_sizes_of_thumbnails(shape: tuple[int, int, int], size: tuple[int, int], mode: str) -> None:
    image = Image.open(io.BytesIO(png(torch.zeros(shape, dtype=torch.uint8))))
    assert (image.size, image.mode) == (size, mode)


def test_pixels_of_views_are_shares() -> None:
    """0, 0.5 and 1 are 0, 128 and 255; beyond the range the ends."""
    drawn = numpy.asarray(
        Image.open(io.BytesIO(png(torch.tensor([[[0.0, 0.5, 1.0, 2.0]]]).expand(1, 32, 4))))
    )
    assert drawn[0].tolist() == [0, 128, 255, 255]


def test_where_there_is_no_room_nothing_is_half_there() -> None:
    thumbnails, pixels = Thumbnails(most=3), torch.zeros(1, 4, 4, dtype=torch.uint8)
    assert thumbnails.add([("a", pixels, ""), ("b", pixels, "")])
    assert not thumbnails.add([("c", pixels, ""), ("d", pixels, "")])
    assert thumbnails.add([("b", pixels, ""), ("c", pixels, "")])
    assert list(thumbnails.by_key) == ["a", "b", "c"]


def test_the_hardest_negatives_of_a_queue(shown: Exhibits, subject: Subject) -> None:
    """Beside a loop over the keys of the run's own queue, and the queries of its loss."""
    pairs, labels, queue = loss_pairs(subject), subject.clean.labels, subject.negatives
    assert pairs is not None
    assert labels is not None
    assert queue is not None
    assert subject.views is not None
    assert "the run's own queue" in gallery(shown, HARD).help
    for row in gallery(shown, HARD).rows:
        query = number(row.image)
        at = subject.views[0].index.tolist().index(query)
        cosines: dict[int, float] = {}
        for key, image in zip(queue.keys, queue.index.tolist(), strict=True):
            if image not in (-1, query):
                cosine = float(normalize(pairs.queries[at], dim=0) @ normalize(key, dim=0))
                cosines[image] = max(cosine, cosines.get(image, -1.0))
        expected = sorted(cosines, key=lambda image: -cosines[image])[:5]
        assert [number(other.image) for other in row.others] == expected
        assert [other.marked for other in row.others] == [
            int(labels[image]) == int(labels[query]) for image in expected
        ]
        assert row.others[0].caption == f"class {int(labels[expected[0]])}, cosine {cosines[expected[0]]:.3f}"


def planted(left_out: Tensor | None = None) -> Keys:
    """Five keys of images 1, 1, 2, 3 and an unknown one, the nearest to (1, 0) first; images 2 and 9 are of class 0."""
    angles = torch.tensor([0.1, 0.15, 0.2, 0.3, 0.0])
    origin = Origin(torch.tensor([1, 1, 2, 3, -1]), torch.tensor([1, 1, 0, 2, 0]))
    rows = torch.stack([angles.cos(), angles.sin()], dim=1)
    return Keys(rows, origin, None if left_out is None else lambda q, k: left_out, "planted", VIEWS)


@pytest.mark.parametrize(
    ("query", "left_out", "expected"),
    [
        (9, [], [(1, False), (2, True), (3, False)]),
        (2, [], [(1, False), (3, False)]),
        (9, [2], [(1, False), (3, False)]),
        (9, [0, 1], [(2, True), (3, False)]),
    ],
)
def test_planted_keys(query: int, left_out: list[int], expected: list[tuple[int, bool]]) -> None:
    """Each image once; none of the query's own image, of an unknown one, or such as the loss leaves out."""
    excluded = torch.zeros(1, 5, dtype=torch.bool)
    excluded[0, left_out] = True
    origin = Origin(torch.tensor([query]), torch.tensor([0]))
    (near,) = negative_gallery.hardest(torch.tensor([[5.0, 0.0]]), origin, planted(excluded))
    assert [(image, false) for image, _, false in near] == expected


def test_views_are_those_that_are_embedded(subject: Subject, shown: Exhibits) -> None:
    """The images of the views, through the network, give the cosines that stand beside them."""
    case = subject.case
    assert case is not None
    rows = gallery(shown, PAIRS).rows
    index = torch.tensor([number(row.image) for row in rows])
    views = view_gallery.augmented(case, index)
    with torch.no_grad():
        z = [
            normalize(case.method.projector(case.method.encoder(case.normalisation(view))), dim=1)
            for view in views
        ]
    for place, row in enumerate(rows):
        cosine = float(z[0][place] @ z[1][place])
        assert float(row.others[1].caption.rpartition("z ")[2]) == pytest.approx(cosine, abs=6e-4)
        for view, other in zip(views, row.others, strict=True):
            assert shown.thumbnails[other.image].png == png(view[place])
            assert shown.thumbnails[other.image].text.startswith(
                f"image {index[place]} of digits/train, class "
            )


def test_augmented_views_are_those_of_the_measurement(subject: Subject) -> None:
    """Of the same images, the very views that `embedding.pairs` embeds."""
    case = subject.case
    assert case is not None
    index = torch.arange(20)
    first, second = embedding.pairs(
        case.method, case.images, case.normalisation, index, case.recipe, case.strength, case.seed
    )
    for view, embedded in zip(view_gallery.augmented(case, index), (first, second), strict=True):
        with torch.no_grad():
            h = case.method.encoder(case.normalisation(view))
        assert torch.allclose(h, embedded.representations, atol=1e-5)


def test_a_run_without_augmentation_has_no_pairs(subject: Subject) -> None:
    assert subject.case is not None
    for case in (replace(subject.case, recipe="none"), replace(subject.case, strength=0.0)):
        assert view_gallery.gallery(replace(subject, case=case), Thumbnails(), 8) is None


def test_a_run_that_has_not_collapsed_shows_no_point(shown: Exhibits) -> None:
    assert [each.title for each in shown.galleries] == [HARD, PAIRS]


def test_a_collapsed_run_shows_the_point(tmp_path: Path) -> None:
    """Positive-only: nearest to the mean direction, and farthest from it, of all images; it has no negatives."""
    out = tmp_path / "point"
    argv = ["train", "positive-only", "--encoder", "mlp", "--epochs", "8", "--out", str(out), "-q"]
    assert main(argv) == 0
    subject = load(out, Measuring())
    shown = exhibits([subject])
    assert [each.title for each in shown.galleries] == [HARD, PAIRS, f"{POINT} z"]
    assert "has no negatives" in shown.galleries[0].help
    units = normalize(subject.clean.spaces["z"].double(), dim=1)
    order = (units @ units.mean(dim=0)).argsort(descending=True).tolist()
    near, far = shown.galleries[2].rows
    assert {number(key) for key in (near.image, *(other.image for other in near.others))} == set(order[:6])
    assert {number(key) for key in (far.image, *(other.image for other in far.others))} == set(order[-6:])


def test_copies_are_a_point() -> None:
    """6 of 100 embeddings are one; 4 of 100 are below the share from which on it is shown."""
    rows = torch.randn(100, 16, generator=torch.Generator().manual_seed(0))
    rows[40:46] = rows[40]
    point = collapsed(load_any(rows), "h")
    assert point is not None
    assert torch.equal(point[0], rows[40])
    assert point[1] == "6 of 100 embeddings (6 %) are copies of one point."
    rows[44:46] = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    assert collapsed(load_any(rows), "h") is None


def test_embeddings_alone_have_maps_alone() -> None:
    """Of two classes; without labels the points have none."""
    rows = numpy.random.default_rng(0).normal(size=(60, 8))
    labelled = exhibits([load_any(rows, labels=["a", "b"] * 30)])
    assert [each.classes[:0] + each.images for each in labelled.maps] == [(), ()]
    assert Counter(labelled.maps[0].classes) == {"a": 30, "b": 30}
    assert labelled.maps[0].note == "All 60 embeddings, L2-normalised and centred."
    assert labelled.galleries == ()
    assert labelled.thumbnails == {}
    assert exhibits([load_any(rows)]).maps[0].classes == ()


def test_raw_pixels_show_their_images() -> None:
    shown = exhibits([load(Path("pixels:digits"), Measuring(samples=300))])
    assert len(shown.thumbnails) == 200
    assert [each.title[:2] for each in shown.maps] == ["h ", "h "]
    assert set(shown.thumbnails) <= set(shown.maps[0].images)


@pytest.fixture
def own(tmp_path: Path, images: Images) -> Subject:
    """A run on a folder of the user's own images."""
    for n in range(96):
        place = tmp_path / "mine" / f"class {n % 3}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = images.pixels[torch.tensor([n])][0, 0]
        Image.fromarray(numpy.asarray(pixels)).save(place / f"{n}.png")
    argv = [
        "train",
        "moco",
        "--dataset",
        f"folder:{tmp_path}/mine",
        "--epochs",
        "1",
        "--batch",
        "16",
        "--queue",
        "32",
    ]
    assert main([*argv, "--encoder", "mlp", "--out", str(tmp_path / "run"), "-q"]) == 0
    return load(tmp_path / "run", Measuring())


def test_images_of_one_s_own_are_shown_on_request_alone(own: Subject, tmp_path: Path) -> None:
    hidden, asked = exhibits([own]), exhibits([own], images=True)
    assert hidden.thumbnails == {}
    assert hidden.galleries == ()
    assert hidden.maps == asked.maps
    assert len(asked.thumbnails) > 90
    assert not any(str(tmp_path) in each.text for each in asked.thumbnails.values())


def test_several_inputs_share_what_there_is(subject: Subject, run: Path) -> None:
    """Each title says of which input it is, also where two have one name."""
    shown = exhibits([subject, load(run, Measuring(seed=1))])
    assert len(shown.thumbnails) <= 200
    assert len(shown.maps) == 8
    assert len({each.title for each in shown.galleries}) == len(shown.galleries) == 4
    assert len({each.title for each in shown.maps}) == 8


def test_they_are_the_same_again(subject: Subject, shown: Exhibits, run: Path) -> None:
    assert exhibits([load(run, Measuring())]) == shown
    assert exhibits([load(run, Measuring(seed=1))]) != shown


def test_images_of_two_sets_of_one_name_are_told_apart() -> None:
    """As of `p/photos` and `q/photos`; the same images read twice are one set."""
    dark, light = (
        Images(torch.full((4, 1, 8, 8), value, dtype=torch.uint8), None, (), "photos/all")
        for value in (40, 200)
    )
    thumbnails = Thumbnails()
    for images in (dark, light, replace(dark)):
        assert thumbnails.add_images(images, [0, 1])
    assert len(thumbnails.by_key) == 4
    assert thumbnails.by_key[thumbnails.key(light, 0)].png == png(light.pixels[torch.tensor([0])][0])
    assert thumbnails.key(dark, 0) == thumbnails.key(replace(dark), 0) != thumbnails.key(light, 0)
