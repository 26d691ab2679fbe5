"""Folders of sentence-transformers: what they say of themselves, and the embeddings of texts beside the library's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from collapse_cli.analysis import texts
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.inspection import facts
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs import text_encoders
from collapse_cli.runs.others.layouts import Choices

WORDS = "the a cat dog bird sat ran flew on over red blue mat tree house".split()
TEXTS = [f"{a} {b} {c}" for a in WORDS[:6] for b in WORDS[4:9] for c in WORDS[9:]]
OLD = "sentence_transformers.models"


def folder(path: Path, *kinds: str, old: bool = True, pooling: Any = None, **config: Any) -> Path:
    """As the library writes it, with weights that are of no network."""
    modules = []
    for number, kind in enumerate(kinds):
        name = f"{number}_{kind.rpartition('.')[2]}" if number else ""
        kind = kind if "." in kind else f"{OLD}.{kind}"
        modules.append({"idx": number, "name": str(number), "path": name, "type": kind})
        if name:
            (path / name).mkdir(parents=True, exist_ok=True)
            (path / name / "config.json").write_text(json.dumps(pooling or {}))
    path.mkdir(exist_ok=True)
    (path / "modules.json").write_text(json.dumps(modules))
    (path / "config.json").write_text(
        json.dumps({"model_type": "bert", "vocab_size": 9, "hidden_size": 32, **config})
    )
    (path / "sentence_bert_config.json").write_text('{"max_seq_length": 128, "do_lower_case": false}')
    save_file({"encoder.weight": torch.ones(4, 3)}, path / "model.safetensors")
    return path


MEAN = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


@pytest.mark.parametrize(
    ("settings", "words", "width"),
    [
        (MEAN, "mean", 32),
        (MEAN | {"pooling_mode_cls_token": True}, "cls+mean", 64),
        ({"embedding_dimension": 32, "pooling_mode": "lasttoken"}, "lasttoken", 32),
    ],
)
def test_a_folder_says_what_it_is(tmp_path: Path, settings: Any, words: str, width: int) -> None:
    """In the form of today's library, and in that of earlier ones."""
    path = folder(tmp_path / "net", "Transformer", "Pooling", "Normalize", pooling=settings)
    told = facts(path, Choices())
    assert told["layout"] == "sentence-transformers folder"
    assert told["modules"] == ["Transformer", f"Pooling ({words})", "Normalize"]
    assert (told["representation"], told["parameters"]) == (width, 12)
    assert "every embedding has length 1, so a collapse of lengths cannot be seen" in told["assumed"]
    assert "texts are cut after 128 tokens at most" in told["assumed"]
    assert told["remedy"].startswith(f"collapse diagnose {path} --dataset text:FILE")


def test_the_length_of_texts(tmp_path: Path) -> None:
    """Earlier versions put the network into a folder of its own; where its file does not tell, tokenizer and positions do."""
    path = folder(tmp_path / "net", "Transformer", max_position_embeddings=514)
    inner = path / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "model.safetensors", "sentence_bert_config.json"):
        (path / name).rename(inner / name)
    (path / "modules.json").write_text(json.dumps([{"path": inner.name, "type": f"{OLD}.Transformer"}]))
    assert text_encoders.described(path).length == 128
    assert facts(path, Choices())["parameters"] == 12
    (inner / "sentence_bert_config.json").unlink()
    assert text_encoders.described(path).length == 514
    (inner / "tokenizer_config.json").write_text('{"model_max_length": 512}')
    assert text_encoders.described(path).length == 512


def test_without_a_last_norm_nothing_is_said_of_lengths(tmp_path: Path) -> None:
    encoder = text_encoders.described(folder(tmp_path / "net", "Transformer", "Pooling", pooling=MEAN))
    assert not any("length 1" in text for text in texts.assumed(encoder))


@pytest.mark.parametrize(
    "kind", ["evil.Module", "modeling.sentence_transformers.Transformer", f"{OLD}.WordEmbeddings"]
)
def test_modules_of_the_folder_are_not_run(tmp_path: Path, kind: str) -> None:
    path = folder(tmp_path / "net", "Transformer", kind)
    with pytest.raises(CollapseError, match="which is not run"):
        text_encoders.described(path)


def test_an_activation_of_the_folder_is_not_run(tmp_path: Path) -> None:
    path = folder(tmp_path / "net", "Transformer", "Dense", pooling={"activation_function": "os.abort"})
    with pytest.raises(CollapseError, match=r"os\.abort"):
        text_encoders.described(path)


@pytest.mark.parametrize("place", ["..", "../other", "/tmp", ".", 3, "a\0b"])
def test_no_module_lies_outside_of_its_folder(tmp_path: Path, place: Any) -> None:
    path = folder(tmp_path / "net", "Transformer", "Pooling", pooling=MEAN)
    file = path / "modules.json"
    first, pooling = json.loads(file.read_text())
    for entries in ([first, pooling | {"path": place}], [first | {"path": place}, pooling]):
        file.write_text(json.dumps(entries))
        with pytest.raises(CollapseError, match="outside of its folder"):
            text_encoders.described(path)
        assert main(["inspect", str(path)]) == 2


@pytest.mark.parametrize("content", ["{", "{}", "[]", "[3]", '[{"type": 3, "path": "../.."}]'])
def test_damaged_modules_are_refused(tmp_path: Path, content: str) -> None:
    path = folder(tmp_path / "net", "Transformer")
    (path / "modules.json").write_text(content)
    with pytest.raises(CollapseError):
        text_encoders.described(path)
    assert main(["inspect", str(path)]) == 2


def test_texts_are_asked_for(tmp_path: Path) -> None:
    path = folder(tmp_path / "net", "Transformer", "Pooling", pooling=MEAN)
    with pytest.raises(CollapseError, match="takes texts, not digits") as caught:
        load(path, Measuring(dataset="digits"))
    assert "--dataset text:FILE" in caught.value.hint


def test_the_library_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("collapse_cli.runs.text_networks.find_spec", lambda name: None)
    path = folder(tmp_path / "net", "Transformer", "Pooling", pooling=MEAN)
    (tmp_path / "t.txt").write_text("a\nb\nc")
    assert main(["diagnose", str(path), "--dataset", f"text:{tmp_path / 't.txt'}"]) == 2
    assert "pip install 'collapse-cli[transformers]'" in capsys.readouterr().err


# With the library.


def built(path: Path, *behind: str) -> Any:
    """A small BERT with random weights, saved with its pooling; returns the library's own network."""
    library = pytest.importorskip("sentence_transformers")
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    from sentence_transformers import models

    bert = path.with_name("bert")
    bert.mkdir()
    (bert / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    transformers.BertTokenizerFast(str(bert / "vocab.txt")).save_pretrained(bert)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = transformers.BertConfig(vocab_size=len(WORDS) + 5, max_position_embeddings=64, **size)
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(bert)
    modules = [models.Transformer(str(bert), max_seq_length=16), models.Pooling(32, "mean")]
    modules += [models.Normalize()] if "norm" in behind else []
    modules += [models.Dense(32, 12)] if "dense" in behind else []
    network = library.SentenceTransformer(modules=modules, device="cpu")
    network.save(str(path))
    return network


def written(path: Path, lines: Sequence[str] = TEXTS) -> str:
    file = path / "t.txt"
    file.write_text("\n".join(lines))
    return f"text:{file}"


@pytest.mark.libraries
@pytest.mark.parametrize("behind", [(), ("norm",), ("dense",)], ids=["mean", "norm", "dense"])
def test_embeddings_are_what_encode_gives(tmp_path: Path, behind: Sequence[str]) -> None:
    path = tmp_path / "net"
    network = built(path, *behind)
    subject = load(path, Measuring(dataset=written(tmp_path), device="cpu"))
    reference = torch.from_numpy(network.encode(TEXTS))
    torch.testing.assert_close(subject.clean.representations, reference, atol=1e-5, rtol=0)
    assert subject.count == len(TEXTS)
    assert not subject.has_views
    assert facts(path, Choices())["representation"] == reference.shape[1]


@pytest.mark.libraries
def test_a_sample_is_of_the_same_texts(tmp_path: Path) -> None:
    path = tmp_path / "net"
    network = built(path)
    subject = load(path, Measuring(dataset=written(tmp_path), device="cpu", samples=20))
    reference = torch.from_numpy(network.encode([TEXTS[n] for n in subject.clean.index.tolist()]))
    torch.testing.assert_close(subject.clean.representations, reference, atol=1e-5, rtol=0)


@pytest.mark.libraries
def test_random_weights_do_not_stand_in_for_missing_ones(tmp_path: Path) -> None:
    path = tmp_path / "net"
    built(path)
    weights = load_file(path / "model.safetensors")
    gone = next(name for name in weights if "layer.1.output.dense.weight" in name)
    save_file({name: weight for name, weight in weights.items() if name != gone}, path / "model.safetensors")
    with pytest.raises(CollapseError, match="lacks 1 of the weights"):
        load(path, Measuring(dataset=written(tmp_path), device="cpu"))


@pytest.mark.libraries
def test_commands_on_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built(tmp_path / "net", "norm")
    argv = [str(tmp_path / "net"), "--dataset", written(tmp_path), "--device", "cpu"]
    for command in ("diagnose", "spectrum", "alignment", "check"):
        assert main([command, *argv]) in (0, 1, 3)
        assert "Traceback" not in capsys.readouterr().err
    assert main(["embed", *argv, "--out", str(tmp_path / "e.npz")]) == 0
    assert main(["weights", str(tmp_path / "net")]) == 0
    assert main(["diagnose", str(tmp_path / "e.npz")]) in (0, 3)
    assert main(["lidar", *argv]) == 2
    assert main(["causes", *argv]) == 2


@pytest.mark.libraries
def test_texts_whose_words_a_network_does_not_know(tmp_path: Path, capsys: Any) -> None:
    """Five words of its vocabulary make 400 different texts, and five words outside of it 400 that are all [UNK] five times: one
    point, though the texts differ in their words as much as the others do."""
    import random

    path, chance = tmp_path / "net", random.Random(0)
    built(path, "dense")
    known = [" ".join(chance.choices(WORDS, k=5)) for _ in range(400)]
    unknown = [" ".join(f"w{chance.randrange(16)}" for _ in range(5)) for _ in range(400)]
    for name, lines in {"own": known, "others": unknown}.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    names = [f"text:{tmp_path / name}.txt" for name in ("own", "others")]
    capsys.readouterr()
    main(["diagnose", str(path), "--dataset", names[0], "--dataset", names[1], "--device", "cpu"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "on others.txt: the network maps these texts to nearly one point, with 0" in shown
    assert "The texts differ, so this is the network's doing" in shown
