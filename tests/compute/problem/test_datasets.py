"""The data sets against known facts about them, and `prepare` against the rules it promises."""

import socket

import numpy as np
import pytest
import sklearn.datasets

from lossatlas.compute.problem.datasets import DATASETS, HEART, HEART_COMPLETE, Dataset
from lossatlas.compute.problem.sources import Data, prepare
from lossatlas.compute.spec.options import BadSpec

NAMES = list(DATASETS)
SPLIT = [name for name in NAMES if DATASETS[name].split]
CLASS_COUNTS = {
    "xor": [2, 2],
    "iris": [50, 50, 50],
    "wine": [59, 71, 48],
    "breast_cancer": [212, 357],
    "digits": [178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
    "heart": [411, 509],
    "mnist": [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978],
    "circles": [200, 200],
    "moons": [200, 200],
    "spirals": [200, 200],
    "blobs": [134, 133, 133],
    "xor_cloud": [200, 200],
}
GENERATED = ["circles", "moons", "spirals", "blobs", "xor_cloud", "sine"]


@pytest.fixture(autouse=True)
def fresh_and_offline(monkeypatch):
    def refuse(*_):
        raise AssertionError("a data set asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    prepare.cache_clear()
    yield
    prepare.cache_clear()


def whole(name: str, seed: int = 0, noise: float = 0.0) -> Data:
    return prepare(name, seed, 0.0, noise, 0)


def arrays(data: Data) -> list[np.ndarray]:
    return [data.x_train, data.y_train, data.x_test, data.y_test]


def add(monkeypatch, name: str, x, y, classes: int, scaling: str = "none") -> None:
    """One more data set for the time of a test."""
    x = np.array(x, dtype=np.float64)
    line = Dataset(name, lambda _: (x, np.array(y)), len(x), x.shape[1], classes, scaling, "A test.", "here", "none")
    monkeypatch.setitem(DATASETS, name, line)


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_what_its_line_says(name):
    dataset = DATASETS[name]
    x, y = dataset.load(3)
    assert x.shape == (dataset.size, dataset.inputs) and x.dtype == np.float64
    if dataset.classes:
        assert y.shape == (dataset.size,) and y.dtype == np.int64
        assert np.bincount(y).tolist() == CLASS_COUNTS[name]
        assert len(CLASS_COUNTS[name]) == dataset.classes
    else:
        assert y.shape == (dataset.size, 1) and y.dtype == np.float64
    assert dataset.scaling in ("z-score", "min-max", "fixed", "none")
    assert dataset.note.endswith(".") and dataset.source and dataset.licence


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_bundled_sets_equal_what_scikit_learn_loads(name):
    x, y = DATASETS[name].load(0)
    expected_x, expected_y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    np.testing.assert_array_equal(x, expected_x / 16 if name == "digits" else expected_x)
    np.testing.assert_array_equal(y, expected_y)


def test_xor_is_its_truth_table_for_every_seed():
    for seed in (0, 7):
        data = prepare("xor", seed, 0.2, 0.0, 0)
        assert data.x_train.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
        assert data.y_train.tolist() == [0, 1, 1, 0]
        assert data.x_test.shape == (0, 2) and data.y_test.shape == (0,)


def test_mnist_is_on_the_scale_of_its_pixels():
    x, _ = DATASETS["mnist"].load(0)
    assert x.min() == 0 and x.max() == 1
    assert x.mean() == pytest.approx(0.1311, abs=5e-5)
    assert x.std() == pytest.approx(0.3087, abs=5e-5)


def test_heart_has_the_inputs_of_the_study():
    x, _ = DATASETS["heart"].load(0)
    widths = [len(levels) or 1 for levels in HEART.values()]
    starts = dict(zip(HEART, np.cumsum([0, *widths[:-1]]), strict=True))
    assert sum(widths) == 22
    incomplete = [column for column in HEART if column not in HEART_COMPLETE]
    assert len(incomplete) == 10
    missing = dict(zip(incomplete, x[:, 22:].sum(axis=0).astype(int).tolist(), strict=True))
    # counted in the file with pandas
    assert missing == {
        "trestbps": 60,
        "chol": 202,
        "fbs": 90,
        "restecg": 2,
        "thalach": 55,
        "exang": 55,
        "oldpeak": 62,
        "slope": 309,
        "ca": 611,
        "thal": 486,
    }
    for column, indicator in zip(incomplete, x[:, 22:].T, strict=True):
        cells = x[:, starts[column] : starts[column] + len(HEART[column] or "?")]
        if cells.shape[1] == 1:
            np.testing.assert_array_equal(np.isnan(cells[:, 0]), indicator == 1)
        else:
            np.testing.assert_array_equal(cells.sum(axis=1), 1 - indicator)
    assert not np.isnan(x[:, [starts[column] for column in HEART_COMPLETE]]).any()
    assert x[0, :13].tolist() == [
        63,
        1,
        1,
        0,
        0,
        0,
        145,
        233,
        1,
        0,
        0,
        1,
        150,
    ]  # the first patient of the file
    assert (x[:, 1].sum(), np.nansum(x[:, starts["exang"]])) == (726, 337)


def test_heart_fills_missing_values_with_the_training_mean():
    data = prepare("heart", 1, 0.2, 0.0, 0)
    raw, _ = DATASETS["heart"].load(1)
    chol, indicator = 7, 23
    known = raw[~np.isnan(raw[:, chol]), chol]
    assert np.isfinite(data.x_train).all() and np.isfinite(data.x_test).all()
    filled_train = data.x_train[data.x_train[:, indicator] == 1, chol]
    filled_test = data.x_test[data.x_test[:, indicator] == 1, chol]
    given = data.x_train[data.x_train[:, indicator] == -1, chol]
    assert len(filled_train) + len(filled_test) == len(raw) - len(known)
    np.testing.assert_allclose(filled_train, given.mean(), rtol=1e-12)
    np.testing.assert_allclose(filled_test, given.mean(), rtol=1e-12)


@pytest.mark.parametrize("name", SPLIT)
def test_the_parts_are_disjoint_and_exhaustive(name, monkeypatch):
    dataset = DATASETS[name]
    _, y = dataset.load(5)
    add(monkeypatch, "numbered", np.arange(dataset.size)[:, None], y, dataset.classes)
    data = prepare("numbered", 5, 0.2, 0.0, 0)
    train, test = data.x_train[:, 0].astype(int), data.x_test[:, 0].astype(int)
    assert len(test) == round(0.2 * dataset.size)
    assert sorted([*train, *test]) == list(range(dataset.size))
    np.testing.assert_array_equal(data.y_train, y[train])
    np.testing.assert_array_equal(data.y_test, y[test])
    assert not np.array_equal(np.sort(train), train)


@pytest.mark.parametrize("name", NAMES)
def test_scaling_is_fitted_on_the_training_part_only(name):
    data = prepare(name, 2, 0.25, 0.0, 0)
    train, test = data.x_train, data.x_test
    if DATASETS[name].scaling == "z-score":
        np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(train.std(axis=0), 1, rtol=1e-12)
        assert np.abs(test.mean(axis=0)).min() > 1e-6
    elif DATASETS[name].scaling == "min-max":
        np.testing.assert_allclose(train.min(axis=0), -1, rtol=1e-12)
        np.testing.assert_allclose(train.max(axis=0), 1, rtol=1e-12)
        assert not np.allclose(test.max(axis=0), 1)
    else:
        raw, _ = DATASETS[name].load(2)
        assert {row.tobytes() for row in raw} == {row.tobytes() for row in [*train, *test]}


@pytest.mark.parametrize(("scaling", "constant", "other"), [("z-score", 0, 7.0), ("min-max", -1, 6.0)])
def test_a_constant_column_is_shifted_not_divided_by_zero(monkeypatch, scaling, constant, other):
    # Eleven copies of 0.1 have a standard deviation of 1e-17, not 0.
    add(monkeypatch, "flat", [[0.1, n] for n in range(11)], [0, 1] * 5 + [0], 2, scaling)
    data = prepare("flat", 0, 0.2, 0.0, 0)
    np.testing.assert_allclose(data.x_train[:, 0], constant, atol=1e-15)
    np.testing.assert_allclose(data.x_test[:, 0], constant, atol=1e-15)
    assert np.isfinite(data.x_train).all()
    # A test value that the training part never showed moves by its difference, one for one.
    x, y = DATASETS["flat"].load(0)
    add(monkeypatch, "odd one", np.where(np.arange(11)[:, None] == 0, [[7.1, 0]], x), y, 2, scaling)
    seeds = (prepare("odd one", seed, 0.2, 0.0, 0) for seed in range(50))
    unseen = next(data for data in seeds if np.ptp(data.x_train[:, 0]) < 1e-12)
    assert unseen.x_test[:, 0].max() == pytest.approx(other, abs=1e-12)


def test_a_column_without_any_training_value_becomes_zero(monkeypatch):
    add(monkeypatch, "blank", [[np.nan, n] for n in range(4)], [0, 1, 0, 1], 2)
    assert whole("blank").x_train[:, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", [name for name in NAMES if DATASETS[name].classes])
@pytest.mark.parametrize("noise", [0.0, 0.13, 1.0])
def test_noise_replaces_exactly_its_share_of_training_labels(name, noise):
    clean, noisy = prepare(name, 4, 0.2, 0.0, 1000), prepare(name, 4, 0.2, noise, 1000)
    changed = clean.y_train != noisy.y_train
    assert changed.sum() == round(noise * len(clean.y_train))
    assert noisy.y_train.min() >= 0 and noisy.y_train.max() < noisy.classes
    for one, other in zip(arrays(clean), arrays(noisy), strict=True):
        if one is not clean.y_train:
            assert one.tobytes() == other.tobytes()


def test_noise_picks_every_wrong_class_and_grows_by_adding():
    clean = prepare("digits", 0, 0.2, 0.0, 0)
    little, much = (prepare("digits", 0, 0.2, noise, 0).y_train for noise in (0.2, 0.6))
    hit = little != clean.y_train
    np.testing.assert_array_equal(much[hit], little[hit])
    steps = np.bincount((much - clean.y_train) % 10, minlength=10)
    assert steps[0] == len(much) - round(0.6 * len(much))
    assert steps[1:].min() > 50  # 96 of each expected, standard deviation 9


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_regression_noise_deals_targets_round_among_themselves(noise):
    clean, noisy = prepare("sine", 0, 0.2, 0.0, 0), prepare("sine", 0, 0.2, noise, 0)
    assert (clean.y_train != noisy.y_train).sum() == round(noise * len(clean.y_train))
    np.testing.assert_array_equal(np.sort(clean.y_train, axis=0), np.sort(noisy.y_train, axis=0))
    assert clean.y_test.tobytes() == noisy.y_test.tobytes()


@pytest.mark.parametrize("name", SPLIT)
def test_same_arguments_same_bytes_and_another_seed_another_split(name):
    first = prepare(name, 1, 0.2, 0.1, 500)
    prepare.cache_clear()
    again, other = prepare(name, 1, 0.2, 0.1, 500), prepare(name, 2, 0.2, 0.1, 500)
    assert first is not again
    assert [a.tobytes() for a in arrays(first)] == [a.tobytes() for a in arrays(again)]
    assert first.x_train.tobytes() != other.x_train.tobytes()


def test_only_generated_sets_depend_on_the_seed():
    for name in NAMES:
        (one, _), (two, _) = DATASETS[name].load(1), DATASETS[name].load(2)
        assert np.array_equal(one, two, equal_nan=True) == (name not in GENERATED)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_cannot_be_changed_behind_the_cache(name):
    data = prepare(name, 0, 0.2, 0.1, 100)
    assert prepare(name, 0, 0.2, 0.1, 100) is data
    assert not any(array.flags.writeable for array in arrays(data))
    assert data.x_train.dtype == data.x_test.dtype == np.float64
    assert data.classes == DATASETS[name].classes


def test_max_samples_comes_before_the_split():
    data = prepare("digits", 0, 0.25, 0.0, 200)
    assert (len(data.x_train), len(data.x_test)) == (150, 50)
    everything, too_many = whole("iris"), prepare("iris", 0, 0.0, 0.0, 1_000_000)
    assert everything.x_train.tobytes() == too_many.x_train.tobytes()
    chosen = {row.tobytes() for row in prepare("digits", 0, 0.0, 0.0, 200).x_train}
    assert chosen == {row.tobytes() for row in [*data.x_train, *data.x_test]}


def test_generated_shapes_are_as_their_docstrings_say():
    x, y = DATASETS["circles"].load(0)
    radius = np.hypot(*x.T)
    assert abs(radius[y == 0].mean() - 1) < 0.02 and abs(radius[y == 1].mean() - 0.5) < 0.02
    x, y = DATASETS["xor_cloud"].load(0)
    np.testing.assert_array_equal(y, (x[:, 0] > 0) ^ (x[:, 1] > 0))
    assert np.abs(x).min() >= 0.05 and np.abs(x).max() <= 1
    assert np.unique(np.sign(x), axis=0, return_counts=True)[1].tolist() == [100] * 4
    x, y = DATASETS["sine"].load(0)
    assert (y - np.sin(2 * np.pi * x)).std() == pytest.approx(0.1, abs=0.02)
    x, y = DATASETS["blobs"].load(0)
    for group in range(3):
        centre = 2 * np.array([np.cos(2 * np.pi * group / 3), np.sin(2 * np.pi * group / 3)])
        np.testing.assert_allclose(x[y == group].mean(axis=0), centre, atol=0.25)
    x, y = DATASETS["moons"].load(0)
    distance = np.hypot(*(x - np.where(y[:, None] == 0, [0.0, 0.0], [1.0, 0.5])).T)
    assert abs(distance.mean() - 1) < 0.02
    assert (x[y == 0, 1] > -0.4).all() and (x[y == 1, 1] < 0.9).all()
    x, y = DATASETS["spirals"].load(0)
    outer = np.hypot(*x.T) > 0.2  # nearer to the middle, noise turns the angle too far
    angle = np.arctan2(x[:, 0], x[:, 1]) - 3.5 * np.pi * np.hypot(*x.T)
    assert (np.cos(angle - np.pi * y)[outer] > 0.6).all()


def test_one_new_line_is_a_new_data_set(monkeypatch):
    add(monkeypatch, "steps", np.arange(20.0)[:, None], np.arange(20) % 4, 4, "min-max")
    data = prepare("steps", 0, 0.5, 0.0, 0)
    assert data.x_train.shape == (10, 1) and data.x_test.shape == (10, 1) and data.classes == 4
    assert (data.x_train.min(), data.x_train.max()) == (-1, 1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("irsi", 0, 0.2, 0.0, 0), "Did you mean 'iris'"),
        (("iris", 0, 1.0, 0.0, 0), "below 1; got 1.0"),
        (("iris", 0, -0.1, 0.0, 0), "test_share must be at least 0"),
        (("iris", 0, float("nan"), 0.0, 0), "got nan"),
        (("iris", 0, 0.2, 1.5, 0), "noise must lie between 0 and 1; got 1.5"),
        (("iris", 0, 0.2, 0.0, -1), "max_samples must be 0 (all patterns) or more; got -1"),
        (("iris", 0, 0.9, 0.0, 2), "test_share 0.9 of 2 patterns of Iris leaves none. Lower test_share"),
    ],
)
def test_what_cannot_be_prepared_is_refused_in_a_sentence(given, says):
    with pytest.raises(BadSpec) as caught:
        prepare(*given)
    assert says in str(caught.value)


def test_one_training_pattern_is_enough():
    data = prepare("iris", 0, 0.5, 0.0, 2)
    assert data.x_train.tolist() == [[0, 0, 0, 0]]
    assert np.isfinite(data.x_test).all()


def test_a_missing_scikit_learn_is_named(monkeypatch):
    monkeypatch.setattr("lossatlas.compute.problem.datasets.find_spec", lambda _: None)
    with pytest.raises(BadSpec, match="needs scikit-learn"):
        whole("iris")
