"""Files that are not read: what each is, and the lines that make one of it that is."""

from __future__ import annotations

import json
import shlex
import sqlite3
import zipfile
from contextlib import closing, suppress
from pathlib import Path
from typing import NoReturn

from collapse_cli.errors import CollapseError
from collapse_cli.runs import packed, reader, shell

CODE = (".pkl", ".joblib", ".kv")  # reading these runs what is in them
EMBED = "embed your images or texts with it, and save the embeddings as .npy"
ANY = (
    "(x.to_frame() if hasattr(x, 'to_frame') else x).to_json('embeddings.jsonl', orient='records', lines=True, "
    "double_precision=15) if hasattr(x, 'to_json') else numpy.savez('embeddings.npz', "
    "**({str(k): v for k, v in x.items()} if isinstance(x, dict) else {'embeddings': x}))"
)
"""What saves x, whether it is an array, a list, a dict of arrays, or a table of pandas."""

PYTHON = {
    ".mat": (
        "a MATLAB file",
        "import numpy, scipy.io; numpy.savez('embeddings.npz', "
        "**{k: v.squeeze() for k, v in scipy.io.loadmat(PATH).items() if not k.startswith('__')})",
    ),
    ".pkl": (
        "a pickle, which only code can read",
        f"import numpy, pickle; x = pickle.load(open(PATH, 'rb')); {ANY}",
    ),
    ".joblib": (
        "a joblib file, which only code can read",
        f"import joblib, numpy; x = joblib.load(PATH); {ANY}",
    ),
    ".kv": (
        "gensim vectors, which only code can read",
        "import numpy, gensim.utils; x = gensim.utils.SaveLoad.load(PATH); "
        "numpy.save('embeddings.npy', getattr(x, 'wv', x).vectors)",
    ),
    ".tfrecord": (
        "a TFRecord",
        "import numpy, tensorflow; x = [tensorflow.train.Example.FromString(r.numpy()).features.feature "
        "for r in tensorflow.data.TFRecordDataset(PATH)]; numpy.savez('embeddings.npz', "
        "**{k: [list(f[k].float_list.value or f[k].int64_list.value) for f in x] "
        "for k in x[0] if not x[0][k].bytes_list.value})",
    ),
    ".zarr": (
        "a Zarr store",
        "import numpy, zarr; z = zarr.open(PATH, mode='r'); numpy.savez('embeddings.npz', "
        "**({k: v[:] for k, v in z.arrays()} if hasattr(z, 'arrays') else {'embeddings': z[:]}))",
    ),
    ".lmdb": (
        "an LMDB database",
        "import lmdb, numpy, os; numpy.save('embeddings.npy', [numpy.frombuffer(v, 'float32') for _, v in "
        "lmdb.open(PATH, subdir=os.path.isdir(PATH), readonly=True, lock=False).begin().cursor()])",
    ),
    ".faiss": (
        "a FAISS index",
        "import faiss, numpy; i = faiss.read_index(PATH); numpy.save('embeddings.npy', i.reconstruct_n(0, i.ntotal))",
    ),
    ".hnsw": (
        "an hnswlib index",
        "import hnswlib, numpy; i = hnswlib.Index('cosine', 128); i.load_index(PATH); "
        "numpy.save('embeddings.npy', i.get_items(i.get_ids_list()))",
    ),
    ".ann": (
        "an Annoy index",
        "import annoy, numpy; i = annoy.AnnoyIndex(128, 'angular'); i.load(PATH); "
        "numpy.save('embeddings.npy', [i.get_item_vector(n) for n in range(i.get_n_items())])",
    ),
    ".sqlite": (
        "an SQLite database",
        "import numpy, sqlite3; numpy.save('embeddings.npy', [numpy.frombuffer(cell, 'float32') "
        "for cell, in sqlite3.connect(PATH).execute('SELECT COLUMN FROM TABLE')])",
    ),
    ".h5ad": (
        "an AnnData file",
        "import anndata, numpy; numpy.savez('embeddings.npz', **dict(anndata.read_h5ad(PATH).obsm))",
    ),
    ".memmap": (
        "raw numbers without their shape",
        "import numpy; numpy.save('embeddings.npy', numpy.fromfile(PATH, 'float32').reshape(-1, 128))",
    ),
    ".duckdb": (
        "a DuckDB database",
        "import duckdb; c = duckdb.connect(PATH, read_only=True); "
        "[c.table(t).write_parquet(t + '.parquet') for t, in c.sql('SHOW TABLES').fetchall()]",
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
}
"""What a file is by the ending of its name, and the Python that makes of it a file that is read."""

REPLACE = {
    ".lmdb": "where its values are float32: ",
    ".hnsw": "with the dimension of the vectors in place of 128: ",
    ".ann": "with the dimension of the vectors in place of 128: ",
    ".memmap": "with the dimension of the vectors in place of 128, and their type: ",
}
"""What no file tells, and a line therefore leaves to its reader."""

OTHERWISE = {
    ".onnx": ("an ONNX network", EMBED),
    ".keras": ("a Keras network", EMBED),
    ".pb": ("a TensorFlow network", EMBED),
    ".msgpack": ("a MessagePack file, in which Flax stores weights", EMBED),
    ".tflite": ("a TensorFlow Lite network", EMBED),
    ".gguf": ("a llama.cpp network", EMBED),
    ".rds": ("an R object", "Rscript -e WRITE"),
    ".rdata": ("an R workspace", "Rscript -e WRITE"),
    ".zip": ("an archive", "unpack it, and give the file in it: unzip PATH"),
    ".tar": ("an archive", "unpack it, and give the file in it: tar xf PATH"),
    ".7z": ("an archive", "unpack it, and give the file in it: 7z x PATH"),
    ".xz": ("packed", "unpack it: unxz --keep PATH"),
    ".bz2": ("packed", "unpack it: bunzip2 --keep PATH"),
    ".zst": ("packed", "unpack it: unzstd --keep PATH"),
}
"""The same, of what needs another program."""

R = {
    ".rds": "write.csv(readRDS(PATH), 'embeddings.csv', row.names = FALSE)",
    ".rdata": "for (n in load(PATH)) write.csv(get(n), paste0(n, '.csv'), row.names = FALSE)",
}

ALIKE = {
    ".pickle": ".pkl", ".tfrecords": ".tfrecord", ".mdb": ".lmdb", ".db": ".sqlite", ".sqlite3": ".sqlite",
    ".xls": ".xlsx", ".xlsm": ".xlsx", ".mpk": ".msgpack", ".rda": ".rdata", ".annoy": ".ann", ".mmap": ".memmap",
    ".dat": ".memmap", ".raw": ".memmap", ".tgz": ".tar", ".wordvectors": ".kv",
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
        prefix = str(path).partition(".data-")[0].removesuffix(".index")
        raise CollapseError(
            f"{path} is a TensorFlow checkpoint, which is not read",
            shell.python(
                f"import numpy, tensorflow; c = tensorflow.train.load_checkpoint({prefix!r}); "
                "numpy.savez('weights.npz', **{n: c.get_tensor(n) for n in c.get_variable_to_shape_map()})"
            ),
        )
    if start.startswith(b"\x1f\x8b") and packed.packed(path) and ending != ".tar":
        _refuse_packed(path)
    if path.is_dir() or start:
        _refuse_ending(path, ending)
    if start.startswith(b"\x1f\x8b"):
        _refuse_packed(path)
    first, newline, _ = start.partition(b"\n")
    if ending == ".bin" and newline and len(first.split()) == 2 and all(map(bytes.isdigit, first.split())):
        raise CollapseError(
            f"{path} contains word2vec vectors in binary form, which are not read",
            shell.python(
                "from gensim.models import KeyedVectors; KeyedVectors.load_word2vec_format("
                f"{shell.literal(path)}, binary=True).save_word2vec_format('vectors.txt')"
            ),
        )
    for sign, meaning in BEGINNINGS.items():
        if start.startswith(sign):
            _refuse_ending(path, meaning)
            raise CollapseError(f"{path} is {meaning}", RENAMED)


def _refuse_packed(path: Path) -> NoReturn:
    raise CollapseError(
        f"{path} is compressed, and only compressed text is read",
        f"gunzip --keep {shell.quoted(path)}"
        if packed.packed(path)
        else f"gzip -dc {shell.quoted(path)} > {shell.quoted(path.stem + '.unpacked' + path.suffix)}",
    )


def _refuse_ending(path: Path, ending: str) -> None:
    """Raises CollapseError for an ending that is known."""
    if ending in PYTHON:
        what, code = PYTHON[ending]
        before = shell.TRUST if ending in CODE else REPLACE.get(ending, "")
        if ending == ".sqlite":
            before, query = _query(path)
            code = code.replace("'SELECT COLUMN FROM TABLE'", repr(query))
        hint = before + shell.python(code.replace("PATH", shell.literal(path)))
    elif ending in OTHERWISE:
        what, hint = OTHERWISE[ending]
        script = shlex.quote(R.get(ending, "").replace("PATH", shell.literal(path)))
        hint = hint.replace("PATH", shell.quoted(path)).replace("WRITE", script)
    else:
        return
    raise CollapseError(f"{path} is {what}; it is not read", hint)


def _query(path: Path) -> tuple[str, str]:
    """What to replace, in words, and the query for the first column of bytes in a database, whose names it tells."""
    with suppress(Exception), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
        tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            columns = [row[1] for row in opened.execute(f"PRAGMA table_info({_identifier(table)})")]
            for column in columns:
                query = f"SELECT {_identifier(column)} FROM {_identifier(table)}"
                first = opened.execute(f"{query} LIMIT 1").fetchone()
                if first and isinstance(first[0], bytes):
                    return "where its cells are float32: ", query
    return "with the names of the column and the table of the vectors: ", "SELECT embedding FROM items"


def _identifier(name: str) -> str:
    return name if name.isidentifier() else '"' + name.replace('"', '""') + '"'


def refuse_json(path: Path) -> None:
    """Raises CollapseError for a .json that is none of our answers: embeddings stand in it as a list of objects, perhaps."""
    with suppress(OSError, ValueError, RecursionError):
        reader.refuse_too_large(path, reader.size(path))
        document = json.loads(path.read_text("utf-8"))
        if isinstance(document, dict) and "schema" in document:
            return
        raise CollapseError(
            f"{path} is JSON but not an answer of collapse; embeddings are read from JSON lines (.jsonl)",
            shell.python(
                f"import pandas; pandas.read_json({shell.literal(path)}).to_json('embeddings.jsonl', orient='records', "
                "lines=True, double_precision=15)"
            ),
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
