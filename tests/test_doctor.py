import subprocess
import sys

import pytest
import torch
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from typer.testing import CliRunner

from sbert_lessons import doctor
from sbert_lessons.__main__ import app
from sbert_lessons.doctor import Finding
from sbert_lessons.files import ROOT


@pytest.fixture
def data(tmp_path):
    (tmp_path / "sts").mkdir()
    (tmp_path / "sts" / "test.csv").write_bytes(b"a,b,5\n")
    (tmp_path / "model.safetensors").write_bytes(bytes(range(256)))
    assert doctor.write_checksums(tmp_path) == 2
    return tmp_path


def lock(tmp_path, *lines):
    (tmp_path / "requirements.lock").write_text("\n".join(lines))
    return doctor.packages(tmp_path / "requirements.lock")


def test_finding_prints_a_mark_and_what_to_do():
    assert str(Finding("Disk", "9 GB free")) == "[ok]   Disk: 9 GB free"
    assert str(Finding("Disk", "0 GB free", "Free some.")).splitlines() == [
        "[fail] Disk: 0 GB free",
        "       -> Free some.",
    ]


def test_python_outside_the_lock_is_named_with_a_way_out():
    assert doctor.python_version((3, 11, 2)) == Finding("Python", "3.11.2")
    assert "make clean lab PYTHON=python3.11" in doctor.python_version((3, 14, 0)).remedy


def test_packages_as_locked(tmp_path):
    public = torch.__version__.split("+")[0]
    found = lock(tmp_path, f"torch=={public}", f"pytest=={pytest.__version__}")
    assert found == Finding("Packages", "all 2 as locked")


def test_packages_missing_or_of_another_version_are_named(tmp_path):
    found = lock(tmp_path, "pytest==0.1", "no-such-package-here==1.0")
    assert found.seen == f"pytest is {pytest.__version__}, not 0.1; no-such-package-here is missing"
    assert "requirements.lock" in found.remedy


def test_packages_of_other_systems_are_not_asked_for(tmp_path):
    assert lock(tmp_path, "no-such-package-here==1.0 ; sys_platform == 'amiga'").ok


def test_a_missing_lock_is_a_failure(tmp_path):
    found = doctor.packages(tmp_path / "requirements.lock")
    assert found.seen == "requirements.lock is not there" and "git checkout" in found.remedy


@pytest.mark.parametrize(
    "content", [b"", b"<<<<<<< HEAD\n", b"pytest\n\ntorch\n", b"numpy==\n", b"nump\xff==1.0\n"]
)
def test_a_damaged_lock_is_a_failure(tmp_path, content):
    (tmp_path / "requirements.lock").write_bytes(content)
    found = doctor.packages(tmp_path / "requirements.lock")
    assert found.seen == "requirements.lock is damaged"
    assert "`git checkout -- requirements.lock`" in found.remedy


def test_a_long_list_of_packages_is_cut(tmp_path):
    found = lock(tmp_path, *(f"no-such-package-{i}==1" for i in range(9)))
    assert found.seen.count("missing") == 5
    assert found.seen.endswith(" and 4 more")


def test_too_many_threads_are_a_failure(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    assert doctor.torch_threads().ok
    monkeypatch.setattr("torch.get_num_threads", lambda: 3)
    assert "OMP_NUM_THREADS=2" in doctor.torch_threads().remedy


def test_torch_that_does_not_load_is_a_failure(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "does not load" in doctor.torch_threads().seen


def test_unchanged_data_pass(data):
    assert doctor.data_files(data) == Finding("Data", "all 2 files unchanged")


def test_checksums_have_the_form_of_sha256sum(data):
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (data / "model.safetensors").write_bytes(b"")
    doctor.write_checksums(data)
    assert (data / doctor.CHECKSUMS).read_text().startswith(f"{empty}  model.safetensors\n")


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_damaged_data_are_named(data, damage):
    victim = data / "sts" / "test.csv"
    victim.write_bytes(b"a,b,4\n") if damage == "changed" else victim.unlink()
    found = doctor.data_files(data)
    assert found.seen == "missing or changed: sts/test.csv"
    assert "git checkout -- data" in found.remedy


@pytest.mark.parametrize("content", [b"half a li", b"", b"0123  \xff.txt\n"])
def test_a_damaged_list_is_named(data, content):
    (data / doctor.CHECKSUMS).write_bytes(content)
    assert doctor.data_files(data).seen == f"missing or changed: {doctor.CHECKSUMS}"


def test_data_without_a_list_fail(tmp_path):
    assert doctor.CHECKSUMS in doctor.data_files(tmp_path).seen


def test_hidden_files_and_the_list_itself_are_not_listed(data):
    (data / ".DS_Store").write_bytes(b"")
    assert doctor.write_checksums(data) == 2


def test_kernel_of_this_python_passes():
    found = doctor.kernel()
    assert found.ok
    assert sys.executable in found.seen


def test_kernel_of_another_python_fails(monkeypatch):
    other = KernelSpec(argv=["/opt/other/bin/python", "-m", "ipykernel_launcher"])
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda self, name: other)
    assert "/opt/other/bin/python" in doctor.kernel().seen
    assert "ipykernel install" in doctor.kernel().remedy


def test_no_kernel_fails(monkeypatch):
    def none(self, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    assert "ipykernel install" in doctor.kernel().remedy


def test_jupyter_that_does_not_load_is_a_failure(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyter_client.kernelspec", None)
    assert "does not load" in doctor.kernel().seen
    assert doctor.kernel().remedy == doctor.INSTALL


@pytest.mark.parametrize(("free", "ok"), [(0.9e9, False), (1.1e9, True)])
def test_disk(monkeypatch, tmp_path, free, ok):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": free}))
    assert doctor.disk(tmp_path).ok == ok


def test_examine_looks_at_six_things(tmp_path):
    (tmp_path / "requirements.lock").write_text("")
    subjects = [finding.subject for finding in doctor.examine(tmp_path)]
    assert subjects == ["Python", "Packages", "torch", "Data", "Jupyter kernel", "Disk"]


def test_a_data_folder_of_the_readers_own_is_not_brought_back(monkeypatch, data, tmp_path):
    (data / "sts" / "test.csv").write_bytes(b"a,b,4\n")
    (tmp_path / "requirements.lock").write_text("")
    monkeypatch.setenv("SBERT_LESSONS_DATA", str(data))
    found = {finding.subject: finding for finding in doctor.examine(tmp_path)}["Data"]
    assert found == Finding("Data", "missing or changed: sts/test.csv", doctor.OWN_DATA)


@pytest.mark.parametrize(("remedy", "code"), [("", 0), ("Mend it.", 1)])
def test_command_ends_with_1_after_any_failure(monkeypatch, remedy, code):
    findings = [Finding("A", "bad", remedy), Finding("B", "good")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == code
    assert result.output.splitlines()[-1] == "[ok]   B: good"


def test_command_lists_the_data(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    result = CliRunner().invoke(app, ["doctor", "--write-checksums", str(tmp_path)])
    assert result.output == "1 files listed.\n"
    assert doctor.data_files(tmp_path).ok


def test_without_its_packages_the_command_says_what_to_do():
    bare = "import runpy, sys; sys.modules['typer'] = None; runpy.run_module('sbert_lessons')"
    result = subprocess.run([sys.executable, "-c", bare], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("The package typer is not installed in")
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not (ROOT / "data").exists(), reason="there are no bundled data yet")
def test_bundled_data_are_listed_and_unchanged():
    """After a change in data/: python -m sbert_lessons doctor --write-checksums data"""
    assert doctor.data_files(ROOT / "data").ok
