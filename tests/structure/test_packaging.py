"""Packaging: what is in the checkout arrives with `pip install`, and runs from there."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.structure.sources import ROOT

IGNORED = shutil.ignore_patterns(
    ".git",
    ".venv",
    "instance",
    "build",
    "dist",
    "tests",
    "docs",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command, which must succeed."""
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def pip(*arguments: str | Path, cwd: Path) -> None:
    """pip of the running environment, kept off every index: nothing may be downloaded."""
    run(sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", *arguments, cwd=cwd)


def build_wheel(source: Path, target: Path) -> Path:
    pip("wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", target, source, cwd=source)
    (wheel,) = target.glob("receptionist-*.whl")
    return wheel


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to build in: a used build folder would bring renamed plugins back to life."""
    copy = tmp_path_factory.mktemp("packaging") / "checkout"
    shutil.copytree(ROOT, copy, ignore=IGNORED)
    return copy


@pytest.fixture(scope="session")
def wheel(checkout: Path) -> Path:
    return build_wheel(checkout, checkout.parent / "wheel")


@pytest.fixture(scope="session")
def sdist(checkout: Path, wheel: Path) -> Path:
    target = checkout.parent / "sdist"
    target.mkdir()
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, target, cwd=checkout)
    (archive,) = target.glob("receptionist-*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel in it; what it depends on comes from the running one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = "import sys; from pip._internal.cli.main import main; sys.exit(main(sys.argv[1:]))"
    run(python, "-c", install, "--isolated", "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=folder)
    return python.parent


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("receptionist/")}


def expected() -> set[str]:
    """Every file of receptionist/, plugins/ and templates/, under the name it has once installed."""
    return {
        (Path(inside) / path.relative_to(ROOT / folder)).as_posix()
        for folder, inside in [
            ("receptionist", "receptionist"),
            ("plugins", "receptionist/plugins"),
            ("templates", "receptionist/templates"),
        ]
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_the_wheel_holds_every_file_and_no_other(wheel: Path) -> None:
    names = names_in(wheel)
    assert sorted(expected() - names) == [], "not in the wheel: name the package or package_data in setup.cfg"
    assert sorted(names - expected()) == []


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent, filter="data")
    (source,) = (path for path in sdist.parent.iterdir() if path.is_dir())
    assert names_in(build_wheel(source, sdist.parent / "wheel")) == names_in(wheel)
    assert (source / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_packages_named_are_the_folders_there_are() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    named = set(config["options"]["packages"].split())
    folders = {path.parent for top in ("receptionist", "plugins") for path in (ROOT / top).rglob("*.py")}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    found = {f"receptionist.{name}" if name.split(".")[0] == "plugins" else name for name in found}
    assert named == found | {"receptionist.plugins", "receptionist.templates"}


def test_the_installed_program_runs_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import receptionist; print(receptionist.__file__)"
    assert Path(run(installed / "python", "-c", code, cwd=tmp_path).strip()).is_relative_to(installed.parent)
    assert "Usage: receptionist" in run(installed / "receptionist", "--help", cwd=tmp_path)


def test_the_installed_program_lists_the_bundled_plugins(installed: Path, tmp_path: Path) -> None:
    listed = run(installed / "receptionist", "plugins", cwd=tmp_path)
    bundled = {
        path.stem for path in (ROOT / "plugins").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert [name for name in sorted(bundled) if name not in listed] == []
