"""A training of an MLP as one compiled loop: gradients over blocks of patterns, an optimiser's steps, recording.

Numbers of a layer stand in rows of `width` patterns, one for each unit; those beyond the last pattern are filled with
zeros, which add nothing. Parameters stand as `trainer.shape_of` says: each unit's weights in a row whose length is a
multiple of LANES. Everything is added up in one order for all units of a layer, so that equal units stay equal.
Compiled once for each format; the network comes as a table of numbers.

Needs numba; importing this module without it fails.
"""

from typing import Any

import numpy as np
from numba import njit

from lossatlas.compute.numerics.kernels.scalars import BARE
from lossatlas.compute.numerics.kernels.training.tiles import LANES

# Columns of the table `net`, a row for each layer: inputs and units; the length of a unit's row of weights, where the
# first begins, and where biases stand; where γ stands, with β behind it, or −1; whether the layer's input is added to
# its output; where, for blocks of one pattern, its pre-activations begin in `space`, its outputs, slopes f′, the
# gradient in its outputs and in its pre-activations, and these before γ and β; where its inputs begin in `turned`, and
# the means and inverse roots of variances in `moments`.
INPUTS, UNITS, ROW, WEIGHTS, BIAS, GAIN, SKIP, BEFORE, AFTER, SLOPE, BACK, ERROR, NORMED, TURNED, MOMENTS = range(15)
COLUMNS = 15
NARROW = 32  # units from which on a layer's inputs are turned for its gradient: below, sums along them cost less
NORM_FLOOR = 1e-5  # as problem.layers.NORM_FLOOR

SUMMING: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}, "_nrt": False}


@njit(cache=True, **SUMMING)
def _sum(values):
    """In float64."""
    total = 0.0
    for j in range(len(values)):
        total += np.float64(values[j])
    return total


@njit(cache=True, **SUMMING)
def _sum_products(one, other):
    """In float64."""
    total = 0.0
    for j in range(len(one)):
        total += np.float64(one[j]) * np.float64(other[j])
    return total


@njit(cache=True, **SUMMING)
def _square_off(values, mean):
    """Σ (v − mean)², in float64."""
    total = 0.0
    for j in range(len(values)):
        total += (np.float64(values[j]) - mean) * (np.float64(values[j]) - mean)
    return total


@njit(cache=True, **BARE)
def _fill(values, number):
    for j in range(len(values)):
        values[j] = number


@njit(cache=True, **BARE)
def _copy(values, out):
    for j in range(len(values)):
        out[j] = values[j]


@njit(cache=True, **BARE)
def _add(values, out):
    for j in range(len(values)):
        out[j] += values[j]


@njit(cache=True, **BARE)
def _multiply(one, other, out):
    for j in range(len(out)):
        out[j] = one[j] * other[j]


@njit(cache=True, **BARE)
def _blend(values, more, rest, t):
    """(1 − t) of the first and t of the second, in place."""
    for j in range(len(values)):
        values[j] = rest * values[j] + t * more[j]


@njit(cache=True, **BARE)
def _standardise(values, mean, scale, weight, shift, normed):
    for j in range(len(values)):
        normed[j] = (values[j] - mean) * scale
        values[j] = weight * normed[j] + shift


@njit(cache=True, **BARE)
def _normalise(layer, theta, space, moments, width, count, given):
    """BatchNorm of a layer's pre-activations, by the moments of these patterns, or by those of the training patterns
    that were found before.
    """
    units, place, gain = layer[UNITS], layer[MOMENTS], layer[GAIN]
    shifts, number = gain + (units + LANES - 1) // LANES * LANES, theta.dtype.type
    for h in range(units):
        begin, beside = (layer[BEFORE] + h) * width, (layer[NORMED] + h) * width
        values = space[begin : begin + width]
        if not given:
            mean = _sum(values[:count]) / count
            moments[place + h] = mean
            moments[place + units + h] = 1.0 / np.sqrt(_square_off(values[:count], mean) / count + NORM_FLOOR)
        _standardise(
            values, number(moments[place + h]), number(moments[place + units + h]), theta[gain + h], theta[shifts + h],
            space[beside : beside + width],
        )  # fmt: skip


@njit(cache=True, **BARE)
def _lean(values, normed, scale, mean, along):
    for j in range(len(values)):
        values[j] = scale * (values[j] - mean - normed[j] * along)


@njit(cache=True, **BARE)
def _normalise_back(layer, theta, gradient, space, moments, width, count):
    """From the gradient in what `_normalise` made, that in what it was made from."""
    units, place, gain = layer[UNITS], layer[MOMENTS], layer[GAIN]
    shifts, number = gain + (units + LANES - 1) // LANES * LANES, theta.dtype.type
    for h in range(units):
        begin, beside = (layer[ERROR] + h) * width, (layer[NORMED] + h) * width
        values, normed = space[begin : begin + count], space[beside : beside + count]
        alone, along = _sum(values), _sum_products(values, normed)
        gradient[gain + h], gradient[shifts + h] = number(along), number(alone)
        scale = theta[gain + h] * number(moments[place + units + h])
        _lean(values, normed, scale, number(alone / count), number(along / count))


@njit(cache=True, **BARE)
def _activate(layer, space, spare, width, act, other, parameters, share):
    """f and f′ of a layer's pre-activations: of one activation, or of two by their weights."""
    size = layer[UNITS] * width
    z = space[layer[BEFORE] * width : layer[BEFORE] * width + size]
    a = space[layer[AFTER] * width : layer[AFTER] * width + size]
    slope = space[layer[SLOPE] * width : layer[SLOPE] * width + size]
    act(z, a, slope, parameters[0])
    if share:
        more, bend = spare[:size], spare[size : 2 * size]
        other(z, more, bend, parameters[1])
        _blend(a, more, parameters[2], parameters[3])
        _blend(slope, bend, parameters[2], parameters[3])


@njit(cache=True, **BARE)
def _by_rows(layer, theta, space, turned, products, by_pattern, first, width, count):
    """The first layer from patterns as they stand, where they have many inputs: the weights are in `turned` already."""
    units, row, z = layer[UNITS], layer[ROW], layer[BEFORE] * width
    wide = (units + LANES - 1) // LANES * LANES
    begin = layer[INPUTS] * wide
    sums = turned[begin : begin + count * wide]
    _fill(sums, theta.dtype.type(0))
    products(turned, begin, wide, by_pattern, first, row, 1, turned, 0, wide, count, layer[INPUTS], wide)
    for h in range(units):
        values, bias = space[z + h * width : z + (h + 1) * width], theta[layer[BIAS] + h]
        for j in range(count):
            values[j] = bias + sums[j * wide + h]


@njit(cache=True, **BARE)
def _turn_weights(layer, theta, turned):
    """Of the first layer: a row for each input."""
    units, row = layer[UNITS], layer[ROW]
    wide = (units + LANES - 1) // LANES * LANES
    for h in range(units):
        weights = theta[layer[WEIGHTS] + h * row : layer[WEIGHTS] + (h + 1) * row]
        for d in range(layer[INPUTS]):
            turned[d * wide + h] = weights[d]


@njit(cache=True, **BARE)
def _forward(
    net, theta, space, turned, moments, products, x, by_pattern, block, width, count,
    act, other, parameters, share, spare, given,
):  # fmt: skip
    """All layers, for the patterns of a block."""
    for depth in range(len(net)):
        layer = net[depth]
        inputs, units, row, weights, z = layer[INPUTS], layer[UNITS], layer[ROW], layer[WEIGHTS], layer[BEFORE] * width
        if depth == 0 and not len(x):
            _by_rows(layer, theta, space, turned, products, by_pattern, block * width * row, width, count)
        else:
            for h in range(units):
                _fill(space[z + h * width : z + (h + 1) * width], theta[layer[BIAS] + h])
            source, place = (space, net[depth - 1, AFTER] * width) if depth else (x, block * width * inputs)
            products(space, z, width, theta, weights, row, 1, source, place, width, units, inputs, width)
        if depth == len(net) - 1:
            return
        if layer[GAIN] >= 0:
            _normalise(layer, theta, space, moments, width, count, given)
        _activate(layer, space, spare, width, act, other, parameters, share)
        if layer[SKIP]:
            a, before = layer[AFTER] * width, net[depth - 1, AFTER] * width
            _add(space[before : before + units * width], space[a : a + units * width])


@njit(cache=True, **SUMMING)
def _along(one, other):
    total = one.dtype.type(0)
    for j in range(len(one)):
        total += one[j] * other[j]
    return total


@njit(cache=True, **SUMMING)
def _alone(values):
    total = values.dtype.type(0)
    for j in range(len(values)):
        total += values[j]
    return total


@njit(cache=True, **BARE)
def _turn(layer, before, space, turned, width, count):
    """A layer's inputs by patterns: a row of each."""
    inputs, row = layer[INPUTS], layer[ROW]
    values, to = space[before : before + inputs * width], turned[layer[TURNED] :]
    for j in range(count):
        for d in range(inputs):
            to[j * row + d] = values[d * width + j]


@njit(cache=True, **BARE)
def _add_gradient(layer, before, gradient, space, turned, products, by_pattern, first, depth, width, count):
    """The gradient in a layer's weights and biases, from that in its pre-activations and its inputs."""
    inputs, units, row, weights, error = layer[INPUTS], layer[UNITS], layer[ROW], layer[WEIGHTS], layer[ERROR] * width
    for h in range(units):
        gradient[layer[BIAS] + h] += _alone(space[error + h * width : error + h * width + count])
    if depth == 0:
        products(gradient, weights, row, space, error, width, 1, by_pattern, first, row, units, count, row)
    elif units < NARROW:
        for h in range(units):
            slopes = space[error + h * width : error + h * width + count]
            for d in range(inputs):
                begin = before + d * width
                gradient[weights + h * row + d] += _along(slopes, space[begin : begin + count])
    else:
        _turn(layer, before, space, turned, width, count)
        products(gradient, weights, row, space, error, width, 1, turned, layer[TURNED], row, units, count, row)


@njit(cache=True, **BARE)
def _backward(net, theta, gradient, space, turned, moments, products, by_pattern, first, width, count):
    """Add the gradient of a block, from that in the outputs."""
    for depth in range(len(net) - 1, -1, -1):
        layer, below = net[depth], net[max(depth - 1, 0)]
        before = below[AFTER] * width
        _add_gradient(layer, before, gradient, space, turned, products, by_pattern, first, depth, width, count)
        if depth == 0:
            return
        begin, size = below[BACK] * width, layer[INPUTS] * width
        back, to, slope = space[begin : begin + size], below[ERROR] * width, below[SLOPE] * width
        if layer[SKIP]:
            _copy(space[layer[BACK] * width : layer[BACK] * width + size], back)
        else:
            _fill(back, theta.dtype.type(0))
        products(
            space, begin, width, theta, layer[WEIGHTS], 1, layer[ROW], space, layer[ERROR] * width, width,
            layer[INPUTS], layer[UNITS], width,
        )  # fmt: skip
        _multiply(back, space[slope : slope + size], space[to : to + size])
        if below[GAIN] >= 0:
            _normalise_back(below, theta, gradient, space, moments, width, count)


@njit(cache=True, **BARE)
def _is_right(space, z, width, at, outputs, cut, label):
    """1 where the outputs of a pattern name the right class, 0 where not; NaN if one is, or without a class."""
    said, spoiled = 0, space[z + at] != space[z + at]
    if outputs == 1:
        said = 1 if space[z + at] > cut else 0
    for k in range(1, outputs):
        here = space[z + k * width + at]
        spoiled = spoiled or here != here
        if here > space[z + said * width + at]:
            said = k
    return np.nan if spoiled or label < 0 else 1.0 if said == label else 0.0


@njit(cache=True, **BARE)
def _evaluate(
    net, theta, gradient, space, turned, moments, spare, products, x, by_pattern, y, labels, number, width,
    act, other, parameters, share, criterion, cut, coupled, found,
):  # fmt: skip
    """Data term and accuracy of some patterns into `found`, where it has room, and into `gradient` that of their summed
    loss. Where that has no room, BatchNorm takes the moments that were found before.
    """
    last = net[len(net) - 1]
    outputs = last[UNITS]
    size, z, error = outputs * width, last[BEFORE] * width, last[ERROR] * width
    blocks = (number + width - 1) // width
    part = theta.dtype.type(1) if coupled else theta.dtype.type(1) / theta.dtype.type(outputs)
    costs = spare[: size + width]
    _fill(gradient, theta.dtype.type(0))
    if not len(x):
        _turn_weights(net[0], theta, turned)
    if len(found):
        found[0], found[1] = 0.0, 0.0
    for block in range(blocks):
        begin = block * width
        count = min(width, number - begin)
        _forward(
            net, theta, space, turned, moments, products, x, by_pattern, block, width, count,
            act, other, parameters, share, spare, not len(gradient),
        )  # fmt: skip
        criterion(
            space[z : z + size], y[begin * outputs : (begin + width) * outputs], costs, space[error : error + size],
            width, part,
        )  # fmt: skip
        if len(found):
            for k in range(outputs):
                found[0] += _sum(costs[k * width : k * width + count])
            for j in range(count):
                found[1] += _is_right(space, z, width, j, outputs, cut, labels[begin + j])
        if len(gradient):
            _backward(
                net, theta, gradient, space, turned, moments, products, by_pattern, begin * net[0, ROW], width, count
            )  # fmt: skip
    if len(found):
        found[0] /= number * (1 if coupled else outputs)
        found[1] /= number


@njit(cache=True, **BARE)
def _settle(gradient, theta, number, twice):
    """The gradient of the mean and of the penalty."""
    for begin in range(0, len(theta), LANES):
        g, w = gradient[begin : begin + LANES], theta[begin : begin + LANES]
        for i in range(LANES):
            g[i] = g[i] / number + twice * w[i]


@njit(cache=True, **BARE)
def _is_finite(theta):
    broken = 0
    for j in range(len(theta)):
        broken |= not (abs(theta[j]) < np.inf)
    return broken == 0


@njit(cache=True, **BARE)
def _gather(net, rows, by_pattern, all_y, begin, end, x, some, y, width):
    """The chosen patterns in blocks: by units, by patterns, and their targets."""
    inputs, across, outputs = net[0, INPUTS], net[0, ROW], net[len(net) - 1, UNITS]
    _fill(x, x.dtype.type(0))
    _fill(y, x.dtype.type(0))
    for place in range(end - begin):
        row = rows[begin + place]
        for d in range(across):
            some[place * across + d] = by_pattern[row * across + d]
        block, j = place // width, place % width
        if len(x):
            for d in range(inputs):
                x[(block * inputs + d) * width + j] = some[place * across + d]
        for k in range(outputs):
            y[(block * outputs + k) * width + j] = all_y[row * outputs + k]


@njit(cache=True, nogil=True, **BARE)
def train(
    net, theta, gradient, first, second, space, turned, moments, spare, products,
    x, by_pattern, y, all_y, labels, number, x2, by_pattern2, y2, labels2, number2, width,
    rows, cuts, bx, some, by, narrow,
    act, other, parameters, share, criterion, cut, coupled, update, coefficients, l2,
    step, wanted, places, record, points,
):  # fmt: skip
    """Steps of a training in place, one for each row of `coefficients`, and where `wanted` has one more than those, the
    recording of the end. Returns how many rows were recorded, and the step at which it diverged, or −1.

    Args:
        net: (layers, COLUMNS). theta, gradient, first, second: as `trainer.shape_of` says; what an optimiser remembers.
        space, turned, moments, spare: scratch. products: of tiles.
        x, by_pattern, y, all_y, labels, number: the training patterns in blocks of `width`, of length 0 where only rows
            are read, and as rows, their targets in blocks and as rows; x2, by_pattern2, y2, labels2, number2: the test
            patterns.
        rows, cuts: of each step the chosen patterns rows[cuts[t] : cuts[t + 1]]; without cuts all of them.
        bx, some, by, narrow: room for a batch in blocks of `narrow`.
        act, other, parameters, share: two activations; their parameters and weights; whether the second counts.
        criterion, cut, coupled; update, coefficients (S, C); l2: (1,) 2 λ.
        step: of the first of them. wanted: (S,) or (S + 1,) whether a step is recorded.
        record: (T, 6) data term, test loss, accuracy, test accuracy, gradient norm, ‖θ‖². places: (P,) of a point
            among packed parameters. points: (T, P).
    """
    kept = 0
    found, unread, nothing = moments[len(moments) - 2 :], moments[:0], gradient[:0]
    for t in range(len(wanted)):
        if wanted[t] or not len(cuts):
            _evaluate(
                net, theta, gradient, space, turned, moments, spare, products, x, by_pattern, y, labels, number, width,
                act, other, parameters, share, criterion, cut, coupled, found if wanted[t] else unread,
            )  # fmt: skip
            _settle(gradient, theta, theta.dtype.type(number), l2[0])
        if wanted[t]:
            line = record[kept]
            line[0], line[2], line[1], line[3] = found[0], found[1], np.nan, np.nan
            line[4] = np.sqrt(_sum_products(gradient, gradient))
            line[5] = _sum_products(theta, theta)
            for p in range(len(places)):
                points[kept, p] = theta[places[p]]
            if number2:
                _evaluate(
                    net, theta, nothing, space, turned, moments, spare, products, x2, by_pattern2, y2, labels2, number2,
                    width, act, other, parameters, share, criterion, cut, coupled, found,
                )  # fmt: skip
                line[1], line[3] = found[0], found[1]
            kept += 1
            if not abs(line[0]) < np.inf:
                return kept, step + t
        if t == len(coefficients):
            break
        if len(cuts):
            count = cuts[t + 1] - cuts[t]
            _gather(net, rows, by_pattern, all_y, cuts[t], cuts[t + 1], bx, some, by, narrow)
            _evaluate(
                net, theta, gradient, space, turned, moments, spare, products, bx, some, by, labels, count, narrow,
                act, other, parameters, share, criterion, cut, coupled, unread,
            )  # fmt: skip
            _settle(gradient, theta, theta.dtype.type(count), l2[0])
        update(theta, gradient, first, second, coefficients[t])
        if not _is_finite(theta):
            return kept, step + t + 1
    return kept, -1


@njit(cache=True, **BARE)
def step_once(update, theta, gradient, first, second, coefficients):
    """One step along a gradient, in place."""
    update(theta, gradient, first, second, coefficients)
