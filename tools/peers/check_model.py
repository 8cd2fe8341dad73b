"""Every logit, gradient and training loss of SmolLM2 against transformers.

Makes the whole golden in a temporary folder (600 MB) with
tools/golden/smollm2.py, then runs the C++ comparison over it: logits within
1e-5 of the largest, gradients within 5e-5 relative L2 and 1e-4 of their
largest element, 20 AdamW losses within 1e-5.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODEL = (CACHE / "octet/models/smollm2-135m-instruct"
         / "SmolLM2-135M-Instruct.Q4_1.gguf")


def main():
    test = ROOT / "build/bin/test_core_model"
    for needed in (test, MODEL):
        if not needed.exists():
            sys.exit(f"check_model: expected {needed}; run tools/check")
    with tempfile.TemporaryDirectory() as folder:
        full = pathlib.Path(folder) / "full.safetensors"
        subprocess.run(
            [sys.executable, ROOT / "tools/golden/smollm2.py", MODEL,
             pathlib.Path(folder) / "golden.json", full], check=True)
        return subprocess.run(
            [test, "--gtest_filter=SmolLm2.*"],
            env={**os.environ, "OCTET_SMOLLM2_FULL": str(full),
                 "OCTET_SMOLLM2_STEPS": "20"}).returncode


if __name__ == "__main__":
    sys.exit(main())
