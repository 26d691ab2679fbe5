"""One input with everything that can be asked of it: embeddings by space, views, labels, its network. Each is computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor

from collapse_cli import embedding
from collapse_cli.analysis.centring import CentredRows, centred, means
from collapse_cli.analysis.initial import COMPARED, NETWORKS, Compared, looks_untrained
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import concerning
from collapse_cli.models.digest import digest
from collapse_cli.runs.histories import is_whole
from collapse_cli.runs.saved_answers import damaged
from collapse_cli.settings import flat
from collapse_cli.shapes import Embeddings, Images, Rows
from collapse_cli.stage import Stage

if TYPE_CHECKING:
    from collapse_cli.metrics.state import State
    from collapse_cli.models.key_encoder import KeyQueue
    from collapse_cli.root_causes import Case
    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.runs.codes import Codes
    from collapse_cli.runs.record import Record
    from collapse_cli.runs.text_networks import Reading

RAW = "raw pixels"  # in place of a network
VIEWED = 2000  # images whose augmented pairs are embedded

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Subject:
    """One input, read and embedded.

    facts: for the JSON's `inputs`; clean: h (N,D), z (N,d), labels; streamed: all embeddings (M,D) of a file by space, of which
    `clean` holds a sample where they are many; stored_views: those of a file; case: the network itself with its images and
    what is known of its training, None where there is no network; stage: how far a run of ours got; load_split: the images of
    another split, by its name, None where there are only these; raw: `clean` holds pixels; codes: what h is where it is whole
    numbers, and None where it is not; groups: (N,) int64 in [0,G), of all embeddings, those that are not independent;
    suggested: how many groups names of files suggest; centre: the mean row (D,) by space that was subtracted from all
    embeddings, as they are in `original`; stated_network: the encoder that gave them, as their file states it; notes: what of the
    data set is not used, or not as it is; story: what was recognised and assumed, in sentences; available: images of the split
    that is measured, of which `clean` may hold a sample, None for embeddings; count_images: those of another split;
    places: (N,) which rows of a file `clean` holds, None for what is no file; images: what `clean.index` names, if it is there.
    plain: (N,W) float64, the inputs themselves as numbers, where these are texts: what the embeddings are compared with;
    all_labels: (M,) of all embeddings; reading: a network of texts, which has no case;
    states: what is left of all embeddings by space, where they are not there themselves.
    """

    name: str
    facts: Mapping[str, Any]
    clean: Embeddings
    measuring: Measuring
    streamed: Mapping[str, Rows] = field(default_factory=dict)
    stored_views: tuple[Embeddings, Embeddings] | None = None
    temperature: float | None = None
    case: Case | None = None
    checkpoint: Checkpoint | None = None
    record: Record | None = None
    stage: Stage | None = None
    load_split: Callable[[str], Embeddings] | None = None
    raw: bool = False
    codes: Codes | None = None
    groups: Tensor | None = None
    suggested: int = 0
    centre: Mapping[str, Tensor] = field(default_factory=dict)
    original: Subject | None = None
    stated_network: str = ""
    notes: tuple[DataNote, ...] = ()
    story: tuple[str, ...] = ()
    available: int | None = None
    count_images: Callable[[str], int] | None = None
    places: Tensor | None = None
    images: Images | None = None
    all_labels: Tensor | None = None
    reading: Reading | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    plain: Tensor | None = None
    _computed: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def rows(self) -> Mapping[str, Rows]:
        """All embeddings that can be read in one pass, by space."""
        return self.streamed or self.clean.spaces

    @property
    def count(self) -> int:
        return self.rows["h"].shape[0]

    @property
    def last_space(self) -> str:
        """The space that a loss sees: z, or h where there is no projector."""
        return list(self.clean.spaces)[-1]

    @property
    def from_file(self) -> bool:
        """Whether it can be named in a command: not what is in memory."""
        return self.raw or "sha256" in self.facts or "size" in self.facts

    @property
    def labelled(self) -> bool:
        return self.clean.labels is not None

    @cached_property
    def network(self) -> str:
        """Which encoder gave the embeddings, by the digest of its weights; `raw pixels` for none; empty where it is not known."""
        if self.case is None:
            return RAW if self.raw else self.stated_network
        return digest(self.case.method.encoder)

    @property
    def negatives(self) -> KeyQueue | None:
        """The run's own queue of negatives, where its method has one."""
        return self.checkpoint.method.negatives if self.checkpoint else None

    @property
    def has_views(self) -> bool:
        """Whether augmented pairs can be had; no network is asked for them yet."""
        return self.case is not None or self.stored_views is not None

    @cached_property
    def views(self) -> tuple[Embeddings, Embeddings] | None:
        """Embeddings (n,D) of two augmented views of up to 2000 of the images."""
        if self.case is None:
            return self.stored_views
        first, second = self.many_views(2, VIEWED)
        return first, second

    def many_views(self, q: int, n: int) -> tuple[Embeddings, ...]:
        """q augmented views of the same n images, by the recipe of the run. Only where there is a network."""
        case = cast("Case", self.case)
        order = torch.randperm(len(self.clean), generator=torch.Generator().manual_seed(case.seed))[:n]
        index = self.clean.index[order.sort().values]
        many = embedding.many_views(
            case.method, case.images, case.normalisation, index, case.recipe, case.strength, case.seed, q
        )
        return tuple(centred(view, self.centre) for view in many)

    def split(self, name: str) -> Embeddings | None:
        """The embeddings of another split of the data set; None where there are only these."""
        return centred(self.load_split(name), self.centre) if self.load_split else None

    @cached_property
    def present(self) -> Compared | None:
        """The network as it is, on the images that it is compared on with `initial`; None where there is no network."""
        return None if self.case is None else Compared(self.case, self._compared_on)

    @cached_property
    def initial(self) -> tuple[Compared, ...]:
        """The same network at several random initialisations, on the images of `present`; none where there is no network.

        Of a run the first is the one that it started from, the others have the seeds that follow.
        """
        if self.case is None:
            return ()
        first = self.case.trained.run.training.seed if self.case.trained else self.case.seed
        return tuple(Compared(self.case, self._compared_on, seed) for seed in range(first, first + NETWORKS))

    def looks_untrained(self, space: str) -> str:
        """Why the network looks as at a random initialisation, in a sentence; empty where it does not, or there is none."""
        case = self.case
        return self.once(("untrained", space), lambda: looks_untrained(case, space)) if case else ""

    @property
    def _compared_on(self) -> Tensor:
        """(n,) up to COMPARED of the images, in the data set's order."""
        order = torch.randperm(len(self.clean), generator=generator(self.measuring.seed))[:COMPARED]
        return self.clean.index[order.sort().values]

    def history(self) -> list[dict[str, Any]]:
        """One mapping an epoch, as the run folder has it; of epochs that the checkpoint holds."""
        lines = [line for line in self.record.history() if is_whole(line)] if self.record else []
        return [
            {"extra": {}, **line}
            for line in lines
            if self.stage is None or line["number"] <= self.stage.epochs
        ]

    @property
    def training(self) -> dict[str, Any]:
        """What is known of the training, as a Context takes it; nothing where it was not ours."""
        if self.checkpoint is None:
            return {}
        run = self.checkpoint.run
        fields = {
            "method": run.method,
            "settings": flat(run.tables()),
            "repels": self.checkpoint.method.repels,
        }
        return fields | {"stage": self.stage} | ({"queue": self.negatives.filled} if self.negatives else {})

    def once(self, key: Any, compute: Callable[[], Value]) -> Value:
        """What `compute` gives, computed the first time that this key is asked for."""
        if key not in self._computed:
            self._computed[key] = compute()
        return cast(Value, self._computed[key])

    def amend(self, key: Any, value: Any) -> None:
        """From now on `once` gives this value for the key."""
        self._computed[key] = value

    @property
    def noted(self) -> tuple[str, ...]:
        """What of its data set is not used, or not as it is, and what of its run folder is damaged, a sentence each."""
        of_images = (f"{self.clean.source}: {note.sentence}" for note in self.notes)
        return (*of_images, *(damaged(self.record) if self.record else ()))

    def sampled(self) -> tuple[str, ...]:
        """The notes, and a sentence where no more than a sample of the rows was measured, for what holds them in memory."""
        if len(self.clean) == self.count:
            return self.noted
        return (
            *self.noted,
            f"{self.name}: {len(self.clean):,} of {self.count:,} embeddings, sampled without "
            "replacement; --samples takes more",
        )


def about_mean(subject: Subject) -> Subject:
    """The same input with all its embeddings less their mean."""
    mean = means(subject.rows)
    views = subject.stored_views
    with concerning(subject.name):
        return replace(
            subject,
            clean=centred(subject.clean, mean),
            streamed={space: CentredRows(rows, mean[space]) for space, rows in subject.streamed.items()},
            stored_views=views and (centred(views[0], mean), centred(views[1], mean)),
            centre=mean,
            original=subject,
        )


def generator(seed: int) -> torch.Generator:
    """A generator of its own for one measurement."""
    return torch.Generator().manual_seed(seed)
