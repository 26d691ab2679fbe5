"""A network of transformers as an encoder: images in, one representation h for each image out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli.runs.others.transformers_table import ModelType


class Encoder(nn.Module):
    """Images (B,C,H,W) -> h (B,D). side: of the images that the position embeddings are of."""

    def __init__(self, network: Any, row: ModelType, side: int) -> None:
        super().__init__()
        self.network = network
        self.config = network.config
        self.row = row
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        if images.is_meta and self.row.takes == "patches":  # whose shapes the network reads as numbers
            return images.new_empty(len(images), int(self.config.hidden_size))
        output = self.network(**self._asked(images))
        if self.row.output == "pooler":
            pooled: Tensor = output.pooler_output.flatten(1)
            return pooled
        tokens: Tensor = output.last_hidden_state  # (B,N,D)
        return tokens[:, 0] if self.row.output == "first" else tokens.mean(dim=1)

    def _asked(self, images: Tensor) -> dict[str, Any]:
        """What the network is called with."""
        if self.row.takes == "patches":
            return self._patches(images)
        asked: dict[str, Any] = {"pixel_values": images}
        if self.row.takes == "ordered":  # by noise that rises, in place of a random order
            patches = (images.shape[-2] // self._patch) * (images.shape[-1] // self._patch)
            asked["noise"] = torch.arange(patches, device=images.device).float().expand(len(images), -1)
        if self.row.stretched and images.shape[-1] != self.side:
            asked["interpolate_pos_encoding"] = True
        return asked

    @property
    def _patch(self) -> int:
        """The side of a patch."""
        side = self.config.patch_size
        return int(side[0] if isinstance(side, list | tuple) else side)

    def _patches(self, images: Tensor) -> dict[str, Any]:
        """Patches (B,N,p*p*C) from left to right and top to bottom, all of which are image, in rows and columns."""
        side = self._patch
        rows, columns = images.shape[-2] // side, images.shape[-1] // side
        cut = images.reshape(*images.shape[:2], rows, side, columns, side)  # (B,C,h,p,w,p)
        patches = cut.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)
        return {
            "pixel_values": patches,
            "pixel_attention_mask": torch.ones(patches.shape[:2], dtype=torch.long, device=images.device),
            "spatial_shapes": torch.tensor([[rows, columns]], device=images.device).expand(len(images), -1),
        }
