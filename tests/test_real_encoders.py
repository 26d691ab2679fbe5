"""Encoders whose trained weights ship inside a package are called healthy: a sentence encoder and two small vision networks.

Run by hand, with nothing downloaded but the packages (CONTRIBUTING.md):
pip install --no-deps wordllama facenet-pytorch && pip install tokenizers requests tqdm
pytest -m slow tests/test_real_encoders.py -s
"""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import collapse_cli as collapse

pytestmark = pytest.mark.slow


def shipped(package: str) -> Path:
    """The folder of an installed package; the test is skipped where it is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(spec.origin).parent


def texts() -> Iterator[str]:
    """Docstrings of the standard library, each once."""
    seen = set()
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                text = (ast.get_docstring(node) or "")[:300]
                if len(text) > 40 and text not in seen:
                    seen.add(text)
                    yield text


def crops(size: int) -> Tensor:
    """(3000, 3, size, size) squares of the two photographs that scikit-learn ships, as MTCNN wants them."""
    from sklearn.datasets import load_sample_images

    generator, found = torch.Generator().manual_seed(0), []
    for image in load_sample_images().images:
        pixels = torch.tensor(image).permute(2, 0, 1).float()
        for side in torch.randint(size, 200, (1500,), generator=generator).tolist():
            top = int(torch.randint(0, pixels.shape[1] - side, (1,), generator=generator))
            left = int(torch.randint(0, pixels.shape[2] - side, (1,), generator=generator))
            square = pixels[None, :, top : top + side, left : left + side]
            found.append(
                nn.functional.interpolate(square, size=(size, size), mode="bilinear", antialias=True)
            )
    return (torch.cat(found) - 127.5) / 128


def test_a_sentence_encoder() -> None:
    """WordLlama, 256 dimensions: the mean of a sentence's token vectors."""
    package = shipped("wordllama")
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(
        str(package / "tokenizers" / "l2_supercat_tokenizer_config.json")
    )
    (table,) = load_file(package / "weights" / "l2_supercat_256.safetensors").values()
    encoded = tokenizer.encode_batch(list(texts()), add_special_tokens=False)
    found = collapse.diagnose(
        torch.stack([table[torch.tensor(each.ids)].float().mean(0) for each in encoded])
    )
    print(found)
    assert found.status == "healthy"


@pytest.mark.parametrize(("name", "size", "layer"), [("ONet", 48, "prelu5"), ("RNet", 24, "prelu4")])
def test_a_vision_network(name: str, size: int, layer: str) -> None:
    """MTCNN's networks, whose features have a common offset: mean cosine .85 and .86."""
    shipped("facenet_pytorch")
    from facenet_pytorch.models import mtcnn

    network, features = getattr(mtcnn, name)().eval(), list[Tensor]()
    getattr(network, layer).register_forward_hook(lambda *parts: features.append(parts[2].detach()))
    with torch.no_grad():
        for batch in crops(size).split(256):
            network(batch)
    found = collapse.diagnose(torch.cat(features))
    print(found)
    assert found.status == "healthy"
    assert any("common offset" in reason for reason in next(iter(found.verdicts.values())).reasons)
