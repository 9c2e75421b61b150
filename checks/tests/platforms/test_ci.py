"""The files that `labcheck ci` writes: their contents, and runs as on GitHub, GitLab and Gradescope.

Actions are simulated, and commands that would change the machine only record how they were called. Everything else is
really run, including the installation of the wheel that is among the files.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import psutil
import pytest
import yaml

from conftest import need, once, run_labcheck
from labcheck.errors import UsageError
from labcheck.platforms import ci, sources
from labcheck.version import __version__
from labcheck.workbook import wheel
from labcheck.workbook.labs import Lab, lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("fcntl")

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")  # as GitHub runs a step
WHEEL = wheel.NAME
COMMIT = "0123456789abcdef" * 2 + "01234567"
HASH = "0123456789abcdef" * 4
SOURCES = {  # what --from names, and what pip gets
    None: WHEEL,
    f"git+https://git.example.org/course/labcheck@{COMMIT}": f"'labcheck @ git+https://git.example.org/course/labcheck@{COMMIT}'",
    f"https://example.org/~course/{WHEEL}#sha256={HASH}": f"'labcheck @ https://example.org/~course/{WHEEL}#sha256={HASH}'",
    "https://pip.example.org:8443/simple/": f"--index-url https://pip.example.org:8443/simple/ labcheck=={__version__}",
}
PUBLIC = "PyPI" + ".org"
INSTALL = f"""\
cp .github/labcheck/{WHEEL} "$RUNNER_TEMP"
cd "$RUNNER_TEMP"
echo "{{sha256}}  {WHEEL}" | sha256sum --check
python -I -m venv labcheck
labcheck/bin/python -I -m pip install ./{WHEEL}
"""
REPORTER = "classroom-resources/autograding-grading-reporter@d13b5912daf5042ac1b71bc38bdb4a6bcd61d8ca"
LAB = load_lab("lab1")
SOLUTION, STARTER = LAB.solution, LAB.starter
SECONDS = 120  # for any one command


# What is written


@dataclass(frozen=True)
class Written:
    """The files written for a lab, parsed."""

    lab: Lab
    student: dict[Any, Any]
    instructor: dict[Any, Any]
    gitlab: dict[Any, Any]
    texts: dict[str, str]
    wheels: list[bytes]
    source: str | None

    @classmethod
    def into(cls, folder: Path, lab: Lab, source: str | None = None) -> Written:
        """Write all files for a lab into a folder."""
        found: list[tuple[str, bytes]] = []
        for kind in ci.names():
            for file in ci.write(kind, lab, folder, source):
                if file.suffix == ".zip":
                    packed = zipfile.ZipFile(file)
                    found += [(name, packed.read(name)) for name in packed.namelist()]
                else:
                    found.append((file.name, file.read_bytes()))
        texts = {name: data.decode() for name, data in found if name != WHEEL}
        student, instructor, gitlab = (
            yaml.safe_load(texts[name]) for name in ("labcheck.yml", "grade.yml", ".gitlab-ci.yml")
        )
        return cls(lab, student, instructor, gitlab, texts, [data for name, data in found if name == WHEEL], source)

    @property
    def workflows(self) -> tuple[dict[Any, Any], ...]:
        """The two GitHub workflows."""
        return self.student, self.instructor

    @property
    def jobs(self) -> Iterator[dict[str, Any]]:
        """The jobs of both workflows."""
        for workflow in self.workflows:
            yield from workflow["jobs"].values()

    @property
    def steps(self) -> Iterator[dict[str, Any]]:
        """The steps of all these jobs."""
        for job in self.jobs:
            yield from job["steps"]

    @property
    def scripts(self) -> Iterator[str]:
        """Every script that a shell runs."""
        yield from (step["run"] for step in self.steps if "run" in step)
        yield "\n".join(self.gitlab[self.lab.name]["script"])
        yield from (self.texts[name] for name in ("setup.sh", "run_autograder"))


@pytest.fixture(
    params=[*((name, None) for name in lab_names()), *(("lab1", source) for source in SOURCES if source)],
    ids=[*lab_names(), "git", "address", "index"],
)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Written:
    """Write all files for a lab, with each source of labcheck."""
    name, source = request.param
    return Written.into(tmp_path, load_lab(name), source)


def test_actions_are_pinned_to_commits(written: Written) -> None:
    """Each action is pinned to a full commit, with its version in a comment."""
    for name in ("labcheck.yml", "grade.yml"):
        for line in re.findall(r"uses: (.+)", written.texts[name]):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+(\.\d+\.\d+)?", line), line
    assert REPORTER in written.texts["labcheck.yml"]
    assert REPORTER not in written.texts["grade.yml"]


def test_permissions_are_minimal(written: Written) -> None:
    """A workflow has read permissions only, no job requests more, and no token is left in a checkout."""
    assert written.student["permissions"] == {"actions": "read", "contents": "read"}
    assert written.instructor["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in written.jobs)
    checkouts = [step for step in written.steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False, False, False]
    assert not any("secrets" in text for text in written.texts.values())


def test_workflows_have_limits(written: Written) -> None:
    """Each job has a timeout, a workflow does not run twice at the same time, and the shell is bash."""
    assert all(0 < job["timeout-minutes"] <= 120 for job in written.jobs)
    for workflow in written.workflows:
        assert workflow["concurrency"]["group"]
        assert workflow["defaults"] == {"run": {"shell": "bash"}}
    job = written.gitlab[written.lab.name]
    assert (job["timeout"], job["interruptible"]) == ("10 minutes", True)
    assert job["artifacts"]["when"] == "always"


def test_workflows_have_the_right_triggers(written: Written) -> None:
    """A push checks a student's work; a class is graded only on request. (YAML reads the key `on` as true.)"""
    assert set(written.student[True]) == {"push", "workflow_dispatch"}
    assert set(written.instructor[True]) == {"workflow_dispatch"}
    assert set(written.instructor[True]["workflow_dispatch"]["inputs"]) == {"submissions", "roster"}


def test_scripts_contain_no_input(written: Written) -> None:
    """Scripts contain no expressions: all input is passed in environment variables."""
    for script in written.scripts:
        assert "${{" not in script
        assert "eval" not in script
    assert "$CI_" not in written.texts[".gitlab-ci.yml"]


def test_only_labcheck_is_installed_and_run(written: Written) -> None:
    """Only what the source names is installed, in isolated mode; labcheck is called by its full path."""
    installs = 0
    for script in written.scripts:
        code = re.sub(r"(^|\s)#.*", "", script)
        for line in _lines(code, "pip install"):
            before, what = re.split(r" -I -m pip install (?:--no-cache-dir )?", line)
            assert before.endswith("labcheck/bin/python")
            if written.source is None:
                assert what in (f"./{WHEEL}", f"/opt/{WHEEL}", '"$wheel"')
            else:
                assert what == SOURCES[written.source]
            installs += 1
        assert "extra-index" not in code
        for line in _lines(code, "python"):
            assert "-I" in line or "apt-get install" in line or re.match(r"(for name in )?python[\d.=]*", line), line
        for line in _lines(code, f"labcheck {written.lab.name}"):
            assert re.search(r"/labcheck/bin/labcheck\"? \w+ ", line), line
    assert installs == 5  # in three jobs on GitHub, on GitLab and on Gradescope


@pytest.mark.parametrize("own", [True, False], ids=["labcheck's lab", "a course's lab"])
def test_no_variable_names_another_course(own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may set variables of a job cannot bring a suite along: each call names the course, or names no course."""
    course = tmp_path / "my course"
    if not own:
        shutil.copytree(LAB.starter, course / "labs" / "lab1")
        monkeypatch.setenv("LABCHECK_COURSE", str(course))
    written = Written.into(tmp_path / "files", load_lab("lab1"), None)
    calls = [line for script in written.scripts for line in script.splitlines() if "bin/labcheck" in line]
    calls = [line for line in calls if re.search(r"bin/labcheck\"? (grade )?lab1", line)]
    assert len(calls) == 5
    named = "''" if own else f"'{course}'"
    assert all(line.strip().startswith(f"LABCHECK_COURSE={named} ") for line in calls), calls


def _lines(code: str, word: str) -> list[str]:
    return [line.strip() for line in code.splitlines() if re.search(rf"(^|[\s/]){word}\b", line)]


def test_labcheck_is_installed_outside_the_checkout(written: Written) -> None:
    """Before any file of the repository exists, or, if the wheel is one of them, in another folder."""
    steps = ["setup-python@", "pip install", "checkout@", 'bin/labcheck" ']
    if written.source is None:
        steps[1:3] = ["checkout@", "pip install"]
    for job in written.jobs:
        places = [
            next(n for n, step in enumerate(job["steps"]) if text in step.get("uses", step.get("run", "")))
            for text in steps
        ]
        assert places == sorted(places)
        install = job["steps"][places[steps.index("pip install")]]["run"].splitlines()
        assert 'cd "$RUNNER_TEMP"' in install
        assert not any(".github" in line for line in install[install.index('cd "$RUNNER_TEMP"') :])


def test_wheel_is_brought_along_by_default_only(written: Written) -> None:
    """By default, the same wheel is beside each workflow and in the zip, and its hash in each script that copies it."""
    hashes = re.findall(r"\b[0-9a-f]{64}\b", "".join(written.scripts))
    if written.source is not None:
        assert written.wheels == []
        assert set(hashes) <= {HASH}
        return
    assert written.wheels == [wheel.assemble().data] * 4  # for students and instructors on GitHub, GitLab, Gradescope
    assert hashes == [wheel.assemble().sha256] * 4  # three jobs on GitHub, one on GitLab; Gradescope unpacks one zip


def test_git_is_there_if_it_is_needed(written: Written) -> None:
    """Only to install from a commit, Gradescope installs git, and GitLab's image has it."""
    needed = (written.source or "").startswith("git+")
    assert ("bubblewrap git\n" in written.texts["setup.sh"]) == needed
    assert ("slim" not in written.gitlab[written.lab.name]["image"]) == needed


def test_reporter_gets_every_requirement(written: Written) -> None:
    """Classroom's reporter gets a variable for each requirement, in a workflow and a job with the required names."""
    assert written.student["name"] == "Autograding Tests"
    assert list(written.student["jobs"]) == ["run-autograding-tests"]
    reporter = next(step for step in written.steps if step.get("uses") == REPORTER)
    runners = ["r" + id.replace(".", "_") for id in written.lab.requirements]
    assert reporter["env"] == {
        f"{runner.upper()}_RESULTS": f"${{{{ steps.labcheck.outputs.{runner} }}}}" for runner in runners
    }


def test_scripts_are_valid(written: Written, tmp_path: Path) -> None:
    """bash can parse the scripts, and shellcheck, if installed, has no complaints."""
    for number, script in enumerate(written.scripts):
        file = tmp_path / f"{number}.sh"
        file.write_text(script if script.startswith("#!") else f"#!/usr/bin/env bash\n{script}")
        subprocess.run([need("bash"), "-n", file], check=True, timeout=SECONDS)
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", file], check=True, timeout=SECONDS)


def test_autograder_is_executable_and_always_the_same(tmp_path: Path) -> None:
    """Both scripts are at the root of the zip with mode 755, and the zip has the same bytes each time."""
    one, other = (ci.write("gradescope", LAB, tmp_path / name)[0] for name in ("one", "other"))
    assert one.name == "lab1-gradescope.zip"
    assert one.read_bytes() == other.read_bytes()
    modes = {entry.filename: oct(entry.external_attr >> 16) for entry in zipfile.ZipFile(one).infolist()}
    executable, plain = oct(stat.S_IFREG | 0o755), oct(stat.S_IFREG | 0o644)
    assert modes == {"setup.sh": executable, "run_autograder": executable, WHEEL: plain}


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """If one of the files exists, even as a broken link, none is written."""
    there = tmp_path / "instructor/.github/workflows/grade.yml"
    there.parent.mkdir(parents=True)
    there.symlink_to("nowhere")
    with pytest.raises(UsageError, match=r"grade\.yml already exists, so nothing was written; give another DIR"):
        ci.write("github", LAB, tmp_path)
    assert not (tmp_path / "student").exists()
    there.unlink()
    assert [file.relative_to(tmp_path).as_posix() for file in ci.write("github", LAB, tmp_path)] == [
        "student/.github/workflows/labcheck.yml",
        f"student/.github/labcheck/{WHEEL}",
        "instructor/.github/workflows/grade.yml",
        f"instructor/.github/labcheck/{WHEEL}",
    ]


def test_wrong_usage_is_an_error(tmp_path: Path) -> None:
    """An unknown platform, and a target folder that is a file, are usage errors."""
    with pytest.raises(UsageError, match=r"Did you mean 'gitlab'\? Platforms: github, gitlab, gradescope"):
        ci.write("gitlub", LAB, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*gitlab-ci\.yml: "):
        ci.write("gitlab", LAB, tmp_path / "file")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("git+https://example.org/labcheck@main", "'main' is not a commit. A branch or a tag can be moved later"),
        ("git+https://example.org/labcheck@v0.1.0", "'v0.1.0' is not a commit. A branch or a tag can be moved later"),
        (f"git+https://example.org/labcheck@{COMMIT[:12]}", "give all 40 digits of a commit after an @"),
        (f"git+https://example.org/labcheck@{COMMIT}#egg=x", "give all 40 digits of a commit after an @"),
        ("git+https://example.org/labcheck", "it names no commit"),
        (f"git+ssh://example.org/labcheck@{COMMIT}", "cannot be installed from"),
        (f"git+https://me:secret@example.org/labcheck@{COMMIT}", "the address contains a user name or a password"),
        ("https://me@example.org/simple", "the address contains a user name or a password"),
        (f"https://example.org/{WHEEL}", "can be replaced later; add #sha256= and the 64 digits"),
        (f"https://example.org/{WHEEL}#sha256={HASH[1:]}", "can be replaced later; add #sha256= and the 64 digits"),
        (f"https://example.org/{WHEEL}#md5={HASH}", "can be replaced later; add #sha256= and the 64 digits"),
        (f"https://example.org/other-1.0-py3-none-any.whl#sha256={HASH}", "its name would be labcheck-"),
        (f"http://example.org/{WHEEL}#sha256={HASH}", "cannot be installed from"),
        ("http://example.org/simple", "cannot be installed from"),
        ("https://example.org/index.html", "or an index https://"),
        ("https://example.org/a'$(touch x)'/simple", "cannot be installed from"),
        ("https://example.org/${{github.token}}/simple", "cannot be installed from"),
        ("https://example.org/simple\n", "cannot be installed from"),
        (f"https://{PUBLIC}/simple", f"labcheck is not on {PUBLIC}, where anyone may register its name"),
        ("labcheck", "give a wheel file"),
        ("missing.whl", "its name would be labcheck-"),
        (f"missing/{WHEEL}", "cannot read missing"),
    ],
)
def test_source_that_can_change_is_refused(source: str, message: str, tmp_path: Path) -> None:
    """What is not fixed, not safe in a script or not a source gets a one-line message, and no file is written."""
    with pytest.raises(UsageError) as refused:
        ci.write("gitlab", LAB, tmp_path, source)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not any(tmp_path.iterdir())


def test_wheel_can_be_given(wheel: Path, tmp_path: Path) -> None:
    """With --from FILE, this wheel is brought along; a damaged one is refused."""
    done = run_labcheck("ci", "gitlab", "lab1", "files", "--from", wheel, cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert (tmp_path / "files" / ".gitlab" / "labcheck" / WHEEL).read_bytes() == wheel.read_bytes()
    (tmp_path / WHEEL).write_bytes(wheel.read_bytes()[:5000])
    done = run_labcheck("ci", "gitlab", "lab1", "other", "--from", WHEEL, cwd=tmp_path)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert f"{WHEEL} is damaged: it is not a wheel of labcheck" in done.err
    assert not (tmp_path / "other").exists()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of labcheck's wheel on a server of this machine."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / WHEEL).write_bytes(wheel.assemble().data)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{WHEEL}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("is_right", [True, False])
def test_pip_compares_the_hash_of_an_address(address: str, is_right: bool, tmp_path: Path) -> None:
    """With the words in the scripts, pip installs the wheel at an address only if it has the hash."""
    digest = wheel.assemble().sha256 if is_right else HASH
    (requirement,) = shlex.split(sources.find(f"https://example.org/{WHEEL}#sha256={digest}").words)
    requirement = requirement.replace(f"https://example.org/{WHEEL}", address)
    words = [
        sys.executable,
        "-I",
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--target",
        "here",
        "--no-cache-dir",
        requirement,
    ]
    known = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(words, cwd=tmp_path, env=known, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode == 0) == is_right, done.stdout + done.stderr
    assert (tmp_path / "here" / "labcheck" / "version.py").exists() == is_right
    assert ("DO NOT MATCH THE HASHES" in done.stderr) == (not is_right)


@pytest.mark.parametrize("source", SOURCES, ids=["wheel", "git", "address", "index"])
def test_next_steps_name_each_file(source: str | None, tmp_path: Path) -> None:
    """The instructions have two or three lines, and name all files."""
    for kind in ci.names():
        paths = ci.write(kind, LAB, tmp_path, source)
        steps = ci.next_steps(kind, LAB, paths)
        assert 2 <= len(steps.splitlines()) <= 3
        assert all(str(path) in steps for path in paths)


# The environment of the runs


@pytest.fixture(scope="session")
def for_pip() -> dict[str, str]:
    """The environment variables with which pip finds labcheck's dependencies."""
    ours = re.compile(r"PIP_\w+|\w+_proxy|SSL_CERT_\w+", re.IGNORECASE)
    known = {name: value for name, value in os.environ.items() if ours.fullmatch(name)}
    return {**known, "PIP_NO_COMPILE": "0"}  # in the environment, 0 means: do not compile; this halves the time


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """All files for lab 1."""
    return Written.into(tmp_path_factory.mktemp("files"), LAB)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, files: Written, for_pip: dict[str, str]) -> Path:
    """The virtual environment that the step `Install labcheck` creates; other tests run only the start of this step."""

    need("sha256sum")

    def install(place: Path) -> None:
        stubs = _stubs(place / "stubs")
        script = place / "install.sh"
        script.write_text(INSTALL.format(sha256=wheel.assemble().sha256))
        _add_wheel(place / "repository", ".github", files.wheels[0])
        known = {"PATH": f"{stubs}:{SYSTEM_PATH}", "HOME": str(place), "RUNNER_TEMP": str(place)}
        _run(*BASH, script, cwd=place / "repository", env={**for_pip, **known})

    return once(tmp_path_factory, "installed", install) / "labcheck"


def _add_wheel(repository: Path, folder: str, data: bytes) -> None:
    """Add a wheel to a repository, as the instructions say."""
    (repository / folder / "labcheck").mkdir(parents=True)
    (repository / folder / "labcheck" / WHEEL).write_bytes(data)


def _run(*words: object, env: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        list(map(str, words)), env=env, cwd=cwd, capture_output=True, text=True, timeout=SECONDS * 2, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _stubs(folder: Path) -> Path:
    """Create commands that only record how they were called, and the Python of the simulated machine."""
    folder.mkdir(parents=True)
    for name in ("sudo", "apt-get", "sysctl"):
        _executable(folder / name, f'echo "{name} $*" >> "{folder}/called"')
    _executable(folder / "python", f'exec {sys.executable} "$@"')
    return folder


def _executable(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


# GitHub


@dataclass
class Job:
    """A job as GitHub's runner runs it, with simulated actions. All jobs of a run share `artifacts`."""

    job: dict[str, Any]
    top: Path
    repository: Path
    venv: Path
    wheel: bytes
    artifacts: dict[str, Path] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)  # the values of expressions
    reported: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: str = ""
    is_red: bool = False

    def run(self) -> Job:
        """Run the steps one after the other."""
        self.workspace, self.temp = self.top / "workspace", self.top / "temp"
        for folder in (self.workspace, self.temp, self.top / "home"):
            folder.mkdir(parents=True)
        (self.temp / "labcheck").symlink_to(self.venv)
        self.stubs = _stubs(self.top / "stubs")
        self.known["runner.temp"] = str(self.temp)
        for number, step in enumerate(self.job["steps"]):
            if not self._holds(step.get("if")):
                continue
            if "uses" in step:
                self._action(step, {name: self._value(value) for name, value in step.get("with", {}).items()})
            else:
                self._script(number, step)
        return self

    def _value(self, text: object) -> str:
        return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda match: self._lookup(match[1]), str(text))

    def _lookup(self, name: str) -> str:
        return self.known.get(name, "") if name.startswith("steps.") else self.known[name]

    def _holds(self, condition: str | None) -> bool:
        if condition is None:
            return not self.is_red
        always, _, rest = condition.partition(" && ")
        assert always == "always()"
        name, _, empty = rest.partition(" != ")
        assert empty == ("''" if rest else "")
        return not rest or self._lookup(name) != ""

    def _script(self, number: int, step: dict[str, Any]) -> None:
        text = step["run"]
        if "pip install" in text:
            assert text == INSTALL.format(sha256=wheel.assemble().sha256)
            text = text.partition("python -I -m venv")[0]  # the fixture `installed` has done the rest
        output = self.top / f"output-{number}"
        output.touch()
        script = self.top / f"{number}.sh"
        script.write_text(text)
        done = subprocess.run(
            [*BASH, script],
            cwd=self.workspace,
            env={
                "PATH": f"{self.stubs}:{SYSTEM_PATH}",
                "HOME": str(self.top / "home"),
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.top / f"summary-{number}"),
                "RUNNER_TEMP": str(self.temp),
                "LABCHECK_COURSE": str(self.workspace),  # a student may be allowed to set variables of a job
                **{name: self._value(value) for name, value in step.get("env", {}).items()},
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.said += done.stdout + done.stderr
        self.is_red |= done.returncode != 0
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.known[f"steps.{step.get('id')}.outputs.{name}"] = value

    def _action(self, step: dict[str, Any], given: dict[str, str]) -> None:
        match step["uses"].partition("@")[0]:
            case "actions/setup-python":
                assert given == {"python-version": ci.PYTHON}
            case "actions/checkout":
                shutil.copytree(self.repository, self.workspace, dirs_exist_ok=True, symlinks=True)
                _add_wheel(self.workspace, ".github", self.wheel)
            case "actions/upload-artifact":
                self._upload(given)
            case "actions/download-artifact":
                self._download(given)
            case _:
                assert step["uses"] == REPORTER
                self._report(given["runners"].split(","), step["env"])

    def _upload(self, given: dict[str, str]) -> None:
        kept = self.top / "artifacts" / given["name"]
        paths = list(map(Path, given["path"].splitlines()))
        for path in paths:
            if given.get("if-no-files-found") == "ignore" and not path.exists():
                continue
            assert path.exists(), path
            target = (
                kept if len(paths) == 1 else kept / path.name
            )  # with several paths, only the part below their common folder
            if path.is_dir():
                shutil.copytree(path, target)
            else:
                kept.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
        self.artifacts[given["name"]] = kept

    def _download(self, given: dict[str, str]) -> None:
        assert given["merge-multiple"] == "False"
        start = given["pattern"].removesuffix("*")
        for name, kept in self.artifacts.items():
            if name.startswith(start):
                shutil.copytree(kept, Path(given["path"]) / name)

    def _report(self, runners: list[str], variables: dict[str, str]) -> None:
        """Do what the reporter's src/main.js does."""
        for runner in runners:
            text = self._value(variables[f"{runner.upper()}_RESULTS"])
            self.reported[runner] = json.loads(base64.b64decode(text, validate=True))
        self.is_red |= any(each["status"] != "pass" for each in self.reported.values())

    @property
    def points(self) -> tuple[int, int]:
        """What is reported to Classroom: the sum of the scores, and the sum of the maximum scores."""
        tests = [test for each in self.reported.values() for test in each["tests"]]
        return sum(test["score"] for test in tests), sum(each["max_score"] for each in self.reported.values())

    @property
    def called(self) -> list[str]:
        """The recorded commands, which would have changed the machine."""
        file = self.stubs / "called"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def pushed(files: Written, installed: Path, tmp_path: Path) -> Callable[..., Job]:
    """Push a repository to GitHub, and return the finished job of the student's workflow."""

    def push(repository: Path, wheel: bytes = files.wheels[0]) -> Job:
        job = files.student["jobs"]["run-autograding-tests"]
        return Job(job, tmp_path / f"job-{repository.name}", repository, installed, wheel).run()

    return push


def _record_of(job: Job) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((job.artifacts["labcheck-lab1"] / "record.json").read_text())
    return table


def test_github_correct_program_passes(pushed: Callable[..., Job], tmp_path: Path) -> None:
    """The solution in a folder lab1 gets all points and a report."""
    shutil.copytree(SOLUTION, tmp_path / "right" / "lab1")
    job = pushed(tmp_path / "right")
    assert not job.is_red, job.said
    assert job.points == (29, 29)
    assert list(job.reported) == ["r" + id.replace(".", "_") for id in LAB.requirements]
    assert (job.artifacts["labcheck-lab1"] / "report.html").is_file()
    assert job.called == []


FORGERY = """\
import os
for name, text in (({marker!r}, "here"), (os.environ.get("GITHUB_OUTPUT", os.devnull), "runners=\\n")):
    try:
        with open(name, "a") as file:
            file.write(text)
    except OSError:
        pass
"""
FORGED = (
    *("labcheck.py", "labcheck/__init__.py", "conftest.py", "sitecustomize.py", "usercustomize.py", "json.py"),
    *("pytest.py", "setup.py", "venv.py", "pip.py", "argparse.py", "encodings.py", "lab1/__init__.py"),
)


FORGED_COURSE = {
    "labs/lab1/lab.toml": """
title = "Mine"
minutes = 1
port = 8001
[programs.webserver]
file = "webserver.py"
[[steps]]
title = "All"
requirements = ["1.1"]
""",
    "suites/lab1/test_1.py": """
from labcheck.suite import requirement
@requirement("1.1", hints=["none"])
def test_nothing():
    '''Everything is right.'''
""",
}


def test_github_repository_cannot_replace_labcheck(pushed: Callable[..., Job], tmp_path: Path) -> None:
    """The starter fails and gets its points, regardless of modules, settings and a course in the repository."""
    plain, hostile, marker = tmp_path / "plain", tmp_path / "hostile", tmp_path / "imported"
    for folder in (plain, hostile):
        shutil.copytree(STARTER, folder)
    for name in FORGED:
        (hostile / name).parent.mkdir(exist_ok=True)
        (hostile / name).write_text(FORGERY.format(marker=str(marker)))
    shutil.rmtree(hostile / "lab1")
    (hostile / "pip.conf").write_text("[install]\nno-index = true\n")
    (hostile / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--collect-only"\n')
    (hostile / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    for name, text in FORGED_COURSE.items():
        (hostile / name).parent.mkdir(parents=True)
        (hostile / name).write_text(text)
    expected, job = pushed(plain), pushed(hostile)
    assert expected.is_red
    assert 0 < expected.points[0] < expected.points[1] == 29
    assert job.is_red
    assert {name: each["status"] for name, each in job.reported.items()} == {
        name: each["status"] for name, each in expected.reported.items()
    }
    assert _record_of(job)["score"] == _record_of(expected)["score"]
    assert not marker.exists()


def test_github_link_to_the_solution_is_not_followed(
    pushed: Callable[..., Job], installed: Path, tmp_path: Path
) -> None:
    """If lab1 is a link, it is not followed: the job fails, and nothing is reported."""
    (tmp_path / "link").mkdir()
    solution = next(installed.glob("lib/python3*/site-packages/labcheck/_workbook/solutions/lab1"))
    (tmp_path / "link" / "lab1").symlink_to(solution)
    job = pushed(tmp_path / "link")
    assert job.is_red
    assert "contains no webserver.py" in job.said
    assert job.reported == {}


def test_github_changed_wheel_is_not_installed(pushed: Callable[..., Job], files: Written, tmp_path: Path) -> None:
    """If the student has changed one byte of the wheel, nothing is installed or checked, and nothing is reported."""
    shutil.copytree(SOLUTION, tmp_path / "changed")
    job = pushed(tmp_path / "changed", files.wheels[0][:-1] + b"!")
    assert job.is_red
    assert f"{WHEEL}: FAILED" in job.said
    assert "requirements pass" not in job.said
    assert job.reported == {}


def test_github_grades_a_class(files: Written, installed: Path, tmp_path: Path) -> None:
    """Four machines grade the parts, and one merges the results into grades, with the names from the roster."""
    repository = tmp_path / "repository"
    for name, source in {"ada": SOLUTION, "bob": STARTER}.items():
        shutil.copytree(source, repository / "submissions" / name)
    shutil.copytree(SOLUTION, repository / "submissions" / "cy")
    with (repository / "submissions" / "cy" / "webserver.py").open("a") as program:
        program.write("# by cy\n")
    (repository / "class.csv").write_text("Name,Login\nAda A,ada\nBob B,bob\nCy C,cy\nDan D,dan\n")
    inputs = files.instructor[True]["workflow_dispatch"]["inputs"]
    known = {f"inputs.{name}": each["default"] for name, each in inputs.items()}
    artifacts: dict[str, Path] = {}
    grade, merge = (files.instructor["jobs"][name] for name in ("grade", "merge"))
    parts = grade["strategy"]["matrix"]["part"]
    assert parts == list(range(1, ci.SHARDS + 1))
    for part in parts:
        place = tmp_path / f"part-{part}"
        values = {**known, "matrix.part": str(part)}
        job = Job(grade, place, repository, installed, files.wheels[0], artifacts, values).run()
        assert not job.is_red, job.said
        assert job.called == [
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
            "sudo apt-get update",
            "sudo apt-get install -y bubblewrap",
        ]
    assert (merge["needs"], merge["if"]) == ("grade", "always()")
    job = Job(merge, tmp_path / "merge", repository, installed, files.wheels[0], artifacts, known).run()
    assert not job.is_red, job.said
    kept = artifacts["grades-lab1"]
    rows = list(csv.DictReader(io.StringIO((kept / "grades.csv").read_text("utf-8-sig"))))
    assert [row["student"] for row in rows] == ["Ada A", "Bob B", "Cy C", "Dan D"]
    assert [row["score"] for row in rows] == ["29", "8", "29", ""]


# GitLab


@pytest.mark.parametrize("source", [SOLUTION, STARTER], ids=["solution", "starter"])
def test_gitlab_job_fails_for_the_starter_only(files: Written, installed: Path, tmp_path: Path, source: Path) -> None:
    """The job passes for the solution and fails for the starter; a report added by the student is replaced."""
    job = files.gitlab["lab1"]
    *install, _, _, check = script = job["script"]
    assert install[-2:] == [
        "python -I -m venv /opt/labcheck",
        f"/opt/labcheck/bin/python -I -m pip install /opt/{WHEEL}",
    ]
    project = tmp_path / "project"
    shutil.copytree(source, project)
    (project / "labcheck-report").symlink_to(tmp_path)
    text = "\n".join(script[len(install) :]).replace("/opt/labcheck", str(installed))
    assert check.splitlines()[-1].strip().startswith("--junit")
    done = subprocess.run(
        [*BASH, "-c", text],
        cwd=project,
        env={"PATH": SYSTEM_PATH, "HOME": str(tmp_path), "CI": "true"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == (0 if source == SOLUTION else 1), done.stderr
    report = ElementTree.parse(project / job["artifacts"]["reports"]["junit"])
    failed = [case.get("name") for case in report.iter("testcase") if case.find("failure") is not None]
    assert (failed == []) == (source == SOLUTION)
    assert len(list(report.iter("testcase"))) == 29
    for path in job["artifacts"]["paths"]:
        assert sorted(file.name for file in (project / path).iterdir()) == ["report.html", "report.xml"]


@pytest.mark.parametrize("changed", [False, True])
def test_gitlab_changed_wheel_is_not_installed(files: Written, tmp_path: Path, changed: bool) -> None:
    """The job goes on with the wheel that was written, and ends if it has another hash."""
    need("sha256sum")
    script = files.gitlab["lab1"]["script"]
    before = script[: script.index("python -I -m venv /opt/labcheck")]
    data = files.wheels[0]
    _add_wheel(tmp_path / "project", ".gitlab", data[:-1] + b"!" if changed else data)
    (tmp_path / "opt").mkdir()
    text = "\n".join(before).replace("/opt", str(tmp_path / "opt"))
    words = [*BASH, "-c", f"{text}\necho installing"]
    done = subprocess.run(words, cwd=tmp_path / "project", capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ("installing" in done.stdout) == (not changed)
    assert (done.returncode == 0) == (not changed)
    assert f"{WHEEL}: {'FAILED' if changed else 'OK'}" in done.stdout


# Gradescope

CONTAINER = (  # the capabilities in a Docker container
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
OLD_PYTHON = 'if [ "$1" = -c ]; then exit 1; fi; exit 127'


def in_container(
    place: Path, *words: object, bound: dict[Path, str] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as root with the capabilities of a container, with `place` mounted at /autograder."""
    bwrap = [need("bwrap"), "--cap-drop", "ALL", *(word for name in CONTAINER for word in ("--cap-add", f"CAP_{name}"))]
    if os.getuid() != 0:
        pytest.skip("needs root, because Gradescope runs everything as root")
    for entry in sorted(Path("/").iterdir()):
        if entry.is_symlink():
            bwrap += ["--symlink", str(entry.readlink()), str(entry)]
        elif entry.is_dir() and entry.name != "autograder":
            bwrap += ["--dev-bind", str(entry), str(entry)]
    bwrap += ["--bind", str(place), "/autograder", "--chdir", "/autograder"]
    for path, target in (bound or {}).items():
        bwrap += ["--ro-bind", str(path), target]
    return subprocess.run(
        [*bwrap, "--", *map(str, words)],
        env={"PATH": SYSTEM_PATH, "HOME": "/root", **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS * 2,
        check=False,
    )


@pytest.fixture(scope="session")
def autograder(tmp_path_factory: pytest.TempPathFactory, files: Written, for_pip: dict[str, str]) -> Path:
    """The result of setup.sh in an image with Python 3.10 that offers packages for 3.11, but not for 3.12."""

    def build(place: Path) -> None:
        stubs = _stubs(place / "stubs")
        (stubs / "python").unlink()
        _executable(stubs / "apt-get", f'echo "$*" >> {stubs}/called; case "$*" in *python3.12*) exit 100;; esac')
        _executable(stubs / "python3.12", OLD_PYTHON)
        _executable(stubs / "python3", OLD_PYTHON)
        _executable(stubs / "python3.11", f'exec {_system_python()} "$@"')
        (place / "source").mkdir()
        (place / "source" / "setup.sh").write_text(files.texts["setup.sh"])
        (place / "source" / WHEEL).write_bytes(files.wheels[-1])
        path = f"{stubs}:{SYSTEM_PATH}"
        done = in_container(place, "bash", "/autograder/source/setup.sh", bound=None, **{**for_pip, "PATH": path})
        assert done.returncode == 0, done.stdout + done.stderr
        assert (stubs / "called").read_text().splitlines() == [
            "update",
            "install -y --no-install-recommends bubblewrap",
            "install -y --no-install-recommends python3.12 python3.12-venv",
            "install -y --no-install-recommends python3.11 python3.11-venv",
        ]

    return once(tmp_path_factory, "autograder", build) / "labcheck"


def _system_python() -> str:
    """Return a Python that can create a venv. The system's is better: other users cannot enter root's folders."""
    for place in ("/usr/bin/python3.12", "/usr/bin/python3.11"):
        words = [place, "-c", "import ensurepip"]
        if Path(place).exists() and subprocess.run(words, check=False, timeout=SECONDS).returncode == 0:
            return place
    return str(Path(sys.executable).resolve())


@pytest.fixture
def submit(autograder: Path, files: Written, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Submit the files that a function puts into the submission folder, and return results.json."""

    def run(fill: Callable[[Path], object]) -> dict[str, Any]:
        place = tmp_path / "autograder"
        for name in ("submission", "results", "labcheck"):
            (place / name).mkdir(parents=True)
        fill(place / "submission")
        (place / "results" / "stdout").touch()  # Gradescope's own
        (place / "results" / "results.json").write_text('{"score": 29, "output": "of an earlier run"}')
        (place / "run_autograder").write_text(files.texts["run_autograder"])
        done = in_container(place, "bash", "/autograder/run_autograder", bound={autograder: "/autograder/labcheck"})
        assert done.returncode == 0, done.stdout + done.stderr
        assert stat.S_IMODE((place / "results").stat().st_mode) == 0o700
        assert {file.name for file in (place / "results").iterdir()} == {"results.json", "stdout"}
        results: dict[str, Any] = json.loads((place / "results" / "results.json").read_text())
        return results

    return run


def _scores(results: dict[str, Any]) -> list[str]:
    """Return the requirements that earned a point."""
    return [test["number"] for test in results["tests"] if test["score"]]


@pytest.mark.everything
def test_gradescope_solution_has_all_points(submit: Callable[..., dict[str, Any]], autograder: Path) -> None:
    """The solution gets all points, even submitted with its folder; only root can read the package and the wheel."""
    results = submit(lambda folder: shutil.copytree(SOLUTION, folder / "lab1"))
    assert _scores(results) == list(LAB.requirements)
    package = next(autograder.glob("lib/python3*/site-packages/labcheck"))
    assert stat.S_IMODE(package.stat().st_mode) == 0o700
    assert stat.S_IMODE((autograder.parent / "source" / WHEEL).stat().st_mode) == 0o600


@pytest.mark.everything
def test_gradescope_starter_has_some_points(submit: Callable[..., dict[str, Any]]) -> None:
    """The autograder succeeds, and the results contain what is wrong."""
    results = submit(lambda folder: shutil.copytree(STARTER, folder, dirs_exist_ok=True))
    assert 0 < len(_scores(results)) < len(results["tests"]) == 29


@pytest.mark.everything
@pytest.mark.parametrize("link", [False, True])
def test_gradescope_submission_without_a_program_has_no_points(
    submit: Callable[..., dict[str, Any]], autograder: Path, link: bool
) -> None:
    """A submission without a program scores 0 and shows the reason; a link to the solution is not followed."""

    def fill(folder: Path) -> None:
        (folder / 'essay "$(touch x)".txt').touch()
        if link:
            there = next(autograder.glob("lib/python3*/site-packages/labcheck/_workbook/solutions/lab1"))
            (folder / "lab1").symlink_to(Path("/autograder/labcheck") / there.relative_to(autograder))

    results = submit(fill)
    assert results["score"] == 0
    assert results["visibility"] == "visible"
    assert results["output"].startswith("labcheck: /autograder/submission contains no webserver.py; give the folder")
    assert "tests" not in results


@pytest.mark.everything
def test_gradescope_daemon_cannot_write_results(submit: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """A daemon started by a program is killed, and cannot change the results."""
    mark = f"left behind by {tmp_path.name}"
    daemon = f'''
import json, os, subprocess, sys
subprocess.Popen([sys.executable, "-c", """
import os, time
while True:  # {mark}
    for name in ("results.json", "new"):
        for change in (lambda: os.chmod("/autograder/results", 0o777), lambda: os.remove("/autograder/results/" + name),
                       lambda: open("/autograder/results/" + name, "w").write('{{"score": 29}}')):
            try:
                change()
            except OSError:
                pass
    time.sleep(0.01)
"""], start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
'''

    def fill(folder: Path) -> None:
        shutil.copytree(STARTER, folder, dirs_exist_ok=True)
        program = folder / "webserver.py"
        text = program.read_text("utf-8")
        assert "\nimport " in text
        program.write_text(text.replace("\nimport ", f"\n{daemon}\nimport ", 1), "utf-8")

    results = submit(fill)
    assert 0 < len(_scores(results)) < len(results["tests"]) == 29
    assert [each.pid for each in psutil.process_iter(["cmdline"]) if mark in " ".join(each.info["cmdline"] or ())] == []


@pytest.mark.everything
@pytest.mark.parametrize(
    ("status", "writes", "expected"),
    [
        (3, "", (3, None)),
        (3, '{"tests": []}', (0, '{"tests": []}')),
        (137, '{"tes', (137, None)),
        (1, '{"tests": []}', (0, '{"tests": []}')),
    ],
)
def test_gradescope_internal_error_costs_no_point(
    files: Written, tmp_path: Path, status: int, writes: str, expected: tuple[int, str | None]
) -> None:
    """Without complete results, results.json is removed, and Gradescope reports that the autograder failed."""
    place = tmp_path / "autograder"
    (place / "labcheck" / "bin").mkdir(parents=True)
    (place / "results").mkdir()
    (place / "results" / "results.json").write_text("of an earlier run")
    (place / "run_autograder").write_text(files.texts["run_autograder"])
    results = place / "results" / "results.json"
    write = f"printf %s '{writes}' > /autograder/results/results.json; " if writes else ""
    _executable(place / "labcheck" / "bin" / "labcheck", f"{write}exit {status}")
    done = in_container(place, "bash", "/autograder/run_autograder")
    assert (done.returncode, results.read_text() if results.exists() else None) == expected


@pytest.mark.everything
def test_gradescope_setup_asks_for_another_image(files: Written, tmp_path: Path) -> None:
    """If no Python 3.11 is available, a one-line message says which image to choose."""
    stubs = _stubs(tmp_path / "stubs")
    for name in ("python3", "python3.11", "python3.12"):
        _executable(stubs / name, OLD_PYTHON)
    (tmp_path / "setup.sh").write_text(files.texts["setup.sh"])
    done = in_container(tmp_path, "bash", "/autograder/setup.sh", PATH=f"{stubs}:{SYSTEM_PATH}")
    assert done.returncode == 1
    assert done.stderr == "labcheck needs Python 3.11 or later; choose Ubuntu 22.04 or later as the base image\n"
    assert not (tmp_path / "labcheck").exists()
