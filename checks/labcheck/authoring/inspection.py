"""The mistakes in the files of a suite, found without running them: each with its file and line, all at once.

What a suite may contain: functions `test_...` in files `test_*.py`, each with `@requirement`; fixtures of its own in
the same file; helpers in other modules of the suite; `material.py` with a function `prepare(work, draw)`. Several
checks may have the same id, and a check may be parametrized. `conftest.py` and the fixtures of pytest are not there in
a grading.
"""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck import suite as api
from labcheck.authoring.written import (
    Function,
    functions_of,
    id_in,
    is_fixture,
    is_text,
    keyword,
    marks,
    names_of_fixture,
    own_nodes,
    parameters,
    requirements,
    texts,
)
from labcheck.errors import SuiteError
from labcheck.judging.catalogue import read_suite
from labcheck.judging.fixtures import CLIENTS, OTHERS, SERVERS
from labcheck.judging.mistakes import told
from labcheck.workbook.labs import ID, shown
from labcheck.workbook.nearest import nearest
from labcheck.workbook.places import LAB_FILE
from labcheck.workbook.toml_file import TomlFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.workbook.labs import Lab

FIXTURES = (*SERVERS, *CLIENTS, *OTHERS, "request")
NOT_REPEATABLE = ("random", "secrets", "uuid")
NO_EFFECT = ("skip", "skipif", "xfail")


def mistakes_of(lab: Lab) -> list[str]:
    """Return the mistakes in a lab's suite, those of a file in the order of its lines.

    What would follow from one of them is left out: without mistakes in a file, it is imported; then the ids are
    compared.
    """
    if not lab.suite.is_dir():
        return [f"{shown(lab.suite)}: there is no such folder; it holds the checks"]
    files = [SuiteFile.read(path, lab) for path in sorted(lab.suite.glob("*.py"))]
    found = [mistake for file in files for mistake in file.mistakes()]
    if not found:
        found = list(_of_imports(lab))
    if not found:
        found = list(_of_ids(lab, [check for file in files for check in file.checks()]))
    return found


@dataclass(frozen=True)
class Written:
    """A check as it is written: its id, where, and the requirements in `needs` and `explained_by`."""

    id: str
    place: str
    function: str
    needs: tuple[str, ...]


@dataclass
class SuiteFile:
    """A Python file of a suite."""

    path: Path
    lab: Lab
    tree: ast.Module
    broken: str = ""  # why Python cannot read it
    _found: list[tuple[int, str]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, lab: Lab) -> SuiteFile:
        """Read a file."""
        try:
            return cls(path, lab, ast.parse(path.read_bytes(), str(path)))
        except SyntaxError as error:
            return cls(path, lab, ast.Module([], []), told(error, lab))
        except ValueError as error:  # null bytes
            return cls(path, lab, ast.Module([], []), f"{shown(path)}: {error}")

    @property
    def holds_checks(self) -> bool:
        """Whether pytest looks for checks in this file."""
        return self.path.name.startswith("test_")

    def checks(self) -> Iterator[Written]:
        """Yield the checks whose ids are written as texts."""
        for function in functions_of(self.tree) if self.holds_checks else ():
            for call in requirements(function, self.tree):
                if isinstance(call, ast.Call) and (id := id_in(call)):
                    needs = [*texts(keyword(call, "needs")), *texts(keyword(call, "explained_by"))]
                    yield Written(id, f"{shown(self.path)}:{call.lineno}", function.name, tuple(needs))

    def mistakes(self) -> Iterator[str]:
        """Yield the mistakes in this file, in the order of its lines."""
        if self.broken:
            yield self.broken
            return
        self._found.clear()
        self._look_at_imports()
        if self.holds_checks:
            self._look_at_names()
            for function in functions_of(self.tree):
                self._look_at(function)
        elif self.path.name == "conftest.py":
            self._note(1, "conftest.py is not read in a grading; put its fixtures into the files of the checks")
        elif any(requirements(function, self.tree) for function in functions_of(self.tree)):
            self._note(1, f"it has @requirement, but is not read; rename it to test_{self.path.name}")
        if self.path.name == "material.py":
            self._look_at_material()
        for line, text in sorted(set(self._found)):
            yield f"{shown(self.path)}:{line}: {text}"

    def _note(self, line: int, text: str) -> None:
        self._found.append((line, text))

    def _look_at_imports(self) -> None:
        place = self.lab.place
        shared = (file.stem for file in place.suites.glob("*.py"))  # by several labs
        allowed = ("labcheck.suite", *(f"{place.package}.{name}" for name in (self.lab.name, *shared)))
        for each in ast.walk(self.tree):
            if isinstance(each, ast.Import):
                modules = [alias.name for alias in each.names]
            elif isinstance(each, ast.ImportFrom) and not each.level:
                modules = [each.module or ""]
                if modules == ["labcheck"]:
                    modules = [f"labcheck.{alias.name}" for alias in each.names]
            else:
                continue
            for module in modules:
                if f"{module}.".startswith("labcheck.") and not any(
                    f"{module}.".startswith(f"{ok}.") for ok in allowed
                ):
                    names = [alias.name for alias in each.names if alias.name in api.__all__]
                    instead = f"{', '.join(names)} is in labcheck.suite" if names else "a suite uses labcheck.suite"
                    self._note(each.lineno, f"{module} is not for suites; {instead}")
                if module in NOT_REPEATABLE:
                    self._note(each.lineno, f"{module} gives other values in each run; use the fixture draw")
                if module == "labcheck.suite" and isinstance(each, ast.ImportFrom):
                    for name in (alias.name for alias in each.names if alias.name not in (*api.__all__, "*")):
                        self._note(each.lineno, f"labcheck.suite has no {name!r}.{nearest(name, api.__all__)}")

    def _look_at_names(self) -> None:
        lines: dict[str, int] = {}
        for function in functions_of(self.tree):
            if function.name in lines and function.name.startswith("test_"):
                earlier = lines[function.name]
                self._note(
                    function.lineno,
                    f"{function.name} is defined a second time, after line {earlier}; Python keeps only this one",
                )
            lines[function.name] = function.lineno
        for each in self.tree.body:
            methods = [one for one in each.body if isinstance(one, Function)] if isinstance(each, ast.ClassDef) else []
            if isinstance(each, ast.ClassDef) and any(requirements(method, self.tree) for method in methods):
                self._note(each.lineno, f"{each.name} is a class; checks are functions outside of classes")

    def _look_at(self, function: Function) -> None:
        calls, name, line = requirements(function, self.tree), function.name, function.lineno
        if calls and not name.startswith("test_"):
            self._note(line, f"{name} has @requirement; its name must begin with test_")
        if not name.startswith("test_"):
            if is_fixture(function):
                self._look_at_fixtures(function, "")
            return
        if not calls:
            self._note(line, f"{name} has no @requirement; the name of a helper must not begin with test_")
            return
        for call in calls:
            self._look_at_requirement(call)
        if not ast.get_docstring(function):
            self._note(line, f"{name} has no docstring; write the sentence that the student reads")
        if isinstance(function, ast.AsyncFunctionDef):
            self._note(line, f"{name} is a coroutine; a check is an ordinary function: remove `async`")
        for each in own_nodes(function):
            if isinstance(each, ast.Yield | ast.YieldFrom):
                self._note(each.lineno, f"{name} has a yield; a check is an ordinary function")
            if isinstance(each, ast.Assert) and isinstance(each.test, ast.Tuple) and each.test.elts:
                self._note(each.lineno, "this assert is always true; remove the parentheses")
        for mark in marks(function):
            if mark in NO_EFFECT:
                self._note(line, f"@pytest.mark.{mark} has no effect in a grading; remove it")
        self._look_at_fixtures(function, next((id_in(call) for call in calls if isinstance(call, ast.Call)), ""))

    def _look_at_requirement(self, call: ast.expr) -> None:
        if not isinstance(call, ast.Call):
            self._note(call.lineno, '@requirement needs an id and hints: @requirement("2.1", hints=["Why?"])')
            return
        id = call.args[0] if call.args else keyword(call, "id")
        if id is None:
            self._note(call.lineno, '@requirement lacks an id: @requirement("2.1", hints=["Why?"])')
        elif isinstance(id, ast.Constant) and not (isinstance(id.value, str) and ID.fullmatch(id.value)):
            self._note(call.lineno, f'{id.value!r} is not an id; expected step.number, such as "2.1"')
        name, hints = id_in(call) or "it", keyword(call, "hints")
        if hints is None:
            self._note(call.lineno, f"{name} has no hints; add hints=[...]")
        elif is_text(hints):
            self._note(hints.lineno, f"the hints of {name} are a text; expected a list of texts")
        elif isinstance(hints, ast.List | ast.Tuple):
            if not hints.elts:
                self._note(hints.lineno, f"{name} has no hints; add some")
            for place, hint in enumerate(hints.elts, start=1):
                if isinstance(hint, ast.Constant) and not (isinstance(hint.value, str) and hint.value.strip()):
                    self._note(hint.lineno, f"hint {place} of {name} is {hint.value!r}; expected a text")
        for key in ("needs", "explained_by"):
            value = keyword(call, key)
            if value is not None and is_text(value):
                self._note(value.lineno, f"{key} of {name} is a text; expected a list of texts")

    def _look_at_fixtures(self, function: Function, id: str) -> None:
        own = {alias.asname or alias.name for each in ast.walk(self.tree) for alias in getattr(each, "names", ())
               if isinstance(alias, ast.alias)}  # fmt: skip
        own |= {name for each in functions_of(self.tree) if is_fixture(each) for name in names_of_fixture(each)}
        given = parameters(function)
        has_material = (self.lab.suite / "material.py").is_file()
        for argument in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
            name = argument.arg
            if name in own or name in given:
                continue
            if name not in FIXTURES:
                known = [*FIXTURES, *sorted(own)]
                self._note(
                    function.lineno,
                    f"{function.name} uses a fixture {name!r}, which does not exist in a grading."
                    f"{nearest(name, known)} Fixtures: {', '.join(FIXTURES)}",
                )
            elif name == "material" and not has_material:
                self._note(function.lineno, f"{function.name} uses material, but the suite has no material.py")
            elif name in (*SERVERS, *CLIENTS) and id in self.lab.requirements:
                program = self.lab.program_of(id)
                if (name in CLIENTS) != program.is_client:
                    kind = "clients" if name in CLIENTS else "servers"
                    self._note(
                        function.lineno,
                        f"the fixture {name} is for {kind}, but {program.name} is a {program.kind} (lab.toml)",
                    )

    def _look_at_material(self) -> None:
        found = next((each for each in functions_of(self.tree) if each.name == "prepare"), None)
        if found is None:
            if "prepare" not in ast.unparse(self.tree):
                self._note(1, "there is no function prepare(work, draw)")
            return
        names = [each.arg for each in (*found.args.posonlyargs, *found.args.args)]
        needed = len(names) - len(found.args.defaults)
        if not (needed <= 2 <= len(names) or (found.args.vararg and needed <= 2)):
            self._note(found.lineno, f"prepare has the parameters ({', '.join(names)}); expected (work, draw)")


def _of_imports(lab: Lab) -> Iterator[str]:
    """Yield why the files of a suite cannot be imported."""
    importlib.invalidate_caches()
    try:
        read_suite(lab)
    except SuiteError as error:
        yield from str(error).splitlines()


def _of_ids(lab: Lab, checks: list[Written]) -> Iterator[str]:
    """Yield what is wrong with the ids of checks, and with those in their needs."""
    toml = TomlFile.read(lab.starter / LAB_FILE, shown(lab.starter / LAB_FILE))
    ids = {check.id for check in read_suite(lab)}
    places: dict[str, list[str]] = {}
    for check in checks:
        places.setdefault(check.id, []).append(check.place)
    for id in sorted(ids - {*lab.requirements}):
        for place in places.get(id, [shown(lab.suite)]):
            yield f"{place}: {id} is not in lab.toml"
    for step in lab.steps:
        twice = [id for id in step.requirements if len(places.get(id, ())) > 1]
        for id in step.requirements:
            if id in ids:
                continue
            if twice:
                first, second = places[twice[0]][:2]
                yield f"{second}: {twice[0]} has another check at {first}, and {id} has none; was @requirement copied?"
            else:
                place = toml.at("steps", step.number, "requirements", text=f'"{id}"')
                yield f"{place}: there is no check of {id}; write one into {shown(lab.suite)}/test_{step.number}_....py"
    needs: dict[str, set[str]] = {id: set() for id in lab.requirements}
    for check in checks:
        for need in dict.fromkeys(check.needs):
            if need == check.id:
                yield f"{check.place}: {need} needs itself"
            elif need not in lab.requirements:
                yield f"{check.place}: {check.id} needs {need}, which is not in lab.toml"
            elif check.id in needs:
                needs[check.id].add(need)
    if circle := _circle(needs):
        yield f"{places[circle[0]][0]}: {circle[0]} needs {', which needs '.join(circle[1:])}: a circle"


def _circle(needs: dict[str, set[str]]) -> list[str]:
    """Return requirements that need each other in a circle, the first one again at the end; empty without a circle."""
    done: set[str] = set()

    def follow(path: list[str]) -> list[str]:
        for need in sorted(needs.get(path[-1], ())):
            if need in path:
                return [*path[path.index(need) :], need]
            if need not in done and (found := follow([*path, need])):
                return found
        done.add(path[-1])
        return []

    return next((found for id in needs if id not in done and (found := follow([id]))), [])
