"""The point that a walk visits: that of number `seed` after `steps` steps."""

from dataclasses import replace

import numpy as np
import torch

from lossatlas.compute.numerics.cost import step_seconds, walk_seconds
from lossatlas.compute.numerics.loss import make_loss
from lossatlas.compute.numerics.paths.start import Start, Training, TrainingResult, recorded_steps
from lossatlas.compute.numerics.paths.train import Recorded, finish, joined, record
from lossatlas.compute.numerics.paths.walk_kinds import KINDS, Walks
from lossatlas.compute.numerics.paths.walks import advance, begin
from lossatlas.compute.spec.tasks import Task


def walk_there(spec: Training) -> TrainingResult:
    """The way of a walk to the point it visits, not rescaled, measured on all patterns at the recorded steps; the
    points are the walk's own to the last bit.
    """
    start, loss, rows = spec.start, make_loss(spec.problem), list[Recorded]()
    way = Walks(spec.problem, replace(start.walking, walks=1, walk_steps=start.steps))
    state = begin(way, start.seed, 1)
    for step in recorded_steps(spec).tolist():
        state = advance(way, state, step) if step > state.step else state
        theta = torch.as_tensor(state.theta[0])
        gradient, *measures = loss.with_gradient(theta)
        rows.append(record(loss, step, theta, gradient, *measures))
        if not np.isfinite(rows[-1].measures[0, 0]):
            break
    diverged = -1 if np.isfinite(rows[-1].measures[0, 0]) else int(rows[-1].step[0])
    return finish(spec, joined(spec, tuple(rows)), diverged, _told(start))


def _told(start: Start) -> str:
    """Which walk, and how far it has gone."""
    walking = start.walking
    return (
        f"Walk {start.seed} of seed {walking.walk_seed}, {KINDS[walking.walk].label}, from a point in "
        f"[−{walking.walk_range:g}, {walking.walk_range:g}], {start.steps:,} steps of at most "
        f"{100 * walking.walk_size:g} % of the range."
    )


def levels(spec: Training, key: str) -> list[Task]:
    """One task: a walk depends on every step before."""
    seconds = spec.start.steps * walk_seconds(spec.problem, spec.start.walking.walk_batch)
    seconds += len(recorded_steps(spec)) * step_seconds(spec.problem, 0)
    return [Task(key, walk_there, (spec,), seconds, spec.start.steps, spec=spec)]
