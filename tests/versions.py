"""What stored answers depend on: the sources below each analysis, and the version numbers that stand for them in keys.

`python -m tests.versions` writes tests/versions.json anew, once the version is raised of each analysis whose sources
changed. Where sources changed and answers did not, it wants `--same-answers` to be said: `python -m benchmarks.answers`
prints the bytes of twenty, before and after.
"""

import ast
import functools
import hashlib
import json
from pathlib import Path

import click

from lossatlas.compute.analyses.table import ANALYSES
from lossatlas.compute.spec.keys import NUMERICS
from tests.test_imports import FILES, imports, under

State = dict[str, dict[str, object]]  # by analysis: versions and sources

RECORD = Path(__file__).with_name("versions.json")
BELOW = ("lossatlas.compute.problem", "lossatlas.compute.numerics", "lossatlas.compute.analyses")


def substance(source: str) -> str:
    """A module as Python reads it, without comments, docstrings, imports and the types of functions: what moves, is
    reworded or says what it takes is the same. Types of fields stay: values are coerced by them.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _silent(line)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _silent(line: ast.AST) -> bool:
    words = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
    return words or isinstance(line, ast.Import | ast.ImportFrom)


def below(module: str) -> set[str]:
    """A module and all of ours that it is made of, as far as they compute."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name in found or not any(under(name, folder) for folder in BELOW):
            continue
        found.add(name)
        asked = _known(name)[1]
        waiting += [other for other in {*asked, *(one.rpartition(".")[0] for one in asked)} if other in FILES]
    return found


@functools.cache
def _known(module: str) -> tuple[str, frozenset[str]]:
    """What a module of ours says, and what it imports."""
    source = FILES[module].read_text()
    return substance(source), frozenset(imports(ast.parse(source)))


def fingerprint(modules: set[str]) -> str:
    """One hash of all their sources."""
    sources = "\n".join(f"{name} {_known(name)[0]}" for name in sorted(modules))
    return hashlib.sha256(sources.encode()).hexdigest()[:16]


def state() -> State:
    """By analysis: its version numbers, the one of the numerics, and the sources that they stand for."""
    return {
        name: {
            "versions": [NUMERICS, *analysis.versions],
            "sources": fingerprint(below(analysis.levels.__module__)),
        }
        for name, analysis in ANALYSES.items()
    }


def unraised(now: State, then: State) -> list[str]:
    """The analyses whose sources are others than recorded, and whose versions are not."""
    return [
        name for name in now.keys() & then.keys()
        if now[name]["sources"] != then[name]["sources"] and now[name]["versions"] == then[name]["versions"]
    ]  # fmt: skip


@click.command()
@click.option("--same-answers", is_flag=True, help="Sources changed, and no answer did: their versions stay.")
def main(same_answers: bool) -> None:
    now = state()
    if (names := unraised(now, json.loads(RECORD.read_text()))) and not same_answers:
        raise click.ClickException(
            f"A version stands for its sources, and those of {', '.join(sorted(names))} changed under the same one. "
            "Raise it, or say --same-answers where no answer did."
        )
    RECORD.write_text(json.dumps(now, indent=1) + "\n")
    print(f"wrote {RECORD}")


if __name__ == "__main__":
    main()
