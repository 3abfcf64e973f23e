"""The doctor: planted problems, each with the line that mends it, and `deptool doctor`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deptool import doctor, doctor_machine, doctor_packages, doctor_trial, machine
from deptool.doctor_trial import Check, Outcome, run_trial
from deptool.listing import PlugIn
from tests.conftest import ROOT

FOR_ALL = ["numpy>=1.26", "torch>=2.6,<2.14"]
WITH_MEDIAPIPE = ["mediapipe==0.10.21", "numpy<2", "pyarrow<26"]
WITH_FEAT = ["py-feat>=2.1.5,<3"]


@pytest.fixture
def packages(monkeypatch):
    """Packages by name and version, as if installed beside a deptool with these requirements."""
    there = {"numpy": "1.26.4", "torch": "2.13.0+cpu", "deptool": "1"}
    asks = {
        "deptool": [
            *FOR_ALL,
            *(f"{r}; extra == 'mediapipe'" for r in WITH_MEDIAPIPE),
            *(f"{r}; extra == 'py-feat'" for r in WITH_FEAT),
            "ruff; extra == 'dev'",
            "tomli>=2; python_version < '3'",
        ]
    }
    monkeypatch.setattr(doctor_packages, "installed", there.get)
    monkeypatch.setattr(doctor_packages, "requires", lambda name: asks.get(name, []))
    monkeypatch.setattr(doctor_packages, "extras", lambda: ["mediapipe", "py-feat"])
    there["asks"] = asks
    return there


@pytest.fixture
def beside(monkeypatch, tmp_path):
    """Plant a module that trials find before the real one."""
    folder = tmp_path / "beside"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def put(name, text, version=None):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if version:
            package = Path(name).parts[0].removesuffix(".py")
            info = folder / f"{package}-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
            )

    return put


def by_name(checks):
    return {check.name: check for check in checks}


def test_requirements_are_those_of_the_core_or_what_an_extra_adds(packages):
    assert list(map(str, doctor_packages.requirements())) == ["numpy>=1.26", "torch<2.14,>=2.6"]
    assert [r.name for r in doctor_packages.requirements("mediapipe")] == [
        *("mediapipe", "numpy", "pyarrow"),
    ]


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 10), "problem"), ((3, 11), "ok"), ((3, 12), "ok"), ((3, 13), "warning")],
)
def test_python_is_one_for_which_there_are_wheels(version, status):
    assert doctor_packages.python(version).status == status


def test_a_core_package_that_is_missing_is_a_problem_and_an_old_one_a_warning(packages):
    assert doctor_packages.core().status == "ok"
    packages["numpy"] = "1.25.0"
    check = doctor_packages.core()
    assert (check.status, check.fix) == ("warning", "pip install 'numpy>=1.26'")
    assert check.detail == "numpy 1.25.0 is not >=1.26"
    del packages["torch"]
    check = doctor_packages.core()
    assert check.status == "problem"
    assert check.detail == "torch is missing; numpy 1.25.0 is not >=1.26"
    assert check.fix == "pip install 'torch<2.14,>=2.6' 'numpy>=1.26'"


def test_numpy_2_beside_mediapipe_stops_the_default_job(packages):
    packages |= {"mediapipe": "0.10.21", "numpy": "2.1.0", "pyarrow": "25.0.1"}
    check = by_name(doctor_packages.optional("mediapipe"))["extra mediapipe"]
    assert check.status == "problem"
    assert check.detail == "numpy 2.1.0 is not <2"
    assert check.fix == "pip install mediapipe==0.10.21 'numpy<2,>=1.26' 'pyarrow<26'"


def test_what_mends_the_core_keeps_within_the_bounds_of_the_extras_in_use(packages):
    del packages["numpy"]
    assert doctor_packages.core().fix == "pip install 'numpy>=1.26'"
    packages["mediapipe"] = "0.10.21"
    assert doctor_packages.core().fix == "pip install 'numpy<2,>=1.26'"


def test_an_extra_of_which_nothing_is_installed_is_no_problem(packages):
    packages |= {"py-feat": "2.0.0"}
    checks = by_name(doctor_packages.optional("mediapipe"))
    assert checks["extras not in use"].detail == "mediapipe"
    assert checks["extra py-feat"].status == "warning"
    assert checks["extra py-feat"].fix == "pip install 'py-feat<3,>=2.1.5'"


def test_packages_that_contradict_each_other_are_named(packages):
    packages |= {"torchvision": "0.21.0", "mediapipe": "0.10.21", "protobuf": "5.29.0"}
    packages["asks"] |= {
        "torchvision": ["torch==2.6.0", "gdown>=4; extra == 'gdown'"],
        "mediapipe": ["protobuf<5,>=4.25.3"],
    }
    check = doctor_packages.together()
    assert check.status == "warning"
    assert "torchvision 0.21.0: torch 2.13.0+cpu is not ==2.6.0" in check.detail
    assert "mediapipe 0.10.21: protobuf 5.29.0 is not <5,>=4.25.3" in check.detail
    assert "gdown" not in check.detail


@pytest.mark.parametrize(
    ("arrow", "numpy", "status"),
    [("26.0.0", "1.26.4", "problem"), ("25.0.1", "1.26.4", "ok"), ("26.0.0", "2.1.0", "ok")],
)
def test_pyarrow_26_needs_numpy_2(packages, arrow, numpy, status):
    packages |= {"pyarrow": arrow, "numpy": numpy}
    check = doctor_packages.arrow_with_numpy()
    assert check.status == status
    assert check.fix == (None if status == "ok" else "pip install 'pyarrow<26'")


def test_an_import_that_fails_or_crashes_does_not_hide_the_next(beside, monkeypatch):
    beside("one.py", "import os; print('talk', flush=True); os.abort()")
    beside("two.py", "")
    beside("three.py", "raise ImportError('libGL.so.1: cannot open shared object file')")
    needed = [Requirement(f"{name}>=1") for name in ("one", "two", "three")]
    monkeypatch.setattr(doctor_packages, "requirements", lambda: needed)
    monkeypatch.setattr(doctor_packages, "installed", lambda name: "1.0")
    checks = by_name(doctor_packages.importable())
    assert checks["import one"].detail == "crashed with SIGABRT"
    assert checks["import one"].fix == "pip install --force-reinstall --no-deps one==1.0"
    assert checks["import three"].status == "problem"
    assert "apt-get install libgl1" in checks["import three"].fix
    assert checks["imports"].detail == "1 of 3 core packages can be imported"


def test_a_torch_that_hangs_does_not_take_the_doctor_along(beside):
    beside("torch.py", "import time; time.sleep(60)")
    assert run_trial("torch", limit_s=1).error == "no answer in 1 s"


def test_a_torch_that_crashes_is_a_problem(beside):
    beside("torch.py", "import os; os.abort()")
    check = doctor_packages.torch()
    assert check.status == "problem"
    assert check.detail.endswith("crashed with SIGABRT")
    assert check.fix.startswith("pip install --force-reinstall 'torch<")


def test_this_torch_can_train():
    check = doctor_packages.torch()
    assert check.status == "ok"
    assert "built for " in check.detail


def test_torchvision_of_another_build_is_told_with_what_to_install(beside, packages):
    beside(
        "torchvision/__init__.py", "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    packages["torchvision"] = "0.28.0"
    check = doctor_packages.torchvision()
    assert check.status == "warning"
    assert check.detail == (
        "0.28.0 does not fit torch 2.13.0+cpu:"
        " RuntimeError: operator torchvision::nms does not exist"
    )
    assert check.fix == (
        "Install its CPU build from where that of torch came:"
        " pip install --force-reinstall --no-deps 'torchvision==0.28.*'"
    )


def test_torchvision_that_works_and_none_at_all_are_fine(beside, packages):
    assert doctor_packages.torchvision().status == "ok"
    packages["torchvision"] = "0.28.0"
    beside("torchvision/__init__.py", "")
    beside("torchvision/ops.py", "def nms(boxes, scores, limit): pass")
    assert doctor_packages.torchvision().status == "ok"


def test_a_decoder_that_is_not_there_is_told(beside):
    beside("av.py", "codecs_available = {'h264', 'vp9', 'av1'}")  # 'av1' alone needs hardware
    check = doctor_machine.decoders()
    assert check.status == "warning"
    assert check.detail == "videos in hevc, av1 cannot be read"


def test_this_av_decodes_all_formats():
    assert doctor_machine.decoders() == Check("video decoders", "ok", "h264, hevc, vp9, av1")


@pytest.fixture
def shared_machine(monkeypatch, tmp_path):
    """A machine of 64 cores, of which this process may use 8, in a control group of the test."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    return tmp_path


def test_fewer_cores_than_the_machine_has_mean_fewer_jobs(shared_machine):
    check = doctor_machine.cores()
    assert (check.status, check.fix) == ("warning", "Give extract --jobs 8")
    (shared_machine / "cpu.max").write_text("250000 100000\n")  # two and a half cores
    assert doctor_machine.cores().fix == "Give extract --jobs 2"
    (shared_machine / "cpu.max").write_text("max 100000\n")
    assert machine.usable_cores() == 8


def test_memory_that_is_too_little_for_all_cores_means_fewer_jobs(shared_machine, monkeypatch):
    # A worker takes 310 MB though the trial takes less: 2.48 GB for 8 of them, and 3 fit in 1 GB.
    monkeypatch.setattr(machine, "free_memory", lambda: 2_490_000_000)
    check = doctor_machine.memory(100_000_000)
    assert (check.status, check.fix) == ("ok", None)
    assert "about 310 MB per worker" in check.detail
    monkeypatch.setattr(machine, "free_memory", lambda: 1_000_000_000)
    check = doctor_machine.memory(100_000_000)
    assert (check.status, check.fix) == ("warning", "Give extract --jobs 3")
    assert doctor_machine.memory(400_000_000).fix == "Give extract --jobs 2"
    assert doctor_machine.memory(2_000_000_000).fix == "Give extract --jobs 1"
    assert doctor_machine.memory(None).detail == "1.0 GB free"
    monkeypatch.setattr(machine, "free_memory", lambda: None)
    assert doctor_machine.memory(1).status == "ok"


@pytest.mark.skipif(not Path("/proc/meminfo").is_file(), reason="not Linux")
def test_the_control_groups_limit_counts(shared_machine):
    whole = machine.free_memory()
    (shared_machine / "memory.max").write_text("9000000\n")
    (shared_machine / "memory.current").write_text("4000000\n")
    assert machine.free_memory() == 5_000_000
    (shared_machine / "memory.max").write_text("max\n")
    assert machine.free_memory() > whole / 2


def test_a_folder_that_can_be_written_to_is_left_as_it_was(tmp_path):
    check = doctor_machine.folder(tmp_path)
    assert check.status in ("ok", "warning")  # a warning if the disk is nearly full
    assert "can be written to" in check.detail
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_a_problem(tmp_path):
    check = doctor_machine.folder(tmp_path / "none")
    assert check.status == "problem"
    assert check.fix == f"mkdir -p {tmp_path / 'none'}"


@pytest.mark.parametrize("number", [28, 30], ids=["full", "read-only"])
def test_a_folder_that_takes_nothing_is_a_problem(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    check = doctor_machine.folder(tmp_path)
    assert check.status == "problem"
    assert os.strerror(number) in check.detail


def test_little_space_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(
        *(doctor_machine.shutil, "disk_usage"),
        lambda path: type("Usage", (), {"free": 5_000_000})(),
    )
    check = doctor_machine.folder(tmp_path)
    assert check.status == "warning"
    assert "5.0 MB free" in check.detail


def test_only_the_default_extractor_is_needed():
    lacking = ("extractors", "other", "Other", "MIT", (), False, "it is not installed", "pip")
    assert doctor.plug_in_runs(PlugIn(*lacking)) == Check(
        *("extractor other", "warning", "it is not installed", "pip")
    )
    default = PlugIn("extractors", doctor.DEFAULT_EXTRACTOR, *lacking[2:])
    assert doctor.plug_in_runs(default).status == "problem"


def test_the_default_extractor_is_the_one_of_extract():
    extract = pytest.importorskip("deptool.extract")
    assert extract.ExtractSettings().extractor == doctor.DEFAULT_EXTRACTOR


def test_an_extractor_that_overlooks_a_face_is_a_problem():
    seen = {"faces": 6, "pictures": 6, "ms": 8.4, "load_ms": 700.0, "memory_bytes": 1}
    check = doctor.sees(Outcome(seen))
    assert check.status == "ok"
    assert "8 ms a picture, 0.7 s to load" in check.detail
    check = doctor.sees(Outcome(seen | {"faces": 5}))
    assert check.status == "problem"
    assert "5 of 6" in check.detail
    assert check.fix.startswith("pip install --force-reinstall mediapipe==0.10.21 ")
    assert "extra" not in check.fix
    assert doctor.sees(Outcome(error="crashed with SIGILL")).detail == "crashed with SIGILL"


def test_a_wrong_file_of_weights_is_told(tmp_path):
    pytest.importorskip("deptool.extractors.mediapipe_tasks")
    assert doctor.weights_are_whole(tmp_path).status == "ok"
    (tmp_path / "face_landmarker.task").write_bytes(b"<html>not found</html>")
    check = doctor.weights_are_whole(tmp_path)
    assert check.status == "warning"
    assert check.detail == "face_landmarker.task (wrong size)"


def test_a_deptool_that_is_not_installed_says_so(monkeypatch):
    def refuse(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", refuse)
    monkeypatch.setattr(doctor_packages, "metadata", refuse)
    found = doctor.examine()
    assert [check.name for check in found.checks] == ["deptool"]
    assert not found.default_job_runs


def test_a_check_that_is_not_ok_says_what_mends_it():
    with pytest.raises(AssertionError):
        Check("name", "problem", "detail")
    with pytest.raises(AssertionError):
        Check("name", "ok", "detail", "fix")


def examine(tmp_path, *words, **env):
    return subprocess.run(
        [sys.executable, "-m", "deptool.cli.main", "doctor", *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
        env=dict(os.environ, COLUMNS="120", NO_COLOR="1") | {"PYTHONPATH": str(ROOT)} | env,
        timeout=300,
        check=False,
    )


def test_a_sound_installation_passes(tmp_path):
    pytest.importorskip("mediapipe")
    done = examine(tmp_path, "--json")
    about = json.loads(done.stdout)
    problems = [c for c in about["checks"] if c["status"] == "problem"]
    assert (done.returncode, problems) == (0, []), done.stderr
    assert about["default_job_runs"] is True
    assert about["versions"]["torch"].startswith("2.")
    assert any(c["name"] == "mediapipe at work" for c in about["checks"])
    assert all("\n" not in (c["fix"] or "") for c in about["checks"])
    assert list(tmp_path.iterdir()) == []


def test_a_broken_installation_is_examined_to_the_end(tmp_path, beside):
    beside("mediapipe/__init__.py", "", version="1.0.0")  # a release without models
    beside("torch.py", "raise ImportError('libc10.so: cannot open shared object file')")
    beside("numpy/__init__.py", "raise ImportError('numpy is broken')")
    done = examine(tmp_path, PYTHONPATH=os.pathsep.join([sys.path[0], str(ROOT)]))
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    assert any(x.startswith("✗ problem  torch ") and "libc10.so" in x for x in lines)
    assert any(x.startswith("✗ problem  import numpy ") for x in lines)
    assert any(x.startswith("✗ problem  extra mediapipe ") and "1.0.0" in x for x in lines)
    assert any(x.startswith("✗ problem  extractor mediapipe ") for x in lines)
    assert "extractor mediapipe: Mend what is wrong with the packages, above." in lines
    assert any(x.startswith("✓ ok       folder ") for x in lines)
    assert "What to do" in lines
    assert "stop the default job" in done.stderr


def test_a_mediapipe_without_models_is_told(tmp_path, beside):
    beside("mediapipe/__init__.py", "", version="0.10.30")
    done = examine(tmp_path, "--json", PYTHONPATH=os.pathsep.join([sys.path[0], str(ROOT)]))
    assert done.returncode == 6
    check = next(c for c in json.loads(done.stdout)["checks"] if c["name"] == "extractor mediapipe")
    assert check["status"] == "problem"
    assert "no models" in check["detail"]
    assert "mediapipe==0.10.21" in check["fix"]


def test_trials_see_what_this_process_sees(beside):
    beside("av.py", "raise ImportError('planted')")
    assert run_trial("decoders").error == "ImportError: planted"
    assert doctor_trial.pip_install("a", "b<2") == "pip install a 'b<2'"
