"""Answers as named arrays: the one way they are stored, exported and sent. No pickle, no evaluation."""

import dataclasses
import functools
import io
import json
import struct
import types
import typing
import weakref
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from lossatlas.compute.spec.options import build, flat

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """An answer that could not be had. `sentence` is fit for a reader; `kind` is one word for a program."""

    sentence: str
    kind: str


# Kinds of Failure that no other try can mend: the question itself has no answer.
LASTING = ("no second derivative", "no hidden layer", "no training", "other inputs", "not drawn")
# Those that the question's options make, whatever is computed: bad input, though it is found late.
UNASKABLE = (*LASTING, "bad question", "no test part", "too few directions", "rescale")


class Damaged(ValueError):
    """Bytes that are not a stored answer of the type asked for."""


def once(function: Callable) -> Callable:
    """A pure function of an answer, and of values that can be hashed, that works once for each of them: what it gave is
    remembered as long as the answer lives. Answers are told apart as objects.
    """
    known: dict[int, dict] = {}

    @functools.wraps(function)
    def remembering(result: Any, *more: Any) -> Any:
        if (found := known.get(id(result))) is None:
            found = known[id(result)] = {}
            weakref.finalize(result, known.pop, id(result), None)
        if more not in found:
            found[more] = function(result, *more)
        return found[more]

    return remembering


def to_arrays(result: Any) -> dict[str, np.ndarray]:
    """Every field as an array; a spec as its JSON text, sentences as an array of texts."""
    return {item.name: _array(getattr(result, item.name)) for item in dataclasses.fields(result)}


def _array(value: Any) -> np.ndarray:
    if dataclasses.is_dataclass(value):
        return np.array(json.dumps(flat(value), sort_keys=True))
    if isinstance(value, tuple):
        return np.array(value, dtype=str) if value else np.empty(0, dtype="<U1")
    return np.asarray(value)


def pack(result: Any) -> bytes:
    """An answer as the bytes of an .npz file; equal answers give equal bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **to_arrays(result))  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(result_type: type[T], data: bytes) -> T:
    """The answer that `pack` wrote.

    Raises:
        Damaged: torn bytes, or another type's.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        hints = typing.get_type_hints(result_type)
        return result_type(**{name: _value(hints[name], array) for name, array in arrays.items()})
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise Damaged(f"Not a stored {result_type.__name__}: {error}") from error


def spec_at(spec_type: type[T], head: bytes) -> T:
    """The spec of the answer that `pack` wrote, from its first bytes: it is the first field, and stands uncompressed.

    Raises:
        Damaged: torn bytes, another type's, or a spec that is not allowed.
    """
    try:
        signature, method, name_length, more_length = struct.unpack("<4s4xH16xHH", head[:30])
        if signature != b"PK\x03\x04" or method != zipfile.ZIP_STORED or head[30 : 30 + name_length] != b"spec.npy":
            raise ValueError("no spec in front")
        stream = io.BytesIO(head[30 + name_length + more_length :])
        version = np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        text = stream.read(dtype.itemsize)
        if version != (1, 0) or shape != () or not dtype.str.startswith("<U") or len(text) < dtype.itemsize:
            raise ValueError("not a whole text")
        return build(spec_type, json.loads(text.decode("utf-32-le")))
    except (ValueError, TypeError, AttributeError, struct.error, RecursionError) as error:
        raise Damaged(f"Not a stored {spec_type.__name__}: {error}") from error


def _value(hint: Any, array: np.ndarray) -> Any:
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), json.loads(str(array)))
    if typing.get_origin(hint) is tuple:
        return tuple(str(part) for part in array)
    if isinstance(hint, types.UnionType) or hint is np.ndarray:
        return array
    return hint(array.item())
