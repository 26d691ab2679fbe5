"""torchvision's families of networks beside its ResNets: by which names each is known, and how large each network of it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """sign: a weight that only this family has; parts: the children with the weights before the classifier, which is `head`.

    cuttable: each child's number where the network was cut into a Sequential; none where that loses what its forward adds.
    networks: the count of numbers in `parts` -> the constructor's name. No two networks of a family are of one size.
    """

    name: str
    sign: str
    parts: tuple[str, ...]
    head: str
    networks: Mapping[int, str]
    cuttable: tuple[int, ...] = ()
    fixed: bool = False  # takes images of one side alone


FAMILIES = (
    Family("ConvNeXt", "features.1.0.block.0.weight", ("features",), "classifier", {
        27818592: "convnext_tiny", 49453152: "convnext_small", 87564416: "convnext_base", 196227264: "convnext_large",
    }, (0,)),
    Family("EfficientNet", "features.1.0.block.0.0.weight", ("features",), "classifier", {
        4049564: "efficientnet_b0", 6575232: "efficientnet_b1", 7768562: "efficientnet_b2", 10783528: "efficientnet_b3",
        17673816: "efficientnet_b4", 28513520: "efficientnet_b5", 40960136: "efficientnet_b6", 64097680: "efficientnet_b7",
        20331360: "efficientnet_v2_s", 53150388: "efficientnet_v2_m", 117746848: "efficientnet_v2_l",
    }, (0,)),
    Family("MobileNetV2", "features.1.conv.0.0.weight", ("features",), "classifier", {2257984: "mobilenet_v2"}, (0,)),
    Family("MobileNetV3", "features.1.block.0.0.weight", ("features",), "classifier", {
        939120: "mobilenet_v3_small", 2996352: "mobilenet_v3_large",
    }, (0,)),
    Family("Swin", "features.1.0.attn.qkv.weight", ("features", "norm"), "head", {
        27519354: "swin_t", 48837258: "swin_s", 86743224: "swin_b",
        27587970: "swin_v2_t", 48979242: "swin_v2_s", 86916648: "swin_v2_b",
    }, (0, 1)),
    Family("ViT", "encoder.layers.encoder_layer_0.ln_1.weight", ("class_token", "conv_proj", "encoder"), "heads", {
        85647360: "vit_b_16", 87416832: "vit_b_32", 303099904: "vit_l_16", 305459200: "vit_l_32", 630435840: "vit_h_14",
    }, fixed=True),
    Family("MaxViT", "blocks.0.layers.0.layers.MBconv.layers.pre_norm.weight", ("stem", "blocks"), "classifier", {
        30191560: "maxvit_t",
    }, (0, 1), fixed=True),
    Family("DenseNet", "features.denseblock1.denselayer1.norm1.weight", ("features",), "classifier", {
        7037504: "densenet121", 12642880: "densenet169", 18321984: "densenet201", 26691936: "densenet161",
    }),
    Family("MNASNet", "layers.8.0.layers.0.weight", ("layers",), "classifier", {
        958136: "mnasnet0_5", 1919016: "mnasnet0_75", 3140232: "mnasnet1_0", 5050072: "mnasnet1_3",
    }, (0,)),
    Family("ShuffleNetV2", "stage2.0.branch1.0.weight", ("conv1", "stage2", "stage3", "stage4", "conv5"), "fc", {
        349744: "shufflenet_v2_x0_5", 1269784: "shufflenet_v2_x1_0", 2502064: "shufflenet_v2_x1_5", 5378712: "shufflenet_v2_x2_0",
    }, (0, 2, 3, 4, 5)),
    Family("SqueezeNet", "features.3.squeeze.weight", ("features",), "classifier", {
        735424: "squeezenet1_0", 722496: "squeezenet1_1",
    }, (0,)),
    Family("GoogLeNet", "inception3a.branch1.conv.weight", (
        "conv1", "conv2", "conv3", "inception3a", "inception3b", "inception4a", "inception4b", "inception4c", "inception4d",
        "inception4e", "inception5a", "inception5b",
    ), "fc", {5614464: "googlenet"}),
    Family("Inception", "Mixed_5b.branch1x1.conv.weight", (
        "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "Mixed_5b", "Mixed_5c", "Mixed_5d",
        "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c",
    ), "fc", {21820000: "inception_v3"}),
    Family("VGG or AlexNet", "features.0.weight", ("features",), "classifier", {
        2469696: "alexnet", 9220480: "vgg11", 9404992: "vgg13", 14714688: "vgg16", 20024384: "vgg19",
        9231488: "vgg11_bn", 9416768: "vgg13_bn", 14731584: "vgg16_bn", 20046400: "vgg19_bn",
    }, (0,)),
)  # fmt: skip
"""Those of a sign that says little are last."""

REGNETS: dict[tuple[tuple[int, ...], int], str] = {
    ((1, 2, 7, 12), 32): "regnet_x_400mf", ((1, 3, 7, 5), 64): "regnet_x_800mf", ((2, 4, 10, 2), 72): "regnet_x_1_6gf",
    ((2, 6, 15, 2), 96): "regnet_x_3_2gf", ((2, 5, 15, 1), 80): "regnet_x_8gf", ((2, 6, 13, 1), 256): "regnet_x_16gf",
    ((2, 7, 13, 1), 336): "regnet_x_32gf", ((1, 3, 6, 6), 48): "regnet_y_400mf", ((1, 3, 8, 2), 64): "regnet_y_800mf",
    ((2, 6, 17, 2), 48): "regnet_y_1_6gf", ((2, 5, 13, 1), 72): "regnet_y_3_2gf", ((2, 4, 10, 1), 224): "regnet_y_8gf",
    ((2, 4, 11, 1), 224): "regnet_y_16gf", ((2, 5, 12, 1), 232): "regnet_y_32gf", ((2, 7, 17, 1), 528): "regnet_y_128gf",
}  # fmt: skip
"""Blocks of the four stages and width of the first -> the constructor's name."""

REGNET_SIGN = "trunk_output.block1.block1-0.f.a.0.weight"

ALSO_OF_TIMM = ("convnext", "efficientnet", "densenet", "vgg", "inception")
"""Beginnings of names that timm has too, for networks whose weights it names in another way."""

NAMES = frozenset((*REGNETS.values(), *(name for family in FAMILIES for name in family.networks.values())))


def cut(name: str, family: Family) -> str:
    """A name of the network -> the name after it was cut into a Sequential."""
    child, rest = name.split(".", 1)
    return f"{family.cuttable[family.parts.index(child)]}.{rest}"


SIGNS = (
    REGNET_SIGN,
    *(family.sign for family in FAMILIES),
    *(cut(family.sign, family) for family in FAMILIES if family.cuttable),
)
"""Names of weights by which one of these networks may be there."""
