"""Files that are not read: what each is, and the lines that make one of it that is."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.runs import packed, reader

TRUST = "where you trust it: "
CODE = (".pkl", ".joblib", ".kv")  # reading these runs what is in them
PYTHON = {
    ".mat": ("a MATLAB file", "scipy.io", "scipy.io.loadmat(PATH)['NAME']"),
    ".pkl": ("a pickle, which only code can read", "pandas", "pandas.read_pickle(PATH)"),
    ".joblib": ("a joblib file, which only code can read", "joblib", "joblib.load(PATH)"),
    ".kv": (
        "gensim vectors, which only code can read",
        "gensim.models",
        "gensim.models.KeyedVectors.load(PATH).vectors",
    ),
    ".tfrecord": (
        "a TFRecord",
        "tensorflow",
        "[tensorflow.train.Example.FromString(one.numpy()).features.feature['NAME'].float_list.value "
        "for one in tensorflow.data.TFRecordDataset(PATH)]",
    ),
    ".zarr": ("a Zarr store", "zarr", "zarr.open(PATH, mode='r')[:]"),
    ".lmdb": (
        "an LMDB database",
        "lmdb, os",
        "[numpy.frombuffer(value, 'float32') for _, value in "
        "lmdb.open(PATH, subdir=os.path.isdir(PATH), readonly=True, lock=False).begin().cursor()]",
    ),
    ".faiss": (
        "a FAISS index",
        "faiss",
        "(lambda i: i.reconstruct_n(0, i.ntotal))(faiss.read_index(PATH))",
    ),
    ".hnsw": (
        "an hnswlib index",
        "hnswlib",
        "(lambda i: [i.load_index(PATH), i.get_items(i.get_ids_list())][1])(hnswlib.Index('cosine', D))",
    ),
    ".ann": (
        "an Annoy index",
        "annoy",
        "(lambda i: [i.load(PATH), *map(i.get_item_vector, range(i.get_n_items()))][1:])(annoy.AnnoyIndex(D, 'angular'))",
    ),
    ".sqlite": (
        "an SQLite database",
        "sqlite3",
        "[numpy.frombuffer(cell, 'float32') for cell, in sqlite3.connect(PATH).execute('SELECT embedding FROM NAME')]",
    ),
    ".onnx": (
        "an ONNX network",
        "onnxruntime",
        "onnxruntime.InferenceSession(PATH).run(None, {'INPUT': images})[0]",
    ),
    ".keras": ("a Keras network", "keras", "keras.models.load_model(PATH).predict(images)"),
    ".pb": ("a TensorFlow network", "tensorflow", "tensorflow.saved_model.load(PATH)(images)"),
    ".msgpack": (
        "a MessagePack file, in which Flax stores weights",
        "flax.serialization",
        "flax.serialization.msgpack_restore(open(PATH, 'rb').read())['NAME']",
    ),
    ".h5ad": ("an AnnData file", "anndata", "anndata.read_h5ad(PATH).obsm['NAME']"),
    ".memmap": ("raw numbers without their shape", "", "numpy.fromfile(PATH, 'float32').reshape(-1, D)"),
}
"""What a file is by the ending of its name; what is imported, and the expression that gives its rows."""

OTHERWISE = {
    ".duckdb": (
        "a DuckDB database",
        "import duckdb; duckdb.connect(PATH).sql('FROM NAME').write_parquet('e.parquet')",
    ),
    ".xlsx": ("a workbook", "import pandas; pandas.read_excel(PATH).to_csv('embeddings.csv', index=False)"),
    ".orc": (
        "an ORC file",
        "from pyarrow import orc, parquet; parquet.write_table(orc.read_table(PATH), 'embeddings.parquet')",
    ),
    ".avro": (
        "an Avro file",
        "import fastavro, pandas; pandas.DataFrame(fastavro.reader(open(PATH, 'rb'))).to_parquet('embeddings.parquet')",
    ),
    ".rds": ("an R object", "in R: write.csv(readRDS(PATH), 'embeddings.csv', row.names = FALSE)"),
    ".rdata": ("an R workspace", "in R: load(PATH); write.csv(NAME, 'embeddings.csv', row.names = FALSE)"),
    ".tflite": ("a TensorFlow Lite network", "embed your images with it, and save the embeddings as .npy"),
    ".gguf": ("a llama.cpp network", "embed your texts with it, and save the embeddings as .npy"),
    ".zip": ("an archive", "unpack it, and give the file in it: unzip PATH"),
    ".tar": ("an archive", "unpack it, and give the file in it: tar xf PATH"),
    ".xz": ("packed", "unpack it: unxz PATH"),
    ".bz2": ("packed", "unpack it: bunzip2 PATH"),
    ".zst": ("packed", "unpack it: unzstd PATH"),
}
"""The same, of what becomes another file or needs another program."""

ALIKE = {
    ".pickle": ".pkl", ".tfrecords": ".tfrecord", ".mdb": ".lmdb", ".db": ".sqlite", ".sqlite3": ".sqlite",
    ".xls": ".xlsx", ".xlsm": ".xlsx", ".mpk": ".msgpack", ".rda": ".rdata", ".annoy": ".ann", ".mmap": ".memmap",
    ".dat": ".memmap", ".raw": ".memmap", ".tgz": ".tar", ".7z": ".zip", ".wordvectors": ".kv",
    ".ods": ".xlsx", ".index": ".faiss",
}  # fmt: skip

BEGINNINGS = {
    b"\x93NUMPY": "a NumPy file, which is read under a name that ends in .npy",
    b"PAR1": "a parquet file, which is read under a name that ends in .parquet",
    b"ARROW1": "an Arrow file, which is read under a name that ends in .arrow",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, which is read under a name that ends in .h5",
    b"SQLite format 3\0": ".sqlite",
    b"MATLAB 5.0": ".mat",
    b"Ix": ".faiss",
}
"""The first bytes of files that are known by them, and what they are: an ending of `PYTHON` or `OTHERWISE`, or words."""

TENSORFLOW = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # the last bytes of the index of a checkpoint
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9"  # the first bytes of a file of torch.save before 2020
RENAMED = "rename it: the ending of the name says how a file is read"


FOLDERS = {
    ".zgroup": ".zarr", ".zarray": ".zarr", "zarr.json": ".zarr", "data.mdb": ".lmdb", "saved_model.pb": ".pb",
}  # fmt: skip
"""What lies in a folder that is known by it."""


def refuse(path: Path) -> None:
    """Raises CollapseError that says what a file or a folder is, where it is known and not read; torch's own files pass."""
    ending, start = packed.suffix(path), _start(path)
    ending = ALIKE.get(ending, ending)
    if path.is_dir():
        inside = (kind for name, kind in FOLDERS.items() if (path / name).exists())
        ending = next(inside, ending)
    elif _is_torch(path, start):
        return
    if ".data-" in path.name or (ending in (".faiss", ".ckpt") and _ends_with(path, TENSORFLOW)):
        raise CollapseError(
            f"{path} is a TensorFlow checkpoint, which is not read",
            "import numpy, tensorflow; "
            "numpy.save('embeddings.npy', tensorflow.train.load_checkpoint('PREFIX').get_tensor('NAME'))",
        )
    if path.is_dir() or start:
        _refuse_ending(path, ending)
    if start.startswith(b"\x1f\x8b"):
        raise CollapseError(f"{path} is compressed, and only compressed text is read", f"gunzip -k {path}")
    first, newline, _ = start.partition(b"\n")
    if ending == ".bin" and newline and len(first.split()) == 2 and all(map(bytes.isdigit, first.split())):
        raise CollapseError(
            f"{path} contains word2vec vectors in binary form, which are not read",
            "from gensim.models import KeyedVectors; "
            f"KeyedVectors.load_word2vec_format({str(path)!r}, binary=True).save_word2vec_format('vectors.txt')",
        )
    for sign, meaning in BEGINNINGS.items():
        if start.startswith(sign):
            _refuse_ending(path, meaning)
            raise CollapseError(f"{path} is {meaning}", RENAMED)


def _refuse_ending(path: Path, ending: str) -> None:
    """Raises CollapseError for an ending that is known."""
    if ending in PYTHON:
        what, modules, rows = PYTHON[ending]
        imports = ", ".join(filter(None, ("numpy", modules)))
        conversion = f"import {imports}; numpy.save('embeddings.npy', {rows})"
        conversion = (TRUST if ending in CODE else "") + conversion
    elif ending in OTHERWISE:
        what, conversion = OTHERWISE[ending]
    else:
        return
    raise CollapseError(f"{path} is {what}; it is not read", conversion.replace("PATH", repr(str(path))))


def refuse_json(path: Path) -> None:
    """Raises CollapseError for a .json that is none of our answers: embeddings stand in it as a list of objects, perhaps."""
    with suppress(OSError, ValueError, RecursionError):
        reader.refuse_too_large(path, reader.size(path))
        document = json.loads(path.read_text("utf-8"))
        if isinstance(document, dict) and "schema" in document:
            return
        raise CollapseError(
            f"{path} is JSON but not an answer of collapse; embeddings are read from JSON lines (.jsonl)",
            f"import pandas; pandas.read_json({str(path)!r}).to_json('embeddings.jsonl', orient='records', lines=True)",
        )


def _is_torch(path: Path, start: bytes) -> bool:
    """Whether torch.save wrote it, whatever its name: .pth.tar and .pkl among others."""
    if not start.startswith(reader.ZIP):
        return start.startswith(TORCH)
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # a damaged archive may fail in any way
        return any(name.endswith("data.pkl") for name in archive.namelist())
    return False


def _start(path: Path) -> bytes:
    with suppress(OSError, CollapseError):
        reader.size(path)
        with path.open("rb") as file:
            return file.read(32)
    return b""


def _ends_with(path: Path, last: bytes) -> bool:
    with suppress(OSError, CollapseError), path.open("rb") as file:
        if reader.size(path) >= len(last):
            file.seek(-len(last), 2)
            return file.read() == last
    return False
