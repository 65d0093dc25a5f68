"""Sums of products for trainings: one tile, in which every number is added up in one order, whatever its place.

Needs numba; importing this module without it fails.
"""

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lossatlas.compute.numerics.kernels.scalars import compiled
from lossatlas.compute.numerics.kernels.strips import WIDE

LANES = 16  # every row is a multiple of so many numbers long: one register of AVX-512 in float32
FORMATS: dict[str, Any] = {"float32": types.float32, "float64": types.float64}
REGISTER, VECTORS = (64, 4) if WIDE else (32, 2)  # bytes; registers of a row, so that 4 rows fit them all


def _tile(rows: int, vectors: int) -> Any:
    """`tile(out, w, a, here, weights, inputs, units, w_row, w_unit, out_row, a_row)`: a few rows and registers of
    `add_products`, from the places `here`, `weights` and `inputs` of the flat arrays on.
    """

    @intrinsic
    def tile(typing, out, w, a, here, weights, inputs, units, w_row, w_unit, out_row, a_row):
        def generate(context, b, signature, arguments):
            kinds = zip(signature.args[:3], arguments[:3], strict=True)
            pointers = [context.make_array(kind)(context, b, value).data for kind, value in kinds]
            _sum(b, rows, vectors, signature.args[0].dtype == types.float32, *pointers, *arguments[3:])
            return context.get_dummy_value()

        return types.void(out, w, a, here, weights, inputs, units, w_row, w_unit, out_row, a_row), generate

    return tile


def _sum(b, rows, vectors, single, out, w, a, here, weights, inputs, units, w_row, w_unit, out_row, a_row):
    """Emit the tile. Written as vector instructions because loops over arrays leave the sums in memory."""
    width, i64 = REGISTER // (4 if single else 8), ir.IntType(64)
    vector = ir.VectorType(ir.FloatType() if single else ir.DoubleType(), width)
    kind = ir.FunctionType(vector, [vector] * 3)
    fma = cgutils.get_or_insert_function(b.module, kind, f"llvm.fma.v{width}f{32 if single else 64}")

    def spread(number):
        one = b.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
        return b.shuffle_vector(one, ir.Constant(vector, ir.Undefined), everywhere)

    def at(base, place, v):
        return b.bitcast(b.gep(base, [b.add(place, i64(v * width))]), vector.as_pointer())

    places = [(b.add(here, b.mul(i64(r), out_row)), v) for r in range(rows) for v in range(vectors)]
    start = [b.load(at(out, *place), align=4) for place in places]
    firsts = [b.add(weights, b.mul(i64(r), w_row)) for r in range(rows)]
    before, body, after = b.block, b.append_basic_block("units"), b.append_basic_block("done")
    b.branch(body)
    b.position_at_end(body)
    unit = b.phi(i64)
    unit.add_incoming(i64(0), before)
    kept = [b.phi(vector) for _ in places]
    line, column = b.add(inputs, b.mul(unit, a_row)), b.mul(unit, w_unit)
    read = [b.load(at(a, line, v), align=4) for v in range(vectors)]
    scales = [spread(b.load(b.gep(w, [b.add(first, column)]))) for first in firsts]
    added = [b.call(fma, [scales[n // vectors], read[n % vectors], old]) for n, old in enumerate(kept)]
    following = b.add(unit, i64(1))
    unit.add_incoming(following, body)
    for old, first, new in zip(kept, start, added, strict=True):
        old.add_incoming(first, before)
        old.add_incoming(new, body)
    b.cbranch(b.icmp_signed("<", following, units), body, after)
    b.position_at_end(after)
    for place, new in zip(places, added, strict=True):
        b.store(new, at(out, *place), align=4)


_broad_4, _broad_2, _broad_1 = _tile(4, VECTORS), _tile(2, VECTORS), _tile(1, VECTORS)
_thin_4, _thin_2, _thin_1 = _tile(4, 1), _tile(2, 1), _tile(1, 1)


@functools.cache
def product_pass(dtype: str) -> Any:
    """`run(out, here, out_row, w, weights, w_row, w_unit, a, inputs, a_row, rows, units, columns)`:
    out[r, c] += Σ_u w[r, u] a[u, c], in the order of the units, u = 0 … units − 1, units > 0.

    The arrays are flat: out[r, c] stands at here + r · out_row + c, w[r, u] at weights + r · w_row + u · w_unit, and
    a[u, c] at inputs + u · a_row + c. `columns` is a multiple of LANES.
    """

    def run(out, here, out_row, w, weights, w_row, w_unit, a, inputs, a_row, rows, units, columns):
        register = REGISTER // out.itemsize
        column = 0
        while column + VECTORS * register <= columns:
            row = 0
            while row + 4 <= rows:
                _broad_4(
                    out, w, a, here + row * out_row + column, weights + row * w_row, inputs + column, units,
                    w_row, w_unit, out_row, a_row,
                )  # fmt: skip
                row += 4
            if row + 2 <= rows:
                _broad_2(
                    out, w, a, here + row * out_row + column, weights + row * w_row, inputs + column, units,
                    w_row, w_unit, out_row, a_row,
                )  # fmt: skip
                row += 2
            if row < rows:
                _broad_1(
                    out, w, a, here + row * out_row + column, weights + row * w_row, inputs + column, units,
                    w_row, w_unit, out_row, a_row,
                )  # fmt: skip
            column += VECTORS * register
        while column < columns:
            row = 0
            while row + 4 <= rows:
                _thin_4(
                    out, w, a, here + row * out_row + column, weights + row * w_row, inputs + column, units,
                    w_row, w_unit, out_row, a_row,
                )  # fmt: skip
                row += 4
            if row + 2 <= rows:
                _thin_2(
                    out, w, a, here + row * out_row + column, weights + row * w_row, inputs + column, units,
                    w_row, w_unit, out_row, a_row,
                )  # fmt: skip
                row += 2
            if row < rows:
                _thin_1(
                    out, w, a, here + row * out_row + column, weights + row * w_row, inputs + column, units,
                    w_row, w_unit, out_row, a_row,
                )  # fmt: skip
            column += register

    array, whole = FORMATS[dtype][::1], types.int64
    run.__qualname__ = run.__name__ = f"products_{dtype}"
    return compiled(
        run,
        types.void(array, whole, whole, array, whole, whole, whole, array, whole, whole, whole, whole, whole),
    )
