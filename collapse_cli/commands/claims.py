"""collapse claims: what the papers claim, trained and measured here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.answers import answer
from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from collapse_cli.claims import Arm, Claim
    from collapse_cli.claims.outcome import Outcome
    from collapse_cli.claims.trial import Pictures

EVERY = "all"


@options(Output=Shown)
def claims(
    given: dict[str, Any],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLAIM…]", help="by name, or all; none: list them", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option(help="runs of every arm, seeds 0, 1, 2 …", min=1)] = 3,
    jobs: Annotated[
        int, typer.Option(help="runs at once, one thread each; 0: as many as there are cores", min=0)
    ] = 0,
) -> None:
    """Do the papers' claims hold here? Each is trained and measured on digits, over several seeds.

    Every arm's numbers as the mean over seeds with the lowest and the highest,
    then the checks that a claim must pass. One to five minutes each on two cores;
    arms that claims share are trained once.

    Example, the list: [bold]collapse claims[/bold]

    Two of them: [bold]collapse claims momentum class-oracle --html claims.html[/bold]
    """
    from collapse_cli import claims as known
    from collapse_cli.views import show

    shown = fill(Shown, given)
    if not names:
        _list(shown)
        return
    chosen = {name: known.load(name) for name in (known.NAMES if names == [EVERY] else dict.fromkeys(names))}
    output = shown.output()
    outcomes = _run(chosen.values(), range(seeds), jobs or os.cpu_count() or 1, shown.quiet)
    entries = [one for name, claim in chosen.items() for one in _entries(name, claim, seeds, outcomes)]
    show(answer("claims", entries), output)


def _list(shown: Shown) -> None:
    from collapse_cli import claims as known
    from collapse_cli.views.listing import listing

    if shown.plot or shown.html:
        raise CollapseError(
            "no claim to draw", "name one, as in: collapse claims momentum --plot momentum.png"
        )
    rows = [
        {"claim": name, "says": known.load(name).says, "source": known.load(name).source}
        for name in known.NAMES
    ]
    listing(rows, shown.json)


def _key(arm: Arm, seed: int) -> str:
    """The same for equal arms of different claims: they are trained once."""
    return json.dumps([arm.method, dict(arm.settings), seed], sort_keys=True)


def _run(claims: Any, seeds: Sequence[int], jobs: int, quiet: bool) -> dict[str, Outcome]:
    """The outcome of every arm and seed by its key, each with all measures that any claim asks of it."""
    from collapse_cli.views.progress import steps

    wanted: dict[str, set[str]] = {}
    for claim in claims:
        for arm in claim.arms.values():
            for seed in seeds:
                wanted.setdefault(_key(arm, seed), set()).update(claim.measures)
    found = {}
    with steps("runs", len(wanted), enabled=not quiet) as advance:
        for key, outcome in _outcomes(wanted, min(jobs, len(wanted))):
            found[key] = outcome
            advance(1)
    return found


def _outcomes(wanted: dict[str, set[str]], jobs: int) -> Iterator[tuple[str, Outcome]]:
    """(key, outcome) as they are done: here for one job, else in so many processes, which end when this one stops asking."""
    if jobs == 1:
        yield from map(_outcome, wanted.items())
        return
    from multiprocessing import get_context

    with get_context("spawn").Pool(jobs, initializer=_deaf) as pool:
        yield from pool.imap_unordered(_outcome, wanted.items())


def _deaf() -> None:
    """Ctrl-C reaches every process of a terminal: the one that asks hears it, and ends the others."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _outcome(task: tuple[str, set[str]]) -> tuple[str, Outcome]:
    """Train one arm with one seed on digits, on one thread, and measure it."""
    import torch

    from collapse_cli.claims.claim import PIXELS
    from collapse_cli.claims.outcome import measure
    from collapse_cli.claims.trial import trial, untrained
    from collapse_cli.settings import resolve

    torch.set_num_threads(1)  # so small a network gains nothing from more
    key, measures = task
    method, settings, seed = json.loads(key)
    pictures = _digits()
    if method == PIXELS:
        return key, measure(untrained(pictures, seed), sorted(measures - {"seconds"}))
    run = resolve(method, {"recipe": "digits"}, settings, {"seed": seed})
    return key, measure(trial(run, pictures), sorted(measures))


def _digits() -> Pictures:
    from collapse_cli import data
    from collapse_cli.claims.trial import Pictures
    from collapse_cli.data.statistics import normalisation

    train, test, whole = (data.load("digits", split) for split in ("train", "test", "all"))
    return Pictures(train, test, whole, normalisation(train))


def _entries(name: str, claim: Claim, seeds: int, outcomes: dict[str, Outcome]) -> Iterator[dict[str, Any]]:
    """One entry for each arm under the claim's own title, then one that says whether it holds, with every check."""
    from collapse_cli.claims.claim import Found, judged
    from collapse_cli.claims.outcome import summary

    by_arm = {arm: [outcomes[_key(spec, seed)] for seed in range(seeds)] for arm, spec in claim.arms.items()}
    for arm, found in by_arm.items():
        said = {"method": claim.arms[arm].method, **claim.arms[arm].settings, "seeds": seeds}
        yield entry(arm, summary(found, claim.measures), settings=said) | {"title": f"{name}: {claim.says}"}
    judgement = judged(claim, Found(by_arm))
    title = {"title": f"{name}: checks"}
    yield entry(name, judgement, settings={"source": claim.source}, verdict=judgement.verdict) | title
