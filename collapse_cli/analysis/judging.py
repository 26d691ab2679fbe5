"""The judgements of `import collapse_cli as collapse`, which rest on the measurements: what it comes to, why, and for whom."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from collapse_cli.analysis import check as gate
from collapse_cli.analysis import compare as comparison
from collapse_cli.analysis import report as pages
from collapse_cli.analysis.across import contrasts, with_contrasts
from collapse_cli.analysis.api import result_of
from collapse_cli.analysis.array_inputs import Labels
from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.keywords import Settings
from collapse_cli.analysis.loading import (
    Input,
    load,
    measuring,
    portrayed,
    refuse_below,
    refuse_none,
    subjects,
)
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.result import Result
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress, silent


def diagnose(
    *sources: Input, labels: Labels = None, progress: Progress = silent, **settings: Unpack[Settings]
) -> Result:
    """Has it collapsed, which measurements show it, and what should be tried next?

    Of each space, `result.h` and `result.z` where there are both: `status`, "healthy", "dimensional collapse",
    "complete collapse" or "inconclusive"; `verdict`, with the sentence, its reasons, the bounds that decided, and advice; and
    an `Evidence` of N embeddings in D dimensions: `total_variance` of the unit embeddings in [0, 1], near 0 where all are one
    point (Chen & He 2021, arXiv:2011.10566); `active` dimensions, 0 … D, fewer than half of the null's in dimensional collapse
    (Jing et al. 2022, arXiv:2110.09348); `effective_rank`, `mean_cosine` and others, each with its `null`.

    Of one network on several data sets, `diagnose(load(run, dataset=a), load(run, dataset=b))`, a `Contrast` says where it is
    healthy on one and not on another, and whether that is the network or the data.

    Raises CollapseError as `load` does, and for embeddings that contain nan or infinity or are fewer than two.

    >>> import numpy
    >>> diagnose(numpy.ones((100, 8))).status
    'complete collapse'
    """
    loaded = subjects(sources, labels, progress, settings)
    between = contrasts(loaded)  # which may decide a verdict
    return Result(with_contrasts(measured(measurement("diagnose"), loaded), between))


def causes(
    *sources: Input,
    strength: float = 0.0,
    recipe: str = "",
    try_epochs: int = 0,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """Why has a network collapsed, and what would cure it? A ranked list, each with its evidence and the command to try.

    Of a run folder or a checkpoint: a `Signal` with the verdict, then entries of kind "cause", the likeliest first, with
    `times`, how many times over its threshold the evidence is (a cause from 1 on), and `details["cure"]`.
    strength, in (0, 3], and recipe: of the augmentation that views are made with; 0 and "": the run's own. try_epochs: each
    cure is trained for as many epochs and compared with the run's own training.

    Raises CollapseError as `load` does, and for embeddings, which do not tell how they were made.

    >>> import numpy
    >>> causes(numpy.eye(9))
    Traceback (most recent call last):
    collapse_cli.errors.CollapseError: array contains embeddings, but causes are looked for in a network
    give a run folder or a checkpoint; `collapse diagnose` says whether embeddings have collapsed
    """
    refuse_below(0, strength=strength, try_epochs=try_epochs)
    options = {"strength": strength, "recipe": recipe, "try_epochs": try_epochs}
    return result_of("causes", sources, None, progress, settings, **options)


def compare(
    *sources: Input,
    baseline: str = "",
    scatter: tuple[str, str] | None = None,
    fresh: bool = False,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """Which of these is better, and is the difference larger than the variation between seeds?

    Runs that differ in their seed alone are one group.
    Entries of kind "side_by_side", one for each group, then of kind
    "difference", each group minus the baseline, in the units of the numbers; with 95 % intervals where a group has several
    runs. baseline: a group, or one of its runs; the first otherwise. scatter: two numbers that the plot shows against each
    other, such as ("alignment.z", "uniformity.z"). fresh: what a run folder contains already is measured again.

    Raises CollapseError as `load` does, for fewer than two sources, and for one that is given twice.

    >>> import numpy
    >>> rng = numpy.random.default_rng(0)
    >>> flat, steep = rng.standard_normal((500, 8)), rng.standard_normal((500, 8)) / numpy.arange(1, 9)
    >>> result = compare(flat, steep)
    >>> [(entry.kind, entry.subject) for entry in result][:2]
    [('side_by_side', 'array 1'), ('side_by_side', 'array 2')]
    """
    twice = [source for n, source in enumerate(sources) if any(source is other for other in sources[:n])]
    if twice or not isinstance(baseline, str):
        what = "an input is given twice" if twice else "baseline is not a name"
        raise CollapseError(
            what, "give each input once" if twice else "give the name of a group, or the path of a run"
        )
    inputs = portrayed(sources, None, progress, settings)
    if len(inputs) < 2:
        raise CollapseError(
            f"compare needs two inputs or more, and {len(inputs)} were given", "compare(a, b)"
        )
    return Result(comparison.compare(inputs, measuring(settings), baseline, scatter, fresh, progress))


def check(
    *sources: Input,
    require: Sequence[str] = (),
    baseline: Input | None = None,
    only: Sequence[str] = (),
    tolerance: str | Sequence[str] = (),
    strict: bool = False,
    fresh: bool = False,
    labels: Labels = None,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Result:
    """Is this representation as good as it must be? `result.status` is "passed", "failed" or "inconclusive".

    require: as "effective_rank.h >= 20", "effective_rank.h >= 50% of null", "effective_rank.h >= 95% of baseline", "lost == 0"; a
    name alone means z, or h where there is no z. Shares are for numbers that are never negative, == for counts.
    baseline: what no number may be worse than by more than `tolerance`, "5%" of the baseline's absolute value, which is the
    default, or "0.1" in the number's unit, and of one number alone "effective_rank.h=2%". only: the numbers that are compared,
    as ["effective_rank", "uniformity.z"]. Where a requirement is of the baseline and neither is given, nothing else is compared.
    A value that meets a bound of the baseline passes; one that misses it fails where both intervals say so too. Where the
    baseline's interval reaches 0, a share of it says nothing, and what the intervals cannot distinguish passes.
    Complete collapse always fails; dimensional collapse and what the sample cannot decide fail where `strict`. An entry of kind
    "gate" for each source says what its checks come to. fresh: what a run folder contains already is measured again.

    Raises CollapseError as `load` does, for a requirement that cannot be read, names no number or says nothing of it, and
    for only, tolerance or a requirement of a baseline where there is none.

    >>> import numpy
    >>> z = numpy.random.default_rng(0).standard_normal((2000, 16))
    >>> check(z, require=["effective_rank >= 8"]).status, check(z, require=["effective_rank >= 17"]).status
    ('passed', 'failed')
    >>> check(z[:, :8] @ numpy.eye(8, 16), baseline=z, require=["effective_rank >= 95% of baseline"]).status
    'failed'
    """
    refuse_none(sources)
    requirements, names, tolerances = map(_texts, (require, only, tolerance))
    inputs = portrayed(sources, labels, progress, settings)
    base = None if baseline is None else portrayed([baseline], None, progress, settings)[0]
    chosen = measuring(settings, labels if isinstance(sources[0], str | os.PathLike) else None)
    answer = gate.check(
        inputs, chosen, requirements, base, names, tolerances, strict=strict, fresh=fresh, progress=progress
    )
    return Result(answer, gate.status(answer))


def _texts(argument: str | Sequence[str]) -> list[str]:
    texts = [argument] if isinstance(argument, str) else argument
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise CollapseError(
            f"require, only and tolerance must be strings, {argument!r} is not",
            'for example require=["effective_rank.h >= 20"], tolerance="5%"',
        )
    return list(texts)


def report(
    source: Input,
    out: str | os.PathLike[str],
    *,
    labels: Labels = None,
    progress: Progress = silent,
    **settings: Unpack[Settings],
) -> Path:
    """One self-contained HTML page of everything measured on an input, written to the file `out`, .html; its path.

    The diagnosis, every measurement that the input allows, the course of the training where there was one, maps of the
    embeddings, and images of the named data sets.
    Raises CollapseError as `load` does, and before anything is measured for a page that cannot be written.

    >>> import numpy, tempfile
    >>> z = numpy.random.default_rng(0).standard_normal((200, 8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report(z, f"{folder}/report.html").stat().st_size > 10_000
    True
    """
    from collapse_cli.analysis.exhibits import exhibits
    from collapse_cli.views import page, targets
    from collapse_cli.views.document import document

    target = Path(out)
    targets.check(target, (".html", ".htm"), "out")
    subject = load(source, labels=labels, progress=progress, **settings)
    documents = pages.in_order([document(answer) for answer in pages.report(subject)])
    title, intro = pages.title([subject]), pages.intro([subject], shown=False)
    page.write(target, page.page(documents, title, exhibits=exhibits([subject]), intro=intro))
    return target
