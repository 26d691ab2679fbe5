"""Files that are not read: what each is, and the lines that make one of it that is."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.runs import packed, reader

SAVE = "numpy.save('embeddings.npy', rows)"

KNOWN = {
    ".mat": ("a file of MATLAB", f"rows = scipy.io.loadmat(PATH)['NAME']; {SAVE}; of version 7.3: h5py.File(PATH)['NAME'][:].T"),
    ".pkl": ("a pickle, which only code can read", f"where you trust it: rows = numpy.asarray(pandas.read_pickle(PATH)); {SAVE}"),
    ".joblib": ("a file of joblib, which only code can read", f"where you trust it: rows = joblib.load(PATH); {SAVE}"),
    ".tfrecord": (
        "a TFRecord",
        "rows = [tf.train.Example.FromString(r.numpy()).features.feature['NAME'].float_list.value "
        f"for r in tf.data.TFRecordDataset(PATH)]; {SAVE}",
    ),
    ".zarr": ("a store of Zarr", f"rows = zarr.open(PATH)[:]; {SAVE}"),
    ".lmdb": (
        "a database of LMDB",
        "rows = [numpy.frombuffer(v, 'float32') for _, v in lmdb.open(PATH, subdir=os.path.isdir(PATH), "
        f"readonly=True, lock=False).begin().cursor()]; {SAVE}",
    ),
    ".faiss": ("an index of FAISS", f"i = faiss.read_index(PATH); rows = i.reconstruct_n(0, i.ntotal); {SAVE}"),
    ".index": ("an index of FAISS", f"i = faiss.read_index(PATH); rows = i.reconstruct_n(0, i.ntotal); {SAVE}"),
    ".hnsw": ("an index of hnswlib", f"i = hnswlib.Index('cosine', D); i.load_index(PATH); rows = i.get_items(i.get_ids_list()); {SAVE}"),
    ".ann": ("an index of Annoy", f"i = annoy.AnnoyIndex(D, 'angular'); i.load(PATH); rows = [i.get_item_vector(n) for n in range(i.get_n_items())]; {SAVE}"),
    ".sqlite": (
        "a database of SQLite",
        "rows = [numpy.frombuffer(b, 'float32') for b, in sqlite3.connect(PATH).execute('SELECT embedding FROM NAME')]; " + SAVE,
    ),
    ".duckdb": ("a database of DuckDB", "duckdb.connect(PATH).sql('FROM NAME').write_parquet('embeddings.parquet')"),
    ".xlsx": ("a workbook of Excel", "pandas.read_excel(PATH).to_csv('embeddings.csv', index=False)"),
    ".ods": ("a spreadsheet", "pandas.read_excel(PATH).to_csv('embeddings.csv', index=False)"),
    ".orc": ("a file of ORC", "pyarrow.parquet.write_table(pyarrow.orc.read_table(PATH), 'embeddings.parquet')"),
    ".avro": ("a file of Avro", "pandas.DataFrame(fastavro.reader(open(PATH, 'rb'))).to_parquet('embeddings.parquet')"),
    ".onnx": (
        "a network of ONNX",
        f"rows = onnxruntime.InferenceSession(PATH).run(None, {{'INPUT': images}})[0]; {SAVE}",
    ),
    ".tflite": ("a network of TensorFlow Lite", f"embed your images with it, and save them: {SAVE}"),
    ".pb": ("a network of TensorFlow", f"rows = tf.saved_model.load(FOLDER)(images).numpy(); {SAVE}"),
    ".keras": ("a network of Keras", f"rows = keras.models.load_model(PATH).predict(images); {SAVE}"),
    ".gguf": ("a network of llama.cpp", f"embed your texts with it, and save them: {SAVE}"),
    ".msgpack": ("a file of MessagePack, as Flax keeps weights", f"rows = flax.serialization.msgpack_restore(open(PATH, 'rb').read())['NAME']; {SAVE}"),
    ".rds": ("an object of R", "in R: write.csv(readRDS(PATH), 'embeddings.csv', row.names = FALSE)"),
    ".rdata": ("a workspace of R", "in R: load(PATH); write.csv(NAME, 'embeddings.csv', row.names = FALSE)"),
    ".h5ad": ("a file of AnnData", f"rows = anndata.read_h5ad(PATH).obsm['NAME']; {SAVE}"),
    ".memmap": ("raw numbers without their shape", f"rows = numpy.memmap(PATH, 'float32', 'r', shape=(N, D)); {SAVE}"),
    ".kv": ("vectors of gensim, which only code can read", f"where you trust it: rows = gensim.models.KeyedVectors.load(PATH).vectors; {SAVE}"),
    ".zip": ("an archive", "unpack it, and give what is in it: unzip PATH"),
    ".tar": ("an archive", "unpack it, and give what is in it: tar xf PATH"),
    ".xz": ("packed", "unpack it: unxz PATH"),
    ".bz2": ("packed", "unpack it: bunzip2 PATH"),
    ".zst": ("packed", "unpack it: unzstd PATH"),
}  # fmt: skip
"""What a file is by the ending of its name, and its conversion."""

ALIKE = {
    ".pickle": ".pkl", ".tfrecords": ".tfrecord", ".mdb": ".lmdb", ".db": ".sqlite", ".sqlite3": ".sqlite",
    ".xls": ".xlsx", ".xlsm": ".xlsx", ".mpk": ".msgpack", ".rda": ".rdata", ".annoy": ".ann", ".mmap": ".memmap",
    ".dat": ".memmap", ".raw": ".memmap", ".tgz": ".tar", ".7z": ".zip", ".wordvectors": ".kv",
}  # fmt: skip

BEGINNINGS = {
    b"\x93NUMPY": "numpy's, and is read by the name .npy",
    b"PAR1": "parquet, and is read by the name .parquet",
    b"ARROW1": "Arrow, and is read by the name .arrow",
    b"\x89HDF\r\n\x1a\n": "HDF5, and is read by the name .h5",
    b"SQLite format 3\0": ".sqlite",
    b"MATLAB 5.0": ".mat",
    b"Ix": ".faiss",
}
"""The first bytes of files that are known by them, and what they are: an ending of `KNOWN`, or words."""

TENSORFLOW = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # the last bytes of the index of a checkpoint
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9"  # the first bytes of a file of torch.save before 2020
RENAMED = "call it so: its name says how it is read"


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
    if ".data-" in path.name or (ending in (".index", ".ckpt") and _ends_with(path, TENSORFLOW)):
        raise CollapseError(
            f"{path} is a checkpoint of TensorFlow",
            f"rows = tf.train.load_checkpoint(PREFIX).get_tensor('NAME'); {SAVE}",
        )
    if ending in KNOWN and (path.is_dir() or start):
        raise _refused(path, *KNOWN[ending])
    if start.startswith(b"\x1f\x8b"):
        raise CollapseError(f"{path} is packed, and only text is unpacked", f"gunzip -k {path}")
    head = start.partition(b"\n")
    if ending == ".bin" and head[1] and len(head[0].split()) == 2 and all(map(bytes.isdigit, head[0].split())):
        raise _refused(
            path, "vectors of word2vec, in binary",
            "gensim.models.KeyedVectors.load_word2vec_format(PATH, binary=True).save_word2vec_format('vectors.txt')",
        )  # fmt: skip
    said = next((words for sign, words in BEGINNINGS.items() if start.startswith(sign)), "")
    if said:
        raise _refused(path, *KNOWN[said]) if said in KNOWN else CollapseError(f"{path} is {said}", RENAMED)


def _is_torch(path: Path, start: bytes) -> bool:
    """Whether torch.save wrote it, whatever its name: .pth.tar and .pkl among others."""
    if not start.startswith(reader.ZIP):
        return start.startswith(TORCH)
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # a damaged archive may fail in any way
        return any(name.endswith("data.pkl") for name in archive.namelist())
    return False


def _refused(path: Path, what: str, conversion: str) -> CollapseError:
    return CollapseError(f"{path} is {what}; it is not read", conversion.replace("PATH", repr(str(path))))


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
