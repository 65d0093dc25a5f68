"""The data sets as they are loaded. A new one is a function here and a line in DATASETS.

Nothing is downloaded: sets are files in `compute/data/`, files that scikit-learn brings, or made from a seed.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lossatlas.compute.spec.options import BadSpec

HERE = Path(__file__).parent / "data"
POINTS = 400  # patterns of a generated set (chosen by eye)

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Dataset:
    """A data set as loaded: what it holds, how its inputs are scaled, and where it comes from."""

    label: str
    load: Callable[[int], Arrays]  # seed -> inputs (N, D), labels (N,) int64 or targets (N, 1) float64
    size: int  # N
    inputs: int  # D
    classes: int  # 0 = regression on one target
    scaling: str  # "z-score", "min-max" (to [−1, 1]), "fixed" (by the loader, known in advance) or "none"
    note: str  # one sentence
    source: str
    licence: str
    side: int = 0  # pixels a side where a pattern is a square image, its rows one after another; 0: no image
    split: bool = True  # False: every pattern is for training, as loaded whatever the seed; there is no test part
    also: tuple[str, ...] = ()  # what else it is called


def xor(_: int) -> Arrays:
    return np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])


def iris(_: int) -> Arrays:
    return _bundled("iris.csv", skip=1)


def wine(_: int) -> Arrays:
    return _bundled("wine_data.csv", skip=1)


def breast_cancer(_: int) -> Arrays:
    return _bundled("breast_cancer.csv", skip=1)


def digits(_: int) -> Arrays:
    x, y = _bundled("digits.csv.gz", skip=0)
    return x / 16.0, y  # ink counts 0–16 to [0, 1]


def _bundled(name: str, skip: int) -> Arrays:
    """A table that scikit-learn carries, its last column the class.

    The file is read from where the package lies, not through `sklearn.datasets`: importing that costs every
    process about a second and 58 MB beyond torch and scipy.
    """
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise BadSpec(f"This data set needs scikit-learn, which carries {name}: pip install scikit-learn.")
    table = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / name, delimiter=",", skiprows=skip)
    return table[:, :-1], table[:, -1].astype(np.int64)


# The 32 inputs of the Heart network in order: a text column becomes one input for each level listed.
HEART: dict[str, tuple[str, ...]] = {
    "age": (),
    "sex": ("Male",),
    "cp": ("typical angina", "atypical angina", "non-anginal", "asymptomatic"),
    "trestbps": (),
    "chol": (),
    "fbs": ("True",),
    "restecg": ("normal", "st-t abnormality", "lv hypertrophy"),
    "thalach": (),
    "exang": ("True",),
    "oldpeak": (),
    "slope": ("upsloping", "flat", "downsloping"),
    "ca": (),
    "thal": ("normal", "fixed defect", "reversible defect"),
}
HEART_COMPLETE = ("age", "sex", "cp")  # the other ten have missing values, hence an indicator each


def heart(_: int) -> Arrays:
    """The label is any disease against none. Missing numbers and yes/no answers are NaN, a missing text is 0
    for every level, and ten indicators of what is missing come last.
    """
    with open(HERE / "heart.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    x = [
        [value for column, levels in HEART.items() for value in _encode(row[column], levels)]
        + [float(row[column] == "") for column in HEART if column not in HEART_COMPLETE]
        for row in rows
    ]
    return np.array(x), np.array([int(row["disease"]) > 0 for row in rows], dtype=np.int64)


def _encode(cell: str, levels: tuple[str, ...]) -> list[float]:
    if not cell and len(levels) < 2:
        return [np.nan]
    return [float(cell == level) for level in levels] if levels else [float(cell)]


def mnist(_: int) -> Arrays:
    with np.load(HERE / "mnist10k.npz", allow_pickle=False) as stored:
        images, labels = stored["images"], stored["labels"]
    return images.reshape(len(images), -1) / 255.0, labels.astype(np.int64)


def circles(seed: int) -> Arrays:
    """Two circles around 0, of radius 1 and 0.5, with noise of standard deviation 0.07."""
    rng = np.random.default_rng(seed)
    y = np.arange(POINTS) % 2
    angle = rng.uniform(0, 2 * np.pi, POINTS)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * np.where(y == 0, 1.0, 0.5)[:, None]
    return ring + rng.normal(0, 0.07, ring.shape), y


def moons(seed: int) -> Arrays:
    """Two half circles of radius 1 that reach into one another, with noise of standard deviation 0.1."""
    rng = np.random.default_rng(seed)
    y = np.arange(POINTS) % 2
    angle, side = rng.uniform(0, np.pi, POINTS), 1 - 2 * y
    arcs = np.column_stack([y + side * np.cos(angle), y / 2 + side * np.sin(angle)])
    return arcs + rng.normal(0, 0.1, arcs.shape), y


def spirals(seed: int) -> Arrays:
    """Two arms of one and three quarter turns out to radius 1, with noise of standard deviation 0.02."""
    rng = np.random.default_rng(seed)
    y = np.arange(POINTS) % 2
    radius = rng.uniform(0, 1, POINTS)
    angle = 3.5 * np.pi * radius + np.pi * y
    arms = np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])
    return arms + rng.normal(0, 0.02, arms.shape), y


def blobs(seed: int) -> Arrays:
    """Three normal clouds of standard deviation 0.7 on a circle of radius 2."""
    rng = np.random.default_rng(seed)
    y = np.arange(POINTS) % 3
    angle = 2 * np.pi * y / 3
    return 2 * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, 0.7, (POINTS, 2)), y


def xor_cloud(seed: int) -> Arrays:
    """Equally many points in the four quarters of [−1, 1]², none within 0.05 of an axis; the class is XOR."""
    rng = np.random.default_rng(seed)
    corner = np.column_stack([np.arange(POINTS) % 2, np.arange(POINTS) // 2 % 2])  # (N, 2) of 0 and 1
    return (2 * corner - 1) * rng.uniform(0.05, 1, corner.shape), corner[:, 0] ^ corner[:, 1]


def sine(seed: int) -> Arrays:
    """y = sin(2πx) on [−1, 1], with noise of standard deviation 0.1."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (POINTS, 1))
    return x, np.sin(2 * np.pi * x) + rng.normal(0, 0.1, x.shape)


def unit(_: int) -> Arrays:
    """Two patterns whose target is the input: ±1. Of f(x) = p·x + q the loss is (p − 1)² + q², so that a linear network
    with product p of its weights has a term for its biases alone, and 0 is a stationary point of both.
    """
    x = np.array([[-1.0], [1.0]])
    return x, x.copy()


UCI = "CC BY 4.0 (UCI); the file comes with scikit-learn (BSD-3-Clause)"
OURS = "made by this program"

DATASETS: dict[str, Dataset] = {
    "xor": Dataset(
        "XOR",
        xor,
        size=4,
        inputs=2,
        classes=2,
        scaling="none",
        note="The four patterns of exclusive or, the smallest task that needs a hidden layer; no test part.",
        source="Minsky & Papert 1969; Rumelhart, Hinton & Williams 1986",
        licence=OURS,
        split=False,
        also=("exclusive_or",),
    ),
    "iris": Dataset(
        "Iris",
        iris,
        size=150,
        inputs=4,
        classes=3,
        scaling="z-score",
        note="Four lengths of 150 flowers of three species, as Fisher printed them (UCI errs in two rows).",
        source="Fisher 1936",
        licence=UCI,
        also=("load_iris", "fisher_iris"),
    ),
    "wine": Dataset(
        "Wine",
        wine,
        size=178,
        inputs=13,
        classes=3,
        scaling="z-score",
        note="Thirteen chemical measurements of wines from three growers of one Italian region.",
        source="Forina et al. 1988, PARVUS; UCI Wine",
        licence=UCI,
        also=("load_wine", "wine_recognition"),
    ),
    "breast_cancer": Dataset(
        "Breast cancer",
        breast_cancer,
        size=569,
        inputs=30,
        classes=2,
        scaling="z-score",
        note="Thirty shape measures of cell nuclei from 569 needle samples; class 0 is malignant, 1 benign.",
        source="Street, Wolberg & Mangasarian 1993; UCI Breast Cancer Wisconsin (Diagnostic)",
        licence=UCI,
        also=("load_breast_cancer", "breast_cancer_wisconsin", "wdbc"),
    ),
    "digits": Dataset(
        "Digits 8×8",
        digits,
        size=1797,
        inputs=64,
        side=8,
        classes=10,
        scaling="fixed",
        note="Handwritten digits as 8×8 ink counts of 0 to 16, divided by 16; the test part of the UCI set.",
        source="Alpaydin & Kaynak 1998; UCI Optical Recognition of Handwritten Digits",
        licence=UCI,
        also=("load_digits", "optdigits"),
    ),
    "heart": Dataset(
        "Heart",
        heart,
        size=920,
        inputs=32,
        classes=2,
        scaling="min-max",
        note="Heart disease in 920 patients of four sites; missing values are filled in and marked.",
        source="Janosi, Steinbrunn, Pfisterer & Detrano 1988; UCI Heart Disease",
        licence="CC BY 4.0 (UCI)",
        also=("heart_disease",),
    ),
    "mnist": Dataset(
        "MNIST-10k",
        mnist,
        size=10_000,
        inputs=784,
        side=28,
        classes=10,
        scaling="fixed",
        note="10,000 handwritten digits of 28×28 pixels, divided by 255, not centred: borders stay 0.",
        source="LeCun, Cortes & Burges 1998, from a repackaging with pixels rounded to three decimals",
        licence="CC BY-SA 3.0",
        also=("mnist_10k", "mnist_784"),
    ),
    "circles": Dataset(
        "Circles",
        circles,
        size=POINTS,
        inputs=2,
        classes=2,
        scaling="none",
        note="One noisy circle inside another: no straight line separates them, one bump does.",
        source="after scikit-learn's make_circles",
        licence=OURS,
        also=("make_circles", "rings"),
    ),
    "moons": Dataset(
        "Moons",
        moons,
        size=POINTS,
        inputs=2,
        classes=2,
        scaling="z-score",
        note="Two noisy half circles that reach into one another.",
        source="after scikit-learn's make_moons",
        licence=OURS,
        also=("make_moons", "two_moons", "half_moons"),
    ),
    "spirals": Dataset(
        "Spirals",
        spirals,
        size=POINTS,
        inputs=2,
        classes=2,
        scaling="none",
        note="Two interleaved spirals, hard for a small network.",
        source="Lang & Witbrock 1988",
        licence=OURS,
        also=("two_spirals", "twin_spirals"),
    ),
    "blobs": Dataset(
        "Blobs",
        blobs,
        size=POINTS,
        inputs=2,
        classes=3,
        scaling="z-score",
        note="Three slightly overlapping normal clouds, easy for any network.",
        source="after scikit-learn's make_blobs, with fixed centres",
        licence=OURS,
        also=("make_blobs", "clusters"),
    ),
    "xor_cloud": Dataset(
        "XOR cloud",
        xor_cloud,
        size=POINTS,
        inputs=2,
        classes=2,
        scaling="none",
        note="XOR with a hundred points in each quarter of the square instead of one at each corner.",
        source="after the TensorFlow Playground's exclusive or",
        licence=OURS,
    ),
    "sine": Dataset(
        "Sine",
        sine,
        size=POINTS,
        inputs=1,
        classes=0,
        scaling="none",
        note="Two periods of a sine with a little noise, as regression on one target that is not scaled.",
        source="after Bishop 2006, section 1.1, over two periods",
        licence=OURS,
        also=("sin", "sine_wave", "sinusoid"),
    ),
    "unit": Dataset(
        "Two points",
        unit,
        size=2,
        inputs=1,
        classes=0,
        scaling="none",
        note="x = −1 and 1, each its own target: a linear network needs weights of product 1; no test part.",
        source="for the deep linear networks of Sun et al. 2020, arXiv 2007.01429",
        licence=OURS,
        split=False,
    ),
}
