"""collapse datasets: which data sets can be used."""

from __future__ import annotations

from typing import Any

from collapse_cli.commands.options import Listed, options
from collapse_cli.settings import fill
from collapse_cli.views.listing import listing


@options(Output=Listed)
def datasets(typed: dict[str, Any]) -> None:
    """Which data sets can be used: the named ones, and your own images?

    Example: [bold]collapse train moco --dataset parquet:my/images[/bold]
    """
    from collapse_cli import data

    named: list[dict[str, Any]] = []
    for name in data.NAMES:
        facts = data.facts(name)
        named.append(
            {
                "data set": name,
                "what": facts.description,
                "images": "x".join(map(str, facts.shape)),
                "train": sum(facts.of("train")),
                "test": sum(facts.of("test")),
                "classes": len(facts.classes),
            }
        )
    any_number = {"images": "any", "train": "any", "test": "any", "classes": "any"}
    named.append(
        {"data set": "folder:PATH", "what": "your images, in class folders or in one folder", **any_number}
    )
    named.append(
        {
            "data set": "parquet:PATH",
            "what": "Hugging Face image layout: a file or a folder of shards",
            **any_number,
        }
    )
    listing(named, fill(Listed, typed).json)
