"""The settings of `make nightly` against what the libraries then say of themselves."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lossatlas.compute.numerics.kernels import fused

ROOT = Path(__file__).resolve().parent.parent
SAYS = """
import numpy, torch, threadpoolctl
from lossatlas.compute.numerics.kernels import strips
print(strips.CPU, strips.WIDTH, torch.backends.cpu.get_cpu_capability())
print(*{pool["architecture"] for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"})
print(*{kind["current"] for kind in numpy.lib.introspect.opt_func_info("^tanh$", "float32")["tanh"].values()})
print(*(name for name in strips.FEATURES.split(",") if "avx" in name or "fma" in name))
"""


def settings() -> dict[str, str]:
    """The variables that the Makefile sets."""
    lines = re.findall(r"^AVX2 := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return dict(word.split("=", 1) for word in lines[0].replace("\\\n", " ").split())


@pytest.mark.skipif(not fused.AVAILABLE, reason="numba is not installed")
@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="needs AVX2")
def test_the_nightly_run_computes_by_avx2_alone():
    ended = subprocess.run(
        [sys.executable, "-c", SAYS], cwd=ROOT, env=os.environ | settings(), capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["haswell 8 AVX2", "Haswell", "X86_V3", "+avx2 +fma"]


def test_every_library_that_looks_for_instructions_is_told():
    found = settings()
    assert found.keys() == {
        "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY",
        "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES",
    }  # fmt: skip
    assert "512" in found.pop("NPY_DISABLE_CPU_FEATURES") and "512" not in "".join(found.values())
