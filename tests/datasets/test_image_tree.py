"""Folders and zips of pictures, whole and broken, written for each test."""

import io
import os
import shutil
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simclr_lib.datasets import decoded_cache, image_tree, load_dataset, picture
from simclr_lib.errors import UserError

SIDE = 12


def save(path: Path, color=(10, 20, 30), size=(SIDE, SIDE)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def write_tree(root: Path, counts: dict[str, int]) -> Path:
    """PNG files in folders; the red value numbers the folder, the green one the picture."""
    for number, (folder, count) in enumerate(counts.items()):
        for i in range(count):
            save(root / folder / f"{i:03}.png", (number, i, 0))
    return root


def zipped(folder: Path, inside: str = "", *, with_folders: bool = False) -> Path:
    file = folder.with_suffix(".zip")
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() or with_folders:
                archive.write(path, inside + path.relative_to(folder).as_posix())
    return file


def refusal(path: Path, **options) -> str:
    with pytest.raises(UserError) as caught:
        load_dataset(path, **options)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


# --- which picture goes where


def test_train_and_test_folders_become_ordered_labelled_arrays(tmp_path):
    counts = {"train/cat": 3, "train/ant": 2, "test/cat": 1, "test/ant": 2}
    data = load_dataset(write_tree(tmp_path / "pets", counts))

    assert data.name == "pets"
    assert data.class_names == ("ant", "cat")
    assert data.train_images.shape == (5, SIDE, SIDE, 3)
    assert data.train_images.dtype == np.uint8
    assert data.train_labels.dtype == np.int64
    assert data.train_labels.tolist() == [0, 0, 1, 1, 1]
    assert data.train_images[:, 0, 0].tolist() == [[1, 0, 0], [1, 1, 0]] + [
        [0, i, 0] for i in range(3)
    ]
    assert data.test_labels.tolist() == [0, 0, 1]
    assert data.test_images[:, 0, 0].tolist() == [[3, 0, 0], [3, 1, 0], [2, 0, 0]]


@pytest.mark.parametrize("folder", ["test", "val", "validation", "Test"])
def test_every_usual_name_of_the_test_folder_serves(tmp_path, folder):
    counts = {"train/a": 2, "train/b": 2, f"{folder}/a": 1, f"{folder}/b": 3}
    data = load_dataset(write_tree(tmp_path / "tree", counts))
    assert data.train_labels.tolist() == [0, 0, 1, 1]
    assert data.test_labels.tolist() == [0, 1, 1, 1]


def test_test_goes_before_val(tmp_path):
    counts = {"train/a": 2, "train/b": 2, "test/a": 1, "val/b": 3}
    with pytest.warns(UserWarning, match=r"3 files ignored .* such as val/b/000\.png"):
        data = load_dataset(write_tree(tmp_path / "tree", counts))
    assert data.test_labels.tolist() == [0]


@pytest.mark.parametrize("below", ["", "train/", "wrapped/", "wrapped/train/"])
def test_without_a_test_folder_a_fifth_of_each_class_is_kept_for_it(tmp_path, below):
    tree = write_tree(tmp_path / "tree", {f"{below}a": 10, f"{below}b": 20, f"{below}c": 2})
    data = load_dataset(tree, seed=1)

    assert np.bincount(data.train_labels).tolist() == [8, 16, 1]
    assert np.bincount(data.test_labels).tolist() == [2, 4, 1]
    pixels = np.concatenate([data.train_images, data.test_images])[:, 0, 0]
    labels = np.concatenate([data.train_labels, data.test_labels])
    assert len({tuple(pixel) for pixel in pixels}) == 32  # each picture once
    assert (pixels[:, 0] == labels).all()

    again, other = load_dataset(tree, seed=1), load_dataset(tree, seed=2)
    assert (data.test_images == again.test_images).all()
    assert (data.test_images != other.test_images).any()


def test_train_may_be_a_class(tmp_path):
    data = load_dataset(write_tree(tmp_path / "vehicles", {"train": 2, "car": 2}))
    assert data.class_names == ("car", "train")


def test_pictures_in_subfolders_belong_to_the_class(tmp_path):
    data = load_dataset(write_tree(tmp_path / "tree", {"a/x": 2, "a/y": 3, "b": 5}))
    assert data.class_names == ("a", "b")
    assert np.bincount(data.train_labels).tolist() == [4, 4]


@pytest.mark.parametrize("inside", ["", "pets/", "all/pets/"])
@pytest.mark.parametrize("with_folders", [False, True])
def test_a_zip_gives_the_same_arrays_as_its_folder(tmp_path, inside, with_folders):
    counts = {"train/cat": 3, "train/ant": 2, "test/cat": 1, "test/ant": 2}
    folder = write_tree(tmp_path / "pets", counts)
    a, b = load_dataset(folder), load_dataset(zipped(folder, inside, with_folders=with_folders))
    assert a.name == b.name == "pets"
    assert a.class_names == b.class_names
    for part in ("train_images", "train_labels", "test_images", "test_labels"):
        assert np.array_equal(getattr(a, part), getattr(b, part))


def test_a_zip_with_backslashes_is_read(tmp_path):
    file = zipped(write_tree(tmp_path / "tree", {"a": 2, "b": 2}))
    file.write_bytes(file.read_bytes().replace(b"a/0", b"a\\0").replace(b"b/0", b"b\\0"))
    assert load_dataset(file).class_names == ("a", "b")


def test_system_litter_is_ignored_silently_and_other_files_are_counted(tmp_path):
    tree = write_tree(tmp_path / "tree", {"a": 2, "b": 2})
    for litter in ("__MACOSX/a/._000.png", ".git/x.png", "a/.000.png", "a/Thumbs.db"):
        save(tree / "litter.png")
        (tree / litter).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tree / "litter.png", tree / litter)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_dataset(tree).train_images) == 2
        assert len(load_dataset(zipped(tree, with_folders=True)).train_images) == 2

    (tree / "a" / "notes.txt").write_text("not a picture")
    (tree / "a" / "clip.gif").write_bytes(b"GIF89a")
    save(tree / "cover.png")
    with pytest.warns(UserWarning, match="3 files ignored") as said:
        assert len(load_dataset(tree).train_images) == 2
    assert len(said) == 1


# --- one picture


def test_every_mode_becomes_the_rgb_that_one_sees():
    def shown(image, **options):
        return picture.decode(encoded(image, **options), 4)[0][2, 2].tolist()

    def encoded(image, file_format="PNG", **options):
        out = io.BytesIO()
        image.save(out, file_format, **options)
        return out.getvalue()

    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    deep = Image.fromarray(np.full((4, 4), 0x8012, np.uint16))
    assert deep.mode == "I;16"

    assert shown(Image.new("L", (4, 4), 77)) == [77, 77, 77]
    assert shown(Image.new("1", (4, 4), 1)) == [255, 255, 255]
    assert shown(palette) == [200, 100, 50]
    assert shown(palette, transparency=1) == [255, 255, 255]
    assert shown(Image.new("RGBA", (4, 4), (0, 0, 0, 0))) == [255, 255, 255]
    assert shown(Image.new("RGBA", (4, 4), (255, 0, 0, 51))) == [255, 204, 204]
    assert shown(Image.new("LA", (4, 4), (0, 51))) == [204, 204, 204]
    assert shown(deep) == [0x80] * 3
    cyan = shown(Image.new("CMYK", (4, 4), (255, 0, 0, 0)), file_format="JPEG", quality=95)
    assert np.allclose(cyan, [0, 255, 255], atol=4)
    webp = shown(Image.new("RGB", (4, 4), (9, 99, 199)), file_format="WEBP", lossless=True)
    assert webp == [9, 99, 199]


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".webp"])
def test_each_format_is_read_by_its_usual_suffixes(tmp_path, suffix):
    tree = tmp_path / "tree"
    for i in range(4):
        save(tree / f"{i % 2}" / f"{i}{suffix}", (200, 100, 50))
    images = load_dataset(tree).train_images
    assert images.shape == (2, SIDE, SIDE, 3)
    assert np.allclose(images[0, 5, 5], [200, 100, 50], atol=6)


@pytest.mark.parametrize("side", [6, 4])
def test_exif_rotation_is_applied(tmp_path, side):
    image = Image.new("RGB", (6, 6), "black")
    image.paste("white", (0, 0, 6, 3))  # upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    seen, _ = picture.decode((tmp_path / "turned.png").read_bytes(), side)
    assert (seen[:, -1] == 255).all()
    assert (seen[:, 0] == 0).all()


def test_other_sizes_are_cut_to_the_centre_square_resized_and_counted(tmp_path):
    tree = write_tree(tmp_path / "tree", {"a": 4, "b": 5})
    wide = Image.new("RGB", (90, 30), "red")
    wide.paste("blue", (30, 0, 60, 30))
    wide.save(tree / "a" / "wide.png")
    with pytest.warns(UserWarning, match="1 of 10 pictures .* 12×12") as said:
        data = load_dataset(tree, image_size=SIDE)
    assert len(said) == 1
    images = np.concatenate([data.train_images, data.test_images])
    middle = images[:, 2:-2, 2:-2]
    assert (middle == [0, 0, 255]).all(axis=(1, 2, 3)).sum() == 1


def test_large_jpegs_are_shrunk_faithfully():
    patches = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    photo = Image.fromarray(patches).resize((800, 600), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=95, subsampling=0)
    seen, resized = picture.decode(out.getvalue(), 96)
    exact = photo.crop((100, 0, 700, 600)).resize((96, 96), Image.Resampling.BILINEAR)
    assert resized
    assert np.abs(seen.astype(int) - np.asarray(exact)).mean() < 3


def test_large_pictures_decoded_in_threads_keep_their_order(tmp_path):
    tree = tmp_path / "tree"
    for i in range(40):
        size = 2000 if i == 0 else 220  # the first is the last to be done
        save(tree / "ab"[i % 2] / f"{i:02}.png", (i, 0, 0), (size, size))
    with pytest.warns(UserWarning, match="40 of 40 pictures"):
        data = load_dataset(zipped(tree))
    assert data.image_size == 96
    assert (np.diff(data.train_images[data.train_labels == 0, 0, 0, 0].astype(int)) > 0).all()
    assert (data.train_images[:, 0, 0, 0] % 2 == data.train_labels).all()


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(28, 28)] * 3, 28),
        ([(96, 96)] * 3, 96),
        ([(224, 224)] * 3, 96),
        ([(28, 28), (20, 20), (20, 20)], 32),
        ([(64, 48)] * 3, 48),
        ([(40, 90), (90, 50), (60, 60)], 50),
        ([(4000, 3000)], 96),
    ],
)
def test_default_size(sizes, side):
    assert image_tree.default_size(sizes) == side


def test_limits_are_balanced_and_decode_only_what_they_keep(tmp_path, monkeypatch):
    counts = {"train/a": 10, "train/b": 30, "train/c": 3, "test/a": 5, "test/b": 5, "test/c": 5}
    tree = write_tree(tmp_path / "tree", counts)
    decoded = []
    decode = picture.decode
    monkeypatch.setattr(picture, "decode", lambda *a: decoded.append(a) or decode(*a))
    data = load_dataset(tree, train_limit=15, test_limit=6)
    assert np.bincount(data.train_labels).tolist() == [6, 6, 3]
    assert np.bincount(data.test_labels).tolist() == [2, 2, 2]
    assert (data.train_images[:, 0, 0, 0] == data.train_labels).all()
    assert len(decoded) == 21


# --- the cache


@pytest.fixture
def cached_tree(tmp_path, monkeypatch):
    """A loaded tree, its cache file, and the list of what is decoded from now on."""
    monkeypatch.setattr(image_tree, "CACHE_FROM_SECONDS", 0)
    tree = write_tree(tmp_path / "tree", {"a": 5, "b": 5})
    first = load_dataset(tree)
    # Copied, because some tests cut the file short that they are mapped from.
    first = replace(
        first,
        train_images=np.array(first.train_images),
        test_images=np.array(first.test_images),
    )
    (file,) = (tmp_path / "cache").iterdir()
    decoded = []
    decode = picture.decode
    monkeypatch.setattr(picture, "decode", lambda *a: decoded.append(a) or decode(*a))
    return tree, first, file, decoded


def test_a_second_start_reads_the_cache(cached_tree):
    tree, first, file, decoded = cached_tree
    kept = file.read_bytes()
    second = load_dataset(tree)
    assert decoded == []
    assert np.array_equal(first.train_images, second.train_images)
    assert np.array_equal(first.test_images, second.test_images)
    second.train_images[:] = 0  # as an array of one's own
    assert file.read_bytes() == kept


def test_another_picture_size_or_seed_is_decoded_anew(cached_tree):
    tree, _, _, decoded = cached_tree
    save(tree / "a" / "000.png", (1, 2, 3))
    os.utime(tree / "a" / "000.png", (1, 1))
    data = load_dataset(tree)
    assert len(decoded) == 10
    assert [1, 2, 3] in np.concatenate([data.train_images, data.test_images])[:, 0, 0].tolist()
    with pytest.warns(UserWarning, match="10 of 10"):
        assert load_dataset(tree, image_size=8).image_size == 8
    load_dataset(tree, seed=1)
    assert len(decoded) == 30


@pytest.mark.parametrize("damage", [0, 20, 100, -1])
def test_a_cache_file_cut_short_is_mended(cached_tree, damage):
    tree, first, file, decoded = cached_tree
    whole = file.read_bytes()
    file.write_bytes(whole[:damage])
    assert np.array_equal(load_dataset(tree).train_images, first.train_images)
    assert len(decoded) == 10
    assert file.read_bytes() == whole


def test_a_pickle_in_the_cache_is_never_opened(cached_tree):
    tree, first, file, decoded = cached_tree
    np.save(file, np.array([Path("x")], object), allow_pickle=True)
    assert np.array_equal(load_dataset(tree).train_images, first.train_images)
    assert len(decoded) == 10


def test_a_full_disk_costs_only_the_cache(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(image_tree, "CACHE_FROM_SECONDS", 0)
    tree = write_tree(tmp_path / "tree", {"a": 5, "b": 5})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.warns(UserWarning, match="can't be kept in"):
            data = load_dataset(tree)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(data.train_images) == 8
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_costs_only_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(image_tree, "CACHE_FROM_SECONDS", 0)
    (tmp_path / "cache").write_text("a file where the folder should be")
    tree = write_tree(tmp_path / "tree", {"a": 5, "b": 5})
    with pytest.warns(UserWarning, match="can't be kept in"):
        assert len(load_dataset(tree).train_images) == 8


def test_what_decodes_fast_is_not_cached(tmp_path):
    load_dataset(write_tree(tmp_path / "tree", {"a": 5, "b": 5}))
    assert not (tmp_path / "cache").exists()


def test_the_cache_lies_below_the_home_folder_unless_told(monkeypatch):
    monkeypatch.delenv("SIMCLR_CACHE")
    file = decoded_cache.cache_file("pets", "abc")
    assert file == Path.home() / ".cache" / "simclr-kit" / "pets-abc.npy"


# --- bad input: one line that names what is at fault


def test_no_pictures(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    assert "holds no JPEG, PNG or WebP" in refusal(tree)
    (tree / "notes.txt").write_text("x")
    assert "holds no JPEG, PNG or WebP" in refusal(zipped(tree))


def test_pictures_outside_class_folders(tmp_path):
    assert "no class folder" in refusal(write_tree(tmp_path / "tree", {".": 3}))


@pytest.mark.parametrize("folder", ["cat", "train/cat", "wrapped/cat"])
def test_one_class(tmp_path, folder):
    assert "only the class 'cat'" in refusal(write_tree(tmp_path / "tree", {folder: 3}))


def test_a_class_of_one_picture_cannot_be_split(tmp_path):
    assert "'b' has one picture" in refusal(write_tree(tmp_path / "tree", {"a": 3, "b": 1}))
    counts = {"train/a": 3, "train/b": 1, "test/a": 1, "test/b": 1}
    assert load_dataset(write_tree(tmp_path / "split", counts)).train_labels.sum() == 1


@pytest.mark.parametrize("empty", ["c", "train/c", "test/c"])
def test_an_empty_class_folder(tmp_path, empty):
    above = {"c": [""], "train/c": ["train/", "test/"], "test/c": ["train/", "test/"]}[empty]
    tree = write_tree(tmp_path / "tree", {f"{part}{name}": 2 for part in above for name in "ab"})
    (tree / empty).mkdir(exist_ok=True)
    assert f"the class folder {empty} holds no picture" in refusal(tree)
    assert f"the class folder {empty} holds no picture" in refusal(zipped(tree, with_folders=True))


def test_a_test_class_that_training_lacks(tmp_path):
    counts = {"train/a": 2, "train/b": 2, "test/a": 2, "test/c": 2}
    assert "'c' is in test/ but not in train/" in refusal(write_tree(tmp_path / "tree", counts))


def test_a_test_folder_without_classes(tmp_path):
    counts = {"train/a": 2, "train/b": 2, "test": 2}
    assert "test/ has no class folder" in refusal(write_tree(tmp_path / "tree", counts))


def test_a_file_that_is_no_zip(tmp_path):
    file = tmp_path / "pets.zip"
    file.write_text("not a zip")
    assert "neither a folder nor a whole zip" in refusal(file)
    file.write_bytes(b"")
    assert "neither a folder nor a whole zip" in refusal(file)


def test_a_zip_cut_short(tmp_path):
    file = zipped(write_tree(tmp_path / "pets", {"a": 2, "b": 2}))
    file.write_bytes(file.read_bytes()[:-50])
    assert "neither a folder nor a whole zip" in refusal(file)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_picture_cut_short(tmp_path, suffix):
    tree = write_tree(tmp_path / "pets", {"a": 2, "b": 2})
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    cut = tree / "b" / f"001.{suffix}"
    Image.fromarray(noise).save(cut)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    assert f"b/001.{suffix} does not decode" in refusal(zipped(tree))
    assert f"b/001.{suffix} does not decode" in refusal(tree)


def test_a_member_with_altered_bytes(tmp_path):
    tree = write_tree(tmp_path / "pets", {"a": 2, "b": 2})
    file = zipped(tree)
    content = bytearray(file.read_bytes())
    picture_bytes = (tree / "b" / "001.png").read_bytes()
    content[content.index(picture_bytes) + len(picture_bytes) - 1] ^= 1  # Pillow reads over this
    file.write_bytes(content)
    assert "b/001.png does not decode (Bad CRC-32" in refusal(file)


def test_an_encrypted_member(tmp_path):
    file = zipped(write_tree(tmp_path / "pets", {"a": 2, "b": 2}))
    content = bytearray(file.read_bytes())
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(header) + flags] |= 1
    file.write_bytes(content)
    assert "a/000.png is encrypted" in refusal(file)


@pytest.mark.parametrize(
    "member", ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "a\\..\\..\\out.png"]
)
def test_a_member_that_climbs_out(tmp_path, member):
    file = zipped(write_tree(tmp_path / "pets", {"a": 2, "b": 2}))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(member, b"")
    assert "climbs out of the zip" in refusal(file)


def test_a_picture_that_is_none(tmp_path):
    tree = write_tree(tmp_path / "pets", {"a": 2, "b": 2})
    (tree / "b" / "000.png").write_text("hello")
    assert "b/000.png is not a JPEG, PNG or WebP picture" in refusal(tree)


def test_a_picture_of_absurd_size(tmp_path, monkeypatch):
    tree = write_tree(tmp_path / "pets", {"a": 2, "b": 2})
    save(tree / "a" / "bomb.png", size=(50, 50))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    assert "a/bomb.png has more than 2000 pixels" in refusal(tree)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "a/bomb.png has more than 1000 pixels" in refusal(tree)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_without_permission(tmp_path):
    tree = write_tree(tmp_path / "pets", {"a": 2, "b": 2})
    (tree / "b").chmod(0)
    try:
        assert "cannot read the folder" in refusal(tree)
    finally:
        (tree / "b").chmod(0o700)


def test_a_folder_that_the_system_will_not_list(tmp_path, monkeypatch):
    tree = write_tree(tmp_path / "pets", {"a": 2, "b": 2})
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert "cannot read the folder" in refusal(tree)


# --- the real thing, where there is a copy


@pytest.mark.skipif(
    not os.path.exists(os.environ.get("SIMCLR_CIFAR_ZIP", "")), reason="SIMCLR_CIFAR_ZIP not given"
)
def test_cifar10_as_a_zip_of_jpegs():
    data = load_dataset(os.environ["SIMCLR_CIFAR_ZIP"])
    assert data.train_images.shape == (50000, 32, 32, 3)
    assert data.test_images.shape == (5000, 32, 32, 3)
    assert np.bincount(data.train_labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [500] * 10
    assert data.class_names[0] == "airplane"
