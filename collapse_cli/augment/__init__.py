"""Whole-batch augmentations on the images' device: every image has its own draws, all from one generator.

The entry is `augment(images, recipe, strength, generator)`; each step of a recipe is a function
`(images (B,C,H,W) float32 in [0,1], strength, generator) -> the same`, with strength 0 the identity, bit for
bit, and 1 the published amount. What a recipe's name promises is in `RECIPES`; names are joined by `+`.
"""

from collapse_cli.augment.recipes import RECIPES, augment, searched_with_labels

__all__ = ["RECIPES", "augment", "searched_with_labels"]
