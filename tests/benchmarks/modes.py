"""Every mode of an image in every container, read from a folder and from parquet: python tests/benchmarks/modes.py [MODE …].

Each image has known samples. What a data set makes of it is compared with RGB that numpy makes of the same samples by the
formulas in `EXPECTED`, none of them Pillow's. Printed are the mode as Pillow opens it, and the greatest difference in levels of
0 … 255, or the sentence by which the image is refused. JPEG, WebP and AVIF lose something; the smooth samples keep that small.
"""

from __future__ import annotations

import io
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import torch
from PIL import Image, UnidentifiedImageError
from pyarrow import parquet

from collapse_cli import data
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing

SIDE = 24
Array = numpy.ndarray


@dataclass(frozen=True)
class Case:
    """An image file and the RGB (H,W,3) that it stands for, or None where it has to be refused."""

    mode: str
    container: str
    content: bytes
    expected: Array | None
    tolerance: int = 0
    background: str = "white"


def ramp(*weights: tuple[int, int, int]) -> Array:
    """(H,W,C) uint8: channel c is constant + a x + b y, for (constant, a, b) of each."""
    y, x = numpy.mgrid[:SIDE, :SIDE]
    return numpy.stack([c + a * x + b * y for c, a, b in weights], -1).astype(numpy.uint8)


COLOURS = ramp((10, 9, 0), (20, 0, 9), (245, -4, -4))
GREY = ramp((5, 5, 5))
ALPHA = ramp((255, -6, -5))


def grey3(levels: Array) -> Array:
    return numpy.broadcast_to(levels.reshape(SIDE, SIDE, 1), (SIDE, SIDE, 3)).astype(numpy.int64)


def over(colours: Array, alpha: Array, background: float = 255.0) -> Array:
    share = alpha.astype(float) / 255
    return numpy.floor(share * colours + (1 - share) * background + 0.5 + 1e-9).astype(numpy.int64)


def of_cmyk(samples: Array) -> Array:
    return numpy.rint((255.0 - samples[..., :3]) * (255.0 - samples[..., 3:]) / 255).astype(numpy.int64)


def of_ycbcr(samples: Array) -> Array:
    y, cb, cr = (samples[..., i].astype(float) for i in range(3))
    rgb = [
        y + 1.402 * (cr - 128),
        y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
        y + 1.772 * (cb - 128),
    ]
    return numpy.rint(numpy.stack(rgb, -1)).clip(0, 255).astype(numpy.int64)


def of_hsv(samples: Array) -> Array:
    """Of a hue in 0 … 255 for a whole turn: max - (max - min) clip(|distance to the channel's hue| …), as in every textbook."""
    h, s, v = (samples[..., i] / 255.0 for i in range(3))
    channels = []
    for n in (5, 3, 1):
        k = (n + h * 6) % 6
        channels.append(v - v * s * numpy.clip(numpy.minimum(k, 4 - k), 0, 1))
    return numpy.rint(255 * numpy.stack(channels, -1)).astype(numpy.int64)


def of_lab(samples: Array) -> Array:
    """CIE L*a*b* under D50 -> XYZ -> linear sRGB (Bradford) -> sRGB. L is 0 … 255 for 0 … 100, a and b are signed bytes."""
    L = samples[..., 0] * (100 / 255)
    a, b = (samples[..., i].astype(numpy.int8).astype(float) for i in (1, 2))
    f = (L + 16) / 116
    f = numpy.stack([f + a / 500, f, f - b / 200], -1)
    xyz = numpy.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9642, 1.0, 0.8249]
    matrix = numpy.array(
        [
            [3.1338561, -1.6168667, -0.4906146],
            [-0.9787684, 1.9161415, 0.0334540],
            [0.0719453, -0.2289914, 1.4052427],
        ]
    )
    linear = (xyz @ matrix.T).clip(0, 1)
    curved = numpy.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return numpy.rint(255 * curved).astype(numpy.int64)


CMYK = ramp((10, 6, 0), (20, 0, 6), (5, 3, 3), (0, 2, 1))
YCBCR = ramp((60, 3, 2), (110, 2, 0), (120, 0, 1))
HSV = ramp((0, 10, 0), (60, 0, 8), (70, 4, 3))
LAB = ramp((90, 3, 2), (0, 1, 0), (0, 0, 1))
PREMULTIPLIED = numpy.concatenate([COLOURS // 4 + 1, numpy.full((SIDE, SIDE, 1), 130, numpy.uint8)], -1)
LA = numpy.concatenate([GREY, ALPHA], -1)
RGBA = numpy.concatenate([COLOURS, ALPHA], -1)
PALETTE = (numpy.arange(768).reshape(256, 3) * 37 % 256).astype(numpy.uint8)
BITS = ((GREY // 16) % 2).astype(numpy.uint8)
WIDE = (GREY.astype(numpy.uint16) << 8 | 0x7F).reshape(SIDE, SIDE)  # 16 bits

EXPECTED: dict[str, tuple[Array, Array | None]] = {
    "1": (BITS, grey3(BITS * 255)),
    "L": (GREY, grey3(GREY)),
    "P": (GREY, PALETTE[GREY[..., 0]].astype(numpy.int64)),
    "LA": (LA, over(grey3(GREY), ALPHA)),
    "La": (LA, (grey3(GREY) + 255 - ALPHA).clip(0, 255)),
    "RGB": (COLOURS, COLOURS.astype(numpy.int64)),
    "RGBX": (RGBA, COLOURS.astype(numpy.int64)),
    "RGBA": (RGBA, over(COLOURS, ALPHA)),
    "RGBa": (PREMULTIPLIED, PREMULTIPLIED[..., :3].astype(numpy.int64) + 125),
    "CMYK": (CMYK, of_cmyk(CMYK)),
    "YCbCr": (YCBCR, of_ycbcr(YCBCR)),
    "HSV": (HSV, of_hsv(HSV)),
    "LAB": (LAB, of_lab(LAB)),
    "I;16": (WIDE, grey3(GREY)),
    "I;16B": (WIDE.byteswap(), grey3(GREY)),
    "I": (WIDE.astype(numpy.int32), grey3(GREY)),
    "F": (GREY.astype(numpy.float32) / 255, grey3(GREY)),
}
"""Mode -> its samples, and the RGB that they stand for."""

CONTAINERS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 100, "subsampling": 0},
    "TIFF": {},
    "WEBP": {"lossless": True, "exact": True},
    "GIF": {},
    "BMP": {},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "JPEG2000": {},
    "PPM": {},
    "TGA": {},
    "ICO": {"sizes": [(SIDE, SIDE)]},
    "PCX": {},
    "SGI": {},
    "DDS": {},
    "QOI": {},
    "IM": {},
}
LOSSY = {"JPEG": 4, "AVIF": 4}
ENDINGS = {"JPEG": ".jfif", "JPEG2000": ".jp2"}
DEEP = {"I;16", "I;16B", "I", "F"}
DIFFERENT = {
    *(("GIF", mode) for mode in ("RGB", "RGBA", "LA", "RGBX", "CMYK", "YCbCr")),
    *((container, mode) for container in ("WEBP", "GIF", "AVIF") for mode in DEEP),
    *((container, "RGBA") for container in ("BMP", "PPM")),
    ("JPEG2000", "I;16B"),
}
"""What Pillow writes there is another image: of a palette that it draws up, clipped, without alpha, of swapped bytes."""


def image_of(mode: str) -> Image.Image:
    samples = EXPECTED[mode][0]
    if mode == "1":
        return Image.fromarray(samples.reshape(SIDE, SIDE) * 255).convert("1")
    image = Image.frombytes(mode, (SIDE, SIDE), numpy.ascontiguousarray(samples).tobytes())
    if mode == "P":
        image.putpalette(PALETTE.tobytes())
    return image


def saved(image: Image.Image, container: str, **options: Any) -> bytes | None:
    """None where Pillow does not write such an image."""
    file = io.BytesIO()
    try:
        image.save(file, container, **options)
    except Exception:
        return None
    return file.getvalue()


def plain() -> Iterator[Case]:
    """Every mode in every container that Pillow writes it into."""
    for mode, (_, expected) in EXPECTED.items():
        for container, options in CONTAINERS.items():
            content = saved(image_of(mode), container, **options)
            if content is None or (container, mode) in DIFFERENT:
                continue
            refused = mode == "I" and container in ("TIFF", "IM")  # 32 bits, whose white nothing declares
            tolerance = LOSSY.get(container, 0) + (
                2 if mode in ("HSV", "LAB", "YCbCr", "CMYK", "RGBa") else 0
            )
            yield Case(mode, container, content, None if refused else expected, tolerance)


def png(depth: int, colour: int, rows: Array, **chunks: bytes) -> bytes:
    """rows (H, bytes of a row) uint8; further chunks by their name, before the pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, 0)
    filtered = b"".join(b"\0" + row.tobytes() for row in rows)
    middle = b"".join(chunk(name.encode(), body) for name, body in chunks.items())
    pixels = chunk(b"IDAT", zlib.compress(filtered))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle + pixels + chunk(b"IEND", b"")


def tiff(
    samples: bytes, *, bits: int, photometric: int, form: int = 1, channels: int = 1, planar: int = 1
) -> bytes:
    """Uncompressed, in one strip, or in one for each channel."""
    strips = channels if planar == 2 else 1
    extra, start = b"", 8 + 2 + 12 * 11 + 4

    def block(kind: str, values: list[int]) -> tuple[int, bytes]:
        nonlocal extra
        body = struct.pack(f"<{len(values)}{kind}", *values)
        if len(body) <= 4:
            return len(values), body.ljust(4, b"\0")
        place = start + len(extra)
        extra += body
        return len(values), struct.pack("<I", place)

    size = len(samples) // strips
    fields: list[tuple[int, str, list[int]]] = [
        (256, "H", [SIDE]), (257, "H", [SIDE]), (258, "H", [bits] * channels), (259, "H", [1]), (262, "H", [photometric]),
        (273, "I", [200 + size * i for i in range(strips)]), (277, "H", [channels]), (278, "H", [SIDE]),
        (279, "I", [size] * strips), (284, "H", [planar]), (339, "H", [form] * channels),
    ]  # fmt: skip
    entries = b""
    for tag, kind, values in fields:
        count, body = block(kind, values)
        entries += struct.pack("<HHI", tag, 3 if kind == "H" else 4, count) + body
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(fields)) + entries + b"\0\0\0\0" + extra
    return head.ljust(200, b"\0") + samples


def pngs() -> Iterator[Case]:
    wide, flat = WIDE.astype(">u2"), GREY.reshape(SIDE, SIDE)
    colours = (COLOURS.astype(numpy.uint16) << 8 | 0x21).astype(">u2")
    with_alpha = numpy.concatenate([colours, ALPHA.astype(">u2") << 8 | ALPHA], -1).astype(">u2")
    grey_alpha = numpy.stack([wide, (ALPHA[..., 0].astype(numpy.uint16) * 257)], -1).astype(">u2")
    arrays = {"c": colours, "ca": with_alpha, "ga": grey_alpha, "w": wide}
    raw = {name: array.reshape(SIDE, -1).view(numpy.uint8) for name, array in arrays.items()}
    yield Case("RGB, 16 bits", "PNG", png(16, 2, raw["c"]), COLOURS.astype(numpy.int64))
    yield Case("RGBA, 16 bits", "PNG", png(16, 6, raw["ca"]), over(COLOURS, ALPHA), 1)
    yield Case("LA, 16 bits", "PNG", png(16, 4, raw["ga"]), over(grey3(GREY), ALPHA), 1)
    key, unlike = struct.pack(">H", 105), numpy.where(GREY == 105, 0, 255)
    yield Case("L, tRNS", "PNG", png(8, 0, flat, tRNS=key), over(grey3(GREY), unlike))
    key = struct.pack(">H", int(WIDE[3, 4]))
    unlike = numpy.where(GREY[3, 4] == GREY, 0, 255)
    yield Case("I;16, tRNS", "PNG", png(16, 0, raw["w"], tRNS=key), over(grey3(GREY), unlike))
    key, unlike = struct.pack(">HHH", *COLOURS[5, 6]), numpy.full((SIDE, SIDE, 1), 255)
    unlike[5, 6] = 0
    yield Case("RGB, tRNS", "PNG", png(8, 2, COLOURS.reshape(SIDE, -1), tRNS=key), over(COLOURS, unlike))
    yield Case(
        "RGB, 16 bits, tRNS", "PNG", png(16, 2, raw["c"], tRNS=struct.pack(">HHH", *colours[5, 6])), None
    )
    for depth, factor in ((1, 255), (2, 85), (4, 17)):
        levels = (flat // 16) % 2**depth
        packed = numpy.packbits(
            numpy.unpackbits(levels[..., None], axis=-1)[..., 8 - depth :].reshape(SIDE, -1), axis=1
        )
        unlike = numpy.where(levels == 1, 0, 255)[..., None]
        yield Case(f"grey, {depth} bits", "PNG", png(depth, 0, packed), grey3(levels * factor))
        yield Case(
            f"grey, {depth} bits, tRNS",
            "PNG",
            png(depth, 0, packed, tRNS=b"\0\1"),
            over(grey3(levels * factor), unlike),
        )
        colours8 = PALETTE[levels].astype(numpy.int64)
        yield Case(
            f"P, {depth} bits", "PNG", png(depth, 3, packed, PLTE=PALETTE[: 2**depth].tobytes()), colours8
        )
    alpha = bytes(range(256))
    some = over(PALETTE[flat].astype(numpy.int64), flat[..., None])
    yield Case("P, alpha of each colour", "PNG", png(8, 3, flat, PLTE=PALETTE.tobytes(), tRNS=alpha), some)


def tiffs() -> Iterator[Case]:
    flat = GREY.reshape(SIDE, SIDE)
    white = numpy.packbits(BITS.reshape(SIDE, SIDE), axis=1).tobytes()
    twelve = (WIDE >> 4).astype(numpy.uint16).reshape(-1, 2)
    packed = numpy.stack(
        [twelve[:, 0] >> 4, (twelve[:, 0] & 15) << 4 | twelve[:, 1] >> 8, twelve[:, 1] & 255], -1
    )
    yield Case("1, white is 0", "TIFF", tiff(white, bits=1, photometric=0), grey3(255 - BITS * 255))
    yield Case(
        "L, white is 0", "TIFF", tiff(flat.tobytes(), bits=8, photometric=0), grey3(255 - GREY.astype(int))
    )
    yield Case(
        "I;16, white is 0", "TIFF", tiff(WIDE.tobytes(), bits=16, photometric=0), grey3((65535 - WIDE) >> 8)
    )
    yield Case(
        "I;16, 12 bits",
        "TIFF",
        tiff(packed.astype(numpy.uint8).tobytes(), bits=12, photometric=1),
        grey3(GREY),
    )
    planes = COLOURS.transpose(2, 0, 1).tobytes()
    yield Case(
        "RGB, planes", "TIFF", tiff(planes, bits=8, photometric=2, channels=3, planar=2), COLOURS.astype(int)
    )
    wide = (COLOURS.astype("<u2") << 8 | 5).tobytes()
    yield Case("RGB, 16 bits", "TIFF", tiff(wide, bits=16, photometric=2, channels=3), COLOURS.astype(int))
    yield Case("I;16, signed", "TIFF", tiff((WIDE >> 1).tobytes(), bits=16, photometric=1, form=2), None)
    yield Case("I, unsigned", "TIFF", tiff(WIDE.astype("<u4").tobytes(), bits=32, photometric=1), None)
    unit = (GREY / 255).astype("<f8").tobytes()
    yield Case("F, 64 bits", "TIFF", tiff(unit, bits=64, photometric=1, form=3), None)
    for name, scale in (
        ("0 … 255", 1.0),
        ("0 … 1.3", 1.3 / 255),
        ("0 … 0.01", 1e-4),
        ("-1 … 1", -1 / 255),
        ("0 … 1000", 4.0),
    ):
        fractions = (GREY * scale).astype("<f4").tobytes()
        expected = grey3(GREY) if scale == 1 else None
        yield Case(f"F, {name}", "TIFF", tiff(fractions, bits=32, photometric=1, form=3), expected)
    for name, value in (("nan", numpy.nan), ("inf", numpy.inf)):
        fractions = GREY.astype("<f4").copy()
        fractions[3, 3] = value
        yield Case(f"F, {name}", "TIFF", tiff(fractions.tobytes(), bits=32, photometric=1, form=3), None)


def faint() -> Iterator[Case]:
    """Grey of 16 bits that ends below a sixteenth of white."""
    for name, most in (("0 … 4095", 4095), ("0 … 255", 255)):
        levels = (GREY.astype(float) / GREY.max() * most).astype(numpy.uint16).reshape(SIDE, SIDE)
        yield Case(f"I;16, {name}", "PNG", png(16, 0, levels.astype(">u2").view(numpy.uint8)), None)


UPRIGHT: dict[int, Callable[[Array], Array]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a.transpose(1, 0, 2)[::-1],
}
"""EXIF: which row and column of the scene the first row and column of the file are."""


def turned() -> Iterator[Case]:
    for container in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        for orientation, upright in UPRIGHT.items():
            exif = Image.Exif()
            exif[274] = orientation
            content = saved(Image.fromarray(COLOURS), container, exif=exif, **CONTAINERS[container])
            if content:
                mode, expected = f"RGB, orientation {orientation}", upright(COLOURS).astype(numpy.int64)
                yield Case(mode, container, content, expected, LOSSY.get(container, 0))


def frames() -> Iterator[Case]:
    first, second = image_of("P"), Image.fromarray(255 - COLOURS)
    for container in ("GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF"):
        begin, expected = (
            (first, EXPECTED["P"][1])
            if container == "GIF"
            else (Image.fromarray(COLOURS), EXPECTED["RGB"][1])
        )
        options = CONTAINERS.get(container, CONTAINERS["JPEG"])
        content = saved(begin, container, save_all=True, append_images=[second], **options)
        if content:
            tolerance = 4 if container in ("MPO", "AVIF") else 0
            yield Case("two frames", container, content, expected, tolerance)


def backgrounds() -> Iterator[Case]:
    for background, level in (("grey", 127.5), ("black", 0.0)):
        for mode, colours in (("RGBA", COLOURS), ("LA", grey3(GREY))):
            content = saved(image_of(mode), "PNG") or b""
            yield Case(f"{mode} on {background}", "PNG", content, over(colours, ALPHA, level), 0, background)


def not_adobe() -> Iterator[Case]:
    """Without Adobe's marker the samples of a CMYK JPEG are not inverted: Pillow writes the marker, and inverts."""
    content = saved(image_of("CMYK"), "JPEG", **CONTAINERS["JPEG"]) or b""
    start = content.index(b"\xff\xee")
    length = struct.unpack(">H", content[start + 2 : start + 4])[0]
    yield Case(
        "CMYK, not inverted", "JPEG", content[:start] + content[start + 2 + length :], of_cmyk(255 - CMYK), 6
    )


def cases() -> Iterator[Case]:
    for part in (plain, pngs, tiffs, faint, turned, frames, backgrounds, not_adobe):
        yield from part()


def read(case: Case, place: Path) -> dict[str, Array | str]:
    """RGB (H,W,3) or the refusal, from a folder and from parquet."""
    ending = ENDINGS.get(case.container, f".{case.container.lower()}")
    (place / "folder").mkdir(parents=True, exist_ok=True)
    (place / "folder" / f"image{ending}").write_bytes(case.content)
    parquet.write_table(pyarrow.table({"image": [{"bytes": case.content}]}), place / "images.parquet")
    answers: dict[str, Array | str] = {}
    for name in (f"folder:{place}/folder", f"parquet:{place}/images.parquet"):
        files = ImageFiles(background=case.background)  # type: ignore[arg-type]
        try:
            images = data.load(name, "all", framing=Framing(SIDE), files=files)
            answers[name.partition(":")[0]] = (
                images.pixels[torch.arange(1)][0].permute(1, 2, 0).long().numpy()
            )
        except CollapseError as error:
            answers[name.partition(":")[0]] = error.message.replace(str(place), "…")
    return answers


def difference(case: Case, answer: Array | str) -> int | str:
    """The greatest difference; the sentence where it was refused; where it should have been, that."""
    if isinstance(answer, str):
        return answer
    return (
        int(abs(answer - case.expected).max()) if case.expected is not None else "read, and should be refused"
    )


def main() -> None:
    wanted = sys.argv[1:]
    print(f"{'mode':24} {'container':10} {'opened as':10} {'folder':>7} {'parquet':>7}")
    with tempfile.TemporaryDirectory() as place:
        for number, case in enumerate(cases()):
            if wanted and case.mode not in wanted:
                continue
            answers = [difference(case, answer) for answer in read(case, Path(place, str(number))).values()]
            try:
                opened = Image.open(io.BytesIO(case.content)).mode
            except UnidentifiedImageError:
                opened = "-"
            row = f"{case.mode:24} {case.container:10} {opened:10} "
            if isinstance(answers[0], int):
                off = max(answer for answer in answers if isinstance(answer, int))
                wrong = "  ← WRONG" if case.expected is None or off > case.tolerance else ""
                print(row + " ".join(f"{answer:>7}" for answer in answers) + wrong)
            else:
                print(row + f"refused: {answers[0]}" + ("  ← WRONG" if case.expected is not None else ""))


if __name__ == "__main__":
    main()
