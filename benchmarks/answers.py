"""The bytes of twenty questions over all analyses, so that two versions of the program can be compared on one machine.

`python -m benchmarks.answers` prints the hash of each answer's .npz and the names in it; `--command` names another
version's `lossatlas`. Processors round differently: compare runs of one machine.
"""

import hashlib
import shlex
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import click

QUESTIONS = (
    ("training", "dataset=iris&widths=4&activation=tanh&steps=200"),
    ("training", "dataset=xor&widths=2&optimiser=momentum&momentum=0.9&steps=100&dtype=float64"),
    ("training", "dataset=xor&widths=2&optimiser=walk&steps=50"),
    ("slice", "dataset=iris&widths=4&activation=tanh&seed=0&points=33"),
    ("slice", "dataset=xor&widths=2&activation=relu&directions=trajectory&points=17"),
    ("slice", "dataset=digits&network=lenet&channels=2-3&dense=8&steps=2&points=5&norm=batch"),
    ("slice", "dataset=iris&widths=4&activation=elu&loss=squared_error&directions=eigenvectors&points=9&steps=50"),
    ("slice", "dataset=iris&widths=4-4&skip=1&activation=gelu&optimiser=adam&steps=50&points=9&l2=0.01"),
    ("line", "dataset=iris&widths=4&activation=sigmoid&directions=interpolation&steps=50"),
    ("extent", "dataset=wine&widths=3&activation=softplus&steps=50"),
    ("saturation", "dataset=iris&widths=4-3&activation=tanh&steps=50"),
    ("spectrum", "dataset=iris&widths=4&activation=relu&steps=50"),
    ("evolution", "dataset=xor&widths=2&activation=tanh&steps=50"),
    ("replicates", "dataset=xor&widths=2&activation=elu&steps=50"),
    ("sharpness", "dataset=xor&widths=2&activation=sine&steps=50"),
    ("cloud", "dataset=iris&widths=4&activation=tanh&walks=3&walk_steps=40"),
    ("boundary", "dataset=moons&widths=3&activation=silu&steps=50"),
    ("weights", "dataset=xor&widths=2&activation=mish&steps=50"),
    ("weight_slices", "dataset=xor&widths=2&activation=threshold&steps=20"),
    ("morph", "dataset=xor&widths=2&activation=tanh&morph_to=relu&steps=30&morph_frames=3&morph_points=9"),
)


def answer(command: list[str], analysis: str, query: str, folder: Path) -> str:
    """`<hash of the .npz> <names in it>`, or what the command said instead."""
    out = folder / "answer.npz"
    ended = subprocess.run(
        [*command, "run", analysis, query, "--no-cache", "--out", str(out)], cwd=folder, capture_output=True, text=True
    )
    if ended.returncode:
        return ended.stderr.strip().splitlines()[-1]
    with zipfile.ZipFile(out) as archive:
        names = ",".join(sorted(archive.namelist()))
    return f"{hashlib.sha256(out.read_bytes()).hexdigest()[:32]} {names.replace('.npy', '')}"


@click.command()
@click.option("--command", default=f"{shlex.quote(sys.executable)} -m lossatlas", help="The program to ask.")
def main(command: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for analysis, query in QUESTIONS:
            print(f"{analysis} {query}\n    {answer(shlex.split(command), analysis, query, Path(folder))}", flush=True)


if __name__ == "__main__":
    main()
