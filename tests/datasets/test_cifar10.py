"""CIFAR-10's pickled batches, genuine and hostile, and their download from a server of our own."""

import hashlib
import io
import os
import pickle
import signal
import struct
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

import numpy as np
import pytest

from simclr_lib.datasets import cifar10, load_dataset
from simclr_lib.errors import UserError

BATCHES = (*cifar10.TRAIN_BATCHES, cifar10.TEST_BATCH)


def make_batch(seed, count=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 3072), np.uint8), rng.integers(0, 10, count).tolist()


def python2_pickle(data: np.ndarray, labels: list[int]) -> bytes:
    """The opcodes that Python 2 wrote into the published batches."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def strings(values: list[bytes]) -> bytes:
        return b"](" + b"".join(map(text, values)) + b"e"

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R"
        b"(K\1K" + bytes([len(data)]) + b"M\0\x0c\x86"
        b"cnumpy\ndtype\n" + text(b"u1") + b"K\0K\1\x87R"
        b"(K\3" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
        b"\x89T" + struct.pack("<I", data.size) + data.tobytes() + b"tb"
    )
    return (
        b"\x80\2}("
        + (text(b"batch_label") + text(b"training batch 1 of 5"))
        + (text(b"labels") + b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e")
        + (text(b"data") + array)
        + (text(b"filenames") + strings([b"cat_s_%d.png" % n for n in range(len(labels))]))
        + b"u."
    )


def write_batches(folder, write=python2_pickle):
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(BATCHES):
        (folder / name).write_bytes(write(*make_batch(seed)))
    return folder


def refusal(call, *args, **options) -> str:
    with pytest.raises(UserError) as caught:
        call(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- reading


@pytest.mark.parametrize(
    "write",
    [
        python2_pickle,
        lambda data, labels: pickle.dumps({"data": data, "labels": labels}, 2),
        lambda data, labels: pickle.dumps({b"data": data, b"labels": labels}, 2),
        lambda data, labels: pickle.dumps({"data": data, "labels": labels}, 4),
        lambda data, labels: pickle.dumps({"data": np.asfortranarray(data), "labels": labels}, 2),
    ],
    ids=["python 2", "protocol 2", "bytes keys", "protocol 4", "column order"],
)
def test_batches_become_upright_pictures(tmp_path, write):
    data, labels = make_batch(0)
    plain = pickle.loads(write(data, labels), encoding="bytes")  # the pickle is a sound one
    assert np.array_equal(plain.get(b"data", plain.get("data")), data)

    loaded = load_dataset(write_batches(tmp_path / "batches", write))
    assert loaded.name == "cifar10"
    assert loaded.class_names[3] == "cat"
    assert loaded.train_images.shape == (20, 32, 32, 3)
    assert loaded.test_images.shape == (4, 32, 32, 3)
    assert loaded.train_images.dtype == np.uint8
    assert loaded.train_labels.dtype == np.int64
    assert loaded.train_labels[:4].tolist() == labels
    for row, column, channel in ((0, 0, 0), (0, 31, 1), (31, 0, 2), (7, 5, 1)):
        seen = loaded.train_images[:4, row, column, channel]
        assert np.array_equal(seen, data[:, channel * 1024 + row * 32 + column])
    assert loaded.test_labels.tolist() == make_batch(5)[1]


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_a_pickle_that_runs_a_program_is_refused_before_it_runs(tmp_path):
    folder, mark = write_batches(tmp_path / "batches"), tmp_path / "ran"
    attack = pickle.dumps({"data": Hostile(os.mkdir, str(mark)), "labels": [0]}, 2)
    pickle.loads(attack)
    assert mark.exists()  # it is a weapon in other hands
    mark.rmdir()

    (folder / "data_batch_3").write_bytes(attack)
    message = refusal(load_dataset, folder)
    assert "data_batch_3" in message
    assert "mkdir" in message
    assert not mark.exists()


@pytest.mark.parametrize(
    "value",
    [
        Hostile(eval, "1"),
        Hostile(getattr, "x", "upper"),
        Hostile(__import__, "os"),
        Hostile(bytes, 10),
        np.float64(1),
        np.zeros((4, 3072), np.float32),
        np.zeros((4, 3072), np.int8),
        np.array([None]),
        np.zeros(4, [("a", "u1"), ("b", object)]),
        np.dtype("u1"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_everything_but_arrays_of_bytes_is_refused(tmp_path, value, protocol):
    folder = write_batches(tmp_path / "batches")
    sound = {"data": make_batch(0)[0], "labels": make_batch(0)[1]}
    (folder / "data_batch_2").write_bytes(pickle.dumps(sound | {"data": value}, protocol))
    assert "data_batch_2 is no batch of CIFAR-10" in refusal(load_dataset, folder)


@pytest.mark.parametrize(
    ("labels", "reason"), [([0, 1], "4 pictures but 2 labels"), ([0, 1, 2, 10], "labels beyond")]
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, reason):
    folder = write_batches(tmp_path / "batches")
    (folder / "test_batch").write_bytes(python2_pickle(make_batch(0)[0], labels))
    assert reason in refusal(load_dataset, folder)


@pytest.mark.parametrize("length", [0, 1, 100, 5000, -1])
def test_a_batch_cut_short_is_named(tmp_path, length):
    folder = write_batches(tmp_path / "batches")
    file = folder / "data_batch_4"
    file.write_bytes(file.read_bytes()[:length])
    assert "data_batch_4 is no batch of CIFAR-10" in refusal(load_dataset, folder)


def test_a_missing_batch_is_named(tmp_path):
    folder = write_batches(tmp_path / "batches")
    (folder / "test_batch").unlink()
    assert "test_batch" in refusal(load_dataset, folder)


@pytest.mark.parametrize(
    "place", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"]
)
def test_the_keras_cache_is_found(tmp_path, place):
    assert "simclr data cifar10" in refusal(load_dataset, "cifar10")
    write_batches(tmp_path / "keras" / "datasets" / place)
    assert len(load_dataset("cifar10").train_images) == 20


def test_the_keras_cache_lies_in_the_home_folder_unless_told(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert cifar10.find() is None
    folder = write_batches(tmp_path / "home" / ".keras" / "datasets" / "cifar-10-batches-py")
    assert cifar10.find() == folder


def test_the_folder_above_the_batches_serves_as_a_path(tmp_path):
    write_batches(tmp_path / "here" / "cifar-10-batches-py")
    assert len(load_dataset(tmp_path / "here").test_images) == 4


# --- fetching


@pytest.fixture
def archive(tmp_path):
    """A tar of tiny batches, with a member that would climb out of the folder."""
    write_batches(tmp_path / "source" / "cifar-10-batches-py")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(tmp_path / "source" / "cifar-10-batches-py", "cifar-10-batches-py")
        tar.addfile(tarfile.TarInfo("../../climbed"), io.BytesIO())
    return packed.getvalue()


@pytest.fixture
def server(archive, monkeypatch):
    """Serves /whole, /short (half, then the end) and /stuck (half, then silence)."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            if self.path not in ("/whole", "/short", "/stuck"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(archive)))
            self.end_headers()
            self.wfile.write(archive if self.path == "/whole" else archive[: len(archive) // 2])
            if self.path == "/stuck":
                release.wait(60)

        def log_message(self, *_):
            pass

    requests = []
    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as running:
        running.requests = requests
        running.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        release.set()
        running.shutdown()
        thread.join()


def test_download_brings_the_batches_once(tmp_path, server, archive):
    md5 = hashlib.md5(archive).hexdigest()
    folder = cifar10.download(url=f"{server.url}/whole", md5=md5)
    assert folder == tmp_path / "keras" / "datasets" / "cifar-10-batches-py"
    assert sorted(path.name for path in folder.iterdir()) == sorted(BATCHES)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert not list(tmp_path.rglob("climbed"))
    assert len(load_dataset("cifar10").train_images) == 20

    assert cifar10.download(url=f"{server.url}/whole", md5=md5) == folder
    assert server.requests == ["/whole"]


def test_download_into_a_folder_of_choice(tmp_path, server, archive):
    target = tmp_path / "mine" / "cifar"
    md5 = hashlib.md5(archive).hexdigest()
    assert cifar10.download(target, url=f"{server.url}/whole", md5=md5) == target
    assert len(load_dataset(target).test_images) == 4


@pytest.mark.parametrize(
    ("page", "reason"),
    [("whole", "cut short or altered"), ("short", "cut short or altered"), ("none", "404")],
)
def test_a_failed_download_leaves_nothing(tmp_path, server, page, reason):
    md5 = "0" * 32
    target = tmp_path / "new" / "cifar"
    assert reason in refusal(cifar10.download, target, url=f"{server.url}/{page}", md5=md5)
    assert list(target.parent.iterdir()) == []


def test_without_a_network_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    message = refusal(cifar10.download, tmp_path / "cifar", url="http://127.0.0.1:1/x")
    assert "cannot fetch http://127.0.0.1:1/x" in message
    assert "check the network" in message


def test_a_place_that_cannot_be_written_is_named(tmp_path, server):
    (tmp_path / "file").write_text("")
    message = refusal(cifar10.download, tmp_path / "file" / "cifar", url=f"{server.url}/whole")
    assert "cannot write" in message
    assert server.requests == []


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_ctrl_c_leaves_nothing(tmp_path, server):
    target = tmp_path / "new" / "cifar"
    code = (
        "import sys; from simclr_lib.datasets import cifar10;"
        f"cifar10.download(cifar10.Path({str(target)!r}), url={server.url + '/stuck'!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(target.parent.glob(".*/archive.tar.gz"))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert server.requests == ["/stuck"]
    assert "KeyboardInterrupt" in errors
    assert list(target.parent.iterdir()) == []
