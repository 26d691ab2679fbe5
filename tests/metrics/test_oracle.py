"""False negatives: closed forms, a simulation, slow loops and planted classes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from scipy.stats import hypergeom
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.metrics import oracle as room
from collapse_cli.metrics.oracle import matching_by_rank, oracle
from collapse_cli.metrics.oracle_expected import expected, stale_key
from collapse_cli.models.key_encoder import KeyQueue
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images, Normalisation, Origin
from collapse_cli.training import batches


def test_expected_share_is_the_closed_form() -> None:
    """(n_c - 1)/(N - 1) for a query of class c: CIFAR-10 with K = 4096 expects 4096 * 4999/49999 = 409.5 false negatives."""
    found = expected([5000] * 10, [str(c) for c in range(10)], 4096)
    assert found.share == pytest.approx(4999 / 49999)
    assert found.false_negatives == pytest.approx(4096 * 4999 / 49999)
    assert found.false_negatives_of_class["3"] == pytest.approx(409.53, abs=0.01)


def test_unbalanced_classes_and_none_at_all() -> None:
    found = expected([3, 7], ["a", "b"], 4)
    assert found.share == pytest.approx((3 * 2 + 7 * 6) / 10 / 9)
    none = (3 * hypergeom.pmf(0, 9, 2, 4) + 7 * hypergeom.pmf(0, 9, 6, 4)) / 10
    assert found.none_at_all == pytest.approx(none)


SAMPLED = [  # N, B, K, symmetric
    (56, 32, 24, False), (100, 60, 60, False), (97, 32, 97, False), (96, 32, 48, False), (33, 32, 33, False),
    (50, 7, 120, False), (40, 8, 20, True), (70, 24, 60, True), (70, 24, 260, True), (61, 20, 50, True),
]  # fmt: skip


def simulated(images: int, batch: int, queue: int, symmetric: bool, past: int | None = None) -> list[float]:
    """Of each epoch's queries: the share whose image is in the queue before the step pushes its keys, as MoCo does.

    Of 200 epochs with a full queue; past: of the epoch after so many, of 200 runs. Order and batches are those of training.
    """
    dots = Images(torch.zeros(images, 1, 1, 1, dtype=torch.uint8), None, (), "dots")
    training = resolve("moco", {"batch": batch, "recipe": "none"}).training
    generator, shares = torch.Generator().manual_seed(0), []
    ring, epoch = KeyQueue(queue, 1), 0
    while len(shares) < 200:
        full, hits, asked = int(ring.seen) >= queue, 0, 0
        for each in batches(dots, Normalisation((0.0,), (1.0,)), training, generator):
            hits, asked = hits + int(torch.isin(each.index, ring.index).sum()), asked + batch
            for _ in range(1 + symmetric):
                ring.push(torch.zeros(batch, 1), each.origin)
        if (past is None and full) or past == epoch:
            shares.append(hits / asked)
        epoch += 1
        if past is not None and epoch > past:
            ring, epoch = KeyQueue(queue, 1), 0
    return shares


@pytest.mark.parametrize(("images", "batch", "queue", "symmetric"), SAMPLED)
def test_a_stale_key_is_what_the_sampler_leaves_in_the_queue(
    images: int, batch: int, queue: int, symmetric: bool
) -> None:
    """Training's own batches fill a KeyQueue; within 4 standard errors of the mean of 200 epochs."""
    shares = torch.tensor(simulated(images, batch, queue, symmetric))
    error = float(shares.std()) / len(shares) ** 0.5
    expected_share = stale_key(images, batch, queue, 1 + symmetric)
    assert float(shares.mean()) == pytest.approx(expected_share, abs=4 * error + 1e-3)


@pytest.mark.parametrize("past", [0, 1, 2])
def test_early_epochs_have_few_behind_them(past: int) -> None:
    """A queue of 3.75 epochs: none is stale in the first, then what one and two epochs have brought."""
    shares = torch.tensor(simulated(50, 16, 180, False, past))
    error = float(shares.std()) / len(shares) ** 0.5
    assert float(shares.mean()) == pytest.approx(stale_key(50, 16, 180, past=past), abs=4 * error + 1e-6)


def test_stale_keys_in_closed_form() -> None:
    """No image left out: batches of one, t steps into the epoch K - t keys are left of the epoch before: K (K + 1) / 2N².

    CIFAR's 50,000: 0.3 % at K = 4096, 5 % at 16384, 76 % at 65536. Half of 64 images in batches of 48 are 48 of 64 keys behind.
    """
    assert stale_key(100, 1, 30) == pytest.approx(30 * 31 / 2 / 100**2)
    published = [stale_key(50_000, 1, k) for k in (4096, 16_384, 65_536)]
    assert published == pytest.approx([0.0034, 0.0537, 0.7624], abs=1e-4)
    assert stale_key(64, 48, 32) == pytest.approx(32 / 64), "the one step of an epoch meets the last 32 keys"
    assert stale_key(64, 48, 96) == pytest.approx(1 - (16 / 64) ** 2), (
        "and two whole epochs, each with 48 of 64 images"
    )
    assert stale_key(64, 48, 96, views=2) == pytest.approx(48 / 64), "or one, whose images have two keys each"
    assert stale_key(64, 64, 128) == 1


def random_case(q: int = 7, k: int = 30) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    unit = [normalize(torch.randn(n, 5, generator=generator), dim=1) for n in (q, k, q)]
    return {
        "queries": unit[0], "keys": unit[1], "positives": unit[2],
        "query_labels": torch.randint(3, (q,), generator=generator),
        "key_labels": torch.randint(3, (k,), generator=generator),
        "query_index": torch.arange(q), "key_index": torch.arange(k) * 3,
    }  # fmt: skip


def test_every_number_is_the_slow_loop() -> None:
    case, T = random_case(), 0.2
    found = oracle(**case, temperature=T)
    own = masses = won = 0.0
    false_at, there_at, p_at, mass_at = ([0.0] * 30 for _ in range(4))
    for i in range(7):
        ranked = []
        for j in range(30):
            if case["key_index"][j] == case["query_index"][i]:
                own += 1
                continue
            same = bool(case["key_labels"][j] == case["query_labels"][i])
            ranked.append((float(case["queries"][i] @ case["keys"][j]), same))
        ranked.sort(reverse=True)
        positive = float(case["queries"][i] @ case["positives"][i])
        total = sum(math.exp(s / T) for s, _ in ranked)
        won += positive > ranked[0][0]
        masses += sum(math.exp(s / T) for s, same in ranked if same) / total
        for rank, (s, same) in enumerate(ranked):
            false_at[rank] += same
            there_at[rank] += 1
            p_at[rank] += math.exp(s / T) / (total + math.exp(positive / T)) / 7
            mass_at[rank] += math.exp(s / T) / total / 7
    assert (found.queries, found.keys, found.same_image) == (7, 30, own / 7)
    assert found.share == pytest.approx(sum(false_at) / sum(there_at))
    assert found.rank_1 == pytest.approx(false_at[0] / 7)
    assert found.top_8 == pytest.approx(sum(false_at[:8]) / sum(there_at[:8]))
    assert found.top_tenth == pytest.approx(sum(false_at[:3]) / 21)
    assert found.bottom_half == pytest.approx(sum(false_at[15:]) / sum(there_at[15:]))
    assert found.top_64 is None
    assert found.mass == pytest.approx(masses / 7, rel=1e-5)
    assert found.top_tenth_mass == pytest.approx(sum(mass_at[:3]), rel=1e-5)
    assert found.proxy_accuracy == pytest.approx(won / 7)
    assert list(found.matching_by_rank[:5]) == pytest.approx(p_at[:5], rel=1e-4)
    half = next(n for n in range(1, 31) if sum(mass_at[:n]) >= 0.5)
    assert found.half_mass == half


def test_planted_classes_are_the_hardest_negatives() -> None:
    """Three tight clusters of 20 keys: each query's first 20 ranks are false, the others true."""
    labels = torch.arange(60) % 3
    rows = normalize(
        torch.eye(3)[labels] + 0.01 * torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    found = oracle(rows, rows, labels, labels, torch.arange(60), torch.arange(60) + 1000, 0.1)
    assert (found.rank_1, found.top_8, found.bottom_half) == (1, 1, 0)
    assert found.share == pytest.approx(1 / 3)
    assert found.mass > 0.99
    assert found.proxy_accuracy is None


def test_equal_embeddings_are_chance() -> None:
    """All similarities equal: every negative has probability 1/(K+1), and the false ones hold their share of the mass."""
    rows = torch.ones(40, 4) / 2
    labels = torch.arange(40) % 4
    found = oracle(rows, rows, labels, labels, torch.arange(40), torch.arange(40) + 1000, 0.2, positives=rows)
    assert list(found.matching_by_rank) == pytest.approx([1 / 41] * len(found.matching_by_rank))
    assert found.mass == pytest.approx(1 / 4)
    assert found.proxy_accuracy == 0


@pytest.mark.parametrize("queue", [1, 5, 8, 9])
def test_none_at_all_up_to_every_other_image(queue: int) -> None:
    """Hypergeometric while K <= N - 1 = 9; 0 where fewer than K others are of another class."""
    found = expected([3, 7], ["a", "b"], queue)
    none = (3 * hypergeom.pmf(0, 9, 2, queue) + 7 * hypergeom.pmf(0, 9, 6, queue)) / 10
    assert found.none_at_all == pytest.approx(none, abs=1e-12)


def test_none_at_all_with_replacement() -> None:
    assert expected([3, 7], ["a", "b"], 20).none_at_all == pytest.approx(
        0.3 * (7 / 9) ** 20 + 0.7 * (3 / 9) ** 20
    )


def test_one_class_and_classes_of_one() -> None:
    """One class: every key is false. All classes of one image: none is. An empty class has nothing to expect."""
    assert expected([10], ["a"], 4).share == 1
    assert expected([10], ["a"], 4).none_at_all == 0
    alone = expected([1, 1, 1, 0], list("abcd"), 2)
    assert (alone.share, alone.none_at_all) == (0, 1)
    assert alone.false_negatives_of_class == {"a": 0, "b": 0, "c": 0, "d": 0}


@pytest.mark.parametrize("queue", [0, -3])
def test_a_queue_without_keys_expects_nothing(queue: int) -> None:
    """Said in the docstring: raises for K < 1."""
    with pytest.raises(CollapseError):
        expected([5, 5], ["a", "b"], queue)
    with pytest.raises(CollapseError):
        expected([1], ["a"], 4)


def test_random_embeddings_are_at_the_class_share() -> None:
    """Nothing to be found: each rank holds a tenth, here within 4 sd of 2000 queries."""
    g = torch.Generator().manual_seed(3)
    q, k = (normalize(torch.randn(n, 32, generator=g), dim=1) for n in (2000, 500))
    labels = torch.arange(2000) % 10
    found = oracle(q, k, labels, labels[:500], torch.arange(2000), torch.arange(500) + 5000, 0.2)
    for value, keys in ((found.rank_1, 1), (found.top_8, 8), (found.top_64, 64), (found.bottom_half, 250)):
        assert value == pytest.approx(0.1, abs=4 * (0.09 / 2000 / min(keys, 8)) ** 0.5)
        assert value.null == pytest.approx(0.1)
    assert found.mass == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("temperature", [0.01, 0.2, 5.0])
def test_matching_probabilities_leave_room_for_the_positive(temperature: float) -> None:
    """Over the negatives alone they sum to 1; with the positive in the denominator to 1 - its own probability."""
    case = random_case()
    alone = oracle(**(case | {"positives": None}), temperature=temperature)
    beside = oracle(**case, temperature=temperature)
    assert len(alone.matching_by_rank) == 30, "one rank each"
    assert sum(alone.matching_by_rank) == pytest.approx(1)
    s = case["queries"] @ case["keys"].T
    s[case["query_index"][:, None] == case["key_index"]] = -torch.inf
    own = (case["queries"] * case["positives"]).sum(1, keepdim=True)
    positive = (torch.cat([own, s], 1).double() / temperature).softmax(1)[:, 0].mean()
    assert sum(beside.matching_by_rank) == pytest.approx(1 - float(positive), rel=1e-5)


def test_blocks_and_order_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case()
    whole = oracle(**case, temperature=0.2)
    monkeypatch.setattr(room, "BLOCK", 3)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    mixed = case | {name: case[name][order] for name in ("keys", "key_labels", "key_index")}
    other = oracle(**mixed, temperature=0.2)
    for name in ("share", "rank_1", "top_8", "top_tenth", "bottom_half", "mass", "half_mass", "same_image"):
        assert getattr(other, name) == pytest.approx(getattr(whole, name), rel=1e-6), name
    assert list(other.matching_by_rank) == pytest.approx(list(whole.matching_by_rank))
    assert list(other.false_by_rank) == pytest.approx(list(whole.false_by_rank))


@pytest.mark.parametrize("size", [1, 2, 9, 100, 101, 4096])
def test_ranks_cover_the_queue_once(size: int) -> None:
    found = room.cut(size)
    assert [found[0][0], found[-1][1]] == [0, size]
    assert all(one[1] == other[0] for one, other in zip(found[:-1], found[1:], strict=True))
    assert all(a < b for a, b in found)
    assert len(found) <= 100


def test_a_query_whose_keys_are_all_its_own_image() -> None:
    """It has no negatives and so no mass; the other queries keep theirs: no number is lost to nan.

    Query 0 meets only its own stale key; queries 1 and 2 meet one false negative each, which holds all of their mass.
    """
    q = normalize(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    zeros = torch.zeros(3).long()
    found = oracle(q, q[:1], zeros, zeros[:1], torch.arange(3), torch.arange(1), 0.2)
    assert found.same_image == pytest.approx(1 / 3)
    assert (found.share, found.rank_1) == (1, 1)
    for value in (found.mass, found.top_tenth_mass, *found.matching_by_rank):
        assert math.isfinite(value)


def test_the_loss_may_take_other_keys_for_negatives() -> None:
    """What it leaves out counts for the proxy accuracy and p alone: with nothing left out stale keys are among the ranks of p.

    Query 0's own stale key is more similar than its positive; the false negatives are those of a ranking without it.
    """
    queries = torch.eye(2)
    keys = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    positives = torch.tensor([[0.8, 0.6], [0.1, 0.995]])
    labels, index, stale = torch.tensor([0, 1]), torch.arange(2), torch.tensor([0, 7])

    def measured(left_out: Any) -> Any:
        return oracle(queries, keys, labels, labels, index, stale, 0.5, positives, left_out)

    alone, whole = measured(None), measured(lambda queries, keys: None)
    assert (float(alone.proxy_accuracy), float(whole.proxy_accuracy)) == (1, 0.5)
    for name in ("share", "rank_1", "same_image", "mass"):
        assert getattr(alone, name) == getattr(whole, name)
    s = queries @ keys.T
    p = matching_by_rank((queries * positives).sum(dim=1), s, 0.5)[1]
    assert list(whole.matching_by_rank) == pytest.approx(p)
    seen = []
    measured(lambda queries, keys: seen.append((queries, keys)))
    assert isinstance(seen[0][0], Origin)
    assert torch.equal(seen[0][1].index, stale)


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_a_collapsed_z_wins_nothing(noise: float) -> None:
    """All cosines 1, up to float32 noise of the size that normalising leaves: 0, and 1e-4 of a real difference is won."""
    g = torch.Generator().manual_seed(0)
    rows = normalize(torch.ones(300, 64) + noise * torch.randn(300, 64, generator=g), dim=1)
    unknown = torch.full((300,), -1)
    found = oracle(rows, rows, unknown, unknown, unknown, unknown, 0.2, rows.roll(1, 0))
    assert found.proxy_accuracy == 0
    axis = torch.zeros(64)
    axis[0], axis[1] = 1 / 2**0.5, -1 / 2**0.5
    apart = normalize(rows + 0.015 * axis, dim=1)  # cosines with `rows` fall by 1.1e-4
    assert oracle(rows, apart, unknown, unknown, unknown, unknown, 0.2, rows).proxy_accuracy == 1


def test_unknown_images_and_classes_are_nobodys() -> None:
    """-1 is not known: it makes neither a stale key nor a false negative."""
    rows, unknown = torch.eye(4), torch.full((4,), -1)
    found = oracle(rows, rows, unknown, unknown, unknown, unknown, 0.2)
    assert (found.same_image, found.share, found.rank_1) == (0, 0, 0)


def test_nothing_to_compare() -> None:
    case = random_case()
    empty = {"keys": torch.empty(0, 5), "key_labels": torch.empty(0), "key_index": torch.empty(0)}
    with pytest.raises(CollapseError) as raised:
        oracle(**(case | empty), temperature=0.2)
    assert raised.value.code == 3


def random_similarities(queries: int, keys: int) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(4)
    positive, negative = torch.rand(queries, generator=g), torch.rand(queries, keys, generator=g) * 2 - 1
    return positive, negative.masked_fill(torch.rand(queries, keys, generator=g) < 0.2, -torch.inf)


@pytest.mark.parametrize("keys", [1, 2, 30, 200])
@pytest.mark.parametrize("points", [2, 8, 32])
def test_matching_by_rank_is_the_slow_loop(keys: int, points: int) -> None:
    """MoCHi, sec. 3: p = e^(s/T) / (e^(s+/T) + sum_k e^(s_k/T)), each query's in its own order; what is left out is last, 0.

    Pooled pieces of ranks hold the mean p of the piece at its middle rank, and together all the mass there is.
    """
    positive, negative = random_similarities(5, keys)
    at = [0.0] * keys
    for b in range(5):
        ranked = sorted(negative[b].tolist(), reverse=True)
        below = math.exp(float(positive[b]) / 0.3) + sum(math.exp(s / 0.3) for s in ranked)
        for rank, s in enumerate(ranked):
            at[rank] += math.exp(s / 0.3) / below / 5
    ranks, p = matching_by_rank(positive, negative, 0.3, points)
    assert len(ranks) == len(p) <= points
    start, mass = 0, 0.0
    for middle, value in zip(ranks, p, strict=True):
        stop = round(2 * middle) - start - 1
        assert value == pytest.approx(sum(at[start:stop]) / (stop - start), rel=1e-5)
        start, mass = stop, mass + value * (stop - start)
    assert start == keys
    assert mass == pytest.approx(sum(at), rel=1e-5)


def test_matching_by_rank_of_equal_similarities_is_uniform() -> None:
    """1/(K+1) at every rank; and where nothing is a negative, 0."""
    found = matching_by_rank(torch.full((3,), 0.4), torch.full((3, 50), 0.4), 0.1)
    assert found[1] == pytest.approx([1 / 51] * len(found[0]))
    assert set(matching_by_rank(torch.zeros(2), torch.full((2, 9), -torch.inf), 0.1)[1]) == {0.0}


@pytest.mark.parametrize(("classes", "names"), [((), ["0", "1", "2"]), (("a", "b"), ["a", "b", "2"])])
def test_classes_without_names_are_called_by_their_numbers(
    classes: tuple[str, ...], names: list[str]
) -> None:
    """K (n_c - 1)/(N - 1) with K = 4 and N = 12: 8/11, 24/11 and 4/11."""
    found = expected([3, 7, 2], classes, 4).false_negatives_of_class
    assert list(found) == names
    assert list(found.values()) == pytest.approx([8 / 11, 24 / 11, 4 / 11])


@pytest.mark.parametrize(
    ("size", "eight", "sixty_four"),
    [(7, False, False), (8, True, False), (63, True, False), (64, True, True)],
)
def test_so_many_hardest_keys_are_there(size: int, eight: bool, sixty_four: bool) -> None:
    rows, labels = torch.eye(size), torch.zeros(size).long()
    found = oracle(rows[:2], rows, labels[:2], labels, torch.tensor([-1, -1]), labels - 1, 0.2)
    assert (found.top_8 is not None, found.top_64 is not None) == (eight, sixty_four)


def test_tenths_and_halves_by_hand() -> None:
    """One query e_0, 21 keys whose similarity falls from 1 to 0, of which every third is of its class: ranks 1, 4, 7 ... 19.

    Of a tenth, 2 keys, one is false; of the easier half, from rank 11 on, three of eleven. At T = 1/20 the mass falls by 1/e.
    """
    cosine = torch.linspace(1, 0, 21).double()
    keys = torch.stack([cosine, (1 - cosine.square()).clamp_min(0).sqrt()], dim=1)
    labels = (torch.arange(21) % 3 > 0).long()
    unknown = torch.full((21,), -1)
    found = oracle(torch.eye(2)[:1].double(), keys, labels[:1], labels, unknown[:1], unknown, 0.05)
    mass = [math.exp(-k) for k in range(21)]
    assert (found.share, found.rank_1, found.top_8) == (pytest.approx(7 / 21), 1, pytest.approx(3 / 8))
    assert (found.top_tenth, found.bottom_half) == (0.5, pytest.approx(3 / 11))
    assert found.mass == pytest.approx(sum(mass[::3]) / sum(mass))
    assert found.top_tenth_mass == pytest.approx(sum(mass[:2]) / sum(mass))
    assert found.top_tenth_mass.null == pytest.approx(2 / 21)
    assert (found.half_mass, found.half_mass.null) == (1, 11)
    assert list(found.false_by_rank[:5]) == [1, 0, 0, 1, 0]
    assert found.false_by_rank.x[:3] == (1, 2, 3)
    assert set(found.matching_by_rank.null) == {1 / 22}


def test_a_pool_of_ranks_is_at_its_middle() -> None:
    """Of 10 ranks in 3 pieces, cut at 1, 3 and 10: middles 1, 2.5 and 7, and the means there."""
    ranks, means = room.pooled(torch.arange(10).double(), 3)
    assert ranks == (1, 2.5, 7)
    assert means == (0, 1.5, 6)
