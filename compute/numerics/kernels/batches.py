"""How much is evaluated at a time: what fits the cache of a processor's core, or the free memory of a CUDA device."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from lossatlas.compute.problem.nets import Problem

CHUNK = 1 << 17  # numbers of the widest layer, or of later parameters, at a time: 512 KB in float32 stay in L2
SHARE = 0.5  # of a device's free memory that one batch may take: another process may be there too (chosen by eye)
COPIES = 6  # arrays of the size of all pre-activations alive at a time, at most


@dataclass(frozen=True)
class Device:
    """`name`: cpu, cuda or cuda:1."""

    name: str

    @property
    def _free(self) -> int:
        """Numbers that a batch may hold at a time."""
        free, _ = torch.cuda.mem_get_info(self.name)
        return int(SHARE * free / (8 * COPIES))  # counted as float64, whatever the problem's

    def patterns(self, usual: int, problem: Problem) -> int:
        """How many patterns at a time."""
        if self.name == "cpu":
            return usual
        return max(usual, self._free // (8 * sum(problem.sizes)))  # room for a few points at least

    def points(self, problem: Problem, patterns: int, parameters: int) -> int:
        """How many points at a time, each with `parameters` of later layers."""
        if self.name == "cpu":
            widest = max(layer.numbers // (4 if layer.side else 1) for layer in problem.layers)
            return max(1, CHUNK // max(patterns * widest, parameters))
        return max(1, self._free // (patterns * sum(problem.sizes[1:]) + parameters))


def in_batches(count: int, most: int, work: Callable[[slice], None]) -> None:
    """Call work(slice) over range(count), at most `most` at a time; a device out of memory gets half as many.

    Raises:
        torch.OutOfMemoryError: one at a time is still too much.
    """
    begin = 0
    while begin < count:
        try:
            work(slice(begin, min(begin + most, count)))
        except torch.OutOfMemoryError:
            if most == 1:
                raise
            torch.cuda.empty_cache()
            most = max(1, most // 2)
        else:
            begin += most
