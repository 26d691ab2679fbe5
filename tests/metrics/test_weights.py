"""Layer spectra against numpy's SVD, closed forms, random matrix edges and planted collapses."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from collapse_cli.metric import metrics
from collapse_cli.metrics.weights import Layer, _image, bulk, layer, lost, random, stack
from collapse_cli.values import Curve

RANKS = (
    "stable_rank",
    "effective_rank",
    "effective_rank_sigma",
    "participation_ratio",
    "alive",
    "log_condition",
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def with_values(outputs: int, inputs: int, sigma: list[float], seed: int = 0) -> Tensor:
    """(outputs, inputs) with these singular values, the others 0, between random frames."""
    left, _ = torch.linalg.qr(drawn(outputs, outputs, seed=seed))
    right, _ = torch.linalg.qr(drawn(inputs, inputs, seed=seed + 1))
    return left[:, : len(sigma)] * torch.tensor(sigma, dtype=torch.float64) @ right[: len(sigma)]


def measure(weight: Tensor, initial: Tensor | None = None) -> Layer:
    return layer(weight, seeded(9), initial)


def numbers(found: Layer) -> dict[str, float]:
    return {name: float(getattr(found, name)) for name in RANKS}


@pytest.mark.parametrize("shape", [(7, 5), (5, 7), (6, 6), (5, 3, 2, 2), (1, 4), (4, 1)])
def test_every_number_has_an_independent_twin(shape: tuple[int, ...]) -> None:
    """numpy's SVD of the weight, a convolution as out x in·kh·kw, and the formulas written out."""
    weight = drawn(*shape).float()
    sigma = numpy.linalg.svd(weight.double().numpy().reshape(shape[0], -1), compute_uv=False)
    lam = sigma**2
    p, q = lam / lam.sum(), sigma / sigma.sum()
    found = measure(weight)
    assert numbers(found) == pytest.approx(
        {
            "stable_rank": lam.sum() / lam[0],
            "effective_rank": math.exp(-(p * numpy.log(p)).sum()),
            "effective_rank_sigma": math.exp(-(q * numpy.log(q)).sum()),
            "participation_ratio": lam.sum() ** 2 / (lam**2).sum(),
            "alive": (lam > 0.01 * lam[0]).mean(),
            "log_condition": math.log10(sigma[0] / sigma[-1]),
        }
    )
    assert (found.outputs, found.inputs) == (shape[0], weight.numel() // shape[0])
    assert found.norm == pytest.approx(float(weight.norm()))


def test_closed_forms() -> None:
    """sigma = 2, 1, 1: 6/4; 36/(16+1+1); exp H(2/3, 1/6, 1/6) = 1.5^(2/3) 6^(1/3); exp H(1/2, 1/4, 1/4) = 2^1.5; log10 2."""
    found = measure(with_values(3, 8, [2, 1, 1]))
    expected = (1.5, 1.5 ** (2 / 3) * 6 ** (1 / 3), 2**1.5, 2, 1, math.log10(2))
    assert tuple(numbers(found).values()) == pytest.approx(expected)


def test_a_planted_rank_is_seen_through_float32() -> None:
    """Two equal singular values of 20: all ranks 2, 2 of 20 live, and what float32 left of the others counts as 1e-6.

    Beside random ones of the same norm: sigma^2 = 400 against an upper edge of (√20 + √40)^2 = 117 and more, 0 against
    a lower one of (√40 - √20)^2 = 3.4 and less, the mean square being 2·400/800 = 1.
    """
    found = measure(with_values(20, 40, [20, 20]).float())
    assert tuple(numbers(found).values()) == pytest.approx((2, 2, 2, 2, 0.1, 6), abs=1e-4)
    assert (found.above, found.below) == (2, 18)
    assert found.spectrum is not None
    assert sum(value > 0 for value in found.spectrum) == 2
    assert lost(found.alive, found.alive.null)


def test_a_square_matrix_has_nothing_below_its_bulk() -> None:
    found = measure(with_values(20, 20, [20, 20]))
    assert (found.above, found.below) == (2, 0)
    assert lost(found.alive, found.alive.null)


def test_the_bulk() -> None:
    """s^2 n (1 ± √(m/n))^2 with m = 9, n = 16, s^2 = 1/2: 8 (1 ± 3/4)^2 = 1/2 and 49/2; the same when turned; 0 when square."""
    assert bulk(9, 16, 0.5, stray=0) == pytest.approx((0.5**0.5, 24.5**0.5))
    assert bulk(16, 9, 0.5, stray=0) == bulk(9, 16, 0.5, stray=0)
    assert bulk(25, 25, 1, stray=0) == pytest.approx((0, 10))
    low, high = bulk(9, 16, 0.5)
    assert low < 0.5**0.5
    assert high > 24.5**0.5


@pytest.mark.parametrize("module", [nn.Linear(96, 32), nn.Conv2d(16, 32, 3), nn.Linear(64, 64)], ids=str)
def test_fresh_layers_have_the_default_variance_and_stay_in_their_bulk(module: nn.Module) -> None:
    """PyTorch draws U(±1/√fan_in): variance 1/(3 fan_in), up to 4 sd of its estimate, √(0.8/count) for a uniform.

    Of 60 fresh layers no more than 5 have a singular value outside, at 1 in 50 for each of two edges.
    """
    outside = 0
    for seed in range(60):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module.reset_parameters()
        weight = module.weight.detach()
        fan_in = weight[0].numel()
        estimated = float(weight.square().mean()) * 3 * fan_in
        assert estimated == pytest.approx(1, abs=4 * (0.8 / weight.numel()) ** 0.5)
        found = measure(weight, weight)
        outside += bool(found.above + found.below)
    assert outside <= 5


def test_a_spike_stands_above_the_bulk_alone() -> None:
    """A rank-one matrix three times the upper edge e on top of a random one: sigma_1 >= 3e - e, and sigma_2 <= e (Weyl)."""
    noise = drawn(40, 90)
    edge = bulk(40, 90, 1.0)[1]
    assert float(torch.linalg.matrix_norm(noise, 2)) < edge
    found = measure(noise + with_values(40, 90, [3 * edge]), initial=noise / noise.square().mean().sqrt())
    assert (found.above, found.below) == (1, 0)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.floats(1e-6, 1e6), st.integers(0, 99))
def test_turning_and_scaling_change_no_rank(outputs: int, inputs: int, scale: float, seed: int) -> None:
    weight = drawn(outputs, inputs, seed=seed)
    turn, _ = torch.linalg.qr(drawn(outputs, outputs, seed=seed + 1))
    one, other = measure(weight), measure(scale * turn @ weight)
    assert numbers(other) == pytest.approx(numbers(one), rel=1e-6)
    assert numbers(measure(weight.T)) == pytest.approx(numbers(one), rel=1e-6)
    assert (one.above, one.below) == (other.above, other.below)
    assert other.stable_rank.null == pytest.approx(one.stable_rank.null)


def test_unknown_fresh_weights_are_random_ones_of_the_same_norm() -> None:
    """Their spectrum has a root mean square of 1 in its own unit, and so has that of the layer."""
    found, again = measure(7 * drawn(12, 30)), measure(7 * drawn(12, 30))
    assert found == again
    assert (found.change, found.norm.null) == (None, None)
    assert found.spectrum is not None
    for values in (found.spectrum, found.spectrum.null):
        assert sum(value**2 for value in values) / 12 == pytest.approx(1)
    assert found.spectrum.x == pytest.approx([(place + 1) / 12 for place in range(12)])
    assert found.stable_rank.null != layer(7 * drawn(12, 30), seeded(10)).stable_rank.null


def test_known_fresh_weights_stand_beside_their_own() -> None:
    """W = W_0: nothing has changed. W = -2 W_0: 3 norms away, twice as long, of the same ranks."""
    before = drawn(12, 30)
    same, twice = measure(before, before), measure(-2 * before, before)
    for name in (*RANKS, "norm"):
        assert (
            getattr(same, name).null == float(getattr(same, name)) == pytest.approx(getattr(twice, name).null)
        )
    assert (same.change, same.above, same.below) == (0, 0, 0)
    assert twice.change == pytest.approx(3)
    assert twice.norm == pytest.approx(2 * twice.norm.null)
    assert numbers(twice) == pytest.approx(numbers(same))
    high = bulk(12, 30, float(before.square().mean()))[1]
    assert twice.above == int((2 * torch.linalg.svdvals(before) > high).sum())


def test_a_dead_layer() -> None:
    """All 0: of no direction, below every bulk, and beside random weights it has lost its rank."""
    found = measure(torch.zeros(4, 40))
    assert (found.stable_rank, found.effective_rank, found.alive, found.log_condition) == (1, 1, 0, 6)
    assert (found.above, found.below, found.norm) == (0, 4, 0)
    assert found.alive.null == 1
    assert lost(found.alive, found.alive.null)


def test_lost_rank_is_fewer_than_half_of_the_fresh_directions() -> None:
    """Of 8 fresh directions 4 are half, 3 are fewer."""
    fresh = with_values(8, 8, [1] * 8)
    four, three = (measure(with_values(8, 8, [1] * rank), fresh) for rank in (4, 3))
    assert (four.alive, three.alive, four.alive.null) == (0.5, 0.375, 1)
    assert not lost(four.alive, 1)
    assert lost(three.alive, 1)


def test_a_stack_of_layers() -> None:
    """Fresh: four equal singular values. The layers: as before, ten times as long, half of it dead, which counts as a tenth."""
    fresh = with_values(4, 6, [1] * 4)
    layers = [
        measure(w, fresh) for w in (fresh, 10 * fresh, with_values(4, 6, [1, 1]), with_values(4, 6, [1]))
    ]
    found = stack(dict(zip("abcd", layers, strict=True)), imaged=True)
    assert (found.layers, found.weights, found.lost) == (4, 96, 1)
    assert tuple(found.stable_rank) == pytest.approx((4, 4, 2, 1))
    assert found.stable_rank.null == pytest.approx((4, 4, 4, 4))
    assert (found.stable_rank.x, found.stable_rank.names) == ((0, 1, 2, 3), ("a", "b", "c", "d"))
    assert found.change is not None
    assert found.change[:2] == pytest.approx((0, 9))
    assert found.spectra is not None
    assert (found.spectra.row_names, found.spectra.column_names) == (("a", "b", "c", "d"), None)
    expected = ([0] * 64, [1] * 64, [0] * 32 + [-1] * 32)
    for row, values in zip(found.spectra, expected, strict=False):
        assert row == pytest.approx(values, abs=1e-9)
    assert stack({"a": layers[0]}).spectra is None


def test_layers_without_initial_weights_leave_gaps_in_the_change() -> None:
    """The second of three has none: the places of the others, and their names, stay what they are."""
    fresh = with_values(4, 6, [1] * 4)
    found = stack({"a": measure(fresh, fresh), "b": measure(fresh), "c": measure(3 * fresh, fresh)}).change
    assert found is not None
    assert tuple(found) == pytest.approx((0, 2))
    assert (found.x, found.names) == ((0, 2), ("a", "b", "c"))
    assert stack({"a": measure(fresh)}).change is None


def test_a_null_is_initial_only_where_the_initial_weights_are_known() -> None:
    """Else it is that of random weights, and of a stack of both kinds it is named after both."""
    fresh = with_values(4, 6, [1] * 4)
    own, foreign = measure(fresh, fresh), measure(fresh)
    for result, name in ((own, "initial"), (foreign, "random")):
        declared = metrics(result)
        assert {declared[rank]["null_is"] for rank in RANKS} == {declared["spectrum"]["null_is"]} == {name}
        assert metrics(stack({"a": result}))["stable_rank"]["null_is"] == name
    assert metrics(stack({"a": own, "b": foreign}))["stable_rank"]["null_is"] == "initial or random"


def test_the_null_has_the_norm_of_the_weight() -> None:
    """Of zeros, which have none, that of normal numbers: sqrt(out·in)."""
    assert float(random(3 * drawn(4, 6), seeded()).norm()) == pytest.approx(float(3 * drawn(4, 6).norm()))
    assert float(random(torch.zeros(4, 6, dtype=torch.float64), seeded()).norm()) == pytest.approx(24**0.5)


def test_the_edges_are_moved_out_by_what_random_matrices_stray() -> None:
    """16 x 64 at variance 3: (8 - 4)^2 - 2 x 4 x (1/4 - 1/8)^(1/3) = 12; (8 + 4)^2 + 2 x 12 x (3/8)^(1/3)."""
    third = (3 / 8) ** (1 / 3)
    assert bulk(16, 64, 3.0) == pytest.approx((math.sqrt(3 * 12), math.sqrt(3 * (144 + 24 * third))))
    assert bulk(64, 16, 3.0) == bulk(16, 64, 3.0)
    assert bulk(16, 64, 1.0, stray=1) == pytest.approx((math.sqrt(14), math.sqrt(144 + 12 * third)))
    assert bulk(4, 4, 1.0) == pytest.approx((0, math.sqrt(16 + 8))), "1/2 + 1/2 is 1"
    assert bulk(4, 9, 1.0, stray=9)[0] == 0, "never below nothing"


def test_the_condition_ends_where_its_convention_says() -> None:
    """A singular value below 1e-6 of the largest counts as that: of weights of rank one the condition is the most there is."""
    (convention,) = (field.metadata["convention"] for field in fields(Layer) if field.name == "log_condition")
    assert convention == "a σ below 1e-06 of the largest counts as that, so this is at most 6"
    assert measure(with_values(3, 3, [2.0])).log_condition == 6
    assert measure(with_values(2, 2, [1.0, 1e-5])).log_condition == pytest.approx(5, abs=1e-4)


def test_a_spectrum_is_drawn_at_64_places() -> None:
    """Of 127 directions every second one, first and last among them; of 3 the nearest; a tenth at least of both."""
    x = range(127)
    spectrum = Curve([10.0 ** (place / 126) for place in x], null=[1.0] * 127)
    assert _image(spectrum) == pytest.approx([2 * place / 126 for place in range(64)])
    few = _image(Curve([100.0, 10.0, 0.01], null=[1.0, 0.01, 1.0]))
    assert few == pytest.approx([2] * 16 + [2] * 32 + [-1] * 16)


def test_rank_is_lost_below_a_half() -> None:
    assert lost(0.49, 1.0)
    assert not lost(0.5, 1.0)
    assert lost(0.24, 0.5)
