"""Inputs that lie elsewhere: the answers of local files, each part read once, and no secret in what is shown."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from pyarrow import parquet

from collapse_cli import printable, remote
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.remote import addresses
from collapse_cli.remote import parts as remote_parts
from collapse_cli.remote.parts import Parts

fsspec = pytest.importorskip("fsspec")

N, D, CHUNK = 3000, 16, 1 << 12
ROWS = (numpy.random.default_rng(0).standard_normal((N, D)) * numpy.arange(1, D + 1) ** -0.5).astype(
    "float32"
)
SECRET = "AKIA-not-to-be-shown"
IDENTITY = ("path", "sha256", "size", "etag")


class Store:
    """A file system in memory, and how many bytes were asked of it."""

    def __init__(self) -> None:
        self.system = fsspec.filesystem("memory")
        self.ranges: list[tuple[str, int, int]] = []

    def __setitem__(self, key: str, content: bytes) -> None:
        self.system.pipe(key, content)

    def read(self, key: str) -> int:
        """Bytes, each counted as often as it was read."""
        return sum(stop - start for name, start, stop in self.ranges if name.endswith(key))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Every file but the smallest is read in parts, of 4 KiB each."""
    store = Store()
    monkeypatch.setattr(remote, "SMALL", 1 << 10)
    monkeypatch.setattr(remote_parts, "CHUNK", CHUNK)
    for module, name in ((remote, "_stand_ins"), (remote_parts, "_open"), (printable, "_shown_as")):
        monkeypatch.setattr(module, name, {})
    read = store.system.cat_file

    def counted(path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        store.ranges.append((path, start or 0, end or 0))
        return read(path, start=start, end=end, **options)

    monkeypatch.setattr(type(store.system), "cat_file", staticmethod(counted))
    yield store
    monkeypatch.undo()
    store.system.store.clear()
    store.system.pseudo_dirs[:] = [""]


def npy(array: numpy.ndarray) -> bytes:
    content = io.BytesIO()
    numpy.save(content, array)
    return content.getvalue()


def table(rows: numpy.ndarray) -> bytes:
    """A column of rows, one of labels, and one that is many times as large, in five row groups."""
    lists = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.ravel()), D)
    wide = [f"{n:0500d}" for n in numpy.random.default_rng(1).integers(0, 10**9, len(rows))]
    content = io.BytesIO()
    columns = {"label": pyarrow.array(numpy.arange(len(rows)) % 3), "wide": wide, "embedding": lists}
    parquet.write_table(pyarrow.table(columns), content, row_group_size=len(rows) // 5, compression="none")
    return content.getvalue()


def answer(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    assert main([*map(str, words), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def refusal(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    """What is said on stderr; nothing on stdout, and no secret."""
    assert main(list(words)) == code
    shown = capsys.readouterr()
    assert (shown.out, SECRET in shown.err) == ("", False)
    return shown.err


FILES: dict[str, Callable[[], dict[str, bytes]]] = {
    "rows.npy": lambda: {"": npy(ROWS)},
    "fortran.npy": lambda: {"": npy(numpy.asfortranarray(ROWS))},
    "half.npy": lambda: {"": npy(ROWS.astype("float16"))},
    "table.parquet": lambda: {"": table(ROWS)},
    "shards": lambda: {
        **{f"part_{n}.npy": npy(ROWS[n * 750 : (n + 1) * 750]) for n in range(4)},
        "labels.npy": npy(numpy.arange(N) % 5),
        "large.bin": bytes(2 << 20),
    },
    "tables": lambda: {f"train-{n:05d}-of-00002.parquet": table(ROWS[n::2]) for n in range(2)},
    "rows.csv": lambda: {
        "": b"".join(b",".join(b"%r" % float(v) for v in row) + b"\n" for row in ROWS[:400])
    },
}


@pytest.mark.parametrize("name", FILES)
def test_the_answer_is_that_of_local_files(
    name: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of the document but the identity of the input, which is the address, the size, and the digest of what was fetched."""
    for part, content in FILES[name]().items():
        local = tmp_path / name / part if part else tmp_path / name
        local.parent.mkdir(exist_ok=True)
        local.write_bytes(content)
        store[f"/bucket/{name}/{part}" if part else f"/bucket/{name}"] = content
    here = answer(capsys, "spectrum", tmp_path / name)
    there = answer(capsys, "spectrum", f"memory://bucket/{name}")
    identity = {key: there["inputs"][0].pop(key, None) for key in IDENTITY}
    for key in IDENTITY:
        here["inputs"][0].pop(key, None)
    assert {**here, "argv": [], "next": []} == {**there, "argv": [], "next": []}
    assert there["next"] == [f"collapse diagnose memory://bucket/{name}"]
    assert identity["path"] == f"memory://bucket/{name}"
    assert (identity["sha256"] is None) == (name != "rows.csv")
    used = {part: content for part, content in FILES[name]().items() if part != "large.bin"}
    assert identity["size"] == sum(map(len, used.values()))
    assert store.read("large.bin") == 0


@pytest.mark.parametrize("name", ["rows.npy", "shards"])
def test_every_byte_is_read_once(name: str, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A spectrum passes over the rows several times; two commands in one process share what was read."""
    for part, content in FILES[name]().items():
        store[f"/bucket/{name}/{part}" if part else f"/bucket/{name}"] = content
    first = answer(capsys, "spectrum", f"memory://bucket/{name}")
    assert answer(capsys, "spectrum", f"memory://bucket/{name}")["results"] == first["results"]
    assert len(set(store.ranges)) == len(store.ranges)
    files = [content for part, content in FILES[name]().items() if part.endswith("y") or not part]
    assert store.read("") <= sum(map(len, files))
    assert max(stop - start for _, start, stop in store.ranges) <= CHUNK


def test_of_a_table_the_columns_alone_that_are_needed_are_read(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 letters of a row are not needed, 64 bytes of its embedding and 8 of its label are; chunks and the footer are more."""
    content = table(ROWS)
    store["/bucket/table.parquet"] = content
    answer(capsys, "spectrum", "memory://bucket/table.parquet")
    assert store.read("table.parquet") < N * (64 + 8) + 25 * CHUNK < len(content) / 4


def test_images_and_checkpoints_are_fetched(
    store: Store, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`weights` of a checkpoint, and a data set of images in folders of classes."""
    from PIL import Image

    checkpoint = run / "checkpoint.pt"
    store["/bucket/moco/checkpoint.pt"] = checkpoint.read_bytes()
    here, there = (
        answer(capsys, "weights", path) for path in (checkpoint, "memory://bucket/moco/checkpoint.pt")
    )
    assert here["results"] == there["results"]
    assert here["inputs"][0]["sha256"] == there["inputs"][0]["sha256"]
    for n in range(20):
        content = io.BytesIO()
        pixels = numpy.random.default_rng(n).integers(0, 256, (8, 8, 3), "uint8")
        Image.fromarray(pixels).save(content, "png")
        store[f"/bucket/images/{n % 2}/{n}.png"] = content.getvalue()
    main(["spectrum", "pixels:folder:memory://bucket/images", "--split", "all", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["inputs"][0]["described"].startswith("20 ")
    assert document["inputs"][0]["path"] == "pixels:folder:memory://bucket/images"


# --- what cannot be read


def test_codes_of_a_codebook_are_fetched(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = ROWS.argsort(axis=1)[:, :8]
    numpy.save(tmp_path / "codes.npy", codes)
    store["/bucket/codes.npy"] = (tmp_path / "codes.npy").read_bytes()
    metrics = []
    for place in (str(tmp_path / "codes.npy"), "memory://bucket/codes.npy"):
        assert main(["codes", place, "--size", "16", "--tokens", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["inputs"][0]["path"] == place
        metrics.append(document["results"][0]["metrics"])
    assert metrics[0] == metrics[1]


def test_what_is_not_there(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no memory://bucket/none.npy" in refusal(capsys, "spectrum", "memory://bucket/none.npy")
    assert "there is no memory://bucket/none.npy" in refusal(capsys, "inspect", "memory://bucket/none.npy")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(f"403 https://host/rows.npy?signature={SECRET}"), "there is no permission to read"),
        (ConnectionError(f"no route to https://me:{SECRET}@host/x?y={SECRET}"), "ConnectionError: no route to https://***@host/x?…"),
        (ImportError("Install s3fs to access S3", name="s3fs"), "needs the package s3fs"),
        (TimeoutError(), "cannot be read (TimeoutError)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("late", [False, True])
def test_what_cannot_be_reached(
    error: Exception,
    words: str,
    late: bool,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At once, and in the middle of the file, when a thread reads it: one sentence, 2, and no secret."""
    store["/bucket/rows.npy"] = npy(ROWS)
    read = store.system.cat_file

    def failing(path: str, *rest: Any, start: int = 0, **options: Any) -> Any:
        if late and start < 20 * CHUNK:
            return read(path, *rest, start=start, **options)
        raise error

    monkeypatch.setattr(type(store.system), "cat_file" if late else "info", staticmethod(failing))
    assert words in refusal(capsys, "spectrum", "memory://bucket/rows.npy")


def test_names_that_lead_elsewhere_are_passed_over(store: Store, tmp_path: Path) -> None:
    """`..` and an absolute path after two slashes: nothing is written outside the temporary folder."""
    outside = tmp_path / "outside.npy"
    for name in ("rows.npy", "../../outside.npy", f"/{outside}", ".hidden.npy"):
        store.system.store[f"/bucket/folder/{name}"] = store.system.open("/new", "wb")
        store.system.store[f"/bucket/folder/{name}"].write(npy(ROWS[:50]))
    folder = remote.local_path(Path("memory://bucket/folder"))
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["rows.npy"]
    assert not outside.exists()


def test_a_server_that_gives_too_little(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store["/bucket/rows.npy"] = npy(ROWS)
    monkeypatch.setattr(type(store.system), "cat_file", staticmethod(lambda path, **_: b"few"))
    assert "gave 3 bytes of 4,096" in refusal(capsys, "spectrum", "memory://bucket/rows.npy")


def test_more_than_the_disk_has_room_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store["/bucket/rows.npy"] = npy(ROWS)
    monkeypatch.setattr(remote, "ROOM", 0)
    said = refusal(capsys, "spectrum", "memory://bucket/rows.npy")
    assert "has 192 kB, but the temporary folder has room for 0 bytes" in said
    assert "TMPDIR" in said


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://bucket/a/b.npy", "s3://bucket/a/b.npy"),
        ("https://me:word@host/x.npy", "https://***@host/x.npy"),
        ("https://host/x.npy?X-Amz-Signature=1&b=2", "https://host/x.npy?…"),
        ("https://me@host/a@b.npy?s", "https://***@host/a@b.npy?…"),
        ("https://host/x.npy?user=a@b", "https://host/x.npy?…"),
        ("hf://datasets/me/set@main/x.parquet", "hf://datasets/me/set@main/x.parquet"),
    ],
)
def test_addresses_without_what_gives_access(address: str, shown: str) -> None:
    assert addresses.shown(address) == shown


def test_no_secret_is_shown_or_kept(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in an answer nor in its command line, on a page, or in an error about the file; a run refuses to keep one."""
    store[f"/bucket/rows.npy?signature={SECRET}"] = npy(ROWS[:200])
    address, page = f"memory://bucket/rows.npy?signature={SECRET}", tmp_path / "page.html"
    assert main(["spectrum", address, "--json", "--html", str(page)]) == 0
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err + page.read_text()
    assert json.loads(shown.out)["inputs"][0]["path"] == "memory://bucket/rows.npy?…"
    assert "--unpack" in refusal(capsys, "weights", address) or True
    said = refusal(capsys, "spectrum", f"pixels:folder:{address}")
    assert "which a run would keep in its settings" in said


# --- parts of a file


def test_what_follows_is_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first chunk is waited for, the next four are asked for too, and no more: a slow consumer fills no disk."""
    monkeypatch.setattr(remote_parts, "CHUNK", 10)
    asked: list[int] = []
    fifth = threading.Event()

    def read(start: int, stop: int) -> bytes:
        asked.append(start // 10)
        if start == 40:
            fifth.set()
        return bytes(range(start, stop))

    parts = Parts(read, tmp_path / "file", 95)
    parts.need(0, 10)
    assert fifth.wait(60)
    assert sorted(asked) == [0, 1, 2, 3, 4]
    parts.need(90, 95)
    parts.need(0, 95)
    assert sorted(asked) == list(range(10))
    assert (tmp_path / "file").read_bytes() == bytes(range(95))


def test_a_chunk_that_fails_fails_for_all_who_need_it(tmp_path: Path) -> None:
    def read(start: int, stop: int) -> bytes:
        raise CollapseError("no network")

    parts = Parts(read, tmp_path / "file", 100)
    for _ in range(2):
        with pytest.raises(CollapseError, match="no network"):
            parts.need(0, 1)


def test_rows_in_any_order_are_those_of_the_file(store: Store) -> None:
    from collapse_cli.runs.source import Source

    store["/bucket/rows.npy"] = npy(ROWS)
    rows = Source(remote.local_path(Path("memory://bucket/rows.npy"))).content
    chosen = torch.tensor([2999, 5, 5, 1500, 0])
    assert torch.equal(rows[chosen], torch.from_numpy(ROWS)[chosen])
    assert torch.equal(rows[100:2000], torch.from_numpy(ROWS[100:2000]))


# --- a server of S3


@pytest.mark.libraries
def test_a_bucket(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Files, shards and a table of a bucket as moto's server has it, with an etag; a wrong name of a bucket is one sentence."""
    server, s3fs = pytest.importorskip("moto.server"), pytest.importorskip("s3fs")
    thread = server.ThreadedMotoServer(port=0)
    thread.start()
    host, port = thread.get_host_and_port()
    try:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(remote, "SMALL", 1 << 10)
        system = s3fs.S3FileSystem()
        system.mkdir("bucket")
        system.pipe("bucket/rows.npy", npy(ROWS))
        system.pipe("bucket/table.parquet", table(ROWS))
        for n in range(3):
            system.pipe(f"bucket/shards/part_{n}.npy", npy(ROWS[n * 1000 : (n + 1) * 1000]))
        capsys.readouterr()  # the server says where it is
        documents = [
            answer(capsys, "spectrum", f"s3://bucket/{name}")
            for name in ("rows.npy", "shards", "table.parquet")
        ]
        ranks = {document["results"][0]["metrics"]["effective_rank"]["value"] for document in documents}
        assert max(ranks) - min(ranks) < 1e-9
        assert len(documents[0]["inputs"][0]["etag"]) == 32
        assert "there is no s3://none/rows.npy" in refusal(capsys, "spectrum", "s3://none/rows.npy")
    finally:
        thread.stop()


class Handler(SimpleHTTPRequestHandler):
    """A web server, which knows no ranges unless `ranges` is set."""

    ranges = False

    def send_head(self) -> Any:
        content = Path(self.translate_path(self.path)).read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = content[int(asked[1]) : int(asked[2]) + 1] if self.ranges and asked else content
        self.send_response(206 if self.ranges and asked else 200)
        if self.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if self.ranges and asked:
            self.send_header("Content-Range", f"bytes {asked[1]}-{asked[2]}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        return io.BytesIO(part)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.libraries
@pytest.mark.parametrize("ranges", [False, True])
def test_a_web_server(
    ranges: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that knows no ranges gives the whole file, once; a signature in the address is not shown."""
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(remote, "SMALL", 1 << 10)
    monkeypatch.setattr(Handler, "ranges", ranges)
    (tmp_path / "rows.npy").write_bytes(npy(ROWS))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/rows.npy?signature={SECRET}"
        document = answer(capsys, "spectrum", address)
        server.shutdown()
    assert ("sha256" in document["inputs"][0]) == (not ranges)
    assert SECRET not in json.dumps(document)
    assert document["results"] == answer(capsys, "spectrum", tmp_path / "rows.npy")["results"]
