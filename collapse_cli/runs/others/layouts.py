"""How other people's checkpoints are laid out: one row each. Nothing here needs torch.

Names are as `tensors.py` gives them: without the dict they lie in, and without `module` and `_orig_mod`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from collapse_cli.settings import knob
from collapse_cli.shapes import Normalisation, StemName

Role = Literal["online", "momentum"]


@dataclass(frozen=True)
class Choices:
    """What a foreign checkpoint does not say for itself."""

    arch: str = knob(
        "",
        "architecture of another library's checkpoint: a ResNet of torchvision, a model of timm, or what the shapes fit; by "
        "default it is recognised from the name in the file and the weights",
    )
    stem: Literal["auto", StemName] = knob(
        "auto",
        "first layers of a ResNet in another library's checkpoint: imagenet is 7x7 with stride 2 and pooling, "
        "cifar 3x3 with stride 1 and no pooling; the others differ from these as their names say",
    )
    branch: Literal["auto", "online", "momentum"] = knob(
        "auto",
        "the trained network (query, student) or its slow copy (key, teacher); auto: the one "
        "that the library publishes",
    )
    prefix: str = knob(
        "", "prefix of the encoder's names in another library's checkpoint, such as 'model.encoder.'"
    )
    projector: str = knob(
        "",
        "prefix of the projector's names in another library's checkpoint, or none; by default the layers that take "
        "the encoder's representation",
    )
    ignore: str = knob(
        "",
        "beginnings of names, between commas, of weights that lie beside the encoder of another library's "
        "checkpoint: a classifier, a decoder",
    )
    heads: int = knob(
        0,
        "attention heads of a ViT in another library's checkpoint; 0: as the file, its config.json or its layout tells",
        low=0,
    )
    activation: Literal["auto", "gelu", "gelu_tanh", "quickgelu"] = knob(
        "auto", "activation between the layers of a ViT in another library's checkpoint"
    )
    size: int = knob(
        0,
        "side in pixels that images are resized to for another library's network; 0: the "
        "usual side of such networks",
        low=0,
    )
    framing: Literal["auto", "square", "imagenet", "dino", "clip", "stretch"] = knob(
        "auto",
        "how images become squares for another library's network: square, the middle square scaled; imagenet, the shorter side "
        "scaled to 8/7 of the size, bilinear, then the middle square, as torchvision and MoCo evaluate; dino, the same bicubic; "
        "clip, to the size itself; stretch, both sides; auto: as its config or layout tells",
    )
    normalisation: Literal["auto", "imagenet", "cifar", "clip", "half", "none"] = knob(
        "auto", "mean and standard deviation that images are normalised by for another library's network"
    )


@dataclass(frozen=True)
class Branch:
    """One network of a checkpoint: what precedes the names of its encoder and, the first that is there, of its projector."""

    role: Role
    encoder: str
    projectors: tuple[str, ...] = ()


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR = Normalisation((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
CIFAR_2023 = Normalisation(CIFAR.mean, (0.2023, 0.1994, 0.2010))
"""CIFAR-10's as much code has it: the standard deviations are the mean of those of each image."""
CLIP = Normalisation((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
NONE = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
NORMALISATIONS = {"imagenet": IMAGENET, "cifar": CIFAR, "clip": CLIP, "half": HALF, "none": NONE}


@dataclass(frozen=True)
class Layout:
    """signs: each begins some name, by which the layout is known; branches: the published one first.

    lacks: what begins no name; tells: facts that lie beside the weights.
    """

    name: str
    signs: tuple[str, ...]
    branches: tuple[Branch, ...]
    stem: StemName = "cifar"  # which a 3x3 conv1 means here
    normalisation: Normalisation | None = None
    small: Normalisation = CIFAR  # of images that a 3x3 conv1 takes
    clusters: str = ""  # before the names of a head that ends in a softmax
    without: str = ""  # what to say where no projector is found
    activation: Literal["relu", "gelu"] = "relu"  # of its projector
    open: str = ""  # what the file leaves open of its projector, and how it is taken
    lacks: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()


def _both(
    online: str, momentum: str, heads: tuple[str, ...] = (), slow: tuple[str, ...] = ()
) -> tuple[Branch, ...]:
    return Branch("online", online, heads), Branch("momentum", momentum, slow)


def _teacher(encoder: str, *heads: str) -> tuple[Branch, ...]:
    """Teacher and student, of which the teacher is published."""
    student, teacher = _both(
        encoder.format("student"), encoder.format("teacher"),
        tuple(head.format("student") for head in heads), tuple(head.format("teacher") for head in heads),
    )  # fmt: skip
    return teacher, student


def _solo_learn(name: str, encoder: str) -> Iterator[Layout]:
    """An encoder and a classifier are usual names: a momentum copy tells solo-learn's, or a head in a file of Lightning."""
    branches = _both(
        f"{encoder}.",
        f"momentum_{encoder}.",
        ("projector.", "head."),
        ("momentum_projector.", "momentum_head."),
    )
    for sign, tells in (
        (f"momentum_{encoder}.", ()),
        ("projector.", ("global_step",)),
        ("head.", ("global_step",)),
    ):
        yield Layout(name, (f"{encoder}.", "classifier.", sign), branches, stem="cifar-pad2", tells=tells)


LAYOUTS = (
    Layout("MoCo v1/v2", ("encoder_q.",), _both("encoder_q.", "encoder_k.", ("encoder_q.fc.",), ("encoder_k.fc.",))),
    Layout("MoCo v3", ("base_encoder.",),
           _both("base_encoder.", "momentum_encoder.", ("base_encoder.fc.", "base_encoder.head."),
                 ("momentum_encoder.fc.", "momentum_encoder.head."))),
    Layout("Contrastive Clustering", ("resnet.", "instance_projector."),
           (Branch("online", "resnet.", ("instance_projector.",)),), normalisation=NONE, clusters="cluster_projector."),
    Layout("DINO", ("teacher.backbone.",), _teacher("{}.backbone.", "{}.head.", "{}.dino_head.")),
    Layout("DINO", ("student.backbone.",), _teacher("{}.backbone.", "{}.head.", "{}.dino_head.")),
    Layout("lightly DINO", ("student_backbone.", "backbone."),
           (Branch("momentum", "backbone.", ("projection_head.",)),
            Branch("online", "student_backbone.", ("student_projection_head.",)))),
    Layout("lightly DINO", ("student_backbone.",), _teacher("{}_backbone.", "{}_head.")),
    Layout("lightly MSN", ("backbone.", "anchor_backbone."),
           (Branch("momentum", "backbone.", ("projection_head.",)),
            Branch("online", "anchor_backbone.", ("anchor_projection_head.",))), activation="gelu"),
    Layout("lightly", ("backbone.", "projection_head."),
           (Branch("online", "backbone.", ("projection_head.",)),
            Branch("momentum", "key_backbone.", ("key_projection_head.",)),
            Branch("momentum", "backbone_momentum.", ("projection_head_momentum.",)),
            Branch("momentum", "teacher_backbone.", ("teacher_projection_head.",)))),
    Layout("lightly (before 1.1)", ("features.", "projection_head."), (Branch("online", "features.", ("projection_head.",)),)),
    Layout("stable-pretraining DINO", ("backbone.student.", "dino_loss."), _teacher("backbone.{}."),
           without="its projector hides a normalisation and the prototypes among its layers: it is left out"),
    Layout("stable-pretraining", ("backbone.student.",), _teacher("backbone.{}.", "projector.{}.")),
    Layout("VISSL", ("trunk._feature_blocks.",), (Branch("online", "trunk._feature_blocks.", ("heads.",)),)),
    Layout("mmselfsup/mmpretrain", ("backbone.", "neck."),
           (Branch("online", "backbone.", ("neck.projection_neck.", "neck.")),
            Branch("momentum", "encoder_k.0.", ("encoder_k.1.",)),
            Branch("momentum", "target_net.0.", ("target_net.1.",)))),
    Layout("DirectCLR", ("backbone.", "online_head."), (Branch("online", "backbone.", ("projector.",)),),
           without="no projector: DirectCLR's z is the first d0 dimensions of h, and d0 (theirs: 360) is not in the file"),
    *_solo_learn("solo-learn", "backbone"),
    *_solo_learn("solo-learn (before 1.0.3)", "encoder"),
    Layout("I-JEPA", ("target_encoder.patch_embed.", "encoder.patch_embed.", "predictor."),
           (Branch("momentum", "target_encoder."), Branch("online", "encoder."))),
    Layout("BYOL of sthalles", ("online_network_state_dict.encoder.", "online_network_state_dict.projetion."),
           _both("online_network_state_dict.encoder.", "target_network_state_dict.encoder.",  # so it is spelt
                 ("online_network_state_dict.projetion.",), ("target_network_state_dict.projetion.",)), normalisation=NONE),
    Layout("byol-pytorch of lucidrains", ("online_encoder.net.", "online_encoder.projector."),
           _both("online_encoder.net.", "target_encoder.net.", ("online_encoder.projector.",), ("target_encoder.projector.",)),
           normalisation=IMAGENET),
    Layout("SimSiam of PatrickHua", ("backbone.", "projector.layer1.0.", "projector.layer3.", "predictor.layer1."),
           (Branch("online", "backbone.", ("projector.",)),), normalisation=IMAGENET,
           open="layer2 of the projector, which its code leaves out where it is set to two layers "
           "(--projector projector.layer1.,projector.layer3.)"),
    Layout("SimCLR of sthalles", ("backbone.conv1.", "backbone.fc.0.", "backbone.fc.2."),
           (Branch("online", "backbone.", ("backbone.fc.",)),), normalisation=NONE, tells=("arch",)),
    Layout("SimCLR of Spijkervet", ("encoder.conv1.", "projector.0.weight", "projector.2.weight"),
           (Branch("online", "encoder.", ("projector.",)),), normalisation=NONE,
           lacks=("projector.0.bias", "projector.1.", "projector.2.bias", "projector.3.", "predictor.")),
    Layout("SupContrast", ("encoder.layer2.0.shortcut.", "head.0.", "head.2."), (Branch("online", "encoder.", ("head.",)),),
           small=CIFAR_2023),
    Layout("SupContrast", ("encoder.layer2.0.shortcut.", "head.weight"), (Branch("online", "encoder.", ("head.",)),),
           small=CIFAR_2023, tells=("opt",)),
    Layout("SCAN, pretext task", ("backbone.", "contrastive_head."), (Branch("online", "backbone.", ("contrastive_head.",)),),
           small=CIFAR_2023),
    Layout("SCAN, clustering", ("backbone.", "cluster_head.0."), (Branch("online", "backbone."),),
           small=CIFAR_2023, clusters="cluster_head.0."),
    Layout("SimSiam", ("encoder.", "predictor."), (Branch("online", "encoder.", ("encoder.fc.",)),)),
    Layout("Barlow Twins", ("backbone.", "projector.", "bn."), (Branch("online", "backbone.", ("projector.",)),)),
    Layout("backbone and projector, as VICReg", ("backbone.", "projector."), (Branch("online", "backbone.", ("projector.",)),)),
    Layout("SwAV/DeepCluster", ("projection_head.", "prototypes."), (Branch("online", "", ("projection_head.",)),)),
    Layout("SimCLR, f and g", ("f.", "g."), (Branch("online", "f.", ("g.",)),), small=CIFAR_2023),
    Layout("ViT of Hugging Face", ("vit.embeddings.",), (Branch("online", "vit."),)),
    Layout("DeiT of Hugging Face", ("deit.embeddings.",), (Branch("online", "deit."),)),
    Layout("DINOv2 of Hugging Face", ("dinov2.embeddings.",), (Branch("online", "dinov2."),)),
    Layout("DINOv2 of Hugging Face", ("dinov2_with_registers.embeddings.",), (Branch("online", "dinov2_with_registers."),)),
    Layout("SigLIP of Hugging Face", ("vision_model.head.probe",), (Branch("online", "vision_model."),),
           without="SigLIP has no projector: its h itself is compared with texts"),
    Layout("CLIP of Hugging Face", ("vision_model.embeddings.",),
           (Branch("online", "vision_model.", ("visual_projection.",)),)),
    Layout("open_clip", ("visual.trunk.",), (Branch("online", "visual.trunk.", ("visual.head.proj.",)),), normalisation=CLIP),
    Layout("open_clip", ("visual.",), (Branch("online", "visual.", ("visual.proj",)),)),
    Layout("bare network", ("",), (Branch("online", ""),)),
)  # fmt: skip

BESIDE = ("fc.", "head.", "classifier.", "predictor.", "projection_head.", "prototypes")
"""What lies beside an encoder without being part of it, whatever its family: heads, a classifier."""

BESIDE_VIT = (*BESIDE, "head_dist.", "decoder_", "mask_token", "pooler.dense.")
"""And beside a ViT: the head of its distillation, the decoder of a masked autoencoder, transformers' pooler."""

BESIDE_TORCHVISION = (*BESIDE, "heads.", "aux1.", "aux2.", "AuxLogits.")
"""And beside other networks of torchvision: a ViT's classifier, the classifiers half way up."""
