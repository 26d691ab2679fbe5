"""An opened image -> RGB of 8 bits, by rules that are the same for every format, and what had to be done for it.

- Grey of 9 to 16 bits keeps its upper 8 bits, by the depth that the file declares. Whole numbers of 32 bits declare nothing.
- Fractions (mode F) are multiplied by 255 / white, where white is 1 or 255 for a whole set, and rounded to the nearest.
- An alpha a in 0 … 255 over a background b: (a colour + (255 - a) b) / 255, rounded half up; b of grey is 127.5.
- CMYK, YCbCr and HSV are converted by their formulas, LAB as CIE L*a*b* under D50. Profiles (ICC) are not applied.
- The first of several frames is read, and it is turned as its EXIF orientation says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy
from PIL import Image, ImageChops, ImageCms

Trait = Literal["turned", "composited", "frames", "deep", "float", "converted"]

ORIENTATION = 274  # tag of EXIF and TIFF
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
SIGNED = 2  # a sample format of TIFF
EXIF = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}  # where Pillow keeps an orientation
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DEPTHS = {
    "PNG": 16,
    "PPM": 16,
    "JPEG2000": 16,
}  # of what these hold beyond 8 bits, after Pillow has spread it
ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
PLAIN = {"1", "L", "P", "RGB", "RGBX"}
CONVERTED = {"CMYK", "YCbCr", "LAB", "HSV"}
GREY_LEVELS = {"L;2": 85, "L;4": 17}  # what Pillow multiplies grey of 2 and 4 bits by
TWICE = {"white": 510, "grey": 255, "black": 0}  # two times the level of each background


@dataclass(frozen=True)
class Header:
    """What an image says of itself before it is decoded.

    bits: the declared depth of grey beyond 8 bits, 0 where nothing declares it; inverted: Pillow gives the samples as if 0 stood
    for the other end of the scale.
    """

    size: tuple[int, int]
    mode: str
    raw: str
    bits: int
    inverted: bool
    turned: bool
    frames: bool
    transparent: bool

    @property
    def whole(self) -> bool:
        """Grey as whole numbers beyond 8 bits."""
        return self.mode.startswith("I")

    @property
    def deep(self) -> bool:
        """Beyond 8 bits, so that it depends on the values what is white."""
        return self.whole or self.mode == "F" or ";16" in self.raw

    @property
    def traits(self) -> frozenset[Trait]:
        """What is done to it, but for `composited`, which only the pixels tell."""
        whole: Trait = "float" if self.mode == "F" else "deep"
        conditions: list[tuple[bool, Trait]] = [
            (self.turned, "turned"), (self.frames, "frames"), (self.deep, whole), (self.mode in CONVERTED, "converted"),
        ]  # fmt: skip
        return frozenset(trait for holds, trait in conditions if holds)


def header(image: Image.Image) -> Header:
    """Of an image that was opened and is not decoded yet; decoding forgets some of it."""
    tags: Any = getattr(image, "tag_v2", {})
    frames = image.format != "PSD" and bool(getattr(image, "is_animated", False))  # PSD counts layers
    return Header(
        size=image.size,
        mode=image.mode,
        raw=_raw(image),
        bits=_bits(image, tags),
        inverted=_inverted(image, tags),
        turned=_orientation(image) in TURNS,
        frames=frames,
        transparent=_transparent(image),
    )


def rgb(image: Image.Image, about: Header, background: str, white: float) -> tuple[Image.Image, bool]:
    """The image as RGB, and whether something of it was transparent. Raises ValueError for a mode without a rule.

    white: the value of mode F that is white.
    """
    image.load()
    if (orientation := _orientation(image)) in TURNS:  # Pillow turns a TIFF while it decodes it
        image = image.transpose(TURNS[orientation])
    if _transparent(image):
        return _composited(image, about, background)
    return _opaque(image, about, white), False


def values(image: Image.Image, about: Header) -> tuple[float, float]:
    """The least and the greatest value of an image that is deep; not a number where one of them is none."""
    if about.whole or about.mode == "F":
        numbers = numpy.asarray(image)
        return float(numbers.min()), float(numbers.max())
    extrema = image.convert("RGB").getextrema()  # 8 of its 16 bits are left
    return float(min(e[0] for e in extrema)), float(max(e[1] for e in extrema))  # type: ignore[index]


def _raw(image: Image.Image) -> str:
    """How the samples lie in the file, by Pillow's name."""
    tiles = getattr(image, "tile", ())
    arguments = tiles[0][3] if tiles else ""
    parts = arguments if isinstance(arguments, tuple | list) else (arguments,)
    return next((part for part in parts if isinstance(part, str)), "")


def _bits(image: Image.Image, tags: Any) -> int:
    if tags:
        bits, form = tags.get(BITS, (0,))[0], tags.get(SAMPLE_FORMAT, (1,))[0]
        return bits if 8 < bits <= 16 and form != SIGNED else 0
    return DEPTHS.get(image.format or "", 16 if image.mode.startswith("I;16") else 0)


def _inverted(image: Image.Image, tags: Any) -> bool:
    """Grey of 16 bits where white is 0, and CMYK of a JPEG without Adobe's marker, whose inks Adobe alone inverts."""
    if image.mode == "CMYK":
        return image.format in ("JPEG", "MPO") and "adobe" not in image.info
    return image.mode.startswith("I") and tags.get(PHOTOMETRIC) == 0


def _orientation(image: Image.Image) -> int:
    """1 … 8; 1 is upright, and so is an image whose EXIF data are damaged."""
    if image.format != "TIFF" and not EXIF & image.info.keys():
        return 1
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow raises almost anything there
        return 1


def _transparent(image: Image.Image) -> bool:
    palette = image.mode == "P" and image.palette is not None and image.palette.mode.endswith("A")
    return image.mode in ALPHA or palette or "transparency" in image.info


def _opaque(image: Image.Image, about: Header, white: float) -> Image.Image:
    mode = image.mode
    if mode == "RGB":
        return image
    if about.whole and about.bits:
        return _grey(_upper(image, about))
    if mode == "F":
        levels = numpy.asarray(image).astype(numpy.float64) * (255 / white)
        return _grey(numpy.floor(levels.clip(0, 255) + 0.5).astype(numpy.uint8))
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert converted is not None  # None only where it is converted in place
        return converted
    if mode not in PLAIN | CONVERTED:
        raise ValueError(f"there is no rule for images of mode {mode}")
    if mode == "CMYK" and about.inverted:
        image = ImageChops.invert(image)
    return image.convert("RGB")


def _upper(image: Image.Image, about: Header) -> numpy.ndarray:
    """The upper 8 bits of grey of `bits` bits, (H,W) uint8."""
    levels = numpy.asarray(image).astype(numpy.int64)
    levels = (1 << about.bits) - 1 - levels if about.inverted else levels
    return (levels >> (about.bits - 8)).astype(numpy.uint8)


def _grey(levels: numpy.ndarray) -> Image.Image:
    return Image.fromarray(levels).convert("RGB")


def _composited(image: Image.Image, about: Header, background: str) -> tuple[Image.Image, bool]:
    colours, alpha = _layers(image, about)  # (H,W,3) or (H,W,1), and (H,W,1) uint8
    if alpha.min() == 255:
        return Image.fromarray(numpy.broadcast_to(colours, (*colours.shape[:2], 3)).copy()), False
    weight = 255 if image.mode in ("La", "RGBa") else alpha.astype(numpy.uint32)  # theirs is in the colours
    total = 2 * weight * colours.astype(numpy.uint32) + (255 - alpha.astype(numpy.uint32)) * TWICE[background]
    mixed = ((total + 255) // 510).clip(0, 255).astype(numpy.uint8)
    return Image.fromarray(numpy.broadcast_to(mixed, (*mixed.shape[:2], 3)).copy()), True


def _layers(image: Image.Image, about: Header) -> tuple[numpy.ndarray, numpy.ndarray]:
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    if image.mode in ALPHA:
        samples = numpy.asarray(image)
        return samples[..., :-1], samples[..., -1:]
    key = numpy.array(image.info["transparency"])
    if about.whole and about.bits:
        return _upper(image, about)[..., None], _unlike(numpy.asarray(image)[..., None], key)
    if ";16" in about.raw:
        raise ValueError("its transparent colour has 16 bits a channel; save it with an alpha channel")
    if image.mode in ("1", "L"):
        colours = numpy.asarray(image.convert("L"))[..., None]
        return colours, _unlike(colours, key * GREY_LEVELS.get(about.raw, 1))
    colours = numpy.asarray(_opaque(image, about, 1.0))
    return colours, _unlike(colours, key)


def _unlike(colours: numpy.ndarray, key: numpy.ndarray) -> numpy.ndarray:
    """Alpha (H,W,1) of colours (H,W,C): 0 where they are the transparent one, else 255."""
    alpha: numpy.ndarray = (colours != key).any(-1, keepdims=True) * 255
    return alpha.astype(numpy.uint8)
