"""Run the benchmarks, each in a process of its own, and write what they printed into RESULTS.md, by kind of machine.

`python -m benchmarks` runs all of SCRIPTS; `python -m benchmarks compare growth` those two. A script that fails leaves
its old block as it was.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import kind

RESULTS = Path(__file__).with_name("RESULTS.md")
SCRIPTS = {  # minutes each takes, roughly
    "peaks": 1,
    "compare": 8,
    "growth": 1,
    "workers": 2,
    "scaling": 8,
    "memory": 1,
    "busy": 1,
    "peers": 1,
    "calibrate": 1,
    "planning": 1,
    "stream": 1,
    "rooms": 1,
    "page": 3,
    "kills": 3,
    "panels": 2,
}
FENCE = "```"


def run(script: str) -> str | None:
    """What a script printed, shown while it comes; None if it failed. Its complaints go to the terminal only."""
    command = [sys.executable, "-m", f"benchmarks.{script}"]
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as child:
        for line in child.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return None if child.returncode else "".join(lines)


def with_block(text: str, script: str, kind: str, printed: str) -> str:
    """The results with what a script printed on a kind of machine, in place of what it printed there before; what other
    kinds printed stays. A script or a kind that is new gets a part of its own at the end.
    """
    heading = f"## `python -m benchmarks.{script}`\n"
    parts = _parts("## ", text, heading)
    return "".join(_with_kind(part, kind, printed) if part.startswith(heading) else part for part in parts)


def _with_kind(part: str, kind: str, printed: str) -> str:
    heading = f"### {kind}\n"
    block = f"{heading}\n{FENCE}\n{printed.rstrip()}\n{FENCE}\n\n"
    return "".join(block if one.startswith(heading) else one for one in _parts("### ", part, heading))


def _parts(mark: str, text: str, wanted: str) -> list[str]:
    """The text cut before every line that begins with a mark, the wanted heading among them."""
    parts = re.split(f"^(?={mark})", text, flags=re.MULTILINE)
    return parts if any(part.startswith(wanted) for part in parts) else [f"{text.rstrip()}\n\n", wanted]


def main(chosen: list[str]) -> int:
    unknown = [name for name in chosen if name not in SCRIPTS]
    if unknown:
        print(f"There is no benchmark called {unknown[0]}. Choose from {', '.join(SCRIPTS)}.", file=sys.stderr)
        return 2
    failed = []
    for script in chosen or SCRIPTS:
        print(f"\n== {script}, about {SCRIPTS[script]} min", flush=True)
        printed = run(script)
        if printed is None:
            failed.append(script)
        else:
            RESULTS.write_text(with_block(RESULTS.read_text(), script, kind(), printed))
    if failed:
        print(f"Failed, their results are the old ones: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
