"""What is known of a named data set without having it."""

from __future__ import annotations

from dataclasses import dataclass

SPLITS = ("train", "test", "all")


@dataclass(frozen=True)
class Facts:
    """Class names, images per class in each split, and the shape (C,H,W) of an image."""

    description: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train: tuple[int, ...]
    test: tuple[int, ...]

    def of(self, split: str) -> tuple[int, ...]:
        """Images of each class in `train`, `test` or `all`."""
        both = tuple(a + b for a, b in zip(self.train, self.test, strict=True))
        return {"train": self.train, "test": self.test, "all": both}[split]
