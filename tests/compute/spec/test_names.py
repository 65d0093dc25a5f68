"""What others call things is answered with its name here; what is something else, or nothing, gets no suggestion."""

import random
import re
import string
from collections.abc import Mapping
from typing import Any

import pytest

from lossatlas.app.state.page import page_options, read_state
from lossatlas.compute.analyses.table import ANALYSES, every_option, question
from lossatlas.compute.numerics.paths.start import WAYS
from lossatlas.compute.problem.activations import ACTIVATIONS
from lossatlas.compute.problem.criteria import CRITERIA
from lossatlas.compute.problem.initial import INITS
from lossatlas.compute.problem.optimisers import OPTIMISERS
from lossatlas.compute.problem.schedules import SCHEDULES
from lossatlas.compute.problem.sources import datasets
from lossatlas.compute.spec.names import ELSEWHERE, calls, folded, nearest
from lossatlas.compute.spec.options import BadSpec

OPTIONS = page_options() | every_option()
TABLES: dict[str, Mapping[str, Any]] = {  # every table of names that a question may take one from
    "analyses": ANALYSES,
    "options": OPTIONS,
    **{f"{name}=": option._known() for name, option in OPTIONS.items() if option.choices is not None},
}

# What Keras, PyTorch, JAX (jax.nn, flax, optax) and scikit-learn call things, and what that is here.
CALLED = {
    "lr=0.1": "rate", "learning_rate=0.1": "rate", "learning_rate_init=0.1": "rate", "eta=0.1": "rate",
    "eta0=0.1": "rate", "step_size=0.1": "rate", "epochs=9": "steps", "n_epochs=9": "steps", "iterations=9": "steps",
    "max_iter=9": "steps", "num_steps=9": "steps", "kernel_regularizer=0.1": "l2",
    "lambda=0.1": "l2", "l2_regularization=1": "l2", "hidden=4": "widths", "hidden_layer_sizes=4": "widths",
    "hidden_sizes=4": "widths", "layers=4": "widths", "neurons=4": "widths", "batch_size=8": "batch",
    "minibatch_size=8": "batch", "random_state=1": "seed", "random_seed=1": "seed", "key=1": "seed",
    "optimizer=adam": "optimiser", "solver=adam": "optimiser", "criterion=mse": "loss", "loss_fn=mse": "loss",
    "negative_slope=0.1": "slope", "kernel_initializer=he": "init", "validation_split=0.1": "test_share",
    "test_size=0.1": "test_share", "filters=2-4": "channels", "batch_normalization=1": "norm", "model=mlp": "network",
    "n_samples=9": "max_samples", "flip_y=0.1": "noise", "precision=float64": "dtype", "Learning-Rate=1": "rate",
    "activation=swish": "silu", "activation=SiLU": "silu", "activation=swish1": "silu", "activation=Swish-1": "silu",
    "activation=logistic": "sigmoid", "activation=expit": "sigmoid", "activation=hard_tanh": "hardtanh",
    "activation=LeakyReLU": "leaky_relu", "activation=leakyrelu": "leaky_relu", "activation=linear": "identity",
    "activation=soft_sign": "softsign", "activation=sin": "sine", "activation=square": "quadratic",
    "activation=heaviside": "threshold", "activation=rbf": "gaussian", "mix_with=swish": "silu",
    "morph_to=swish": "silu", "loss=bce": "sigmoid_cross_entropy", "loss=BCEWithLogitsLoss": "sigmoid_cross_entropy",
    "loss=binary_crossentropy": "sigmoid_cross_entropy", "loss=categorical_crossentropy": "softmax_cross_entropy",
    "loss=nll": "softmax_cross_entropy", "loss=NLLLoss": "softmax_cross_entropy", "loss=mse": "squared_error",
    "loss=MSELoss": "squared_error", "loss=mean_squared_error": "squared_error",
    "loss=CrossEntropyLoss": "softmax_cross_entropy", "optimiser=Adam": "adam", "optimiser=SGD": "sgd",
    "optimiser=gradient_descent": "sgd", "optimiser=sgd_momentum": "momentum", "optimiser=heavy-ball": "momentum",
    "optimiser=AdamW": "adamw", "optimiser=RMSProp": "rmsprop", "schedule=CosineAnnealingLR": "cosine",
    "schedule=StepLR": "step", "schedule=LinearWarmup": "warmup", "lr_scheduler=cosine": "schedule",
    "dataset=breast-cancer": "breast_cancer", "dataset=wdbc": "breast_cancer", "dataset=load_wine": "wine",
    "dataset=load_digits": "digits", "dataset=make_moons": "moons", "dataset=two_moons": "moons",
    "dataset=make_circles": "circles", "dataset=MNIST": "mnist", "dataset=Iris": "iris",
    "init=glorot_uniform": "xavier", "init=kaiming_uniform": "he", "init=zeros": "zero",
    "dtype=double": "float64", "dtype=single": "float32",
    "network=cnn": "lenet", "network=LeNet-5": "lenet", "norm=BatchNorm": "batch",
}  # fmt: skip

# Of the same libraries, by the table: what is not here.
OTHERS = {
    "activation=": (
        "crelu", "exponential", "exp", "gelu_tanh", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
        "log_sigmoid", "log_softmax", "prelu", "rrelu", "softmax", "softmin", "softshrink", "sparse_plus",
        "sparse_sigmoid", "squareplus", "tanhshrink", "thresholded_relu", "arctan", "snake",
    ),
    "optimiser=": (
        "adabelief", "adadelta", "adafactor", "adagrad", "adamax", "adamaxw", "adan", "amsgrad", "asgd",
        "ftrl", "lamb", "lars", "lbfgs", "lion", "loss_scale_optimizer", "muon", "nadam", "nadamw", "nesterov",
        "noisy_sgd", "polyak_sgd", "radam", "rprop", "sgdw", "sign_sgd", "sparse_adam", "yogi",
    ),
    "loss=": (
        "binary_focal_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "cosine_similarity", "ctc",
        "dice", "focal", "gaussian_nll", "hinge", "huber", "kl_divergence", "l1", "l1_loss", "l2_loss", "log_cosh",
        "mae", "mape", "mean_absolute_error", "mean_squared_logarithmic_error", "msle", "poisson", "poisson_nll",
        "smooth_l1", "squared_hinge", "triplet",
    ),
    "init=": (
        "constant", "glorot_normal", "he_normal", "kaiming_normal", "lecun_normal", "normal", "ones", "orthogonal",
        "random_normal", "truncated_normal", "variance_scaling", "xavier_normal",
    ),
    "dataset=": (
        "adult", "boston", "california_housing", "cifar10", "cifar100", "diabetes", "fashion_mnist", "imagenet",
        "kmnist", "linnerud", "load_diabetes", "make_classification", "make_regression", "make_s_curve",
        "make_swiss_roll", "svhn", "wine_quality",
    ),
    "dtype=": ("bfloat16", "float16", "half", "int8"),
    "options": (
        "amsgrad", "beta_1", "betas", "clipnorm", "dropout", "early_stopping", "eps", "l1", "l1_penalty", "lr_decay",
        "learning_rate_decay", "n_layers", "nesterov", "num_layers", "patience", "power_t", "shuffle", "tol", "verbose",
        "warm_start",
    ),
}  # fmt: skip


def said(query: str) -> str:
    with pytest.raises(BadSpec) as caught:
        question("morph", query)
    return str(caught.value)


@pytest.mark.parametrize(("query", "name"), CALLED.items(), ids=list(CALLED))
def test_what_others_call_a_thing_is_answered_with_its_name_here(query, name):
    assert f" Did you mean {name!r}?" in said(query)


@pytest.mark.parametrize("query", ["lr=0.1", "activation=swish,relu", "compare=optimizer", "dataset=wdbc"])
def test_the_page_answers_alike(query):
    with pytest.raises(BadSpec, match=r"Did you mean '(rate|silu|optimiser|breast_cancer)'\?"):
        read_state(query)


def test_it_says_what_that_is():
    assert said("lr=0.1").endswith(f"Did you mean 'rate'? {OPTIONS['rate'].help}")
    assert said("activation=swish").endswith(f"Did you mean 'silu'? {ACTIVATIONS['silu'].note}")


def test_what_may_be_two_things_is_answered_with_both():
    both = " Did you mean 'sigmoid_cross_entropy' or 'softmax_cross_entropy'?"
    assert said("loss=crossentropy").endswith(both) and said("loss=log_loss").endswith(both)
    assert said("weight_decay=0.1").endswith(" Did you mean 'l2' or 'decay'?")  # of the loss, or apart from it


@pytest.mark.parametrize("table", OTHERS)
def test_what_is_something_else_gets_no_suggestion(table):
    assert [name for name in OTHERS[table] if "Did you mean" in nearest(name, TABLES[table])] == []


EITHER = ("crossentropy", "logloss", "weightdecay", "wd")


@pytest.mark.parametrize("table", TABLES)
def test_every_other_name_leads_to_its_own_entry_and_is_nothing_elses_name(table):
    """Two of the losses share what may be either, and the penalty and AdamW's decay."""
    entries = TABLES[table]
    for name, entry in entries.items():
        for word in calls(name, entry):
            owners = [other for other in entries if word in calls(other, entries[other])]
            assert owners == [name] or word in EITHER, word
            assert word not in map(folded, entries) or word == folded(name), word
        for word in getattr(entry, "also", ()):
            assert re.search(rf" Did you mean [^?]*{name!r}", nearest(word, entries)), word


def test_the_tables_have_other_names_at_all():
    some = (ACTIVATIONS, datasets(), CRITERIA, OPTIMISERS, SCHEDULES, INITS, OPTIONS)
    assert all(any(getattr(entry, "also", ()) for entry in table.values()) for table in some)
    assert not any(way.label in OPTIMISERS for way in WAYS.values())


def test_what_is_known_to_be_something_else_is_no_name_of_anything():
    every = {word for table in TABLES.values() for name, entry in table.items() for word in calls(name, entry)}
    assert not every & set(map(folded, ELSEWHERE))


def test_a_word_at_random_gets_no_suggestion():
    """Of words as short as some names some are one letter away; a suggestion has then most of its letters."""
    draw = random.Random(0)
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(1, 12))) for _ in range(2000)]
    hints = {word: re.findall(r"Did you mean '(\w+)'", nearest(word, OPTIONS)) for word in words}
    assert not [word for word, hint in hints.items() if hint and len(word) > 4]
    for word, hint in hints.items():
        assert all(word in calls(name, OPTIONS[name]) or len(set(word) - set(name)) <= 1 for name in hint), (word, hint)


@pytest.mark.parametrize(("word", "name"), [
    ("irs", "iris"), ("irsi", "iris"), ("breast_cancr", "breast_cancer"), ("momns", "moons"),
    ("breastcancer", "breast_cancer"),
])  # fmt: skip
def test_a_slip_of_the_pen_is_seen(word, name):
    assert nearest(word, datasets()).startswith(f" Did you mean {name!r}?")


@pytest.mark.parametrize(("word", "table"), [
    ("lr", {"l2": ""}), ("l1", {"l2": ""}), ("swish", {"mish": ""}), ("gel", {"relu": "", "selu": ""}),
    ("prelu", {"relu": ""}), ("mnist5k", {"mnist": ""}), ("float16", {"float32": ""}), ("", {"relu": ""}),
    ("_", {"": ""}),
])  # fmt: skip
def test_spelling_does_not_make_one_thing_of_two(word, table):
    assert nearest(word, table) == f" Known are: {', '.join(table)}."


def test_what_is_as_near_to_two_names_names_both():
    assert nearest("plane", {"planes": "", "planet": ""}) == " Did you mean 'planes' or 'planet'?"


def test_a_long_word_is_looked_at_in_part():
    assert nearest("relu" * 50_000, ACTIVATIONS).startswith(" Known are: ")
