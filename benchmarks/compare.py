"""The one table: slices, walks, Hessians, spectra and trainings, each against a named peer, in one process, one thread.

Ratios are of medians of at least three. The columns `GEMM` and `exp` say what share of our time the work's products
and exponentials alone would take at the measured peaks, `floor` what both would, `least` the share to be reached; what
is left is memory, sums, logarithms and overhead.
"""

from benchmarks import door, hessians, slices, spectra, training, walks
from benchmarks.table import report

SCRIPTS = (slices, door, walks, hessians, spectra, training)


if __name__ == "__main__":
    report(row for script in SCRIPTS for row in script.rows())
