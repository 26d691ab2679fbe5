"""The encoders that a file holds: the trained network and its slow copies, by what precedes their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collapse_cli.runs.others import torchvision_table
from collapse_cli.runs.others.layouts import Branch, Layout, Role
from collapse_cli.runs.others.slow_copies import is_published, is_slow
from collapse_cli.runs.others.tensors import FileTensors

ANCHOR = re.compile(
    r"((?:.*?\.)??)(layer1\.0\.conv1|block1\.layer\.0\.conv1|\d+\.0\.conv1|patch_embed\.proj(?:\.0)?"
    r"|embeddings\.patch_embedding|embeddings\.patch_embeddings(?:\.projection)?|ln_pre|"
    + "|".join(re.escape(sign.removesuffix(".weight")) for sign in torchvision_table.SIGNS)
    + r")\.weight"
)
"""A name that an encoder has whatever precedes it: group 1 is its prefix."""


def prefixes(held: FileTensors) -> tuple[str, ...]:
    """What precedes something that looks like an encoder, in the order of the file."""
    matches = (ANCHOR.match(name) for name in held.tensors)
    return tuple(dict.fromkeys(match[1] for match in matches if match))


def role(prefix: str) -> Role:
    """Whether the names after a prefix are of a trained network or of its slow copy."""
    return "momentum" if is_slow(prefix) else "online"


def unknown(held: FileTensors, seen: frozenset[str]) -> Iterator[Branch]:
    """The encoders that no layout tells, those first that are usually published."""
    others = [prefix for prefix in prefixes(held) if prefix not in seen]
    published = [prefix for prefix in others if is_published(prefix)]
    trained = [prefix for prefix in others if role(prefix) == "online"]
    for prefix in dict.fromkeys((*published, *trained, *others)):
        yield Branch(role(prefix), prefix)


def others(held: FileTensors, layout: Layout, taken: Branch, used: frozenset[str]) -> dict[str, str]:
    """The prefixes of the other encoders of a file, and the option that takes each. used: names that the one taken uses."""
    roles = {branch.encoder: branch.role for branch in layout.branches}
    unused = [p for p in prefixes(held) if not any(name.startswith(p) for name in used)]
    branches = [Branch(roles.get(p, role(p)), p) for p in unused]
    return {branch.encoder: _option(held, branch, taken, branches) for branch in branches}


def in_words(held: FileTensors, layout: Layout, taken: Branch, used: frozenset[str]) -> tuple[str, ...]:
    """The other encoders as the file names them, each with the option that takes it."""
    options = others(held, layout, taken, used)
    found = (f"{written(held, prefix)} ({option})" for prefix, option in options.items())
    return (*found, *(f"{name} (--branch online)" for name in held.unopened if held.averaged))


def _option(held: FileTensors, branch: Branch, taken: Branch, branches: list[Branch]) -> str:
    alone = sum(each.role == branch.role for each in branches) == 1
    if branch.role != taken.role and alone:
        return f"--branch {branch.role}"
    return f"--prefix {written(held, branch.encoder)}"


def written(held: FileTensors, prefix: str) -> str:
    """A prefix of ours as the file has it: `module.encoder_q.`."""
    name = next(name for name in held.tensors if name.startswith(prefix))
    return held.written[name].removesuffix(name.removeprefix(prefix))
