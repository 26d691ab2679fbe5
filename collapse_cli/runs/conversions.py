"""Files that are not read: what each is, and the line for the shell that makes of it a file that is."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

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


def query(path: Path) -> tuple[str, str]:
    """What to replace, in words, and the query for the first column of bytes in a database, whose names it tells."""
    with (
        suppress(Exception),
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened,
    ):
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
