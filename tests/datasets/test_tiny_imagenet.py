"""Tiny-ImageNet's layout, small and at full size: folder and zip, broken, killed, and in memory."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simclr_lib.datasets import decoded_cache, image_tree, load_dataset, picture, tiny_imagenet
from simclr_lib.datasets.mapped import MappedPictures
from simclr_lib.errors import UserError

WORDS = {
    "n01443537": "goldfish, Carassius auratus",
    "n02124075": "Egyptian cat",
    "n07768694": "pomegranate",
    "n99999999": "something else, that has no pictures here",
}
CLASSES = list(WORDS)[:3]


def write_tiny(root: Path, per_class=10, val=4) -> Path:
    """The published layout with three classes; the colour tells the class, and half of it is grey.

    Labels can be told from the red value: 40, 120 and 200.
    """
    shades = np.random.default_rng(0)
    boxes = []
    for label, number in enumerate(CLASSES):
        for i in range(per_class):
            save(root / f"train/{number}/images/{number}_{i}.JPEG", label, i, shades)
            boxes.append(f"{number}_{i}.JPEG\t0\t10\t63\t58")
        (root / f"train/{number}/{number}_boxes.txt").write_text("\n".join(boxes) + "\n")
    lines = []
    for i in range(val * len(CLASSES)):
        save(root / f"val/images/val_{i}.JPEG", i % 3, i, shades)
        lines.append(f"val_{i}.JPEG\t{CLASSES[i % 3]}\t0\t32\t44\t62")
        save(root / f"test/images/test_{i}.JPEG", 0, i, shades)
    (root / "val/val_annotations.txt").write_text("\n".join(lines) + "\n")
    (root / "words.txt").write_text("".join(f"{n}\t{name}\n" for n, name in WORDS.items()))
    (root / "wnids.txt").write_text("\n".join(reversed(CLASSES)) + "\n")
    return root


def save(path: Path, label: int, i: int, shades) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = shades.integers(0, 30, (64, 64, 3), np.uint8) + np.uint8(40 + 80 * label)
    kind = Image.fromarray(pixels[..., 0] if i % 2 else pixels)
    kind.save(path, "JPEG", quality=90)


def zipped(folder: Path, inside="tiny-imagenet-200/") -> Path:
    file = folder.with_suffix(".zip")
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*"), reverse=True):
            archive.write(path, inside + path.relative_to(folder).as_posix())
    return file


def shade(images):
    """The class that a picture's brightness tells."""
    return np.round((images.mean(axis=(1, 2, 3)) - 55) / 80).astype(int)


@pytest.fixture
def tiny(tmp_path):
    return write_tiny(tmp_path / "tiny-imagenet-200")


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def change(file: Path, change_lines) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join(change_lines(lines)) + "\n")


# --- the layout


def test_train_and_val_become_labelled_arrays_and_test_is_left_out(tiny):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load_dataset(tiny)
    assert data.name == "tiny-imagenet"
    assert data.class_names == ("goldfish", "Egyptian cat", "pomegranate")
    assert (data.train_images.shape, data.train_images.dtype) == ((30, 64, 64, 3), np.uint8)
    assert data.train_labels.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    assert (data.test_images.shape, data.test_labels.dtype) == ((12, 64, 64, 3), np.int64)
    assert sorted(data.test_labels) == [0] * 4 + [1] * 4 + [2] * 4
    assert (shade(data.train_images) == data.train_labels).all()
    assert (shade(data.test_images) == data.test_labels).all()


def test_grey_pictures_have_three_equal_channels(tiny):
    images = load_dataset(tiny).train_images
    equal = (images == images[..., :1]).all(axis=(1, 2, 3))
    assert equal.sum() == 15


@pytest.mark.parametrize("inside", ["", "tiny-imagenet-200/", "data/tiny-imagenet-200/"])
def test_folder_and_zip_give_the_same_dataset(tiny, inside):
    a, b = load_dataset(tiny), load_dataset(zipped(tiny, inside))
    assert (a.name, a.class_names) == (b.name, b.class_names)
    for part in ("train_images", "train_labels", "test_images", "test_labels"):
        assert np.array_equal(getattr(a, part), getattr(b, part))


def test_limits_are_balanced_and_sizes_can_be_asked_for(tiny):
    with pytest.warns(UserWarning, match="12 of 12 pictures .* 32×32"):
        data = load_dataset(tiny, train_limit=9, test_limit=3, image_size=32)
    assert data.train_images.shape == (9, 32, 32, 3)
    assert np.bincount(data.train_labels).tolist() == [3, 3, 3]
    assert sorted(data.test_labels) == [0, 1, 2]
    assert (shade(data.test_images) == data.test_labels).all()


def test_an_ordinary_tree_stays_one(tmp_path):
    for name in ("train/a", "train/b", "val/a", "val/b"):
        for i in range(2):
            save(tmp_path / f"tree/{name}/images/{i}.jpg", 0, i, np.random.default_rng(0))
    assert load_dataset(tmp_path / "tree").class_names == ("a", "b")


# --- where it is looked for


def test_the_name_finds_it_in_the_usual_places(tiny, tmp_path, monkeypatch):
    monkeypatch.delenv(tiny_imagenet.VARIABLE, raising=False)
    (tmp_path / "work/data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(UserError, match=r"tiny-imagenet-200\.zip .*SIMCLR_TINY_IMAGENET"):
        load_dataset("tiny-imagenet")

    for place in (tmp_path / "keras/datasets", tmp_path / "work/data", tmp_path / "work"):
        place.mkdir(parents=True, exist_ok=True)
        shutil.copytree(tiny, place / "tiny-imagenet-200")
        assert tiny_imagenet.find().resolve() == place / "tiny-imagenet-200"
    shutil.copy(zipped(tiny), tmp_path / "elsewhere.zip")
    monkeypatch.setenv(tiny_imagenet.VARIABLE, str(tmp_path / "elsewhere.zip"))
    assert tiny_imagenet.find() == tmp_path / "elsewhere.zip"
    assert len(load_dataset("tiny-imagenet").train_images) == 30
    monkeypatch.setenv(tiny_imagenet.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"SIMCLR_TINY_IMAGENET is '.*nowhere', which does not"):
        load_dataset("tiny-imagenet")


# --- bad input: one line that names what is at fault


def test_annotations_that_name_missing_files(tiny):
    for i in (3, 7, 11):
        (tiny / f"val/images/val_{i}.JPEG").unlink()
    said = "names 3 of 12 pictures that are not in val/images/, such as val_11.JPEG"
    assert said in refusal(tiny)
    assert said.replace("val/images", "tiny-imagenet-200/val/images") in refusal(zipped(tiny))


def test_pictures_without_a_line(tiny):
    change(tiny / "val/val_annotations.txt", lambda lines: lines[:-2])
    assert "2 of 12 pictures in val/images/ have no line in val/val_annotations" in refusal(tiny)


@pytest.mark.parametrize(
    ("cut", "columns"), [("val_4.JPEG", 1), ("val_4.JPEG\tn02124075\t0\t32", 4)]
)
def test_annotation_lines_cut_short(tiny, cut, columns):
    change(tiny / "val/val_annotations.txt", lambda lines: [*lines[:4], cut, *lines[5:]])
    assert f"cut short in line 5, {columns} columns where 6 belong" in refusal(tiny)


def test_a_first_line_cut_short(tiny):
    change(tiny / "val/val_annotations.txt", lambda lines: ["val_0.JPEG", *lines[1:]])
    assert "cut short in line 1, 1 columns where 2 belong" in refusal(tiny)


def test_annotations_of_two_columns_serve(tiny):
    before = load_dataset(tiny).test_labels
    change(
        tiny / "val/val_annotations.txt",
        lambda lines: ["\t".join(line.split("\t")[:2]) for line in lines],
    )
    assert load_dataset(tiny).test_labels.tolist() == before.tolist()


def test_a_class_in_val_that_train_lacks(tiny):
    shutil.rmtree(tiny / "train/n02124075")
    said = "val_annotations.txt, line 2: the class 'n02124075' has no folder in train/"
    assert said in refusal(tiny)


def test_without_words_the_classes_go_by_their_numbers(tiny):
    (tiny / "words.txt").unlink()
    with pytest.warns(UserWarning, match=r"has no words\.txt") as said:
        assert load_dataset(tiny).class_names == tuple(CLASSES)
    assert len(said) == 1


def test_a_class_that_has_no_word_and_two_that_share_one(tiny):
    change(tiny / "words.txt", lambda lines: [lines[0], "n07768694\tgoldfish, red", "", "odd line"])
    assert load_dataset(tiny).class_names == (
        "goldfish (n01443537)",
        "n02124075",
        "goldfish (n07768694)",
    )


@pytest.mark.parametrize(
    "name", ["train/n02124075/images/n02124075_3.JPEG", "val/images/val_5.JPEG"]
)
def test_a_picture_that_does_not_decode(tiny, name):
    content = (tiny / name).read_bytes()
    (tiny / name).write_bytes(content[: len(content) // 2])
    assert f"the picture {name} does not decode" in refusal(tiny)
    (tiny / name).write_bytes(b"")
    assert f"{name} is not a JPEG, PNG or WebP picture" in refusal(zipped(tiny))


def test_empty_folders(tiny):
    images = tiny / "train/n02124075/images"
    shutil.move(images, tiny.parent / "kept")
    images.mkdir()
    assert "the class folder train/n02124075 holds no picture" in refusal(tiny)
    shutil.rmtree(images)
    shutil.move(tiny.parent / "kept", images)
    shutil.rmtree(tiny / "val/images")
    (tiny / "val/images").mkdir()
    assert "names 12 of 12 pictures that are not in val/images/" in refusal(tiny)
    (tiny / "val/val_annotations.txt").write_text("")
    assert "val/images/ holds no picture" in refusal(tiny)
    (tiny / "val/val_annotations.txt").unlink()
    assert "val/val_annotations.txt is missing" in refusal(tiny)
    shutil.rmtree(tiny / "train")
    (tiny / "train").mkdir()
    assert "train/ has 0 class folders, not 200" in refusal(tiny)


# --- decoded once, into a file


@pytest.fixture
def small_blocks(monkeypatch):
    """Every picture is worth a place on disk, four to a checksum."""
    monkeypatch.setattr(image_tree, "CACHE_FROM_SECONDS", 0)
    monkeypatch.setattr(decoded_cache, "BLOCK", 4)


@pytest.fixture
def large(monkeypatch):
    """Every array is a large one."""
    monkeypatch.setattr(decoded_cache, "LARGE", 1)


@pytest.fixture
def decoded(monkeypatch):
    """The list of what is decoded from now on."""
    calls, decode = [], picture.decode
    monkeypatch.setattr(picture, "decode", lambda *a: calls.append(a) or decode(*a))
    return calls


def cached(tmp_path) -> dict[str, Path]:
    return {path.suffix: path for path in (tmp_path / "cache").iterdir()}


def test_a_large_array_is_mapped_read_only_and_equal(tiny, small_blocks, large, monkeypatch):
    data = load_dataset(tiny)
    monkeypatch.setenv("SIMCLR_CACHE", str(tiny / "../other"))
    monkeypatch.setattr(decoded_cache, "LARGE", 2**40)
    plain = load_dataset(tiny)
    assert isinstance(data.train_images, MappedPictures)
    assert type(plain.train_images) is np.ndarray
    chosen = np.array([3, 17, 4])
    mask = np.arange(30) % 2 == 0
    for index in (chosen, mask, 5, slice(2, 9), (slice(None), 0), (7, 1, 2, 0), -1):
        assert np.array_equal(data.train_images[index], plain.train_images[index])
    assert type(data.train_images[chosen]) is np.ndarray
    assert type(data.train_images[:4] / 255) is np.ndarray
    assert np.array_equal(data.test_images, plain.test_images)
    part = data.train_images[10:20]
    data.train_images[0]  # lets go of the pages, not of what they hold
    assert np.array_equal(part, plain.train_images[10:20])
    with pytest.raises(ValueError, match="read-only"):
        data.train_images[0] = 0


@pytest.mark.usefixtures("small_blocks")
def test_a_subset_of_mapped_pictures_is_mapped_too(tiny, large):
    images = load_dataset(tiny).train_images
    for chosen in (np.arange(30) % 3 == 0, np.array([29, 0, 7])):
        part = decoded_cache.subset(images, chosen)
        assert isinstance(part, MappedPictures)
        assert np.array_equal(part, images[chosen])
    plain = np.array(images)
    assert type(decoded_cache.subset(plain, chosen)) is np.ndarray


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_subset_finds_a_place_where_the_cache_cannot_be_written(
    tiny, large, monkeypatch, elsewhere
):
    """A cache that is shared and read-only: what it holds is whole, and `fill` is not asked."""
    images = load_dataset(tiny).train_images
    chosen = np.arange(30) % 3 == 0
    expected = np.array(images[chosen])
    tried, temporary = [], Path(tempfile.gettempdir())
    make = tempfile.TemporaryFile

    def refuse(dir):
        tried.append(Path(dir))
        if not (elsewhere and Path(dir) == temporary):
            raise PermissionError(13, "Permission denied", str(dir))
        return make(dir=dir)

    monkeypatch.setattr(decoded_cache.tempfile, "TemporaryFile", refuse)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        part = decoded_cache.subset(images, chosen)
    assert tried == [decoded_cache._folder(), temporary]
    assert type(part) is (MappedPictures if elsewhere else np.ndarray)
    assert np.array_equal(part, expected)
    assert len(said) == (0 if elsewhere else 1)
    assert all("finds no room in" in str(warning.message) for warning in said)


TOGETHER = """
import sys, time
from simclr_lib.datasets import decoded_cache, image_tree, load_dataset, picture
image_tree.CACHE_FROM_SECONDS, decoded_cache.BLOCK = 0, 4
decode, pause = picture.decode, float(sys.argv[2])
picture.decode = lambda *arguments: time.sleep(pause) or decode(*arguments)
print(int(load_dataset(sys.argv[1]).train_images.sum()))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.parametrize("done_before", [0, 22])
def test_two_processes_that_decode_at_once_do_each_other_no_harm(tiny, tmp_path, done_before):
    total = int(load_dataset(tiny).train_images.sum())
    if done_before:
        killed_after(tiny, done_before)
        assert set(cached(tmp_path)) == {".part", ".sums"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, tiny, pause],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for pause in ("0.02", "0.03")
    ]
    for process in started:
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        assert output.split() == [str(total)]
    assert set(cached(tmp_path)) == {".npy"}


STOPS = """
import os, signal, sys
from simclr_lib.datasets import decoded_cache, image_tree, load_dataset, picture
image_tree.CACHE_FROM_SECONDS, decoded_cache.BLOCK = 0, 4
decode, left = picture.decode, int(sys.argv[2])
def dying(*arguments):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return decode(*arguments)
picture.decode = dying
load_dataset(sys.argv[1])
"""


def killed_after(tiny, pictures):
    """Decode so many pictures in a process that is killed at the next one."""
    command = [sys.executable, "-c", STOPS, tiny, str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="an open file keeps its name there")
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("third", [False, True], ids=["", "a third one begins anew"])
def test_of_two_that_go_on_with_a_beginning_the_slower_one_spoils_nothing(tmp_path, third):
    """The faster one finishes after the slower one has counted what is there."""
    pictures = np.random.default_rng(0).integers(0, 256, (18, 5, 5, 3), np.uint8)
    blocks = [pictures[first : first + 4] for first in range(0, 18, 4)]
    file = tmp_path / "cache" / "some-key.npy"

    def start():
        return decoded_cache._Unfinished(file, pictures.shape)

    def go_on(process, until=None):
        process.append(blocks[process.done // 4 : until])

    killed = start()
    go_on(killed, until=2)
    killed.close()
    slower, faster = start(), start()
    assert slower.done == faster.done == 8
    go_on(faster)
    faster.finish()
    if third:
        newcomer = start()
        go_on(newcomer, until=1)
        assert newcomer.done == 4
    go_on(slower)
    slower.finish()
    np.testing.assert_array_equal(np.load(file), pictures)
    if third:  # killed here, it would leave a beginning that can be gone on with
        newcomer.close()
        assert start().done == 4
    else:
        assert set(cached(tmp_path)) == {".npy"}


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.usefixtures("small_blocks")
def test_killed_while_decoding_it_goes_on_where_it_was(tiny, tmp_path, monkeypatch, decoded):
    killed_after(tiny, 10)
    assert set(cached(tmp_path)) == {".part", ".sums"}
    killed_after(tiny, 7)  # 8 of 10 were whole blocks; 4 of these
    data = load_dataset(tiny)
    assert len(decoded) == 42 - 8 - 4
    assert set(cached(tmp_path)) == {".npy"}

    monkeypatch.setenv("SIMCLR_CACHE", str(tmp_path / "another"))
    undisturbed = load_dataset(tiny)
    assert np.array_equal(data.train_images, undisturbed.train_images)
    assert np.array_equal(data.test_images, undisturbed.test_images)
    (other,) = (tmp_path / "another").iterdir()
    assert cached(tmp_path)[".npy"].read_bytes() == other.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("damage", ["a byte", "the end", "zeros", "no sums", "long sums", "header"])
def test_of_a_damaged_beginning_only_what_agrees_is_believed(tiny, tmp_path, decoded, damage):
    expected = load_dataset(tiny).train_images
    shutil.rmtree(tmp_path / "cache")
    killed_after(tiny, 14)  # three whole blocks
    part, sums = (cached(tmp_path)[suffix] for suffix in (".part", ".sums"))
    content, row = bytearray(part.read_bytes()), 64 * 64 * 3
    begin = len(content) - 12 * row
    if damage == "a byte":
        content[begin + 5 * row] ^= 1
    elif damage == "the end":
        del content[begin + 6 * row :]
    elif damage == "zeros":
        content[begin + 8 * row :] = bytes(4 * row)
        sums.write_bytes(sums.read_bytes()[:8] + bytes(40))
    elif damage == "no sums":
        sums.unlink()
    elif damage == "long sums":
        sums.write_bytes(sums.read_bytes() + b"\0\0\0\0\0\0\0")
    else:
        content[20] ^= 1
    part.write_bytes(content)
    believed = {"a byte": 4, "the end": 4, "zeros": 8, "no sums": 0, "long sums": 12, "header": 0}

    decoded.clear()
    data = load_dataset(tiny)
    assert len(decoded) == 42 - believed[damage]
    assert np.array_equal(data.train_images, expected)


@pytest.mark.usefixtures("small_blocks")
def test_stopped_by_ctrl_c_it_goes_on_and_after_a_broken_picture_nothing_is_left(
    tiny, tmp_path, monkeypatch
):
    decode = picture.decode

    def fail(error):
        left = [10]

        def failing(*arguments):
            left[0] -= 1
            if left[0] < 0:
                raise error
            return decode(*arguments)

        return failing

    monkeypatch.setattr(picture, "decode", fail(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        load_dataset(tiny)
    assert set(cached(tmp_path)) == {".part", ".sums"}
    monkeypatch.setattr(picture, "decode", fail(ValueError("no picture")))
    with pytest.raises(UserError, match="does not decode"):
        load_dataset(tiny)
    assert cached(tmp_path) == {}


@pytest.mark.usefixtures("small_blocks")
def test_a_disk_that_becomes_full_is_told_and_costs_only_the_cache(tiny, tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.warns(UserWarning, match="can't be kept in .*cache .*take 1 MB of memory"):
            data = load_dataset(tiny)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (shade(data.train_images) == data.train_labels).all()
    assert cached(tmp_path) == {}


def test_a_long_decoding_tells_the_time_left(tiny, monkeypatch, capsys):
    monkeypatch.setattr(image_tree, "SECONDS_BETWEEN_LINES", 0.5)
    decode = picture.decode
    monkeypatch.setattr(picture, "decode", lambda *a: time.sleep(0.06) or decode(*a))
    load_dataset(tiny)
    told = capsys.readouterr().err
    assert "decoding tiny-imagenet-200" in told and "/42 [00:0" in told and "<00:0" in told


# --- at full size


FULL_SIZE = """
import json, sys
from dataclasses import replace
from pathlib import Path
from simclr_lib.quiet import import_keras
import_keras()
from simclr_lib import experiment
from simclr_lib.heads import projection_head
from simclr_lib.pretraining import SimCLR, fit_epochs
from simclr_lib.recipes import get_recipe

told = {}
def mark(name):
    status = Path("/proc/self/status").read_text()
    found = dict(line.split(":", 1) for line in status.splitlines())
    told[name] = {key: 1024 * int(found[key].split()[0]) for key in ("VmRSS", "VmHWM")}
    Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the high-water mark

mark("idle")
small = "view_size=16 encoder_width=8 batch_size=256 epochs=1 warmup_epochs=0".split()
settings = dict(pair.split("=") for pair in small) | {"data": sys.argv[1]}
recipe = get_recipe("classroom", settings)
dataset = experiment.load_data(recipe)
mark("load")
told["train_pictures"] = experiment.describe(dataset)["train"]
mark("describe")
encoder = experiment.build_encoder(recipe, "float32")
head = projection_head(encoder.output_shape[-1], 32, 32)
model = SimCLR(encoder, head, experiment.build_augmenter(recipe), 0.2)
experiment.compile_for(recipe, "float32", model, dataset.train_images, 1)
fit_epochs(model, dataset.train_images, batch_size=recipe.batch_size, epochs=1, seed=0)
mark("train")
features = experiment.Features.of(encoder, dataset)
mark("features")
features.probe()
mark("probe")
side = experiment.pixel_side(dataset.train_images)
told["side"] = side
parts = [experiment.pixel_rows(part, side) for part in (dataset.train_images, dataset.test_images)]
pixels = experiment.Features(*parts, dataset.train_labels, dataset.test_labels)
pixels.probe()
mark("pixels")
del features, pixels, parts
split = experiment.load_data(replace(recipe, evaluate_on="validation"))
told["split"] = len(split.train_images), len(split.test_images)
mark("validation")
print(json.dumps(told))
"""


def write_full_size(file: Path) -> None:
    """A zip of 200 classes, 100,000 and 10,000 pictures: 400 different ones, written many times."""
    numbers = [f"n{10_000_000 + 37 * i}" for i in range(200)]
    rng = np.random.default_rng(0)
    folder = file.parent / "encodings"
    folder.mkdir()
    encodings = []
    for _ in range(400):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
        coarse.resize((64, 64), Image.Resampling.BICUBIC).save(folder / "one.jpg", quality=80)
        encodings.append((folder / "one.jpg").read_bytes())
    with zipfile.ZipFile(file, "w") as archive:
        for k, number in enumerate(numbers):
            for i in range(500):
                name = f"tiny-imagenet-200/train/{number}/images/{number}_{i}.JPEG"
                archive.writestr(name, encodings[(500 * k + i) % 400])
        lines = []
        for i in range(10_000):
            archive.writestr(f"tiny-imagenet-200/val/images/val_{i}.JPEG", encodings[i % 400])
            lines.append(f"val_{i}.JPEG\t{numbers[i % 200]}\t0\t0\t63\t63\n")
        archive.writestr("tiny-imagenet-200/val/val_annotations.txt", "".join(lines))
        words = "".join(f"{number}\tclass {k}\n" for k, number in enumerate(numbers))
        archive.writestr("tiny-imagenet-200/words.txt", words)
        archive.writestr("tiny-imagenet-200/wnids.txt", "\n".join(numbers))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for its marks")
def test_a_hundred_thousand_pictures_take_less_than_700_mb(tmp_path):
    """All resident pages count, those of the mapped file too: what `top` shows as RES.

    Beyond a process that has imported Keras and idles: loading, with decoding; the checksum; an
    epoch of training, compilation included; the features of all pictures and their linear probe; a
    validation split. The baseline of raw pixels, in a smaller size, may take 1 GB.
    """
    write_full_size(tmp_path / "tiny.zip")
    command = [sys.executable, "-c", FULL_SIZE, tmp_path / "tiny.zip"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["train_pictures"], told["split"]) == (100_000, [90_000, 10_000])
    idle = told["idle"]["VmRSS"]
    phases = ("load", "describe", "train", "features", "probe", "pixels", "validation")
    peaks = {name: round((told[name]["VmHWM"] - idle) / 1e6) for name in phases}
    print(f"MB above the {idle / 1e6:.0f} MB of an idle process: {peaks}")
    # Behind the training, and gone after it: raw pixels as float32, as CIFAR-10's are.
    assert peaks.pop("pixels") <= 1000
    assert max(peaks.values()) <= 700, peaks
