"""The fused kernels: grid points over strips of 64 patterns, whose numbers of all layers stay in the L1 and L2 caches.

The arrays of a layer are rows of LANES patterns, one for each unit, so that every inner loop is over patterns. On one
Zen 5 core a point of 784-10-10 tanh on 10,000 patterns takes 72 µs, one of 784-128-64-10 1,450 µs, of which the
products alone would take 71 % and the exponentials 15 % at the core's peak (python -m benchmarks.tune).
Needs numba; importing this module without it fails.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from lossatlas.compute.numerics.kernels.scalars import BARE

LANES = 64  # as in scalars.py, said twice: numba compiles a file's functions anew only when that file changes
CPU, FEATURES = cpu_target.target_context.codegen().magic_tuple()[1:]  # numba compiles for: this machine's, or NUMBA_…
WIDE = "+avx512f" in FEATURES.split(",")
WIDTH, VECTORS = (16, 4) if WIDE else (8, 2)  # floats of a register; registers of a row, so that 4 rows fit them all
NORM_FLOOR = np.float32(1e-5)  # as problem.layers.NORM_FLOOR
NO_IMAGES = np.zeros((0, 5), np.int64)  # the `shape` of a network without convolutions
MOST_FACTORS = 1000  # of at most 2 each in a product: float64 holds 2¹⁰²³


def _sum_rows(b, module, z, w, bias, a, rows, row, units, column, line, place):
    """Emit: some rows of z = bias + w a, in registers over all units.

    Rows of z and a are LANES numbers, of which VECTORS · WIDTH from `column` are computed; `line(unit)` is the row of a
    that a unit reads, `place(r)` where row r of z stands. Written as vector instructions because loops over arrays
    leave the sums in memory. For 128 to 64 units it reaches 226 GFLOP/s on a Zen 5 core; torch's MKL 75–84, NumPy's
    OpenBLAS 92–94, oneDNN 132–186 with more patterns at a time and a setting that allows bfloat16 elsewhere (python -m
    benchmarks.tune). Every number is added up in the order of the units, whatever the tile.
    """
    vector, i64 = ir.VectorType(ir.FloatType(), WIDTH), ir.IntType(64)
    fma = cgutils.get_or_insert_function(module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{WIDTH}f32")

    def spread(scalar):
        one = b.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return b.shuffle_vector(one, ir.Constant(vector, ir.Undefined), everywhere)

    def at(base, which, v):
        here = b.add(b.add(b.mul(which, i64(LANES)), column), i64(v * WIDTH))
        return b.bitcast(b.gep(base, [here]), vector.as_pointer())

    mine = [b.add(row, i64(r)) for r in range(rows)]
    weights = [b.gep(w, [b.mul(r, units)]) for r in mine]
    start = [spread(b.load(b.gep(bias, [r]))) for r in mine]
    before, body, after = b.block, b.append_basic_block("units"), b.append_basic_block("done")
    b.branch(body)
    b.position_at_end(body)
    unit = b.phi(i64)
    unit.add_incoming(i64(0), before)
    kept = [[b.phi(vector) for _ in range(VECTORS)] for _ in mine]
    read = line(unit)
    inputs = [b.load(at(a, read, v), align=4) for v in range(VECTORS)]
    added = []
    for r in range(rows):
        weight = spread(b.load(b.gep(weights[r], [unit])))
        added.append([b.call(fma, [weight, x, old]) for x, old in zip(inputs, kept[r], strict=True)])
    following = b.add(unit, i64(1))
    unit.add_incoming(following, body)
    for r in range(rows):
        for old, new in zip(kept[r], added[r], strict=True):
            old.add_incoming(start[r], before)
            old.add_incoming(new, body)
    b.cbranch(b.icmp_signed("<", following, units), body, after)
    b.position_at_end(after)
    for r in range(rows):
        for v, new in enumerate(added[r]):
            b.store(new, at(z, place(mine[r]), v), align=4)


def _pointers(context, b, signature, arguments, count):
    """Of the first arguments, which are arrays."""
    kinds = zip(signature.args[:count], arguments[:count], strict=True)
    return [context.make_array(kind)(context, b, value).data for kind, value in kinds]


def _dense(rows: int) -> Any:
    """`tile(z, w, bias, a, row, units, column)`: some rows of a dense layer."""

    @intrinsic
    def tile(typing, z, w, bias, a, row, units, column):
        def generate(context, b, signature, arguments):
            z, w, bias, a = _pointers(context, b, signature, arguments, 4)
            row, units, column = arguments[4:]
            _sum_rows(b, b.module, z, w, bias, a, rows, row, units, column, lambda unit: unit, lambda r: r)
            return context.get_dummy_value()

        return types.void(z, w, bias, a, row, units, column), generate

    return tile


def _window(rows: int) -> Any:
    """`tile(z, w, bias, a, lines, row, units, column, apart, pixel, origin)`: some filters of a convolution at a pixel,
    which reads the lines of its window from row `origin` of a; filter r of z stands at r · apart + pixel.
    """

    @intrinsic
    def tile(typing, z, w, bias, a, lines, row, units, column, apart, pixel, origin):
        def generate(context, b, signature, arguments):
            z, w, bias, a, window = _pointers(context, b, signature, arguments, 5)
            row, units, column, apart, pixel, origin = arguments[5:]
            _sum_rows(
                b, b.module, z, w, bias, a, rows, row, units, column,
                lambda unit: b.add(b.load(b.gep(window, [unit])), origin), lambda r: b.add(b.mul(r, apart), pixel),
            )  # fmt: skip
            return context.get_dummy_value()

        return types.void(z, w, bias, a, lines, row, units, column, apart, pixel, origin), generate

    return tile


_dense_4, _dense_2, _dense_1 = _dense(4), _dense(2), _dense(1)
_window_4, _window_2, _window_1 = _window(4), _window(2), _window(1)


@njit(cache=True, **BARE)
def layer(z, w, bias, a, outputs, units):
    """z (outputs, LANES) = bias + w (outputs, units) a (units, LANES), all flat."""
    for column in range(0, LANES, VECTORS * WIDTH):
        row = 0
        while row + 4 <= outputs:
            _dense_4(z, w, bias, a, row, units, column)
            row += 4
        if row + 2 <= outputs:
            _dense_2(z, w, bias, a, row, units, column)
            row += 2
        if row < outputs:
            _dense_1(z, w, bias, a, row, units, column)


@njit(cache=True, **BARE)
def _filters(z, w, bias, a, window, outputs, apart, pixel, origin):
    """All filters at a pixel, as `_window` says."""
    units = len(window)
    for column in range(0, LANES, VECTORS * WIDTH):
        row = 0
        while row + 4 <= outputs:
            _window_4(z, w, bias, a, window, row, units, column, apart, pixel, origin)
            row += 4
        if row + 2 <= outputs:
            _window_2(z, w, bias, a, window, row, units, column, apart, pixel, origin)
            row += 2
        if row < outputs:
            _window_1(z, w, bias, a, window, row, units, column, apart, pixel, origin)


@njit(cache=True, **BARE)
def convolution(out, pair, w, bias, a, window, filters, side, padded):
    """out (filters, side/2, side/2, LANES): the largest of each 2×2 pixels of bias + w ∗ a (channels, padded, padded,
    LANES), two rows of pixels at a time in `pair`; window: the lines of a pixel's inputs, from its first one.
    """
    half, across = side // 2, 2 * side
    for top in range(half):
        for pixel in range(across):
            origin = (2 * top + pixel // side) * padded + pixel % side
            _filters(pair, w, bias, a, window, filters, across, pixel, origin)
        for f in range(filters):
            for x in range(half):
                upper = (f * across + 2 * x) * LANES
                lower, to = upper + side * LANES, ((f * half + top) * half + x) * LANES
                _largest(
                    out[to : to + LANES],
                    pair[upper : upper + LANES],
                    pair[upper + LANES : upper + 2 * LANES],
                    pair[lower : lower + LANES],
                    pair[lower + LANES : lower + 2 * LANES],
                )


@njit(cache=True, **BARE)
def _largest(out, a, b, c, d):
    """NaN if one is."""
    for i in range(LANES):
        first = a[i] if (a[i] > b[i]) | (a[i] != a[i]) else b[i]
        second = c[i] if (c[i] > d[i]) | (c[i] != c[i]) else d[i]
        out[i] = first if (first > second) | (first != first) else second


@njit(cache=True, **BARE)
def _count(z, y, cut, right, best):
    """Add to `right` 1 where the outputs name the class of y, NaN where one is NaN: as numerics.loss.right."""
    one = np.float32(1.0)
    if len(z) == LANES:
        for i in range(LANES):
            value, wanted = z[i], y[i]
            said = one if value > cut else np.float32(0.0)
            share = one - abs(said - wanted)
            right[i] += np.float64(share if value == value else np.float32(np.nan))
        return
    hit = best[LANES : 2 * LANES]
    for i in range(LANES):
        best[i], hit[i] = z[i], y[i] if z[i] == z[i] else np.float32(np.nan)
    for row in range(LANES, len(z), LANES):
        out, target = z[row : row + LANES], y[row : row + LANES]
        for i in range(
            LANES
        ):  # all is read before anything is chosen: a choice of what to read is no vector instruction
            value, wanted, top, kept = out[i], target[i], best[i], hit[i]
            kept = wanted if value > top else kept
            top = value if value > top else top
            hit[i] = kept if value == value else np.float32(np.nan)
            best[i] = top if value == value else np.float32(np.inf)
    for i in range(LANES):
        right[i] += np.float64(hit[i])


@njit(cache=True, **BARE)
def _folded(sums, product, width, factors):
    """Σ sums + Σ log(1 + product) over some lanes, with few logarithms: they are multiplied while the product fits."""
    total = _sum(sums, width)
    while width > 1 and 2 * factors <= MOST_FACTORS:
        width //= 2
        factors *= 2
        for i in range(width):
            other = product[width + i]
            product[i] += other + product[i] * other
    for i in range(width):
        total += np.log1p(product[i])
    return total


@njit(cache=True, **BARE)
def _sum(lanes, width):
    """Of some lanes, a power of two."""
    while width > 1:
        width //= 2
        for i in range(width):
            lanes[i] += lanes[width + i]
    return lanes[0]


@njit(cache=True, **BARE)
def _parameters(later, t, out):
    """out (P,) = later₀ + Σ t_k later_k of later (1 + D, P), flat."""
    n = len(out)
    base = later[:n]
    for i in range(n):
        out[i] = base[i]
    for k in range(len(t)):
        more, a = later[(k + 1) * n : (k + 2) * n], t[k]
        for i in range(n):
            out[i] += a * more[i]


@njit(cache=True, **BARE)
def _normed(out, response, t, scale, shift):
    """out (H, LANES) = scale · (response₀ + Σ t_k response_k) + shift of responses (1 + D, H, LANES), all flat."""
    _parameters(response, t, out)
    for row in range(len(scale)):
        unit = out[row * LANES : (row + 1) * LANES]
        for i in range(LANES):
            unit[i] = scale[row] * unit[i] + shift[row]


@njit(cache=True, **BARE)
def _add(out, more):
    for i in range(len(out)):
        out[i] += more[i]


@njit(cache=True, nogil=True, **BARE)
def add_block(
    response, later, t, y, sizes, valid, parameter, act, criterion, counted, cut, normed, skips,
    space, wide, raw, losses, rights,
):  # fmt: skip
    """Add the summed losses, and if `counted` the right answers, of one block of patterns at every grid point.

    A point's sums do not depend on the other points.

    Args:
        response: (strips, 1 + D, H, LANES), flat: what center and directions give as first pre-activations.
        later: (1 + D, P'), flat: all parameters after W and b of the first layer, then BatchNorm's statistics.
        t: (G, D). y: (strips, K, LANES), flat. sizes: units of every layer, from the first hidden one to the outputs.
        valid: patterns in the first strip; the others are full.
        act, criterion: passes of numerics.kernels.scalars.
        normed: BatchNorm follows every hidden layer. skips: as sizes, whether a layer's input is added to its output.
        space, wide, raw: as `scratch` makes them.
        losses, rights: (G,) float64.
    """
    first, outputs, axes = sizes[0] * LANES, sizes[-1] * LANES, t.shape[1]
    strips, across, count = len(y) // outputs, first * (axes + 1), len(later) // (axes + 1)
    widest = (len(space) - count - 4 * LANES) // 2
    front, back = space[:widest], space[widest : 2 * widest]
    spare, parameters = space[2 * widest : 2 * widest + 4 * LANES], space[2 * widest + 4 * LANES :]
    sums, product, right = wide[:LANES], wide[LANES : 2 * LANES], wide[2 * LANES :]
    used, scale, shift = LANES, parameters[: sizes[0]], parameters[sizes[0] : 2 * sizes[0]]
    while strips == 1 and used // 2 >= valid:
        used //= 2
    for point in range(len(t)):
        here, nothing = t[point], t[point, :0]
        if normed:
            _parameters(later, here, raw)
            _folded_first(raw, parameters, sizes)
        else:
            _parameters(later, here, parameters)
        wide[:] = 0.0
        for strip in range(strips):
            seen = response[strip * across : (strip + 1) * across]
            if normed:
                _normed(front[:first], seen, here, scale, shift)
                act(front[:first], front[:first], nothing, parameter)
            else:
                act(front[:first], seen, here, parameter)
            begin = 2 * sizes[0] if normed else 0
            for depth in range(1, len(sizes)):
                units, wanted = sizes[depth - 1], sizes[depth]
                end = begin + units * wanted
                layer(back, parameters[begin:end], parameters[end : end + wanted], front, wanted, units)
                begin = end + wanted
                if depth < len(sizes) - 1:
                    act(back[: wanted * LANES], back[: wanted * LANES], nothing, parameter)
                    if skips[depth]:
                        _add(back[: wanted * LANES], front[: wanted * LANES])
                front, back = back, front
            z, target = front[:outputs], y[strip * outputs : (strip + 1) * outputs]
            criterion(z, target, sums, product, spare)
            if counted:
                _count(z, target, cut, right, spare)
            if strip == 0:
                sums[valid:], product[valid:], right[valid:] = 0.0, 0.0, 0.0
        losses[point] += _folded(sums, product, used, strips * sizes[-1])
        if counted:
            rights[point] += _sum(right, used)


@njit(cache=True, **BARE)
def _scale(gain, variance):
    """Of BatchNorm; a variance below 0 counts as 0."""
    return gain / np.sqrt((np.float32(0.0) if variance < np.float32(0.0) else variance) + NORM_FLOOR)


@njit(cache=True, **BARE)
def _folded_first(raw, out, sizes):
    """out: scale and shift of the first hidden layer's BatchNorm, then W and b of the others as `_folded_norms` has
    them; raw: γ and β of that layer, the others' tensors, and mean and variance of every unit.
    """
    units, moments = sizes[0], len(raw)
    for depth in range(len(sizes) - 1):
        moments -= 2 * sizes[depth]
    for row in range(units):
        out[row] = _scale(raw[row], raw[moments + units + row])
        out[units + row] = raw[units + row] - raw[moments + row] * out[row]
    _folded_norms(raw[2 * units :], out[2 * units :], NO_IMAGES, sizes)


@njit(cache=True, **BARE)
def _folded_norms(raw, out, shape, sizes):
    """out: W and b of each layer with the BatchNorm that follows it, from raw: W, b, γ and β of each layer, the last
    without γ and β, and behind them mean and variance of every unit. A variance below 0 counts as 0.
    """
    layers, read, write, moments = len(shape) + len(sizes) - 1, 0, 0, len(raw)
    for layer in range(layers - 1):
        moments -= 2 * (shape[layer, 0] if layer < len(shape) else sizes[layer - len(shape) + 1])
    for layer in range(layers):
        if layer < len(shape):
            outputs, units = shape[layer, 0], shape[layer, 1] * shape[layer, 2] ** 2
        else:
            outputs, units = sizes[layer - len(shape) + 1], sizes[layer - len(shape)]
        bias, behind = read + outputs * units, write + outputs * units
        for row in range(outputs):
            scale, shift = np.float32(1.0), raw[bias + row]
            if layer < layers - 1:
                scale = _scale(raw[bias + outputs + row], raw[moments + outputs + row])
                shift = (shift - raw[moments + row]) * scale + raw[bias + 2 * outputs + row]
            for unit in range(row * units, (row + 1) * units):
                out[write + unit] = raw[read + unit] * scale
            out[behind + row] = shift
        last = layer == layers - 1
        read, write, moments = bias + (outputs if last else 3 * outputs), behind + outputs, moments + 2 * outputs


@njit(cache=True, nogil=True, **BARE)
def add_images(
    images, given, t, y, shape, windows, sizes, valid, parameter, act, criterion, counted, cut, normed,
    space, pair, wide, raw, losses, rights,
):  # fmt: skip
    """As `add_block` for a LeNet. Its first convolution is computed anew at every point: its stored responses, three of
    4,704 numbers an image for LeNet-5, would have to come from memory, while its 25 products are in registers.

    Args:
        images: (strips, padded, padded, LANES), flat. given: (1 + D, P), flat: center and directions; (1 + D, P + Q)
            with BatchNorm, then `normed`.
        shape: (convolutions, 5) filters, channels, kernel, padded side of what they read, side of what they write.
        windows: of `convolution`, one after another. sizes: units of the dense layers, their inputs first.
        space, pair, wide, raw: room for two layers, four rows and all parameters; for two rows of pixels of every
            filter; for three rows in float64; for P or P + Q numbers.
    """
    outputs, count, one = sizes[-1] * LANES, len(raw), shape[0, 3] * shape[0, 3] * LANES
    strips, widest = len(images) // one, (len(space) - count - 4 * LANES) // 2
    spare, parameters = space[2 * widest : 2 * widest + 4 * LANES], space[2 * widest + 4 * LANES :]
    sums, product, right = wide[:LANES], wide[LANES : 2 * LANES], wide[2 * LANES :]
    used = LANES
    while strips == 1 and used // 2 >= valid:
        used //= 2
    for point in range(len(t)):
        nothing = t[point, :0]
        _parameters(given, t[point], raw)
        if normed:
            _folded_norms(raw, parameters, shape, sizes)
        else:
            for i in range(len(raw)):
                parameters[i] = raw[i]
        wide[:] = 0.0
        for strip in range(strips):
            front, back = images[strip * one : (strip + 1) * one], space[:widest]
            other, begin, entry = space[widest : 2 * widest], 0, 0
            for depth in range(len(shape)):
                filters, units, side = shape[depth, 0], shape[depth, 1] * shape[depth, 2] ** 2, shape[depth, 4]
                w, bias = parameters[begin : begin + filters * units], parameters[begin + filters * units :]
                window = windows[entry : entry + units]
                convolution(back, pair, w, bias, front, window, filters, side, shape[depth, 3])
                numbers = filters * (side // 2) ** 2 * LANES
                act(back[:numbers], back[:numbers], nothing, parameter)
                begin, entry = begin + filters * (units + 1), entry + units
                front, back, other = back, other, back
            for depth in range(1, len(sizes)):
                units, wanted = sizes[depth - 1], sizes[depth]
                end = begin + units * wanted
                layer(back, parameters[begin:end], parameters[end : end + wanted], front, wanted, units)
                begin = end + wanted
                if depth < len(sizes) - 1:
                    act(back[: wanted * LANES], back[: wanted * LANES], nothing, parameter)
                front, back = back, front
            z, target = front[:outputs], y[strip * outputs : (strip + 1) * outputs]
            criterion(z, target, sums, product, spare)
            if counted:
                _count(z, target, cut, right, spare)
            if strip == 0:
                sums[valid:], product[valid:], right[valid:] = 0.0, 0.0, 0.0
        losses[point] += _folded(sums, product, used, strips * sizes[-1])
        if counted:
            rights[point] += _sum(right, used)


def scratch(sizes: tuple[int, ...], later: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Room for two layers, four rows and all later parameters; for three rows in float64; for the parameters again."""
    space = np.empty((2 * max(sizes) + 4) * LANES + later, np.float32)
    return space, np.empty(3 * LANES), np.empty(later, np.float32)
