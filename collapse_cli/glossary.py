"""The words of this project: each term of the field with its meaning, and the phrases that are not used for them.

Everything a user sees keeps to it: help, tables, plots, pages, JSON labels, errors, docs. `tests/test_glossary.py` looks for
the retired phrases there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """name: the word to use; meaning: one sentence; letter: that of the papers, where there is one."""

    name: str
    meaning: str
    letter: str = ""


TERMS = (
    Term(
        "active dimension",
        "A direction whose eigenvalue is above 3 % of an equal share of the variance; the verdict counts these.",
    ),
    Term(
        "alignment",
        "The mean squared distance between L2-normalised views of the same image; 0 at best, and also in complete collapse.",
        "alpha",
    ),
    Term(
        "alignment of the loss's pairs",
        "The same over the pairs that a run's loss compares, where they are not two views through one network: such as a query "
        "and its key, or a prediction and its target.",
    ),
    Term(
        "anti-hub",
        "An embedding that is among the nearest neighbours of none of the queries (Radovanovic et al. 2010).",
    ),
    Term("at initialisation", "The state of a network before its first training step."),
    Term("augmentation", "The random transformations that make a view of an image; --strength scales them."),
    Term("baseline", "The input or the group of runs that others are compared with."),
    Term("batch", "The images of one training step.", "B"),
    Term(
        "block energy",
        "The share of a layer's k strongest output directions that lies in the next layer's k strongest input directions.",
    ),
    Term("borderline", "A verdict whose deciding number is near its bound."),
    Term("cause", "A mechanism of collapse for which a run shows evidence above the threshold."),
    Term("centred", "With the mean embedding subtracted."),
    Term(
        "chance level",
        "The accuracy of guessing a class, or log(K+1), the loss of a contrastive method whose embeddings are all equal.",
    ),
    Term(
        "class oracle",
        "A loss that leaves out false negatives, which only labels can tell (Kalantidis et al. 2020).",
    ),
    Term("codebook", "The K vectors to one of which a quantiser maps each row; its number is the code.", "K"),
    Term(
        "collapse, codebook",
        "Few of the codes of a codebook are drawn: 95 % of the draws fall into fewer than a tenth of them, or the perplexity is "
        "below the square root of K.",
    ),
    Term("collapse, complete", "All embeddings are one point, or vary along one ray only."),
    Term(
        "collapse, dimensional",
        "The embeddings have variance in few of the dimensions that they could use (Jing et al. 2022).",
    ),
    Term("collapse, mode", "A generator produces samples of few of the modes of its target."),
    Term(
        "collapse, neural",
        "The variance within classes vanishes and the class means form a simplex (Papyan et al. 2020).",
    ),
    Term("copy", "An embedding that is equal to another one; copies count once."),
    Term("coverage", "The share of real embeddings whose ball contains a generated one (Naeem et al. 2020)."),
    Term("cure", "A change of settings that has been measured to undo a cause of collapse."),
    Term("dead code", "A code that no row is quantised to, however many rows there are."),
    Term("direction", "An eigenvector of a covariance, or a singular vector of a weight matrix."),
    Term(
        "effective number of embeddings",
        "The number of independent embeddings that tell as much as the given ones, of which some are copies or in groups.",
    ),
    Term("effective rank", "exp of the entropy of the eigenvalues of the covariance, divided by their sum."),
    Term(
        "embedding",
        "The vector that a network computes for one sample; N embeddings of D dimensions form a matrix with N rows.",
        "N, D",
    ),
    Term("encoder", "The network that maps an image to its representation h.", "f"),
    Term("false negative", "A negative of the query's own class."),
    Term("group", "Embeddings that are not independent, such as the frames of one video."),
    Term("hub", "An embedding that is among the nearest neighbours of very many others."),
    Term("image", "One sample of a data set of images."),
    Term(
        "inconclusive",
        "The sample is too small, or its interval contains the bound, so neither collapse nor health can be concluded.",
    ),
    Term("initial weights", "The weights of a layer at initialisation.", "W_0"),
    Term("input", "What a command measures: a run folder, a checkpoint, or a file or folder of embeddings."),
    Term("interval", "The 95 % confidence interval of a number."),
    Term("isotropic", "With equal variance in all directions."),
    Term("k-occurrence", "In how many lists of k nearest neighbours an embedding is.", "N_k"),
    Term(
        "key",
        "The embedding of a view that a query is compared with; its own image's key is the positive, the others are negatives.",
        "k",
    ),
    Term("key encoder", "The slow copy of the encoder that computes keys; it follows with momentum m.", "m"),
    Term(
        "LiDAR",
        "The effective rank of the variance between images in units of the variance between views (Thilak et al. 2023).",
    ),
    Term("linear probe", "Multinomial logistic regression on frozen embeddings."),
    Term(
        "memory bank",
        "One stored embedding for each image, from which negatives are sampled (Wu et al. 2018).",
    ),
    Term("modality gap", "The distance between the mean embeddings of two modalities (Liang et al. 2022)."),
    Term("negative", "The key of another image, which the loss repels.", "K of them"),
    Term(
        "null",
        "The value of a number without structure: for isotropic data, through a ReLU, with shuffled labels, at initialisation.",
    ),
    Term(
        "offset",
        "A mean embedding that is not zero; a large offset brings all cosines near 1 without any collapse.",
    ),
    Term("participation ratio", "The squared sum of the eigenvalues over the sum of their squares."),
    Term("positive", "The key of the query's own image."),
    Term("predictor", "The network that maps a projection to its target in BYOL and SimSiam.", "q, h"),
    Term("projection", "The output of the projector, on which the loss acts.", "z"),
    Term("projector", "The network that maps a representation to its projection.", "g"),
    Term(
        "prototype",
        "A learned vector that images are assigned to by the cosine of their embeddings (DINO, SwAV).",
        "K of them",
    ),
    Term(
        "proxy accuracy",
        "The share of queries whose positive is more similar than every negative; equally similar is not more.",
    ),
    Term("query", "The embedding of a view for which the positive is to be recognised among keys.", "q"),
    Term("queue", "The keys of earlier batches, which serve as negatives (He et al. 2020).", "K"),
    Term("random draw", "One use of a seeded generator."),
    Term(
        "RankMe",
        "exp of the entropy of the singular values of the embeddings, not centred, divided by their sum (Garrido et al. 2023).",
    ),
    Term("re-initialised", "With new random weights."),
    Term("replication", "One of several repetitions of a measurement with another seed."),
    Term("representation", "The output of the encoder, which probes and downstream tasks use.", "h"),
    Term(
        "repulsion",
        "The force of the loss that moves embeddings of different images away from each other.",
    ),
    Term("rogue dimension", "A dimension that makes most of the mean cosine (Timkey & van Schijndel 2021)."),
    Term("row", "A row of a matrix or of a table."),
    Term("run", "A training and its folder: settings, history, checkpoint and results."),
    Term("sample", "One element of a data set."),
    Term("seed", "The number from which all random draws of a run follow."),
    Term("significant", "A difference whose 95 % interval does not contain 0."),
    Term(
        "SIGReg",
        "The term of a loss that asks embeddings to be N(0, 1) along random directions (Balestriero & LeCun 2025).",
        "lambda",
    ),
    Term(
        "softmax mass",
        "The share of the softmax over negatives that some of them have; it is their share of the repulsion.",
    ),
    Term(
        "spectrum",
        "The eigenvalues of the covariance of embeddings, from the largest to the smallest.",
        "λ",
    ),
    Term("stable rank", "The sum of the eigenvalues over the largest one."),
    Term(
        "std·√d",
        "The mean standard deviation per dimension of L2-normalised embeddings times √d: 1 is isotropic, 0 is complete collapse.",
    ),
    Term("stop-gradient", "The rule that no gradient flows into the target of a predictor."),
    Term(
        "surviving direction",
        "A direction of weights, or a dimension of an embedding, that training has not reduced to nothing.",
    ),
    Term("temperature", "The divisor of similarities in a softmax.", "T, tau"),
    Term(
        "uniformity",
        "The log of the mean of exp(-2 d²) over pairs of L2-normalised embeddings (Wang & Isola 2020); lower is more uniform.",
        "t = 2",
    ),
    Term("unit embedding", "An embedding divided by its length, L2-normalised.", "u"),
    Term("untrained", "With weights that are those of an initialisation."),
    Term(
        "Vendi score",
        "exp of the entropy of the eigenvalues of a similarity matrix: the number of distinct samples (Friedman & Dieng 2023).",
    ),
    Term("verdict", "What numbers come to: a status, one sentence, its reasons, and what to do."),
    Term("view", "One random augmentation of an image."),
    Term("view ratio", "The variance between images over the variance between views of one image."),
)
"""In the order of the alphabet."""

RETIRED = {
    "filled dimension": "active dimension",
    "filled dimensions": "active dimensions",
    "dimensions filled": "active dimensions",
    "as drawn": "at initialisation",
    "before it was trained": "at initialisation",
    "before training": "at initialisation",
    "held against": "compared with",
    "asked about": "examined",
    "asked of": "looked for in",
    "chance": "null, or chance level where a class or the positive is guessed",
    "by chance": "under the null",
    "unit rows": "unit embeddings",
    "real rows": "real embeddings",
    "generated rows": "generated embeddings",
    "picture": "image",
    "pictures": "images",
    "fresh weights": "initial weights",
    "drawn anew": "re-initialised",
    "anew": "again",
    "push": "repulsion",
    "pushes apart": "repels",
    "push apart": "repel",
    "pushed apart": "repelled",
    "nothing pushes apart": "nothing prevents collapse",
    "luck": "variation between seeds",
    "luck of a seed": "variation between seeds",
    "told apart": "significantly different",
    "tell apart": "distinguish",
    "tells apart": "distinguishes",
    "living directions": "surviving directions",
    "dimensions alive": "surviving dimensions",
    "dimensions live": "dimensions survive",
    "is said to": "is judged to",
    "was said": "was judged",
    "blind to": "does not show",
    "knows lengths": "depends on lengths",
    "mend it": "repair it",
    "to be had": "available",
    "under glass": "in the lab",
}
"""A phrase that is not used -> what to say instead."""
