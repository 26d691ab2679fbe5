"""Every knob, on one page. Options, settings.toml, checkpoints and constructors are all made from these fields."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin, get_type_hints

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.shapes import StemName


def knob(default: Any, help: str, low: float = -math.inf, high: float = math.inf) -> Any:
    """A setting: its default, what it does (with the paper's letter), and the closed range it may take."""
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high})


MOST = 60  # letters of a value in a sentence
LARGEST = 2**63 - 1  # of a whole number: seeds and sizes have no more bits
FARTHEST, NEAREST = 1e30, 1e-30  # of a number beside 0: its square still fits into 32 bits, or nearly

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Queue:
    """Negatives from a queue of earlier keys."""

    queue: int = knob(512, "negatives kept in the queue, K (papers: 65536)", low=1)
    temperature: float = knob(0.2, "temperature of the softmax, T (v1: 0.07)", low=1e-4)
    mask_own: bool = knob(
        False, "leave out stale keys of the query's own image, which the previous epoch left in the queue"
    )


@dataclass(frozen=True)
class Slow:
    """A network that follows another slowly."""

    momentum: float = knob(0.99, "momentum of the slow encoder, m (papers: 0.999)", low=0, high=1)
    momentum_schedule: Literal["constant", "cosine"] = knob(
        "constant", "constant: m throughout; cosine: m rises to 1 along half a cosine (BYOL)"
    )


@dataclass(frozen=True)
class Keys(Slow):
    """Where keys come from."""

    key_encoder: Literal["momentum", "copy", "gradient"] = knob(
        "momentum",
        "where keys come from: a slow copy of the encoder (MoCo), the query's encoder "
        "itself, or the query's encoder with gradient",
    )
    symmetric: bool = knob(
        False, "use each view as the query once: half the sum of both losses, with twice the keys"
    )
    bn_splits: int = knob(
        1, "number of parts of the batch that batch norm normalises separately, as on as many GPUs", low=1
    )
    shuffle_bn: bool = knob(
        False,
        "shuffle the keys before batch norm, so that keys and queries share no statistics "
        "(needs --bn-splits > 1)",
    )


@dataclass(frozen=True)
class Masks:
    """Which negatives are left out of the denominator."""

    mask_false_negatives: bool = knob(
        False, "leave out negatives of the query's class: the class oracle (uses labels)"
    )
    mask_random: float = knob(
        0.0, "share of the negatives left out at random: the class oracle's control", low=0, high=0.99
    )


@dataclass(frozen=True)
class Moco(Masks, Keys, Queue):
    """MoCo v1/v2 (He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297)."""


@dataclass(frozen=True)
class Mochi(Masks, Keys, Queue):
    """MoCHi: MoCo with hard negatives mixed (Kalantidis et al. 2020, arXiv:2010.01028)."""

    queue: int = knob(512, "negatives kept in the queue, K (paper: 16384)", low=2)
    temperature: float = knob(0.2, "temperature of the softmax, tau", low=1e-4)
    hardest: int = knob(64, "hardest negatives of each query that are mixed, N (paper: 1024)", low=2)
    pair_mixes: int = knob(64, "negatives mixed from two of the hardest, s", low=0)
    query_mixes: int = knob(32, "negatives mixed from a hard one and the query, s'", low=0)
    mix_after: float = knob(0.1, "share of the training before mixing starts (warm-up)", low=0, high=1)


@dataclass(frozen=True)
class EndToEnd(Masks):
    """Negatives of the same batch, gradient through both sides: SimCLR (arXiv:2002.05709), MoCo's mechanism (a)."""

    temperature: float = knob(0.2, "temperature of the softmax, tau", low=1e-4)
    negatives: Literal["both-views", "other-view"] = knob(
        "both-views",
        "negatives: the 2B-2 views of the other images (NT-Xent), or their B-1 second views (MoCo, fig. 2a)",
    )


@dataclass(frozen=True)
class MemoryBank(Masks):
    """One stored vector for each image: InstDisc (Wu et al. 2018, arXiv:1805.01978), MoCo's mechanism (b)."""

    negatives: int = knob(512, "slots sampled for each batch, K (paper: 4096)", low=1)
    temperature: float = knob(0.2, "temperature of the softmax, tau (paper: 0.07)", low=1e-2)
    bank_momentum: float = knob(
        0.5, "momentum of the stored vector, t: v <- unit(t v + (1 - t) f); 0 replaces it", low=0, high=1
    )
    bank_loss: Literal["info-nce", "nce"] = knob(
        "info-nce",
        "info-nce: choose the image's own slot among 1+K; nce: classify it against noise "
        "with a constant Z (InstDisc)",
    )


@dataclass(frozen=True)
class Nnclr:
    """NNCLR: the positive is the nearest neighbour in a support set (Dwibedi et al. 2021, arXiv:2104.14548)."""

    queue: int = knob(512, "embeddings in the support set, Q, which are not negatives (paper: 98304)", low=1)
    temperature: float = knob(0.1, "temperature of the softmax over the batch, tau (paper: 0.1)", low=1e-4)
    predictor_hidden: int = knob(128, "width of the predictor's hidden layer (paper: 4096)", low=1)


@dataclass(frozen=True)
class Directclr:
    """DirectCLR: InfoNCE on the first dimensions of h, no projector (Jing et al. 2022, arXiv:2110.09348)."""

    subvector: int = knob(32, "first dimensions of h, on which the loss acts, d0 (paper: 360 of 2048)", low=1)
    temperature: float = knob(0.2, "temperature of the softmax, tau (paper: 0.1)", low=1e-4)


@dataclass(frozen=True)
class ContrastiveClustering:
    """Contrastive Clustering: rows of instances, columns of clusters (Li et al. 2021, arXiv:2009.09687)."""

    clusters: int = knob(0, "number of clusters, M; 0: the number of classes of the data set", low=0)
    temperature: float = knob(0.5, "temperature of the softmax over instances, tau_I", low=1e-4)
    cluster_temperature: float = knob(1.0, "temperature of the softmax over clusters, tau_C", low=1e-4)
    entropy: bool = knob(
        True, "maximise the entropy H(Y) of the cluster sizes; without it clusters become empty"
    )


@dataclass(frozen=True)
class Supervised:
    """Cross-entropy on labels, with unit z and unit class weights, which makes alignment and uniformity comparable."""

    temperature: float = knob(0.1, "temperature of the softmax over classes", low=1e-4)


@dataclass(frozen=True)
class Supcon:
    """Supervised contrastive learning: every view of the class attracts (Khosla et al. 2020, arXiv:2004.11362)."""

    temperature: float = knob(0.2, "temperature of the softmax, tau (paper: 0.1)", low=1e-4)


@dataclass(frozen=True)
class Simsiam:
    """SimSiam: a predictor and a stop-gradient instead of negatives (Chen & He 2021, arXiv:2011.10566)."""

    stop_gradient: bool = knob(
        True, "stop the gradient into the predictor's target; without it the method collapses completely"
    )
    predictor: bool = knob(True, "use a predictor, an MLP h, on one side; without it the method collapses")
    predictor_hidden: int = knob(32, "width of the predictor's hidden layer (paper: a quarter of d)", low=1)


@dataclass(frozen=True)
class Byol(Slow):
    """BYOL: predict a slow copy's projection of the other view (Grill et al. 2020, arXiv:2006.07733)."""

    momentum: float = knob(0.99, "momentum of the target network, tau (paper: 0.996)", low=0, high=1)
    stop_gradient: bool = knob(
        True,
        "use a slow copy as the target; without it the target is the online network "
        "itself, with gradient, and the method collapses",
    )
    predictor: bool = knob(True, "use a predictor, an MLP q, on the online side")
    predictor_hidden: int = knob(128, "width of the predictor's hidden layer (paper: 4096)", low=1)


@dataclass(frozen=True)
class Dino(Slow):
    """DINO: predict a slow teacher's choice of prototype, centered and sharpened (Caron et al. 2021, arXiv:2104.14294)."""

    momentum: float = knob(0.99, "momentum of the teacher, lambda (paper: 0.996, rising to 1)", low=0, high=1)
    prototypes: int = knob(64, "prototypes, dimensions of the output, K (paper: 65536)", low=2)
    student_temperature: float = knob(
        0.1, "temperature of the student's softmax, tau_s (paper: 0.1)", low=1e-2
    )
    teacher_temperature: float = knob(
        0.02, "temperature of the teacher's softmax, tau_t (paper: 0.04 to 0.07)", low=1e-3
    )
    center_momentum: float = knob(0.9, "momentum of the center, m (paper: 0.9)", low=0, high=1)
    centering: bool = knob(
        True,
        "subtract the mean output, the center, from the teacher's; without it one prototype takes all images, and the method "
        "collapses",
    )
    sharpening: bool = knob(
        True,
        "use the teacher's own, lower temperature; without it the teacher has the student's, its output becomes uniform, and the "
        "method collapses",
    )


@dataclass(frozen=True)
class Swav:
    """SwAV: predict the code of the other view, a balanced choice of prototypes (Caron et al. 2020, arXiv:2006.09882)."""

    prototypes: int = knob(64, "prototypes, K (paper: 3000)", low=2)
    softmax_temperature: float = knob(
        0.1, "temperature of the softmax over prototypes, tau (paper: 0.1)", low=1e-2
    )
    epsilon: float = knob(0.02, "entropy of the codes, epsilon (paper: 0.05)", low=1e-3)
    iterations: int = knob(3, "iterations of Sinkhorn-Knopp (paper: 3)", low=1)
    sinkhorn: bool = knob(
        True,
        "balance the codes, so that each prototype has as many images of a batch; without it one prototype takes all images, and "
        "the method collapses",
    )


@dataclass(frozen=True)
class Vicreg:
    """VICReg: invariance, a variance hinge, decorrelated dimensions (Bardes et al. 2022, arXiv:2105.04906)."""

    invariance: float = knob(25.0, "weight of the invariance, mean ||z - z'||^2 / d, lambda", low=0)
    variance: float = knob(
        25.0,
        "weight of the hinge that keeps the standard deviation of each dimension at 1, mu; 0 collapses",
        low=0,
    )
    covariance: float = knob(
        10.0, "weight of the squared off-diagonal covariances, nu (paper: 1, at d = 8192)", low=0
    )


@dataclass(frozen=True)
class BarlowTwins:
    """Barlow Twins: the cross-correlation of two views becomes the identity (Zbontar et al. 2021, arXiv:2103.03230)."""

    redundancy: float = knob(
        0.05, "weight of the off-diagonal terms, lambda (paper: 0.0051, at d = 8192)", low=0
    )


@dataclass(frozen=True)
class Dcl:
    """Debiased contrastive loss: false negatives subtracted by their expected share (Chuang et al. 2020, arXiv:2007.00224)."""

    temperature: float = knob(0.2, "temperature of the softmax, t (paper: 0.5)", low=0.05)
    class_prior: float = knob(0.1, "expected share of false negatives, tau+", low=0, high=0.99)


@dataclass(frozen=True)
class Hcl:
    """Contrastive loss with larger weights on hard negatives, debiased (Robinson et al. 2021, arXiv:2010.04592)."""

    temperature: float = knob(0.2, "temperature of the softmax, t (paper: 0.5)", low=0.05)
    class_prior: float = knob(0.1, "expected share of false negatives, tau+", low=0, high=0.99)
    hardness: float = knob(1.0, "weight of hard negatives over easy ones, beta; 0 is dcl", low=0)


@dataclass(frozen=True)
class AlignUniform:
    """Alignment and uniformity as the loss itself (Wang & Isola 2020, arXiv:2005.10242)."""

    alignment: float = knob(
        0.98,
        "weight of the alignment, mean ||u - u'||^2 (paper: 0.98); above about 4 times the "
        "uniformity's weight the method collapses",
        low=0,
    )
    uniformity: float = knob(
        0.96, "weight of the uniformity, log mean exp(-t ||u_i - u_j||^2) (paper: 0.96)", low=0
    )
    t: float = knob(2.0, "scale of the uniformity's kernel, t", low=1e-3)


@dataclass(frozen=True)
class Lejepa:
    """LeJEPA: views agree, and embeddings are an isotropic Gaussian, SIGReg (Balestriero & LeCun 2025, arXiv:2511.08544)."""

    sigreg_weight: float = knob(
        0.05,
        "weight of SIGReg, lambda; that of the distance of the views from their mean is 1 - lambda (paper: 0.05); 0 collapses",
        low=0,
        high=1,
    )
    slices: int = knob(
        256, "random directions that SIGReg looks along at each batch, M (paper: 256 to 1024)", low=1
    )


@dataclass(frozen=True)
class PositiveOnly:
    """Positive pairs attract, nothing repels, no stop-gradient: the method collapses completely, by design."""


METHODS: dict[str, type] = {
    "moco": Moco,
    "mochi": Mochi,
    "end-to-end": EndToEnd,
    "memory-bank": MemoryBank,
    "dcl": Dcl,
    "hcl": Hcl,
    "align-uniform": AlignUniform,
    "directclr": Directclr,
    "nnclr": Nnclr,
    "simsiam": Simsiam,
    "byol": Byol,
    "dino": Dino,
    "swav": Swav,
    "vicreg": Vicreg,
    "barlow-twins": BarlowTwins,
    "lejepa": Lejepa,
    "contrastive-clustering": ContrastiveClustering,
    "supcon": Supcon,
    "supervised": Supervised,
    "positive-only": PositiveOnly,
}

PREFERRED: dict[str, dict[str, Any]] = {
    "directclr": {"head_layers": 0},
    "vicreg": {"optimizer": "adam", "lr": 1e-3},
    "barlow-twins": {"optimizer": "adam", "lr": 1e-3},
    "lejepa": {"optimizer": "adam", "lr": 1e-3},
    "contrastive-clustering": {"split": "all", "batch": 256, "optimizer": "adam", "lr": 3e-3},
}
"""Methods whose defaults of Model or Training differ from those of the others."""


@dataclass(frozen=True)
class Model:
    """The encoder f and the projector g: h = f(x), z = g(h)."""

    encoder: str = knob(
        "convnet",
        "convnet, mlp, a small ResNet (resnet8, resnet20), or a ResNet of torchvision, such as resnet18",
    )
    stem: StemName = knob(
        "cifar",
        "first layers of a ResNet: imagenet is 7x7 with stride 2 and pooling, cifar 3x3 with stride 1 and no "
        "pooling; the others differ from these as their names say",
    )
    head_layers: int = knob(
        2, "layers of the projector: 0 none, 1 linear (MoCo v1), 2 an MLP (MoCo v2)", low=0, high=8
    )
    head_hidden: int = knob(128, "width of the projector's hidden layers", low=1)
    head_norm: bool = knob(False, "use batch norm in the projector's hidden layers, which hides collapse")
    head_activation: Literal["relu", "none"] = knob(
        "relu",
        "activation between the projector's layers; none makes a deep linear projector, "
        "which collapses through its depth",
    )
    dim: int = knob(64, "dimensions of the projection z, d (MoCo: 128)", low=1)


@dataclass(frozen=True)
class ImageFiles:
    """How the images of a folder or a parquet file are read, and where their labels are."""

    labels: str = knob(
        "",
        "a file with the labels of the images, or of one file of embeddings: .npy .npz .pt, or .csv .tsv .txt with one on each "
        "line; a table may name the files of the images",
    )
    label_column: str = knob(
        "",
        "the column of a parquet file, or of the table --labels, that has the labels; none reads a parquet file without them",
    )
    image_column: str = knob("", "the column of a parquet file that has the images")
    background: Literal["auto", "white", "grey", "black"] = knob(
        "auto",
        "what transparent parts of an image are composited on; auto: white, and of a run that is measured what it was "
        "trained with",
    )
    skip_broken: bool = knob(False, "leave out images that cannot be read, instead of refusing the data set")


@dataclass(frozen=True)
class Training(ImageFiles):
    """Which images are used in training, for how long, and how."""

    dataset: str = knob("digits", "a name from `collapse datasets`, folder:PATH or parquet:PATH")
    split: Literal["train", "all"] = knob(
        "train", "images to train on; all adds the test split, as in clustering"
    )
    size: int = knob(
        0,
        "side in pixels of the square that images of folder: and parquet: are cut and resized to; 0: their side, "
        "where all are squares of one size, else 64",
        low=0,
    )
    recipe: str = knob(
        "auto",
        "augmentation; join several with +: none, weak, digits, moco_v1, moco_v2, simclr, "
        "randaugment, autoaugment_imagenet, _cifar10 or _svhn; auto: digits for grey images, "
        "else moco_v2",
    )
    strength: float = knob(1.0, "strength of the augmentation: 0 is none, 1 the published one", low=0, high=3)
    epochs: int = knob(40, "passes over the data", low=1)
    steps: int = knob(
        0,
        "number of steps of the optimizer, in place of --epochs; the last pass may be cut short; 0: --epochs decides",
        low=0,
    )
    batch: int = knob(64, "images per batch, B; a step is one batch, or --accumulate of them", low=2)
    workers: int = knob(
        0,
        "processes that decode images ahead of the training, for sets that are not held in memory (above 4 GiB when decoded); "
        "0: threads of the training process decode them. The trained network is the same for every number",
        low=0,
        high=256,
    )
    accumulate: int = knob(
        1,
        "batches whose mean gradient makes one step, for steps of more images than fit into memory; the slow encoder and the "
        "queue move once per step; negatives and batch norm are still those of each batch of B images",
        low=1,
    )
    optimizer: Literal["sgd", "adam", "lars"] = knob(
        "sgd",
        "SGD with momentum; Adam with betas .9, .999; or LARS for large batches, with trust coefficient .001 (arXiv:1708.03888)",
    )
    lr: float = knob(
        0.05,
        "highest learning rate: of the first step, or after the warm-up; Adam usually needs about 1e-3, LARS .3 for every 256 "
        "images of a step (SimCLR)",
        low=0,
    )
    warmup: float = knob(
        0.0,
        "epochs over which the learning rate rises linearly from 0 to --lr; may be a fraction; 0: none",
        low=0,
    )
    sgd_momentum: float = knob(0.9, "momentum of SGD and of LARS", low=0, high=0.9999)
    weight_decay: float = knob(1e-4, "weight decay of the optimizer", low=0)
    schedule: Literal["cosine", "constant"] = knob(
        "cosine", "schedule of the learning rate over all steps, after the warm-up"
    )
    precision: Literal["fp32", "bf16"] = knob(
        "fp32", "precision of the forward pass; weights stay in fp32, spectra in fp64"
    )
    compile: bool = knob(
        False,
        "compile the networks with torch.compile before the first step, on a GPU as CUDA graphs: takes about a minute, and "
        "needs a C++ compiler; weights and results differ by rounding alone",
    )
    seed: int = knob(0, "seed of weights, order and augmentation", low=0, high=2**63 - 1)
    keep_every: int = knob(
        0, "keep a checkpoint every so many epochs, in RUN/epochs; 0: keep only the last", low=0
    )


@dataclass(frozen=True)
class Gan:
    """The lab of mode collapse: a GAN of two small networks on a target whose modes are known."""

    target: Literal["ring", "grid", "digits"] = knob(
        "ring", "8 Gaussians on a ring, 25 on a grid, or digits as images of 64 pixels"
    )
    std: float = knob(
        0.05,
        "standard deviation of each Gaussian, on a ring of radius 2 or a grid of spacing 2",
        low=1e-3,
        high=1,
    )
    loss: Literal["non-saturating", "minimax", "wgan-gp", "hinge"] = knob(
        "non-saturating", "loss that D and G minimise"
    )
    steps: int = knob(2500, "steps of G", low=1)
    batch: int = knob(128, "samples per step, B", low=2)
    lr: float = knob(1e-3, "learning rate of G (Adam)", low=0)
    lr_ratio: float = knob(5.0, "learning rate of D as a multiple of G's; above 1 D is the stronger", low=0)
    decay: bool = knob(False, "let both learning rates fall to 0 along half a cosine")
    d_steps: int = knob(1, "steps of D for each step of G", low=1)
    latent: int = knob(16, "dimensions of G's Gaussian input z", low=1)
    g_width: int = knob(128, "width of G's hidden layers", low=1)
    d_width: int = knob(128, "width of D's hidden layers", low=1)
    layers: int = knob(2, "hidden layers of G and of D", low=1, high=8)
    gamma: float = knob(0.1, "r1: weight of the squared gradient of D at real samples, gamma", low=0)
    pack: int = knob(4, "pac: samples that D judges together, m", low=2, high=64)
    unroll: int = knob(
        5,
        "unrolled: steps of D that G looks ahead, with the gradient through all of them; cures a "
        "weak D (--loss minimax --lr-ratio .2)",
        low=1,
    )
    noise: float = knob(
        0.3,
        "noise: standard deviation of the noise added to all inputs of D, falling to 0 during training",
        low=0,
    )
    penalty: float = knob(0.1, "wgan-gp: weight of the gradient penalty, lambda (paper: 10)", low=0)


@dataclass(frozen=True)
class Linear:
    """The lab of dimensional collapse: linear networks z = W_L … W_1 x (Jing et al. 2022, arXiv:2110.09348)."""

    loss: Literal["distance", "dot"] = knob(
        "distance",
        "distance: Eq. 2, of -|z - z'|^2 / 2 with a clean anchor; dot: the loss of the published "
        "code, of z.z' / T",
    )
    augment: Literal["block", "isotropic"] = knob(
        "block", "noise on the last half of the coordinates (block), or on all (isotropic)"
    )
    init: Literal["gaussian", "decaying", "orthogonal"] = knob(
        "gaussian", "initial weights; decaying has singular values exp(-0.35 k), as published"
    )
    relu: bool = knob(False, "use a ReLU between layers")
    width: int = knob(16, "dimensions of x and of every layer, d", low=2, high=128)
    points: int = knob(10000, "samples of x, Gaussian, N", low=2)
    batch: int = knob(128, "samples per step, B", low=2)
    temperature: float = knob(0.1, "temperature of --loss dot, T", low=1e-3)
    steps: int = knob(3000, "steps of gradient descent (published: 10000)", low=1)
    lr: float = knob(0.0, "learning rate; 0: 0.05 for distance, 0.003 for dot", low=0)
    integrator: Literal["sgd", "descent", "flow"] = knob(
        "sgd",
        "sgd: a new batch each step; descent: the same batch throughout; flow: its "
        "gradient flow, by Runge-Kutta, over lr x steps",
    )


@dataclass(frozen=True)
class Run:
    """Everything that rebuilds a run: a method by name with its own knobs, the model and the training."""

    method: str
    settings: Any
    model: Model
    training: Training

    def tables(self) -> dict[str, dict[str, Any]]:
        """As settings.toml holds it: [method], [model], [training]."""
        return {
            "method": {"name": self.method, **dataclasses.asdict(self.settings)},
            "model": dataclasses.asdict(self.model),
            "training": dataclasses.asdict(self.training),
        }


def settings_of(method: str) -> type:
    """The dataclass of a method's own knobs."""
    if method not in METHODS:
        raise CollapseError(f"there is no method named '{method}'", nearest(method, list(METHODS)))
    return METHODS[method]


def resolve(method: str, *layers: Mapping[str, Any]) -> Run:
    """A Run from layers of flat settings, later ones winning over earlier ones and over the defaults."""
    merged = dict(PREFERRED.get(method, {}))
    for layer in layers:
        if "epochs" in layer and "steps" not in layer:
            merged.pop("steps", None)
        merged |= layer
    parts = [settings_of(method), Model, Training]
    names = [field.name for part in parts for field in dataclasses.fields(part)]
    for name in merged:
        if name not in names:
            raise CollapseError(f"'{name}' is not a setting of {method}", nearest(name, names))
    method_settings, model, training = (fill(part, merged) for part in parts)
    splits = method_settings.bn_splits if isinstance(method_settings, Keys) else 1
    if training.batch < 2 * splits:
        raise CollapseError(
            f"--bn-splits {splits} leaves fewer than 2 images of --batch {training.batch} in a part",
            "batch norm needs two images: lower --bn-splits or raise --batch",
        )
    return Run(method, method_settings, model, training)


def refuse_two_lengths(typed: Mapping[str, Any]) -> None:
    """Raises CollapseError for what asks for so many epochs and for so many steps."""
    if "epochs" in typed and "steps" in typed:
        raise CollapseError(
            "--epochs and --steps exclude each other",
            "give one: epochs are passes over the data, steps are updates of the weights",
        )


def flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a TOML document, whether in the sections of settings.toml or without; the method's name left out."""
    settings: dict[str, Any] = {}
    for key, value in tables.items():
        settings |= dict(value) if isinstance(value, Mapping) else {key: value}
    settings.pop("name", None)
    return settings


def fill(part: type, values: Mapping[str, Any]) -> Any:
    """The dataclass `part` from those of the values that are its own, each read as its type and held to its range."""
    types = _types(part)
    fields = dataclasses.fields(part)
    return part(**{f.name: _checked(f, types[f.name], values[f.name]) for f in fields if f.name in values})


@functools.cache
def _types(part: type) -> dict[str, Any]:
    """The type of each field; read once, since it is asked for whenever settings are resolved."""
    return get_type_hints(part)


def _checked(field: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    """The value as the field's type and within its range; text, as `--set` gives it, is read."""
    option = "--" + field.name.replace("_", "-")
    try:
        value = _read(kind, value)
    except (ValueError, OverflowError):  # a whole number of hundreds of digits is no float
        allowed = ", ".join(get_args(kind)) or KINDS[kind]
        raise CollapseError(f"{option} cannot be '{as_typed(value)}'", f"it takes {allowed}") from None
    low, high = field.metadata["low"], field.metadata["high"]
    infinite = isinstance(value, float) and not math.isfinite(value)
    if isinstance(value, int | float) and (infinite or not low <= value <= high):
        limits = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise CollapseError(f"{option} cannot be {as_typed(value)}", f"it must be {limits}")
    refuse_extreme(value, option)
    return value


def refuse_extreme(value: Any, option: str) -> None:
    """Raises CollapseError for a number that no computation can take, whatever it is for."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if isinstance(value, int) and abs(value) > LARGEST:
        limits = f"at most {LARGEST:.1e}" if value > 0 else f"at least {-LARGEST:.1e}"
    elif isinstance(value, float) and not abs(value) <= FARTHEST:
        limits = f"a number of at most {FARTHEST:g}"
    elif isinstance(value, float) and 0 < abs(value) < NEAREST:
        limits = f"0, or a number that is farther from it than {NEAREST:g}"
    else:
        return
    raise CollapseError(f"{option} cannot be {as_typed(value)}", f"it must be {limits}")


def as_typed(value: Any) -> str:
    """A value as it was typed, and no more of it than fits into a sentence."""
    if isinstance(value, int) and abs(value) > LARGEST:  # Python writes no more than 4,300 digits
        return f"{'-' if value < 0 else ''}{Decimal(abs(value)):.1e}"
    text = str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}…"


def _read(kind: Any, value: Any) -> Any:
    """Raises ValueError for a value of another kind: a list, a bool for a number, a fraction for an int."""
    if not isinstance(value, str | int | float):
        raise ValueError
    if get_origin(kind) is Literal:
        allowed = {choice: choice for choice in get_args(kind)}
    elif kind is bool:
        allowed = {True: True, False: False, "true": True, "false": False}
    elif isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise ValueError
    else:
        return kind(value)
    if value not in allowed:
        raise ValueError
    return allowed[value]
