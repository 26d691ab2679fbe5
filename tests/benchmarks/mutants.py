"""Do the tests notice a wrong character? Changes the code at sampled places, one at a time, and runs the tests that reach it.

    pip install -e '.[dev,mutation]'
    python tests/benchmarks/mutants.py --sample 300 --seed 0 --out mutants/     # half an hour to two on one core

A *site* is a place where an operator of cosmic-ray applies: an arithmetic or bitwise operator, a comparison, a number, a
condition, `and`, `or`, `not`, `True`, `False`, a decorator, an exception that is caught, a loop. Of the changes that are possible
at a site one is drawn. Three kinds are left out, for they would flatter the rate: `<<` for `+` (fails on any float), `is` for
`==`, and changes of annotations, which do not run. Strings are not changed: a sentence is not logic. Numbers in declarations of
fields are (`low=0`), those in sentences are not.

The sample is stratified: each package in proportion to its sites, and at least 20 of each. A mutant is killed where a test fails
or its time runs out: ten seconds of CPU and five times what the tests take without it. Which tests reach a line is measured once,
with the plugin `contexts.py`. They run in the order of their times, until one fails or `--budget` seconds of tests have passed;
`--again` gives the survivors more. The tests run in a fork of a process that has torch loaded, over a copy of the tree, so that a
mutant costs about two seconds. `--control` changes nothing: each of its "mutants" must survive.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # beside this file lies coverage.py, which is not the library

import argparse
import ast
import difflib
import gc
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("metrics", "losses.py", "methods", "analysis")
FEWEST = 20
ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}
BITWISE = {"BitOr", "BitAnd", "BitXor", "RShift", "LShift"}
ORDERS = {"Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"}
IDENTITIES = {"Is", "IsNot"}
EXPRESSIONS = {"arith_expr", "term", "expr", "and_expr", "xor_expr", "shift_expr", "power"}
PRELOADED = "torch numpy scipy.stats sklearn.linear_model torchvision pytest hypothesis jsonschema typer rich matplotlib pandas"
QUICK = [
    "-x",
    "-q",
    "--tb=line",
    *(f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "unraisableexception")),
]


@dataclass(frozen=True)
class Site:
    """A place, and the changes that are possible there: names of operators with the count of the place among theirs."""

    package: str
    path: str
    family: str
    line: int
    column: int
    changes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    package: str
    path: str
    line: int
    column: int
    operator: str
    before: str
    after: str
    status: str  # killed, timeout, survived, unreached
    tests: int
    seconds: float
    by: str = ""


def sites(package: str) -> Iterator[Site]:
    """All sites of a package, in the order of the files."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path

    place = ROOT / "collapse_cli" / package
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        unread = Unread(path.read_text())
        nodes = list(ast_nodes(get_ast_from_path(path)))
        changes: dict[tuple[str, int, int], list[tuple[str, int]]] = defaultdict(list)
        for name, operator in operators():
            family = name.split("_")[0]
            places = [(node, start) for node in nodes for start, _ in operator.mutation_positions(node)]
            for count, (node, (line, column)) in enumerate(places):
                if unread.has(line, column) or (
                    family == "ReplaceBinaryOperator" and node.parent.type not in EXPRESSIONS
                ):
                    continue
                changes[family, line, column].append((name, count))
        for (family, line, column), possible in sorted(changes.items(), key=lambda item: item[0][1:]):
            yield Site(package, str(path.relative_to(ROOT)), family, line, column, tuple(possible))


def operators() -> Iterator[tuple[str, object]]:
    """The operators of cosmic-ray without the three kinds that would flatter."""
    from cosmic_ray import plugins

    for full in plugins.operator_names():
        name = full.split("/")[1]
        old, _, new = name.partition("_")[2].partition("_")
        kinds = [kind for kind in (ARITHMETIC, BITWISE, ORDERS, IDENTITIES) if old in kind]
        if (
            not plugins.get_operator(full).arguments()
            and (not kinds or new in kinds[0])
            and new not in ("UAdd", "Invert")
        ):
            yield name, plugins.get_operator(full)()


class Unread:
    """The places of a file that do not run: annotations, `__all__`, what only a type checker sees."""

    def __init__(self, source: str) -> None:
        self.ranges = [place(node) for tree in ast.walk(ast.parse(source)) for node in unread(tree)]

    def has(self, line: int, column: int) -> bool:
        return any(start <= (line, column) < stop for start, stop in self.ranges)


def place(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def unread(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.FunctionDef):
        arguments = node.args
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        yield from (each.annotation for each in every if each and each.annotation)
        if node.returns:
            yield node.returns
    elif isinstance(node, ast.AnnAssign):
        yield node.annotation
    elif isinstance(node, ast.Assign | ast.If):
        named = node.targets[0] if isinstance(node, ast.Assign) else node.test
        if isinstance(named, ast.Name) and named.id in ("__all__", "TYPE_CHECKING"):
            yield node


def mutated(site: Site, change: tuple[str, int]) -> str | None:
    """The file with the change, or none where it is no Python."""
    from cosmic_ray import plugins
    from cosmic_ray.mutating import mutate_code

    code = mutate_code((ROOT / site.path).read_text(), plugins.get_operator(f"core/{change[0]}")(), change[1])
    try:
        compile(code or "", site.path, "exec")
    except (SyntaxError, ValueError):
        return None
    return code


def drawn(every: dict[str, list[Site]], size: int, seed: int) -> list[tuple[Site, tuple[str, int], str]]:
    """Sites with a change each: a share of every package, in random order, without those of no Python."""
    dice, total = random.Random(seed), sum(map(len, every.values()))
    sample = []
    for found in every.values():
        wanted, order = max(FEWEST, round(size * len(found) / total)), dice.sample(found, len(found))
        chosen = (
            (site, change, mutated(site, change)) for site in order for change in [dice.choice(site.changes)]
        )
        valid = ((site, change, code) for site, change, code in chosen if code)
        sample += [mutant for mutant, _ in zip(valid, range(wanted), strict=False)]
    return dice.sample(sample, len(sample))


class Reached:
    """Which tests reach a line, and how long they take: read from the data of coverage and of the plugin beside it."""

    def __init__(self, folder: Path) -> None:
        from coverage import CoverageData

        self.seconds: dict[str, float] = Counter()
        self.users: dict[str, set[str]] = defaultdict(set)  # a context -> test functions
        self.lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for path in sorted(folder.glob("*.json")):
            record = json.loads(path.read_text())
            for test, (seconds, fixtures) in record["tests"].items():
                function = test.partition("[")[0]
                self.seconds[function] += seconds
                for context in (test, *fixtures):
                    self.users[context].add(function)
        for path in sorted(folder.glob("*.cov*")):
            data = CoverageData(str(path))
            data.read()
            for file in data.measured_files():
                lines = self.lines[file[file.index("collapse_cli/") :]] if "collapse_cli/" in file else {}
                for line, contexts in (
                    data.contexts_by_lineno(file).items() if "collapse_cli/" in file else ()
                ):
                    lines[line] |= {
                        function for context in contexts for function in self.users.get(context, ())
                    }

    def tests(self, path: str, first: float, last: float) -> list[str]:
        """Test functions that run one of these lines, the likely ones first."""
        lines = self.lines[path]
        some: set[str] = set().union(*(users for line, users in lines.items() if first <= line <= last))
        mirror = "tests/" + str(
            Path(path).parent.relative_to("collapse_cli") / f"test_{Path(path).name}"
        ).removeprefix("./")
        return sorted(
            some, key=lambda test: (self.seconds[test] * (0.2 if test.startswith(mirror) else 1.0), test)
        )


def statement(source: str, line: int) -> tuple[float, float]:
    """First and last line of the smallest statement around a line; of a compound one, its head; of what runs at import, the file.

    What runs at import is reached by every test that runs a function of the file, not by the first that imported it.
    """
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt | ast.ExceptHandler)]
    heads = [
        (top(node), max(node.lineno, node.body[0].lineno - 1) if hasattr(node, "body") else node.end_lineno)
        for node in nodes
    ]
    around = (head for head in heads if head[0] <= line <= head[1])
    first, last = min(around, key=lambda head: head[1] - head[0], default=(line, line))
    inside = any(isinstance(node, ast.FunctionDef) and top(node) < first <= node.end_lineno for node in nodes)
    return (first, last) if inside else (0, math.inf)


def top(node: ast.stmt | ast.ExceptHandler) -> int:
    """The first line of a statement, decorators included."""
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])


def stages(tests: list[str], seconds: dict[str, float], budget: float) -> Iterator[list[str]]:
    """The tests in parts of about 3, 12, 48 … seconds, until the budget is spent."""
    part, spent, limit, whole = [], 0.0, 3.0, 0.0
    for test in tests:
        if whole + seconds[test] > budget and whole > 0:
            break
        part.append(test)
        spent, whole = spent + seconds[test], whole + seconds[test]
        if spent >= limit:
            yield part
            part, spent, limit = [], 0.0, limit * 4
    if part:
        yield part


def run(tree: Path, tests: list[str], limit: float, log: Path) -> str:
    """passed, failed or timeout (in seconds of CPU), of tests in a fork of this process."""
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 5))
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        import pytest

        code = 70
        try:
            code = int(pytest.main([*QUICK, *tests]))
        finally:
            os._exit(code)
    stop = time.monotonic() + 20 * limit  # of a machine that others use too
    while time.monotonic() < stop:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return "passed" if code in (0, 5) else "timeout" if code == -signal.SIGXCPU else "failed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def judged(
    mutant: tuple[Site, tuple[str, int], str], tree: Path, reached: Reached, options: argparse.Namespace
) -> Outcome:
    """Puts the change into the tree, runs the tests that reach it, and takes it out again."""
    site, change, code = mutant
    source, start = (ROOT / site.path).read_text(), time.monotonic()
    tests = reached.tests(site.path, *statement(source, site.line))
    status, used, log = "survived" if tests else "unreached", 0, options.out / "last.log"
    by = ""
    (tree / site.path).write_text(source if options.control else code)
    try:
        for part in stages(tests, reached.seconds, options.budget):
            used += len(part)
            end = run(tree, part, 10 + 5 * sum(reached.seconds[test] for test in part), log)
            if end != "passed":
                failed = [
                    line
                    for line in log.read_text(errors="replace").splitlines()
                    if line.startswith(("FAILED", "ERROR"))
                ]
                status, by = ("killed" if end == "failed" else "timeout"), (failed or [""])[0][:200]
                break
    finally:
        (tree / site.path).write_text(source)
    old, new = changed(source, code)
    seconds = round(time.monotonic() - start, 1)
    return Outcome(
        site.package, site.path, site.line, site.column, change[0], old, new, status, used, seconds, by
    )


def changed(before: str, after: str) -> tuple[str, str]:
    """The first line that differs, without and with the change."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[3:]
    old, new = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
    return (old or [""])[0], (new or [""])[0]


def copied(folder: Path) -> Path:
    """A copy of the working tree whose compiled files know the content of their sources, not the time."""
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    mode = ["--invalidation-mode", "checked-hash"]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *mode, "collapse_cli"], cwd=tree, check=True)
    return tree


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share, square = hits / n, z * z / n
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / n + square / (4 * n))
    return middle - half, middle + half


def summary(outcomes: list[Outcome], sizes: dict[str, int]) -> str:
    lines = [
        f"{'':12}{'sites':>7}{'drawn':>7}{'killed':>8}{'of it time':>12}{'survived':>10}{'rate':>8}  95 %"
    ]
    for package in (*sizes, "all"):
        mine = [outcome for outcome in outcomes if package in ("all", outcome.package)]
        if mine:
            count = Counter(outcome.status for outcome in mine)
            killed = count["killed"] + count["timeout"]
            low, high = wilson(killed, len(mine))
            whole = sizes.get(package, sum(sizes.values()))
            lines.append(
                f"{package:12}{whole:7}{len(mine):7}{killed:8}{count['timeout']:12}{len(mine) - killed:10}"
                f"{killed / len(mine):8.1%}  {low:.1%} to {high:.1%}"
            )
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.path, outcome.line)):
        if outcome.status in ("survived", "unreached"):
            lines.append(f"{outcome.path}:{outcome.line} {outcome.status} ({outcome.tests} tests)")
            lines += [f"  - {outcome.before}", f"  + {outcome.after}"]
    return "\n".join(lines)


def measured(folder: Path) -> None:
    """Runs the ordinary tests of the packages once, and keeps which test runs which line."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"COVERAGE_FILE": str(folder / "tests.cov"), "PYTHONPATH": str(ROOT)}
    plugin = ["-p", "tests.benchmarks.contexts", "--contexts", str(folder / "tests.json"), "-p", "no:xdist"]
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", *plugin]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "mutants", help="results, the tree and the contexts"
    )
    parser.add_argument(
        "--contexts", type=Path, help="a folder that an earlier run has measured (default: OUT/contexts)"
    )
    parser.add_argument("--budget", type=float, default=120.0, help="seconds of tests for a mutant")
    parser.add_argument("--again", type=Path, help="run only the survivors of this file of outcomes")
    parser.add_argument("--control", action="store_true", help="change nothing: all must survive")
    options = parser.parse_args()
    options.out = options.out.resolve()
    contexts = (options.contexts or options.out / "contexts").resolve()
    if not list(contexts.glob("*.json")):
        measured(contexts)
    every = {package: list(sites(package)) for package in PACKAGES}
    sample = drawn(every, options.sample, options.seed)
    results = (
        options.out
        / f"outcomes-{options.seed}-{options.sample}{'-control' * options.control}{'-again' * bool(options.again)}.jsonl"
    )
    outcomes = (
        [Outcome(**json.loads(line)) for line in results.read_text().splitlines()] if results.exists() else []
    )
    done = {(outcome.path, outcome.line, outcome.column, outcome.operator) for outcome in outcomes}
    if options.again:
        records = map(json.loads, options.again.read_text().splitlines())
        left = {
            (one["path"], one["line"], one["column"], one["operator"])
            for one in records
            if one["status"] in ("survived", "unreached")
        }
        sample = [
            mutant
            for mutant in sample
            if (mutant[0].path, mutant[0].line, mutant[0].column, mutant[1][0]) in left
        ]
    tree, reached = copied(options.out), Reached(contexts)
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True
    for name in PRELOADED.split():
        __import__(name)
    hypothesis = sys.modules["hypothesis"]
    phases = (
        hypothesis.Phase.explicit,
        hypothesis.Phase.generate,
    )  # a failure is enough; the smallest one is for people
    hypothesis.settings.register_profile("quick", phases=phases, derandomize=True, database=None)
    hypothesis.settings.load_profile("quick")
    gc.collect()
    gc.freeze()  # else every fork walks all of torch's objects, twice
    with results.open("a") as file:
        for mutant in sample:
            if (mutant[0].path, mutant[0].line, mutant[0].column, mutant[1][0]) not in done:
                outcomes.append(judged(mutant, tree, reached, options))
                print(json.dumps(asdict(outcomes[-1])), file=file, flush=True)
    print(summary(outcomes, {package: len(found) for package, found in every.items()}))


if __name__ == "__main__":
    main()
