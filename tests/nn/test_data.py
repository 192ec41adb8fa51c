"""Batches, splits, scalers, codes and data sets: nothing is lost, repeated or learnt from the test set."""

import gzip
import importlib.resources

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ChainruleError, KindError, RangeError, ShapeError
from chainrule.nn import DataLoader, MinMaxScaler, Standardizer, datasets, k_fold, one_hot, split

X = np.arange(22.0).reshape(11, 2)
Y = np.arange(11)

# ---------------------------------------------------------------------- batches


def batches(loader):
    return [y.tolist() for _, y in loader]


def test_every_sample_comes_once_and_the_last_batch_is_short():
    loader = DataLoader(X, Y, batch_size=4, seed=0)
    for _ in range(3):
        found = list(loader)
        assert [len(y) for _, y in found] == [4, 4, 3]
        assert sorted(y for _, ys in found for y in ys) == list(range(11))
        for x, y in found:
            np.testing.assert_array_equal(x, X[y])
    assert len(loader) == 3


def test_drop_last_drops_it():
    loader = DataLoader(X, Y, batch_size=4, seed=0, drop_last=True)
    assert len(loader) == 2
    assert [len(y) for y in batches(loader)] == [4, 4]
    assert len(DataLoader(X, Y, batch_size=11, drop_last=True)) == 1


def test_the_order_depends_on_seed_and_epoch_alone():
    a, b = DataLoader(X, Y, batch_size=4, seed=3), DataLoader(X, Y, batch_size=4, seed=3)
    first, second = batches(a), batches(a)
    assert first == batches(b)
    assert second == batches(b)
    assert first != second
    assert first != batches(DataLoader(X, Y, batch_size=4, seed=4))
    c = DataLoader(X, Y, batch_size=4, seed=3)
    c.epoch = 1
    assert batches(c) == second
    d = DataLoader(X, Y, batch_size=4)
    order = batches(d)
    d.epoch = 0
    assert batches(d) == order
    assert batches(DataLoader(X, Y, batch_size=4)) != batches(DataLoader(X, Y, batch_size=4))


def test_without_shuffling_batches_are_views_in_order():
    loader = DataLoader(X, Y, batch_size=4, shuffle=False)
    assert batches(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert next(iter(loader))[0].base is not None


def test_two_loops_over_one_loader_do_not_mix():
    loader = DataLoader(X, Y, batch_size=4, seed=0)
    one = iter(loader)
    start = next(one)[1].tolist()
    batches(loader)
    rest = [y for _, ys in one for y in ys]
    assert sorted(start + rest) == list(range(11))


def test_loaders_that_cannot_be():
    with pytest.raises(ShapeError, match="one target for each row of X"):
        DataLoader(X, Y[:5])
    with pytest.raises(RangeError, match="no batch comes from 0 samples"):
        DataLoader(X[:0], Y[:0])
    with pytest.raises(RangeError, match="no batch comes from 11 samples"):
        DataLoader(X, Y, batch_size=12, drop_last=True)
    with pytest.raises(RangeError, match="batch_size is 1 or more"):
        DataLoader(X, Y, batch_size=0)
    with pytest.raises(KindError, match="have names, as in batch_size=32"):
        DataLoader(X, Y, 4)
    with pytest.raises(ShapeError, match="given nothing"):
        DataLoader()
    with pytest.raises(KindError, match="whole number"):
        DataLoader(X, Y, batch_size=2.5)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_shards_of_a_batch_are_the_batch(n, shuffle):
    X = np.arange(60.0).reshape(30, 2)  # batches of 12, 12 and 6
    options = {"batch_size": 12, "shuffle": shuffle, "seed": 4}
    one = DataLoader(X, np.arange(30), **options)
    parts = [DataLoader(X, np.arange(30), shard=(i, n), **options) for i in range(n)]
    for _ in range(2):  # epochs
        for batch, *shares in zip(one, *parts, strict=True):
            assert {len(y) for _, y in shares} == {len(batch[1]) // n}
            for whole, *pieces in zip(batch, *shares):
                np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert len(parts[0]) == len(one) == 3
    assert all(part.state_dict() == one.state_dict() for part in parts)


def test_the_mean_of_the_gradients_of_shards_is_the_gradient_of_the_batch(rng):
    X, Y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)  # batches of 12 and 8
    loaders = [DataLoader(X, Y, batch_size=12, seed=0, shard=(i, 4)) for i in range(4)]
    model = nn.MLP(3, [5, 2], seed=0)

    def gradients(batch):
        model.zero_grad()
        nn.cross_entropy(model(batch[0]), batch[1]).backward()
        return [p.grad.copy() for p in model.parameters()]

    for whole, *shares in zip(DataLoader(X, Y, batch_size=12, seed=0), *loaders, strict=True):
        for expected, *found in zip(gradients(whole), *map(gradients, shares)):
            np.testing.assert_allclose(np.mean(found, 0), expected, rtol=1e-12, atol=1e-15)


def test_a_state_goes_on_with_another_number_of_shards():
    X = np.arange(24)
    one = DataLoader(X, batch_size=4, seed=1, shard=(1, 2))
    loop = iter(one)
    next(loop)
    next(loop)
    state = one.state_dict()
    assert state == {"seed": 1, "epoch": 0, "batch": 2}
    parts = [DataLoader(X, batch_size=4, seed=9, shard=(i, 4)) for i in range(4)]
    for part in parts:
        part.load_state_dict(state)
    rest = [np.concatenate([x for (x,) in shares]).tolist() for shares in zip(*parts)]
    assert rest == [x.tolist() for (x,) in DataLoader(X, batch_size=4, seed=1)][2:]


def test_dicts_are_shared_out_too_and_slices_are_views():
    loader = DataLoader({"x": X[:8], "n": Y[:8]}, Y[:8], batch_size=4, shuffle=False, shard=(1, 2))
    assert [(each["n"].tolist(), y.tolist()) for each, y in loader] == [([2, 3],) * 2, ([6, 7],) * 2]
    assert all(np.shares_memory(each["x"], X) for each, _ in loader)
    assert repr(loader).endswith("drop_last=False, shard=(1, 2))")


def test_shards_that_cannot_be():
    for wrong in (2, (1,), "01", (0, 1, 2)):
        with pytest.raises(KindError, match=r"a pair of whole numbers.* as in shard=\(0, 2\)"):
            DataLoader(Y, seed=0, shard=wrong)
    with pytest.raises(KindError, match="first number of shard is a whole number"):
        DataLoader(Y, seed=0, shard=(0.0, 2))
    for wrong in ((2, 2), (-1, 2), (0, 0)):
        with pytest.raises(RangeError, match="0 to 1; given shard|is 0 or more|is 1 or more"):
            DataLoader(Y, seed=0, shard=wrong)
    with pytest.raises(
        RangeError, match="10 samples are not divided into 4 equal slices. Write batch_size=8"
    ):
        DataLoader(Y, batch_size=10, seed=0, shard=(0, 4))
    with pytest.raises(RangeError, match="last batch of 11 samples has 3, .*drop_last=True, or leave 1 of"):
        DataLoader(Y, batch_size=4, seed=0, shard=(0, 2))
    assert batches(DataLoader(X, Y, batch_size=4, seed=0, shard=(0, 2), drop_last=True))
    with pytest.raises(RangeError, match="shuffle in one order, which a seed gives them"):
        DataLoader(Y, batch_size=4, drop_last=True, shard=(0, 2))
    assert len(DataLoader(Y, batch_size=4, shard=(0, 1))) == 3  # alone, no order is to be shared


def test_several_arrays_and_dicts_of_them_stay_together():
    loader = DataLoader({"x": X, "n": Y}, -Y, Y, batch_size=4, seed=0)
    for parts, minus, y in loader:
        np.testing.assert_array_equal(parts["x"], X[y])
        np.testing.assert_array_equal(parts["n"], y)
        np.testing.assert_array_equal(minus, -y)
    assert [len(batch) for batch in DataLoader(X, batch_size=4)] == [1, 1, 1]
    with pytest.raises(ShapeError, match=r"\(11, 2\), \(10,\), \(11,\)"):
        DataLoader({"x": X, "n": Y[1:]}, Y)


@pytest.mark.parametrize("given", range(7))
def test_a_loader_goes_on_where_its_state_was_taken(given):
    loader, other = DataLoader(X, Y, batch_size=4, seed=0), DataLoader(X, Y, batch_size=4, seed=5)
    both = batches(DataLoader(X, Y, batch_size=4, seed=0))
    stream = (y.tolist() for _ in range(3) for _, y in loader)
    both = [next(stream) for _ in range(given)]
    state = loader.state_dict()
    rest = list(stream)
    other.load_state_dict(state)
    assert other.state_dict() == state
    assert [y for _ in range(3 - given // 3) for y in batches(other)] == rest
    assert len(both) + len(rest) == 9


@pytest.mark.parametrize(
    "state", [{}, {"seed": 0, "epoch": 0}, {"seed": 0, "epoch": 0, "batch": 3}, {"epoch": "x"}]
)
def test_states_that_are_no_loader_s(state):
    with pytest.raises(RangeError, match="a batch below 3"):
        DataLoader(X, Y, batch_size=4).load_state_dict(state)


# ---------------------------------------------------------------------- splits


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize(("size", "n_test"), [(0.2, 20), (0.5, 50), (7, 7), (0.01, 1)])
def test_parts_share_nothing_and_lose_nothing(size, n_test, stratify):
    x = np.arange(200).reshape(100, 2)
    y = np.arange(100) % 3
    a, b, ya, yb = split(x, y, test_size=size, seed=0, stratify=stratify)
    assert (len(a), len(b), len(ya), len(yb)) == (100 - n_test, n_test, 100 - n_test, n_test)
    assert sorted([*a[:, 0], *b[:, 0]]) == list(range(0, 200, 2))
    np.testing.assert_array_equal(a[:, 0] // 2 % 3, ya)
    np.testing.assert_array_equal(b[:, 0] // 2 % 3, yb)


def test_split_is_random_and_repeatable():
    parts = [split(X, Y, test_size=4, seed=s)[3].tolist() for s in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]
    assert sorted(parts[0]) != parts[0] or sorted(parts[2]) != parts[2]
    assert {tuple(split(X, Y, test_size=4, seed=s, stratify=False)[3]) for s in range(20)} != {
        tuple(parts[0])
    }


@pytest.mark.parametrize("seed", range(5))
def test_stratified_parts_have_the_classes_in_proportion(seed):
    y = np.repeat([0, 1, 2], [70, 20, 10])
    np.random.default_rng(seed).shuffle(y)
    _, _, ya, yb = split(y, y, test_size=0.3, seed=seed, stratify=True)
    assert abs(np.bincount(yb) - [21, 6, 3]).max() <= 1
    assert abs(np.bincount(ya) - [49, 14, 7]).max() <= 1
    one_class = np.zeros(10, int)
    assert len(split(one_class, one_class, test_size=0.3, seed=seed, stratify=True)[3]) == 3


def test_stratified_choice_within_a_class_is_random():
    y = np.repeat([0, 1], 10)
    chosen = {
        tuple(sorted(split(np.arange(20), y, test_size=4, seed=s, stratify=True)[1])) for s in range(20)
    }
    assert len(chosen) > 10


@pytest.mark.parametrize("size", [0, 0.0, 1.0, 11, 0.01, -1])
def test_no_part_may_be_empty(size):
    with pytest.raises(RangeError, match="each part needs one"):
        split(X, Y, test_size=size)


def test_a_class_of_one_cannot_be_in_both():
    with pytest.raises(RangeError, match="class 1 has 1 in all"):
        split(X, [0] * 10 + [1], stratify=True)


@pytest.mark.parametrize("stratify", [False, True])
def test_three_parts_share_nothing_and_lose_nothing(stratify):
    x = np.arange(100)
    parts = split(x, x % 3, test_size=0.2, validation_size=10, seed=0, stratify=stratify)
    assert [len(part) for part in parts] == [70, 10, 20] * 2
    assert sorted(np.concatenate(parts[:3])) == list(range(100))
    for x_part, y_part in zip(parts[:3], parts[3:], strict=True):
        np.testing.assert_array_equal(x_part % 3, y_part)
        if stratify:
            assert np.ptp(np.bincount(y_part)) <= 2
    # the test part does not depend on whether there is a validation part
    np.testing.assert_array_equal(parts[2], split(x, x % 3, test_size=0.2, seed=0, stratify=stratify)[1])
    with pytest.raises(RangeError, match="0 for train, 50 for validation, 50 for test"):
        split(x, test_size=0.5, validation_size=0.5)


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("k", [2, 5, 7])
def test_each_sample_is_tested_once_in_cross_validation(k, stratify):
    x, y, tested = np.arange(61), np.arange(61) % 4 // 3, []
    for x_train, x_test, y_train, y_test in k_fold(x, y, k=k, seed=0, stratify=stratify):
        assert sorted([*x_train, *x_test]) == list(range(61))
        np.testing.assert_array_equal(y_train, x_train % 4 // 3)
        assert len(x_test) in (61 // k, 61 // k + 1)
        if stratify:
            assert abs(y_test.sum() - y.sum() / k) < 1
        tested += x_test.tolist()
    assert sorted(tested) == list(range(61))
    assert tested != sorted(tested)


def test_folds_that_cannot_be():
    for k in (1, 12, 2.0):
        with pytest.raises(RangeError, match="from 2 to 11 folds"):
            k_fold(X, Y, k=k)
    with pytest.raises(RangeError, match="class 1 has 2 in all"):
        k_fold(X, [0] * 9 + [1] * 2, k=3, stratify=True)
    with pytest.raises(ShapeError, match="one class for each sample"):
        k_fold(Y, X, k=3, stratify=True)


# ---------------------------------------------------------------------- scalers


@pytest.mark.parametrize("scaler", [Standardizer, MinMaxScaler, lambda: MinMaxScaler(-2, 3)])
def test_scalers(scaler, rng):
    x = rng.normal(5, 3, (50, 3)) * [1, 100, 0.01]
    s = scaler()
    z = s.fit_transform(x)
    if isinstance(s, Standardizer):
        np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(z.std(0), 1)
    else:
        np.testing.assert_allclose(z.min(0), s.low, atol=1e-12)
        np.testing.assert_allclose(z.max(0), s.high)
    np.testing.assert_allclose(s.inverse_transform(z), x)


@pytest.mark.parametrize("scaler", [Standardizer, MinMaxScaler])
def test_the_test_set_is_never_measured(scaler, rng):
    train, test = rng.normal(0, 1, (20, 2)), rng.normal(50, 9, (20, 2))
    s = scaler().fit(train)
    before = s.shift.copy(), s.scale.copy()
    one, other = s.transform(test), s.transform(test[:1])
    np.testing.assert_array_equal(one[:1], other)
    np.testing.assert_array_equal(before, (s.shift, s.scale))
    assert one.min() > 1  # far outside of what was seen, and left there


@pytest.mark.parametrize("scaler", [Standardizer, MinMaxScaler])
def test_constant_columns_dtypes_and_images(scaler):
    x = np.array([[0.1, 1.0]] * 7 + [[0.1, 3.0]])
    z = scaler().fit_transform(x)
    assert np.isfinite(z).all()
    assert not z[:, 0].any()  # a mean of 0.1s is not quite 0.1
    assert scaler().fit_transform(x.astype(np.float32)).dtype == np.float32
    assert scaler().fit_transform(np.arange(4).reshape(2, 2)).dtype == np.float64
    assert scaler().fit_transform(np.ones((5, 8, 8))).shape == (5, 8, 8)
    assert np.isfinite(scaler().fit_transform([[1.0, 2.0]])).all()


@pytest.mark.parametrize("scaler", [Standardizer, MinMaxScaler])
def test_scalers_explain(scaler):
    with pytest.raises(ChainruleError, match=r"before fit.*scaler\.fit\(X_train\)"):
        scaler().transform(X)
    with pytest.raises(ShapeError, match=r"fitted on samples of shape \(2,\)"):
        scaler().fit(X).transform(np.ones((3, 5)))
    with pytest.raises(ShapeError, match="one sample at least"):
        scaler().fit(X[:0])
    with pytest.raises(KindError, match="takes numbers"):
        scaler().fit([["a"]])
    with pytest.raises(RangeError, match="not below"):
        MinMaxScaler(1, 1)


@pytest.mark.parametrize("scaler", [Standardizer, MinMaxScaler])
def test_a_scaler_cannot_be_fitted_on_the_test_set_as_well(scaler, rng):
    train, test = rng.normal(size=(2, 20, 3))
    s = scaler().fit(train)
    s.fit(train)  # the cell of a notebook, run again
    before = s.transform(test)
    for fit in (s.fit, s.fit_transform):
        with pytest.raises(ChainruleError, match=r"fitted once.*scaler\.transform\(X_test\)"):
            fit(test)
    np.testing.assert_array_equal(s.transform(test), before)


@pytest.mark.parametrize("scaler", [Standardizer, MinMaxScaler, lambda: MinMaxScaler(-2, 3)])
def test_a_scaler_s_state(scaler, rng):
    x = rng.normal(size=(20, 3))
    s, other = scaler().fit(x), scaler()
    other.load_state_dict(s.state_dict())
    np.testing.assert_array_equal(s.transform(x), other.transform(x))
    np.testing.assert_array_equal(s.inverse_transform(x), other.inverse_transform(x))
    with pytest.raises(ShapeError, match="a shift and a scale of one shape"):
        other.load_state_dict({"shift": np.zeros(2), "scale": np.ones(3), "low": 0})
    with pytest.raises(KindError, match="takes numbers"):
        other.load_state_dict({"shift": ["a"], "scale": [1.0], "low": 0})
    np.testing.assert_array_equal(s.transform(x), other.transform(x))
    with pytest.raises(ChainruleError, match="before fit"):
        scaler().state_dict()


# ---------------------------------------------------------------------- codes


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.uint64])
@pytest.mark.parametrize("n", [1, 3, 128, 129, 200])
def test_one_hot_codes_of_few_and_of_many_classes(n, dtype):
    labels = np.random.default_rng(n).integers(min(n, 128), size=(4, 5)).astype(dtype)
    codes = one_hot(labels, n)
    assert codes.shape == (4, 5, n)
    np.testing.assert_array_equal(codes.sum(-1), 1)
    np.testing.assert_array_equal(codes.argmax(-1), labels)


def test_one_hot():
    np.testing.assert_array_equal(one_hot([2, 0]), [[0, 0, 1], [1, 0, 0]])
    assert one_hot([[0, 1]], 5, np.float32).shape == (1, 2, 5)
    assert one_hot([1], dtype=np.float32).dtype == np.float32
    assert one_hot(np.ones(0, int)).shape == (0, 0)
    with pytest.raises(RangeError, match="labels are 0 to 1; given 0 to 2"):
        one_hot([0, 2], 2)
    with pytest.raises(RangeError, match="given -1"):
        one_hot([-1, 1])
    with pytest.raises(KindError, match="astype"):
        one_hot([0.5])


# ---------------------------------------------------------------------- data sets


def test_iris_is_fisher_s():
    iris = datasets.load_iris()
    assert iris.data.shape == (150, 4)
    assert np.bincount(iris.target).tolist() == [50, 50, 50]
    np.testing.assert_allclose(iris.data.mean(0), [5.843333, 3.057333, 3.758, 1.199333], atol=1e-6)
    # the two samples that are wrong in UCI's file
    assert iris.data[34].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert iris.data[37].tolist() == [4.9, 3.6, 1.4, 0.1]
    assert iris.feature_names == ("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm")


def test_digits_are_uci_s_test_set():
    digits = datasets.load_digits()
    assert digits.data.shape == (1797, 64)
    assert (digits.data.min(), digits.data.max()) == (0, 16)
    # the numbers of each digit that UCI states
    assert np.bincount(digits.target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.data[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert len(digits.feature_names) == 64
    assert repr(digits) == "Dataset(1797 samples, 64 features, 10 classes)"
    X, y, *_ = digits
    assert (X.dtype, y.dtype) == (np.float64, np.int64)


def test_data_files_are_the_same_bytes_whenever_they_are_made():
    packed = importlib.resources.files(datasets).joinpath("digits.csv.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # no time
    assert not packed[3] & 8  # no name
    assert gzip.decompress(packed).startswith(b"pixel_0_0,")
    readme = importlib.resources.files(datasets).joinpath("README.md").read_text(encoding="utf-8")
    for part in ("10.24432/C56C76", "10.24432/C50P49", "CC BY 4.0", "Alpaydin", "Fisher"):
        assert part in readme


MADE = {
    name: getattr(datasets, name) for name in ("moons", "circles", "rings", "gaussians", "xor", "spirals")
}


@pytest.mark.parametrize("name", MADE)
def test_made_data(name):
    make = MADE[name]
    x, y = make(101, seed=0)
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((101, 2), np.float64, (101,), np.int64)
    assert np.bincount(y).tolist() == [51, 50]
    assert 5 < np.flatnonzero(np.diff(y)).size < 95  # shuffled: neither sorted nor in turn
    np.testing.assert_array_equal(x, make(101, seed=0)[0])
    assert not np.array_equal(x, make(101, seed=1)[0])
    clean, noisy = make(4000, noise=0.0, seed=0)[0], make(4000, noise=0.3, seed=0)[0]
    assert (noisy - clean).std() == pytest.approx(0.3, rel=0.05)
    assert make(1)[0].shape == (1, 2)
    with pytest.raises(RangeError, match="at least one"):
        make(0)
    with pytest.raises(RangeError, match="negative"):
        make(5, noise=-1)


def test_shapes_without_noise():
    x, y = datasets.moons(50, noise=0, seed=0)
    np.testing.assert_allclose(np.linalg.norm(x[y == 0], axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(x[y == 1] - [1, 0.5], axis=1), 1)
    x, y = datasets.circles(50, noise=0, seed=0, factor=0.3)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), np.where(y == 0, 1, 0.3))
    x, y = datasets.gaussians(60, noise=0, seed=0, n_classes=3)
    assert len(np.unique(x.round(9), axis=0)) == 3
    x, y = datasets.spirals(60, noise=0, seed=0, n_classes=3)
    assert np.bincount(y).tolist() == [20, 20, 20]
    assert np.linalg.norm(x, axis=1).max() == pytest.approx(1)


@pytest.mark.parametrize("size", [1e-200, 1e-320, 1e160, 1e300])
@pytest.mark.parametrize("scaler", [Standardizer, lambda: MinMaxScaler(-1, 1)])
def test_columns_whose_squares_have_no_place(scaler, size):
    s = scaler()
    X = np.array([[0.0, 1.0], [2 * size, 3.0]])
    np.testing.assert_allclose(s.fit_transform(X), [[-1, -1], [1, 1]], rtol=1e-3)
    np.testing.assert_allclose(s.inverse_transform([[-1, -1], [1, 1]]), X, rtol=1e-3)


def test_a_state_of_a_loader_that_cannot_be_is_refused_whole():
    loader = DataLoader(np.arange(6), batch_size=2, seed=0)
    state = loader.state_dict()
    for wrong in (
        {},
        {**state, "more": 1},
        {**state, "seed": None},
        {**state, "epoch": -1},
        {**state, "batch": True},
        {**state, "batch": 3},
        {**state, "seed": [1]},
    ):
        with pytest.raises(RangeError, match="a seed, an epoch, and a batch below 3"):
            loader.load_state_dict(wrong)
    assert loader.state_dict() == state
