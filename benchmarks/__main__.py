"""Run the benchmarks, each in a process of its own, and write what they printed into RESULTS.md.

`python -m benchmarks` runs all of SCRIPTS; `python -m benchmarks compare growth` those two. A script that fails leaves
its old block as it was.
"""

import os
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
SCRIPTS = {  # minutes each takes, roughly
    "peaks": 1,
    "compare": 5,
    "growth": 1,
    "workers": 2,
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


def with_block(text: str, script: str, printed: str) -> str:
    """The results with a script's block replaced by what it printed; a script without one gets it at the end."""
    heading, block = f"## `python -m benchmarks.{script}`\n", f"{FENCE}\n{printed.rstrip()}\n{FENCE}\n"
    if heading not in text:
        return f"{text.rstrip()}\n\n{heading}\n{block}"
    before, after = text.split(heading, 1)
    said, _, rest = after.partition(f"{FENCE}\n")
    return before + heading + said + block + rest.partition(f"{FENCE}\n")[2]


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
            RESULTS.write_text(with_block(RESULTS.read_text(), script, printed))
    if failed:
        print(f"Failed, their results are the old ones: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
