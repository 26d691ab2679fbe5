"""By what a resumed run knows its images again. Neither their path nor their times count: a set may be moved or copied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

SAMPLED = 64  # images whose content is compared


@dataclass(frozen=True)
class Contents:
    """Of images that were decoded: a digest of the sizes of their files, and one of the bytes of each that is sampled."""

    sizes: str
    sampled: tuple[str, ...]


@dataclass(frozen=True)
class Fingerprint:
    """Digests of what a training depends on, in the order of the images; empty for what they do not have.

    names, sizes: of their files; labels: of all; sampled: of the content of up to 64 images, each.
    """

    names: str
    sizes: str
    labels: str
    sampled: tuple[str, ...]

    @classmethod
    def read(cls, fields: object) -> Fingerprint | None:
        """From a checkpoint, which may have none. Raises TypeError where it has something else in its place."""
        if fields is None:
            return None
        if not isinstance(fields, dict) or not isinstance(fields.get("sampled"), list):
            raise TypeError("the fingerprint of the images is damaged")
        names, sizes, labels = (str(fields.get(part, "")) for part in ("names", "sizes", "labels"))
        return cls(names, sizes, labels, tuple(map(str, fields["sampled"])))


def sampled(count: int) -> list[int]:
    """Places of up to 64 of `count` images: one drawn of each of as many equal parts, the same wherever they are drawn."""
    parts = min(count, SAMPLED)
    bounds = [part * count // parts for part in range(parts)] + [count]
    return [
        start + int.from_bytes(sha256(b"%d" % part).digest()[:8], "big") % (end - start)
        for part, (start, end) in enumerate(zip(bounds, bounds[1:], strict=False))
    ]


def digest(parts: Iterable[bytes]) -> str:
    """Of some texts in their order, each with its length, so that none runs into the next; empty where there is none."""
    total, empty = sha256(), True
    for part in parts:
        total.update(b"%d:" % len(part))
        total.update(part)
        empty = False
    return "" if empty else total.hexdigest()[:32]


def differences(before: Fingerprint, now: Fingerprint, names: Sequence[str]) -> Iterator[str]:
    """What is not as it was, each as the end of a sentence. names: what the images that are sampled are called now."""
    if before.labels != now.labels:
        yield "its images have other labels"
    if before.names != now.names:
        yield "its files have other names, or another order"
        return
    if before.sizes != now.sizes:
        yield "its files have other sizes"
    pairs = zip(before.sampled, now.sampled, strict=False)
    changed = [name for name, (then, today) in zip(names, pairs, strict=False) if then != today]
    if changed:
        are = "are not what they were, the first of them" if len(changed) > 1 else "is not what it was:"
        yield f"{len(changed)} of the {len(names)} images that were compared {are} {changed[0]}"
