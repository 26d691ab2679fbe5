"""Maps of the embeddings and galleries of their images, as a page shows them; each thumbnail is in the page once."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

import collapse_cli.views.page.svg as svg
from collapse_cli.exhibits import POINTS, THUMBNAILS, Exhibits, Gallery, Map
from collapse_cli.printable import for_others
from collapse_cli.views.charts import looks
from collapse_cli.views.charts.chart import Side
from collapse_cli.views.page.digits import stored
from collapse_cli.views.page.figure import Figure, Key, Plot, sentence, swatch
from collapse_cli.views.page.svg import WIDTH, Box, tag
from collapse_cli.views.scale import Axis

CLASSES = 10  # told apart by colour and marker; of more, the largest are, and the others share a mark
TALL = 320.0
LONG = 3  # images beside another, from which on a row is a long one
OTHERS = "other classes"


@dataclass(frozen=True)
class Image:
    """A thumbnail in a gallery: its text, and the id of the image, empty where it is not shown."""

    id: str
    text: str


@dataclass(frozen=True)
class Shown:
    """What the template shows: the images, each by its id, the maps, and the galleries."""

    images: tuple[tuple[str, str], ...]
    maps: tuple[Figure, ...]
    galleries: tuple[dict[str, Any], ...]


def shown(exhibits: Exhibits) -> Shown:
    """All of it, no more thumbnails and points than a page has room for."""
    keys = list(exhibits.thumbnails)[:THUMBNAILS]
    images_by_key = {
        key: Image(f"image-{n}", for_others(exhibits.thumbnails[key].text)) for n, key in enumerate(keys)
    }
    images = tuple(
        (images_by_key[key].id, base64.b64encode(exhibits.thumbnails[key].png).decode()) for key in keys
    )
    maps = tuple(_map(each, images_by_key) for each in exhibits.maps)
    return Shown(images, maps, tuple(_gallery(each, images_by_key) for each in exhibits.galleries))


def _gallery(gallery: Gallery, images_by_key: dict[str, Image]) -> dict[str, Any]:
    """Rows of images_by_key; one without a thumbnail is a line of text."""

    def entry(key: str, caption: str, marked: bool = False) -> dict[str, Any]:
        image = images_by_key.get(key, Image("", for_others(key)))
        return {"image": image, "caption": for_others(caption), "marked": marked}

    rows = [
        {
            "first": entry(row.image, row.caption),
            "others": [entry(o.image, o.caption, o.marked) for o in row.others],
        }
        for row in gallery.rows
    ]
    return {
        "title": for_others(gallery.title),
        "help": for_others(gallery.help),
        "mark": for_others(gallery.mark),
        "rows": rows,
        "short": all(len(row.others) < LONG for row in gallery.rows),
    }


def _map(given: Map, images_by_key: dict[str, Image]) -> Figure:
    """Points coloured by class, with their text and image for the script."""
    shown = given.points[:POINTS]
    box = Box(44.0, 26.0, WIDTH - 60, TALL - 76)
    x, y = _sides(given, shown, box)
    places = [(box.x(x.scale, p[0]), box.y(y.scale, p[1])) for p in shown]
    classes = [for_others(name) for name in given.classes[: len(shown)]]
    names = _names(classes)
    kinds = [names.index(name if name in names else OTHERS) for name in classes] or [0] * len(shown)
    parts: list[str] = [tag("rect", x=box.left - 8, y=box.top - 8, width=box.width + 16, height=box.height + 16, class_="frame"),
             svg.text(for_others(given.y), 6.0, 11.0, class_="side"),
             svg.text(for_others(given.x), box.right + 8, TALL - 6, class_="side end"),
             svg.x_ticks(box, x, x.scale), svg.y_ticks(box, y, y.scale)]  # fmt: skip
    for kind in range(max(len(names), 1)):
        here = [place for place, of in zip(places, kinds, strict=True) if of == kind]
        parts.append(_points(here, kind, names))
    told = [f"{len(shown):,} points", *([f"{len(set(classes))} classes"] if classes else [])]
    keys = tuple(Key(n, name, swatch(_kind(n, names), n, line=False)) for n, name in enumerate(names))
    data = _data(box, places, kinds, classes, [images_by_key.get(key) for key in given.images[: len(shown)]])
    title = for_others(given.title)
    plot = Plot(svg.drawing(parts, sentence(told, title), WIDTH, TALL), data)
    return Figure(title, (plot,), for_others(given.note), keys)


def _sides(given: Map, points: Sequence[tuple[float, float]], box: Box) -> tuple[Side, Side]:
    """Both axes in one scale, so that a direction that varies less is seen to."""
    ends = [(min(values), max(values)) for values in zip(*points, strict=True)]
    room = (box.width, box.height)
    spans = [max(high - low, 2 * given.reach) / size for (low, high), size in zip(ends, room, strict=True)]
    unit = max(*spans, 1e-12)
    return tuple(
        Side(label, Axis((low + high - unit * size) / 2, (low + high + unit * size) / 2))
        for label, (low, high), size in zip((given.x, given.y), ends, room, strict=True)
    )  # type: ignore[return-value]


def _names(classes: Sequence[str]) -> list[str]:
    """The largest classes in order of their names, then that of all others."""
    largest = [name for name, _ in Counter(classes).most_common(CLASSES)]
    names = [name for name in dict.fromkeys(sorted(classes)) if name in largest]
    return names if len(set(classes)) <= CLASSES else [*names, OTHERS]


def _kind(n: int, names: Sequence[str]) -> str:
    return "null" if names and names[n] == OTHERS and n == len(names) - 1 == CLASSES else f"c{n}"


def _points(places: Sequence[tuple[float, float]], kind: int, names: Sequence[str]) -> Markup:
    d = "".join(svg.MARKERS[looks.marker(kind)].replace("M", f"M{x:.1f} {y:.1f}m", 1) for x, y in places)
    return svg.group([tag("path", d=d, class_=f"points {_kind(kind, names) if names else 'c0'}")], class_="series",
                     data_series=kind)  # fmt: skip


def _data(
    box: Box, places: Sequence[tuple[float, float]], kinds: Sequence[int], classes: Sequence[str],
    images_by_key: Sequence[Image | None],
) -> dict[str, Any]:  # fmt: skip
    names = list(dict.fromkeys(classes))
    return {
        "kind": "map",
        "box": [box.left, box.top, box.width, box.height],
        "at": [[stored(round(x, 1)), stored(round(y, 1))] for x, y in places],
        "series": list(kinds),
        "names": names,
        "classes": [names.index(name) for name in classes],
        "images": [image.id if image else "" for image in images_by_key],
        "texts": {image.id: image.text for image in images_by_key if image},
    }
