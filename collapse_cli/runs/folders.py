"""A folder of arrays -> the sets of rows in it: shards of one set are joined, all else is measured apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.runs import counters, shards, shell
from collapse_cli.runs.counters import Name, natural
from collapse_cli.runs.labels_beside import labelled
from collapse_cli.runs.members import Member, Part, are_vectors, unlike
from collapse_cli.walks import folders_in, once

MOST, MOST_OF_A_SERIES = 8, 32  # sets of one folder that are measured side by side


def files_in(folder: Path) -> list[Path]:
    """The .npy files of a folder, shard_2 before shard_10; where it has none, those of its folders, runs left out."""
    files = [file for file in folder.glob("*.npy") if not file.name.startswith(".")]
    if not files:
        inner = (each for each in folders_in(folder) if not (each / "checkpoint.pt").exists())
        every = (file for each in inner for file in each.glob("*.npy") if not file.name.startswith("."))
        files = once(every)
    return sorted(files, key=lambda file: natural(file.relative_to(folder).as_posix()))


def parts(folder: Path) -> tuple[Part, ...]:
    """The sets of a folder, in the order of their names or of the series that they are. Headers are read, rows are not.

    Raises CollapseError for what cannot be read, for a shard that is no rows, and for a folder without rows.
    """
    members = [
        Member(file, Name.of(file.relative_to(folder)), shards.mapped(file)) for file in files_in(folder)
    ]
    labels = [member for member in members if member.holds_labels]
    rest = [member for member in members if not member.holds_labels]
    sets = [_vectors(rest, folder)] if are_vectors(rest) else []
    sets = sets or [part for alike in _alike(rest) for part in _sets(alike, folder)]
    used = {file for part in sets for file in part.files}
    aside = [member for member in rest if member.file not in used]
    sets = sorted(sets, key=lambda part: (part.point, natural(part.name)))
    if not sets:
        _refuse_none(folder, members)
    sets = [replace(part, name=name) for part, name in zip(sets, _names(sets, folder), strict=True)]
    sets = labelled(sets, labels, folder)
    used = {file for part in sets for file in part.labels}
    aside += [member for member in labels if member.file not in used]
    notes = tuple(_aside([member for member in aside if not member.is_empty], folder))
    first = replace(sets[0], notes=(*sets[0].notes, *notes))
    return (replace(first, path=folder),) if len(sets) == 1 else (first, *sets[1:])


def apart(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Files of a kind that is not joined, in the natural order of their names.

    Raises CollapseError for shards, whose names differ in one counter, and for more than are measured side by side.
    """
    ordered = sorted(files, key=lambda file: natural(file.name))
    names = [Name.of(Path(file.name)) for file in ordered]
    alike = len(names) > 1 and len({name.texts for name in names}) == 1
    place = counters.counter(names) if alike else None
    if place is not None and counters.one_by_one([name.numbers[place] for name in names]):
        raise CollapseError(
            f"{folder} contains shards in {len(files)} files such as {ordered[0].name}, but only "
            ".npy shards are joined",
            f"join them, where each holds a tensor alone: {_line_that_joins(folder, files[0].suffix)}",
        )
    refuse_more(folder, [file.name for file in ordered], alike and bool(counters.axis(names)))
    return ordered


def _line_that_joins(folder: Path, suffix: str) -> str:
    """The line that joins the tensors of a folder in the order of the numbers in their names."""
    load = "torch.load(p, map_location='cpu')"
    if suffix in (".npz", ".safetensors"):
        module = "numpy.load(p)" if suffix == ".npz" else "safetensors.torch.load_file(p)"
        load = f"torch.as_tensor(next(iter({module}.values())))"
    modules = {".npz": ", numpy", ".safetensors": ", safetensors.torch"}.get(suffix, "")
    return shell.python(
        f"import pathlib, re, torch{modules}; f = sorted(pathlib.Path({shell.literal(folder)}).glob('*{suffix}'), "
        "key=lambda p: [int(n) for n in re.findall('[0-9]+', p.name)]); "
        f"torch.save(torch.cat([{load} for p in f]), 'rows.pt')"
    )


def refuse_too_many(folder: Path, sets: Sequence[Part]) -> None:
    """Raises CollapseError for more sets than are measured side by side."""
    refuse_more(folder, [part.path.name for part in sets], all(part.point for part in sets))


def refuse_more(folder: Path, names: Sequence[str], series: bool) -> None:
    """The same, of names. series: whether they are points of one, which may be more."""
    most = MOST_OF_A_SERIES if series else MOST
    if len(names) > most:
        raise CollapseError(
            f"{folder} contains {len(names)} sets of embeddings that are not shards of one set: "
            f"{', '.join(names[:3])} … {names[-1]}",
            f"give up to {most} of them; shards have the same width and type, and names that differ in one counter",
        )


def refuse_several(folder: Path, sets: Sequence[Part]) -> None:
    """Raises CollapseError where one set is wanted."""
    if len(sets) > 1:
        names = ", ".join(part.path.relative_to(folder).as_posix() for part in sets[:MOST])
        raise CollapseError(
            f"{folder} contains {len(sets)} sets of embeddings: {names}",
            "give one of them, or its shards in a folder of their own; `collapse diagnose` takes all sets",
        )


def _vectors(members: Sequence[Member], folder: Path) -> Part:
    return Part(folder, "", tuple(member.file for member in members), notes=("one vector in each file",))


def _alike(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Members whose names differ in their numbers alone."""
    ordered = sorted(members, key=lambda member: member.name.texts)
    for _, group in groupby(ordered, key=lambda member: member.name.texts):
        yield sorted(group, key=lambda member: member.name.numbers)


def _sets(alike: Sequence[Member], folder: Path) -> Iterator[Part]:
    """The sets among files whose names differ in their numbers alone: by all of them but the one that counts shards."""
    names = [member.name for member in alike]
    place, points = counters.counter(names), counters.axis(names)

    def identity(member: Member) -> tuple[int, ...]:
        return tuple(number for at, number in enumerate(member.name.numbers) if at != place)

    for _, group in groupby(
        sorted(alike, key=lambda member: (identity(member), member.name.numbers)), key=identity
    ):
        members = list(group)
        filled = [member for member in members if not member.is_empty]
        if any(member.holds_rows for member in filled):
            point = tuple(members[0].name.numbers[at] for at in points)
            yield from (replace(part, point=point) for part in _joined(members, filled, place, folder))


def _joined(
    members: Sequence[Member], filled: Sequence[Member], place: int | None, folder: Path
) -> list[Part]:
    """Files that differ in one counter as one set, where they may be one; else each by itself, and why."""
    if place is None or len(members) == 1:
        return [_alone(member) for member in filled if member.holds_rows]
    _refuse_no_shard(filled, folder)
    why = unlike(filled)
    numbers = [member.name.numbers[place] for member in members]
    if not why and not counters.count_shards(
        members[0].name.words[place], numbers, [len(member.array) for member in members]
    ):
        why = f"the numbers in {members[0].file.name} and {members[-1].file.name} count neither shards nor embeddings"
    if why:
        first, *others = (_alone(member) for member in filled)
        return [replace(first, notes=(f"measured separately: {why}",)), *others]
    path = folder / f"{members[0].name.without(place)}.npy"
    empty = tuple(f"left out: {member.file.name}, which is empty" for member in members if member.is_empty)
    files = tuple(member.file for member in filled)
    return [Part(path, "", files, notes=(*_missing(members[0].name, place, numbers), *empty))]


def _alone(member: Member) -> Part:
    declared = counters.total(member.name)
    notes = _missing(member.name, declared[0], [member.name.numbers[declared[0]]]) if declared else ()
    return Part(member.file, "", (member.file,), notes=notes)


def _missing(name: Name, place: int, numbers: Sequence[int]) -> tuple[str, ...]:
    """A sentence on shards that are not there."""
    declared = counters.total(name)
    count = declared[1] if declared and declared[0] == place else None
    few = max(numbers) - min(numbers) < counters.MANY and (count or name.words[place] in counters.SHARDS)
    lost = counters.missing(numbers, count) if few or counters.one_by_one(numbers) else []
    if not lost:
        return ()
    more = f" and {len(lost) - MOST} more" if len(lost) > MOST else ""
    there = f"{len(numbers)} of {count or len(numbers) + len(lost)} shards are present"
    return (f"{there}; missing: {', '.join(map(str, lost[:MOST]))}{more}",)


def _refuse_no_shard(members: Sequence[Member], folder: Path) -> None:
    for member in members:
        if not member.holds_rows:
            raise CollapseError(
                f"{member.file} is {member.kind}, but the other shards of {folder} are embeddings (N, D)",
                "move it out of the folder, or save it in the form of the others",
            )


def _refuse_none(folder: Path, members: Sequence[Member]) -> None:
    """Raises CollapseError for a folder in which nothing is rows."""
    filled = [member for member in members if not member.is_empty]
    if not filled:
        raise CollapseError(
            f"{folder} contains no embeddings",
            "embeddings must be numbers of shape (N, D) with N >= 2",
            code=3,
        )
    shards.refuse(filled[0].file, filled[0].array)


def _names(sets: Sequence[Part], folder: Path) -> list[str]:
    """What the sets are called: by their point in a series, by their folder where each has its own, else by their files."""
    if len(sets) == 1:
        return [folder.absolute().name]
    within = [part.path.relative_to(folder).with_suffix("") for part in sets]
    texts = {Name.of(path).texts for path in within}
    if len(texts) == 1 and all(part.point for part in sets):
        name = Name.of(within[0])
        places = counters.axis([Name.of(path) for path in within])
        labels = [name.words[place] for place in places]
        return [
            ", ".join(f"{word} {point}" for word, point in zip(labels, part.point, strict=True))
            for part in sets
        ]
    folders = [path.parent.as_posix() for path in within]
    return folders if len(set(folders)) == len(folders) > 1 else [path.as_posix() for path in within]


def _aside(members: Sequence[Member], folder: Path) -> list[str]:
    """A sentence on the arrays that are neither rows nor labels, and on what else there is."""
    descriptions = [f"{member.file.name}, {member.kind}" for member in members]
    others = [
        file.name for file in sorted(folder.iterdir()) if file.is_file() and file.suffix in shards.OTHERS
    ]
    descriptions += (
        [", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")]
        if others
        else []
    )
    return [f"left out: {'; '.join(descriptions[:MOST])}"] if descriptions else []
