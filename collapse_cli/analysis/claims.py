"""What the papers claim, trained and measured on digits: every arm over seeds, then whether the claim holds."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import connection, get_context, parent_process
from threading import Thread

import torch

from collapse_cli import claims, data
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.claims.claim import PIXELS, Arm, ArmOutcomes, Claim, judged
from collapse_cli.claims.outcome import Outcome, measure, summary
from collapse_cli.claims.trial import Splits, trial, untrained
from collapse_cli.data.statistics import normalisation
from collapse_cli.interrupts import TERMINATED
from collapse_cli.progress import Progress, silent
from collapse_cli.settings import resolve

EVERY = "all"  # in place of the names of claims
Task = tuple[str, set[str]]  # the key of an arm and a seed, and the measures that are taken of it


def listed() -> list[dict[str, str]]:
    """Every claim by name, with what it says and its source."""
    loaded = {name: claims.load(name) for name in claims.NAMES}
    return [{"claim": name, "says": claim.says, "source": claim.source} for name, claim in loaded.items()]


def examine(names: Sequence[str], seeds: int, jobs: int, progress: Progress = silent) -> Answer:
    """The claims of these names, with seeds 0, 1 …, in so many processes: an entry for each arm, and one for the checks.

    The single name `all` stands for every claim. An arm that claims share is trained once.
    Raises CollapseError for an unknown name, before anything is trained.
    """
    names = claims.NAMES if list(names) == [EVERY] else names
    chosen = {name: claims.load(name) for name in dict.fromkeys(names)}
    outcomes = _outcomes(list(chosen.values()), range(seeds), jobs, progress)
    entries = [entry for name, claim in chosen.items() for entry in _entries(name, claim, seeds, outcomes)]
    return answer("claims", entries)


def _key(arm: Arm, seed: int) -> str:
    """The same for equal arms of different claims."""
    return json.dumps([arm.method, dict(arm.settings), seed], sort_keys=True)


def _outcomes(
    chosen: Sequence[Claim], seeds: Sequence[int], jobs: int, progress: Progress
) -> dict[str, Outcome]:
    """The outcome of every arm and seed by its key, each with all measures that any claim takes of it."""
    tasks: dict[str, set[str]] = {}
    for claim in chosen:
        for arm in claim.arms.values():
            for seed in seeds:
                tasks.setdefault(_key(arm, seed), set()).update(claim.measures)
    outcomes: dict[str, Outcome] = {}
    progress("runs", 0, len(tasks))
    for key, outcome in _performed(list(tasks.items()), min(jobs, len(tasks))):
        outcomes[key] = outcome
        progress("runs", len(outcomes), len(tasks))
    return outcomes


def _performed(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[str, Outcome]]:
    """(key, outcome) as they are done: here for one job, else in so many processes, which end when this one stops asking."""
    if jobs == 1:
        yield from map(_outcome, tasks)
        return
    with get_context("spawn").Pool(jobs, initializer=_follow) as pool:
        yield from pool.imap_unordered(_outcome, tasks)


def _follow() -> None:
    """Ctrl-C reaches every process of a terminal: the one that asks hears it, and ends the others. They end with it, however."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """One that was killed can end nobody."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(TERMINATED)


def _outcome(task: Task) -> tuple[str, Outcome]:
    """Train one arm with one seed on digits, on one thread, and measure it."""
    torch.set_num_threads(1)  # for small networks gain nothing from more
    key, measures = task
    method, settings, seed = json.loads(key)
    digits = _digits()
    if method == PIXELS:
        return key, measure(untrained(digits, seed), sorted(measures - {"seconds"}))
    run = resolve(method, {"recipe": "digits"}, settings, {"seed": seed})
    return key, measure(trial(run, digits), sorted(measures))


def _digits() -> Splits:
    train, test, whole = (data.load("digits", split) for split in ("train", "test", "all"))
    return Splits(train, test, whole, normalisation(train))


def _entries(name: str, claim: Claim, seeds: int, outcomes: Mapping[str, Outcome]) -> Iterator[Entry]:
    """One entry for each arm under the claim's own title, then one that says whether it holds, with every check."""
    by_arm = {arm: [outcomes[_key(spec, seed)] for seed in range(seeds)] for arm, spec in claim.arms.items()}
    for arm, of_seeds in by_arm.items():
        settings = {"method": claim.arms[arm].method, **claim.arms[arm].settings, "seeds": seeds}
        yield Entry(
            arm,
            summary(of_seeds, claim.measures),
            settings=settings,
            named_kind=f"claim.{name}",
            named_title=f"{name}: {claim.says}",
        )
    judgement = judged(claim, ArmOutcomes(by_arm))
    yield Entry(
        name,
        judgement,
        settings={"source": claim.source},
        verdict=judgement.verdict,
        named_kind=f"claim.{name}.checks",
        named_title=f"{name}: checks",
    )
