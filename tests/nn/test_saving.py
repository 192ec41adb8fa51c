"""Files of weights: what was saved comes back to the bit; nothing damaged or hostile is loaded, not even in part."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, ShapeError
from chainrule.nn import saving
from chainrule.nn.saving import FileError

pytest.importorskip("safetensors", reason="the extra safetensors is not installed")

SUFFIXES = [".npz", ".safetensors"]
both = pytest.mark.parametrize("suffix", SUFFIXES)


def model(seed=0, dtype=np.float64):
    return nn.Sequential(
        nn.Linear(3, 4, seed=seed, dtype=dtype), nn.BatchNorm1d(4, dtype=dtype), nn.Linear(4, 1, seed=seed)
    )


def state(module):
    return {name: (array.dtype, array.tobytes()) for name, array in module.state_dict().items()}


class Untouched:
    """A model that must not change in the block."""

    def __init__(self, module):
        self.module, self.before = module, state(module)

    def __enter__(self):
        return self.module

    def __exit__(self, *error):
        assert state(self.module) == self.before


# ---------------------------------------------------------------------- there and back


@both
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_was_saved_comes_back_to_the_bit(tmp_path, suffix, dtype):
    one, other = model(0, dtype), model(1, dtype)
    one(np.random.default_rng(0).random((8, 3)))  # so that the buffers are not what they start as
    assert state(one) != state(other)
    path = tmp_path / f"model{suffix}"
    nn.save(one, path, metadata={"accuracy": 0.5})
    assert nn.load(str(path), other) is other
    assert state(one) == state(other)
    assert other.state_dict()["1.num_batches_tracked"] == 1
    arrays, words = saving.read(path)
    assert words == {"accuracy": "0.5"}
    assert list(arrays) == list(one.state_dict()) or suffix != ".npz"
    assert os.listdir(tmp_path) == [path.name]


@both
def test_networks_of_values(tmp_path, suffix):
    one, other = (nn.scalar.MLP(2, [3, 1], seed=seed) for seed in (0, 1))
    nn.save(one, tmp_path / f"m{suffix}")
    nn.load(tmp_path / f"m{suffix}", other)
    assert [p.data for p in one.parameters()] == [p.data for p in other.parameters()]
    assert {type(p.data) for p in other.parameters()} == {float}


@both
def test_arrays_of_every_kind(tmp_path, suffix, rng):
    arrays = {
        "a b/c": rng.random((2, 3)).T,
        "empty": np.empty((0, 3), np.float32),
        "number": np.array(3),
        "bool": np.array([True, False]),
        "half": np.arange(3, dtype=np.float16),
        "big endian": np.arange(3, dtype=">i4"),
        "special": np.array([np.nan, np.inf, -0.0]),
        "naïve": np.arange(5)[::2],
    }
    saving.write(tmp_path / f"a{suffix}", arrays)
    found, words = saving.read(tmp_path / f"a{suffix}")
    assert words == {}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].flags.writeable


def test_the_files_are_those_of_the_formats(tmp_path):
    from safetensors.numpy import load_file, save_file

    one = model()
    nn.save(one, tmp_path / "m.npz")
    nn.save(one, tmp_path / "m.safetensors")
    for found in (np.load(tmp_path / "m.npz", allow_pickle=False), load_file(tmp_path / "m.safetensors")):
        np.testing.assert_array_equal(found["0.weight"], one[0].weight.data)
    np.savez(tmp_path / "theirs.npz", **one.state_dict())
    save_file(one.state_dict(), tmp_path / "theirs.safetensors")
    for suffix in SUFFIXES:
        assert state(nn.load(tmp_path / f"theirs{suffix}", model(1))) == state(one)


@both
def test_equal_models_give_equal_files(tmp_path, suffix):
    for name in "ab":
        nn.save(model(), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


# ---------------------------------------------------------------------- what does not belong


@both
def test_a_file_of_another_model_is_refused_whole(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    nn.save(model(), path)
    for other, words in [
        (nn.Linear(3, 4), r"'weight' is missing"),
        (
            nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)),
            r"'2.bias' has shape \(1,\), and \(2,\)",
        ),
        (nn.scalar.MLP(2, [1]), "nothing of it was loaded"),
    ]:
        with Untouched(other), pytest.raises(ShapeError, match=words):
            nn.load(path, other)
    saving.write(path, {**model().state_dict(), "0.bias": np.arange(4), "2.bias": np.array([True])})
    with Untouched(model(1)) as other, pytest.raises(KindError, match=r"'0.bias' is int64.*'2.bias' is bool"):
        nn.load(path, other)


@both
def test_a_file_of_another_program_is_refused(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    flat(path, nn.Linear(2, 2).state_dict(), {"format": "pt"})  # square: its transpose would fit
    with (
        Untouched(nn.Linear(2, 2)) as other,
        pytest.raises(FileError, match=r"format is 'pt'.*nn\.load_torch"),
    ):
        nn.load(path, other)
    flat(path, nn.Linear(2, 2).state_dict(), {"format": "chainrule", "version": "2"})
    with pytest.raises(FileError, match="is of version 2, and this chainrule reads version 1"):
        nn.load(path, nn.Linear(2, 2))


# ---------------------------------------------------------------------- words


def flat(path, arrays, words, checksum=False):
    """A file whose words are in one dict, as other programs write them, and chainrule did."""
    from safetensors.numpy import save_file

    if checksum:
        total = zlib.crc32(json.dumps(words, sort_keys=True).encode())
        for name, array in sorted(arrays.items()):
            total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
            total = zlib.crc32(array.tobytes(), total)
        words = {**words, "crc32": f"{total:08x}"}
    if path.suffix == ".npz":
        np.savez(path, **arrays, __metadata__=np.frombuffer(json.dumps(words).encode(), np.uint8))
    else:
        save_file(arrays, path, {"__metadata__": json.dumps(words)} if checksum else words)


TRICKY = {
    "crc32": "x", "format": "pt", "version": "99", "model": "mine", "chainrule": "a", "metadata": "b", "state": "c",
    "": "empty", "naïve": "\ud800", "__metadata__": "{}",
}  # fmt: skip


@both
def test_the_users_words_come_back_whatever_they_are_called(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    nn.save(model(0), path, TRICKY)
    assert saving.read(path)[1] == TRICKY
    assert state(nn.load(path, model(1))) == state(model(0))
    for words in (TRICKY, {"chainrule": "{}"}, {}):
        saving.write(path, {"x": np.arange(3)}, words)
        assert saving.read(path)[1] == words
    saving.write(path, {"x": np.arange(3)}, {"epochs": 3, "crc32": 0.5, "best": None})  # numbers become texts
    assert saving.read(path)[1] == {"epochs": "3", "crc32": "0.5", "best": "None"}
    for wrong in ({1: "a"}, "words", [("a", "b")]):
        with pytest.raises(KindError, match="metadata are words with their names"):
            nn.save(model(0), path, wrong)


@both
@pytest.mark.parametrize("words", [{}, {"accuracy": "0.5", "chainrule": "mine", "metadata": "also"}])
def test_files_with_all_words_in_one_place_are_still_read(tmp_path, suffix, words):
    path = tmp_path / f"m{suffix}"
    words = {"format": "chainrule", "version": "1", "model": "Sequential()", **words}
    flat(path, model(0).state_dict(), words, checksum=True)
    assert saving.read(path)[1] == words
    assert state(nn.load(path, model(1))) == state(model(0))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"Sequential()", b"Sequential[]"))
    with pytest.raises(FileError, match="checksum|Bad CRC"):
        nn.load(path, model(1))


@both
def test_words_that_are_no_words_are_refused(tmp_path, suffix):
    from safetensors.numpy import save_file

    path, arrays = tmp_path / f"m{suffix}", nn.Linear(2, 2).state_dict()
    for words in (
        [],
        3,
        {"a": 3},
        {"chainrule": {}, "metadata": 3},
        {"chainrule": {"crc32": 3}, "metadata": {}},
        {"chainrule": {}, "metadata": {}},  # without a checksum
        {"chainrule": {"format": "chainrule"}, "metadata": {"a": {}}},
        {"chainrule": {}},
        {"chainrule": {}, "metadata": {}, "more": {}},
        {"chainrule": "a", "metadata": {}},
    ):
        text = json.dumps(words)
        if suffix == ".npz":
            np.savez(path, **arrays, __metadata__=np.frombuffer(text.encode(), np.uint8))
        else:
            save_file(arrays, path, {"__metadata__": text})
        with Untouched(nn.Linear(2, 2)) as other, pytest.raises(FileError, match="refused|damaged"):
            nn.load(path, other)


def test_what_save_and_load_refuse(tmp_path):
    with pytest.raises(FileError, match="ends neither in .npz nor in .safetensors: the suffix says"):
        nn.save(model(), tmp_path / "model")
    for suffix in (".pt", ".pkl"):
        with pytest.raises(
            FileError, match=r"pickles, which run whatever they say.*safetensors\.torch\.save_file"
        ):
            nn.load(tmp_path / f"m{suffix}", model())
    with pytest.raises(KindError, match=r"nn\.save\(model, path\)"):
        nn.save("model.npz", model())
    with pytest.raises(KindError, match=r"nn\.load\(path, model\)"):
        nn.load(tmp_path / "m.npz", nn.Linear)
    for call in (
        lambda: nn.save(model(), tmp_path / "none/m.npz"),
        lambda: nn.load(tmp_path / "none/m.npz", model()),
    ):
        with pytest.raises(FileError, match=r"there is no folder .*none, in which m\.npz would be"):
            call()
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        nn.load(tmp_path / "none.npz", model())
    with pytest.raises(KindError, match="'x' cannot be saved: it is of dtype object"):
        saving.write(tmp_path / "x.npz", {"x": np.array([None])})
    for name in ("../x", "/x", "a//b", "..\\x", "", "x\0", "__metadata__", 3):
        with pytest.raises(FileError, match="no name for an array"):
            saving.write(tmp_path / "x.npz", {name: np.zeros(1)})
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------------- damage


@both
def test_every_truncation_is_noticed(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    nn.save(model(), path)
    whole = path.read_bytes()
    with Untouched(model(1)) as other:
        for length in [*range(0, len(whole), 97), len(whole) - 1]:
            path.write_bytes(whole[:length])
            with pytest.raises(FileError, match="nothing of it was loaded|refused"):
                nn.load(path, other)


@both
def test_changed_bytes_are_noticed_or_do_not_matter(tmp_path, suffix, rng):
    path = tmp_path / f"m{suffix}"
    nn.save(nn.Linear(2, 2), path)
    whole, found = path.read_bytes(), saving.read(path)[0]
    arrays = {name: (array.dtype, array.tobytes()) for name, array in found.items()}
    refused = 0
    for at in range(len(whole)):
        changed = bytearray(whole)
        if at % 3:
            changed[at] ^= rng.integers(1, 256)
        else:
            changed[at : at + 64] = bytes(len(changed[at : at + 64]))
        path.write_bytes(changed)
        try:
            found = saving.read(path)[0]
        except FileError:
            refused += 1
        else:
            assert {name: (array.dtype, array.tobytes()) for name, array in found.items()} == arrays
    assert refused > 0.8 * len(whole)


# ---------------------------------------------------------------------- malice


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def npz(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def npy(array, header=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    if header is None:
        return file.getvalue()
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + array.tobytes()


def test_pickled_objects_are_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good = npy(np.zeros(1))
    for hostile in (npy(np.array([Bomb()], object)), pickle.dumps(Bomb())):
        npz("m.npz", {"a.npy": good, "weight.npy": hostile})
        with Untouched(nn.Linear(1, 1)) as other, pytest.raises(FileError, match=r"m\.npz is .*"):
            nn.load("m.npz", other)
    with pytest.raises(FileError, match="Python objects, which only pickle can read"):
        saving.read(npz("m.npz", {"weight.npy": npy(np.array([Bomb()], object))}))
    (tmp_path / "m.npz").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "m.safetensors").write_bytes(pickle.dumps(Bomb()))
    for suffix in SUFFIXES:
        with pytest.raises(FileError):
            saving.read(f"m{suffix}")
    assert not os.path.exists("exploded")


def test_npz_files_that_promise_too_much(tmp_path):
    path = tmp_path / "m.npz"
    for header in (
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 4)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}  # too few",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,)}",
        "__import__('os').mkdir('exploded')",
        "(" * 100,
    ):
        with pytest.raises(FileError):
            saving.read(npz(path, {"x.npy": npy(np.zeros(2), header)}))
    with pytest.raises(FileError, match="is compressed"):
        saving.read(npz(path, {"x.npy": npy(np.zeros(10**6))}, zipfile.ZIP_DEFLATED))
    with pytest.raises(FileError, match="unexpected entry 'x.txt'"):
        saving.read(npz(path, {"x.txt": b"text"}))
    for name in ("../x", "/etc/x", "a/../../x", "c:\\..\\x"):
        with pytest.raises(FileError, match="no name for an array"):
            saving.read(npz(path, {f"{name}.npy": npy(np.zeros(2))}))
    words = npy(np.frombuffer(b'{"format": 3}', np.uint8))
    with pytest.raises(FileError, match="metadata are not words"):
        saving.read(npz(path, {"__metadata__.npy": words}))


def test_safetensors_files_that_promise_too_much(tmp_path):
    path = tmp_path / "m.safetensors"

    def written(header, data=b"\0" * 16, length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
        return path

    fine = {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}
    assert saving.read(written({"x": fine}))[0]["x"].tolist() == [0, 0]
    for header in (
        {"x": {**fine, "shape": [1000000000000]}},
        {"x": {**fine, "data_offsets": [0, 1 << 60]}},
        {"x": {**fine, "data_offsets": [16, 0]}},
        {"x": fine, "y": fine},
        {"x": {**fine, "dtype": "OBJECT"}},
        {"x": {**fine, "shape": [-2]}},
        {"../x": fine},
        {"x": {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]}},
        {"__metadata__": {"a": 1}, "x": fine},
        b"{" * 1000,
        b"[]",
    ):
        with pytest.raises(FileError):
            saving.read(written(header))
    for length in (1 << 63, 1 << 40, 10**9, 0):
        with pytest.raises(FileError):
            saving.read(written({"x": fine}, length=length))


# ---------------------------------------------------------------------- all or nothing


@both
def test_a_failed_save_leaves_the_old_file(tmp_path, suffix, monkeypatch):
    path, old = tmp_path / f"m{suffix}", model()
    nn.save(old, path)

    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        nn.save(model(1), path)
    monkeypatch.undo()
    assert state(nn.load(path, model(2))) == state(old)
    assert os.listdir(tmp_path) == [path.name]


def test_without_safetensors_npz_works_and_the_other_says_what_to_install(tmp_path):
    code = """
import sys
sys.modules["safetensors"] = sys.modules["safetensors.numpy"] = None
from chainrule import nn
nn.load("m.npz", nn.save(nn.Linear(2, 3), "m.npz") or nn.Linear(2, 3))
for call in (lambda: nn.save(nn.Linear(2, 3), "m.safetensors"), lambda: nn.load("n.safetensors", nn.Linear(2, 3))):
    try:
        call()
    except ImportError as error:
        print(error)
"""
    (tmp_path / "n.safetensors").write_bytes(b"")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.count("pip install 'chainrule[safetensors]'. Or use the suffix .npz") == 2, done.stderr
