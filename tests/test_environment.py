"""The lock file, environment.yml and pyproject.toml say the same."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from sbert_lessons import doctor
from sbert_lessons.files import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINNED = {canonicalize_name(need.name): need for need in map(Requirement, LOCK)}
DIRECT = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]


def version_of(need: Requirement) -> str:
    return str(need.specifier).removeprefix("==")


def test_conda_installs_exactly_the_lock():
    python, pip, section = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert section == {"pip": LOCK}


def test_lock_has_one_exact_version_a_package_and_nothing_else():
    shape = re.compile(r"[a-z0-9-]+==[0-9a-z.]+( ; [a-z_'<>=!().0-9A-Z ]+)?")
    assert [line for line in LOCK if not shape.fullmatch(line)] == []
    assert len(PINNED) == len(LOCK)


@pytest.mark.parametrize("wanted", DIRECT)
def test_direct_dependency_is_locked_on_every_system(wanted):
    need = Requirement(wanted)
    locked = PINNED[canonicalize_name(need.name)]
    assert locked.marker is None
    assert need.specifier.contains(version_of(locked))


def test_lock_leaves_cuda_to_torch():
    assert [name for name in PINNED if name.startswith(("nvidia", "cuda", "triton"))] == []


@pytest.mark.parametrize("minor", [10, 11, 12, 13, 14])
def test_doctor_and_pyproject_accept_the_same_pythons(minor):
    declared = SpecifierSet(PROJECT["requires-python"]).contains(f"3.{minor}.1")
    assert doctor.python_version((3, minor, 1)).ok == declared == (11 <= minor <= 13)
