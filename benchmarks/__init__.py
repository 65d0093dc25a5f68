"""One question a script: `python -m benchmarks.page`. Each prints a table; a ratio is between paths of one run."""
