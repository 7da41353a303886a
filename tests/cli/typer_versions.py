"""The command line under the oldest and the newest typer that we allow; by hand before a release, since it downloads.

python tests/cli/typer_versions.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
RANGES = ("typer==0.20.*", "typer>=0.20,<1")
TESTS = ("test_commands.py", "test_bad_input.py", "test_contract.py", "test_snapshots.py", "test_start.py")


def main() -> int:
    """Install each version in a new environment and run the tests of the command line there."""
    worst = 0
    for wanted in RANGES:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            python = str(Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python")
            subprocess.run([python, "-m", "pip", "install", "--quiet", f"{ROOT}[test]", wanted], check=True)
            version = "import importlib.metadata as m; print('typer', m.version('typer'), flush=True)"
            subprocess.run([python, "-c", version], check=True)
            tests = [str(ROOT / "tests" / "cli" / name) for name in TESTS]
            worst = max(worst, subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT, check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
