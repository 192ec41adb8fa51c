"""Trainings that are killed and go on to the same bits; Ctrl-C; and checkpoints that are not what they should be."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, ShapeError
from chainrule.nn.saving import FileError
from chainrule.nn.saving.arrays import read_marked, write_marked
from chainrule.nn.training.checkpoints import pack, unpack

# Everything that has a state: dropout and noise of a user's own, running means, momentum, rates by batch and on a
# plateau, the loader's order, early stopping, a callback that counts, and a shuffled validation set.
TRAINING = textwrap.dedent(
    """
    import hashlib, json, os, sys
    import numpy as np
    from chainrule import nn

    def say(word):
        os.write(1, word.encode() + b"\\n")

    class Noise(nn.Module):
        def __init__(self):
            self.generator = np.random.Generator(np.random.MT19937(3))

        def forward(self, x):
            return x + 0.05 * self.generator.normal(size=x.shape) if self.training else x

    class Count(nn.callbacks.Callback):
        batches = 0

        def on_batch_end(self, run):
            self.batches += 1
            say("batch")

        def state_dict(self):
            return {"batches": self.batches}

        def load_state_dict(self, state):
            self.batches = state["batches"]

    def train(path, epochs=10, dtype=np.float32):
        X, y = nn.datasets.moons(80, noise=0.3, seed=0)
        X, X_val, y, y_val = nn.split(X.astype(dtype), y, test_size=0.5, seed=0)
        model = nn.Sequential(
            Noise(),
            nn.Linear(2, 16, seed=0, dtype=dtype),
            nn.BatchNorm1d(16, dtype=dtype),
            nn.ReLU(),
            nn.Dropout(0.3, seed=1),
            nn.Linear(16, 2, seed=2, dtype=dtype),
        )
        optimizer = nn.Adam(model.parameters(), lr=0.05)
        count = Count()
        history = nn.fit(
            model,
            nn.cross_entropy,
            nn.DataLoader(X, y, batch_size=7, seed=4),
            optimizer=optimizer,
            epochs=epochs,
            validation=nn.DataLoader(X_val, y_val, batch_size=16, seed=5),
            metrics=[nn.accuracy],
            schedule=[
                nn.schedules.ExponentialDecay(optimizer, gamma=0.99, every="batch"),
                nn.schedules.ReduceOnPlateau(optimizer, patience=1),
            ],
            early_stopping=6,
            callbacks=[count],
            checkpoint=path,
            progress=False,
        )
        bits = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in model.state_dict().items()}
        rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]
        return {
            "bits": bits, "rows": rows, "best": history.best, "ended": history.ended, "batches": count.batches,
            "optimizer": repr(optimizer), "next": model[4].generator.random(),
        }
    """
)
MAIN = """
fsync = os.fsync
os.fsync = lambda file: (say("fsync"), fsync(file))[1]
print(json.dumps(train(sys.argv[1])), flush=True)
"""
names: dict = {}
exec(compile(TRAINING, "training", "exec"), names)


def train(path=None, **options):
    names["say"] = lambda word: None
    return names["train"](path, **options)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_training_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors", reason="the extra safetensors is not installed")
    straight = train()
    assert straight["batches"] == 6 * len(straight["rows"])
    path = tmp_path / f"run{suffix}"
    draw, killed = random.Random(suffix), 0
    while True:
        child = subprocess.Popen(
            [sys.executable, "-c", TRAINING + MAIN, path], stdout=subprocess.PIPE, text=True
        )
        # kill it while it does what comes after some number of batches or of writes
        for _ in range(draw.randint(1, 35) if killed < 5 else 10**6):
            line = child.stdout.readline()
            if not line or line.startswith("{"):
                break
        else:
            child.kill()
            killed += 1
        child.stdout.close()
        if child.wait() == 0:
            break
        assert child.returncode == -signal.SIGKILL
    assert killed >= 3
    assert json.loads(line) == json.loads(json.dumps(straight))


def test_a_training_can_be_lengthened_and_a_finished_one_is_not_repeated(tmp_path):
    path = tmp_path / "run.npz"
    straight = train(epochs=5)
    short = train(path, epochs=2)
    assert short["rows"] == straight["rows"][:2]
    assert train(path, epochs=5) == straight
    before = path.read_bytes()
    assert train(path, epochs=5) == straight
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_an_early_stop_stays_one(tmp_path):
    first = train(tmp_path / "run.npz", epochs=60)
    assert first["ended"] == "no better val_loss for 6 epochs"
    assert train(tmp_path / "run.npz", epochs=60) == first


def test_networks_of_values_go_on_too(tmp_path):
    X, y = nn.datasets.moons(20, seed=0)

    def run(epochs, path=None):
        model = nn.scalar.MLP(2, [3, 1], seed=0)
        optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.9)
        data = X, 2 * y - 1
        history = nn.fit(
            model,
            nn.hinge_loss,
            data,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=5,
            checkpoint=path,
            progress=False,
        )
        return history["loss"], [p.data for p in model.parameters()]

    run(2, tmp_path / "run.npz")
    assert run(4, tmp_path / "run.npz") == run(4)


# ---------------------------------------------------------------------- Ctrl-C

INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # even if the tests run where it is ignored

class Slow(nn.callbacks.Callback):
    def on_batch_end(self, run):
        say(f"batch {run.epoch} {run.batch}")
        sys.stdin.readline()  # go on when told

    def on_epoch_end(self, run):
        kept[run.epoch] = run.model.state_dict()

kept = {}
X, y = nn.datasets.moons(40, seed=0)
model = nn.MLP(2, [8, 2], seed=0)
history = nn.fit(
    model, nn.cross_entropy, (X, y), optimizer=nn.SGD(model.parameters(), lr=LR), batch_size=10, epochs=10**6,
    callbacks=[Slow()], validation=(X, y),
)
state = model.state_dict()
same = [epoch for epoch, each in kept.items() if all((each[name] == state[name]).all() for name in state)]
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
say(json.dumps({"epochs": len(history), "best": history.best, "same": same, "ended": history.ended,
                "losses": history["val_loss"] if len(history) else [], "training": model.training}))
"""


def interrupted(rate, batches):
    """What a training says that was sent a real SIGINT in the batch after so many."""
    child = subprocess.Popen(
        [sys.executable, "-c", TRAINING + INTERRUPTED.replace("LR", str(rate))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(batches):
        assert child.stdout.readline().startswith("batch")
        child.stdin.write("\n")
        child.stdin.flush()
    assert child.stdout.readline().startswith("batch")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate("\n", timeout=60)
    assert child.returncode == 0, err
    assert "Traceback" not in err
    return json.loads(out)


def test_ctrl_c_ends_cleanly_with_the_best_model():
    said = interrupted(rate=0.5, batches=4 * 4 + 1)  # in the fifth epoch
    assert (said["epochs"], said["ended"], said["training"]) == (4, "interrupted", False)
    best = int(np.argmin(said["losses"])) + 1
    assert said["best"] == best
    assert said["same"] == [best]
    said = interrupted(rate=8.0, batches=4 * 4 + 2)  # much too fast: the best is not the last
    assert said["same"] == [said["best"]] == [int(np.argmin(said["losses"])) + 1]
    assert said["best"] < said["epochs"]


def test_ctrl_c_in_the_first_epoch_keeps_the_whole_steps():
    said = interrupted(rate=0.5, batches=1)
    assert said == {
        "epochs": 0,
        "best": None,
        "same": [],
        "ended": "interrupted",
        "losses": [],
        "training": False,
    }


# ---------------------------------------------------------------------- what is no checkpoint


def fit(path, model=None, **options):
    model = model or nn.MLP(2, [4, 2], seed=0)
    options = {"epochs": 2, "batch_size": 16, **options}
    return nn.fit(
        model, nn.cross_entropy, nn.datasets.moons(40, seed=0), checkpoint=path, progress=False, **options
    )


def test_the_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    fit(path)
    for options, words in [
        ({"model": nn.MLP(2, [5, 2])}, r"model 'MLP\(2 -> 4 -> 2\)"),
        ({"batch_size": 8}, r"data 'DataLoader\(40 samples, 3 batches, batch_size=16"),
        ({"metrics": [nn.accuracy]}, r"metrics \[\], and \['accuracy'\] here"),
        ({"early_stopping": 3}, r"callbacks \['KeepBest'\], and \['EarlyStopping'\] here"),
        ({"clip_norm": 1.0}, r"limits \[None, None\], and \[1.0, None\] here"),
    ]:
        with pytest.raises(ShapeError, match=words):
            fit(path, **options)
    model = nn.MLP(2, [4, 2], seed=0)
    with pytest.raises(ShapeError, match="optimizer 'Adam', and 'SGD' here"):
        fit(path, model, optimizer=nn.SGD(model.parameters()))
    nn.save(model, tmp_path / "model.npz")
    with pytest.raises(FileError, match="no checkpoint of a training"):
        fit(tmp_path / "model.npz")
    with pytest.raises(FileError, match="ends neither in .npz nor in .safetensors"):
        fit(tmp_path / "run")


def test_a_damaged_checkpoint_is_refused_whole(tmp_path):
    path = tmp_path / "run.npz"
    fit(path)
    whole = path.read_bytes()
    model = nn.MLP(2, [4, 2], seed=3)
    before = {name: array.tobytes() for name, array in model.state_dict().items()}
    path.write_bytes(whole[:-100])
    with pytest.raises(FileError, match="damaged"):
        fit(path, model)
    arrays, marks, _ = read_marked(run_file(path, whole))
    for text in ("", "{", "[1]", "3", "null", '"a"', "NaN", "[" * 100_000, '{"__array__": "99"}', '{"__array__": [1]}',
                 '{"__number__": "0"}', '{"__tuple__": 3}', '{"training": {}}'):  # fmt: skip
        write_marked(path, arrays, {**marks, "state": text})
        with pytest.raises(FileError, match="nothing of it was loaded"):
            fit(path, model)
    for words in ({}, {"format": "chainrule training", "version": "1"}, {**marks, "version": "2"}):
        write_marked(path, arrays, words)
        with pytest.raises(FileError):
            fit(path, model)
    assert {name: array.tobytes() for name, array in model.state_dict().items()} == before
    assert len(fit(run_file(path, whole), model)) == 2


def run_file(path, content):
    path.write_bytes(content)
    return path


def goes_on(path, epochs):
    """Whether a training goes on from a file, or refuses it and leaves everything as it was."""
    X, y = nn.datasets.moons(24, noise=0.3, seed=0)
    model = nn.Sequential(
        nn.Linear(2, 3, seed=0), nn.BatchNorm1d(3), nn.Dropout(0.2, seed=1), nn.Linear(3, 2, seed=0)
    )
    optimizer = nn.Adam(model.parameters(), lr=0.01, amsgrad=True)
    by_batch = nn.schedules.StepDecay(optimizer, 2, every="batch")
    rates = [nn.schedules.Warmup(by_batch, 2), nn.schedules.ReduceOnPlateau(optimizer, patience=0)]
    stopping = nn.EarlyStopping(5)

    def everything():
        return repr([part.state_dict() for part in (model, optimizer, *rates)])

    before, refusal = everything(), None
    try:
        nn.fit(
            model, nn.cross_entropy, (X, y), optimizer=optimizer, epochs=epochs, batch_size=12, validation=(X, y),
            checkpoint=path, schedule=rates, early_stopping=stopping, progress=False,
        )  # fmt: skip
    except (FileError, ShapeError) as error:
        refusal = str(error)
    if refusal is not None:
        assert "nothing of it was loaded" in refusal
        assert everything() == before
    return refusal is None


def places(tree, at=()):
    yield at
    for key, each in (
        tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    ):
        yield from places(each, (*at, key))


def changed(tree, at, change):
    """A copy of a tree in which the entry at this place is another, or none."""
    if not at:
        return change(tree)
    entries = dict(tree) if isinstance(tree, dict) else dict(enumerate(tree))
    entries[at[0]] = changed(entries[at[0]], at[1:], change)
    if entries[at[0]] is GONE:
        del entries[at[0]]
    return entries if isinstance(tree, dict) else list(entries.values())


GONE = object()
OTHERS = [None, "x", {"a": 1}, -1, np.ones((2, 2)), 10**400, GONE]


@pytest.mark.parametrize("part", ["training", "epoch", "generators", "parts"])
def test_a_checkpoint_whose_words_are_odd_is_refused_whole_or_goes_on(tmp_path, part):
    path = tmp_path / "run.npz"
    assert goes_on(path, epochs=2)
    arrays, marks, _ = read_marked(path)
    whole = unpack(marks["state"], arrays)
    refused = 0
    for at in places(whole):
        if at[:1] not in ((), (part,)):
            continue
        entry = whole
        for key in at:
            entry = entry[key]
        others = [(lambda _, other=other: other) for other in OTHERS if at or other is not GONE]
        others += [lambda entry: {**entry, "extra": 3}] * isinstance(entry, dict)
        for change in others:
            text, packed = pack(changed(whole, at, change))
            write_marked(path, packed, {**marks, "state": text})
            with np.errstate(all="ignore"):
                refused += not goes_on(path, epochs=3)
    assert refused > {"training": 80, "epoch": 12, "generators": 40, "parts": 400}[part]


def test_states_that_would_fail_only_later_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    fit(path, early_stopping=5)
    arrays, marks, _ = read_marked(path)
    whole = unpack(marks["state"], arrays)
    best = ("parts", "callback 0", "parameters")
    for at, other in [
        ((*best, "layers.0.weight"), np.ones((3, 3))),  # put back at the end of the training
        (best, {}),
        (("parts", "callback 0", "epoch"), 99),  # a row of the history
        (("parts", "history", "best"), 99),
        (("parts", "optimizer", "state.0.step"), 2.5),
        (("parts", "optimizer", "groups.0.lr"), "0.1"),
        (("parts", "loader", "batch"), True),
        (("generators",), [{}]),
    ]:
        text, packed = pack(changed(whole, at, lambda _, other=other: other))
        write_marked(path, packed, {**marks, "state": text})
        with pytest.raises(FileError, match="does not fit this training, and nothing of it was loaded"):
            fit(path, early_stopping=5, epochs=4)


def test_a_checkpoint_with_all_words_in_one_place_is_still_read(tmp_path):
    path = tmp_path / "run.npz"
    fit(path)
    arrays, marks, words = read_marked(path)
    assert words == {}
    text = np.frombuffer(json.dumps(marks).encode(), np.uint8)
    np.savez(path, **arrays, __metadata__=text)
    assert len(fit(path, epochs=3)) == 3


def test_a_reason_to_stop_is_kept_as_words(tmp_path):
    path = tmp_path / "run.npz"
    for _ in range(2):
        history = fit(path, epochs=5, callbacks=[lambda run: run.stop(ValueError("enough"))])
        assert (len(history), history.ended) == (1, "enough")


def test_packing():
    tree = {
        "": [1, 2.5, None, True, "x", 10**40, float("inf")],
        "t": (np.arange(3), {"n": np.float32(0.1), "empty": ()}),
        "same": np.array(3.0),
    }
    found = unpack(*pack(tree))
    assert repr(found) == repr(tree)
    assert type(found["t"][1]["n"]) is np.float32
    assert hashlib.sha256(found["t"][0]).digest() == hashlib.sha256(tree["t"][0]).digest()
    for wrong in ({1: 2}, object(), {"a": {3}}):
        with pytest.raises(KindError, match="a checkpoint holds numbers, texts, arrays"):
            pack(wrong)
    for name in ("__array__", "__number__", "__tuple__"):
        with pytest.raises(KindError, match="has a meaning of its own"):
            pack({"a": [{name: "0"}]})
        assert unpack(*pack({name: 1, "b": 2})) == {name: 1, "b": 2}
