"""What is shipped: the wheel, built by way of the source archive, holds its data and works outside the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import aiplan

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of a new environment: our wheel, and for the rest the packages of this one."""
    folder = tmp_path_factory.mktemp("venv") / "v"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True)
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    ours = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site / "dependencies.pth").write_text("\n".join(ours) + "\n")
    return python.parent


def call(installed: Path, *arguments: str, cwd: Path) -> str:
    """Run the installed program somewhere else, without what the tests have set."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AIPLAN_CATALOG", "VIRTUAL_ENV")}
    command = [str(installed / "aiplan"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_wheel_holds_all_data_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("hardware", "models", "scenarios", "schema"):
        ours = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*") if p.suffix in (".yaml", ".json")}
        assert ours
        assert {f"aiplan/data/{name}" for name in ours} <= names
    assert "aiplan/units.txt" in names
    modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / "aiplan").rglob("*.py")}
    assert modules <= names
    assert {name.split("/")[0] for name in names} == {"aiplan", f"aiplan-{aiplan.__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".orig"))]


def test_the_source_archive_can_be_tested(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        tops = {name.split("/")[1] for name in opened.getnames() if "/" in name}
    wanted = {
        "aiplan",
        "hardware",
        "models",
        "scenarios",
        "schema",
        "tests",
        "benchmarks",
        "README.md",
        "pyproject.toml",
    }
    assert wanted <= tops


def test_the_version_is_one(wheel: Path) -> None:
    metadata = zipfile.ZipFile(wheel).read(f"aiplan-{aiplan.__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {aiplan.__version__}\n" in metadata
    assert re.fullmatch(r"\d+\.\d+\.\d+", aiplan.__version__)
    assert "\nRequires-Python: >=3.11\n" in metadata
    needs = re.findall(r"^Requires-Dist: ([a-z_-]+)[^;\n]*$", metadata, re.MULTILINE)
    assert sorted(needs) == ["genai-prices", "pint", "pydantic", "pypdfium", "pyyaml", "rich", "toktok-rs", "typer"]


def test_the_installed_program_plans(installed: Path, tmp_path: Path) -> None:
    assert call(installed, "--version", cwd=tmp_path) == f"aiplan {aiplan.__version__}\n"
    answer = json.loads(call(installed, "train", "--params", "100T", "--json", cwd=tmp_path))
    assert answer["quantities"]["params"]["value"] == 1e14
    assert answer["aiplan_version"] == aiplan.__version__
    assert "files" in call(installed, "hardware", "check", cwd=tmp_path)
    assert "files" in call(installed, "models", "check", cwd=tmp_path)
    assert json.loads(call(installed, "schema", "accelerator", cwd=tmp_path))["type"] == "object"
    assert call(installed, "convert", "3 hp", "kW", cwd=tmp_path).startswith("3 hp = 2.2")


def test_it_is_the_installed_one_that_answers(installed: Path, tmp_path: Path) -> None:
    code = (
        "import aiplan, importlib.metadata as m; from aiplan.catalog import data_root; "
        "print(aiplan.__file__, data_root(), m.version('aiplan'), sep='\\n')"
    )
    command = [str(installed / "python"), "-c", code]
    file, data, version = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout.splitlines()
    for place in (file, data):
        assert Path(place).resolve().is_relative_to(installed.parent.resolve())
    assert version == aiplan.__version__


def test_its_scenarios_run_from_where_they_are_installed(installed: Path, tmp_path: Path) -> None:
    (scenarios,) = installed.parent.rglob("aiplan/data/scenarios")
    files = sorted(str(path) for path in (scenarios / "essay").glob("*.yaml"))
    out = call(installed, "check", *files, cwd=tmp_path)
    assert out.count(": passed, ") == len(files)
