"""The functions of a suite's file as they are written: their decorators, fixtures and parameters."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(tree: ast.Module) -> list[Function]:
    """Return the functions of a file, without methods."""
    return [each for each in tree.body if isinstance(each, Function)]


def requirements(function: Function, tree: ast.Module) -> list[ast.expr]:
    """Return the decorators `@requirement` of a function, also those without a call and those with a name of their own.

    A name is given so: `echoes = requirement(...)`; then two checks may have the decorator `@echoes`.
    """
    named = {
        target.id: each.value
        for each in tree.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call) and _is_requirement(each.value)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    found = [named.get(each.id, each) if isinstance(each, ast.Name) else each for each in function.decorator_list]
    return [each for each in found if _is_requirement(each)]


def _is_requirement(expression: ast.expr) -> bool:
    name = expression.func if isinstance(expression, ast.Call) else expression
    return last_name(name) == "requirement" and ".mark." not in ast.unparse(name)


def is_fixture(function: Function) -> bool:
    """Return whether a function is a fixture of pytest."""
    names = [each.func if isinstance(each, ast.Call) else each for each in function.decorator_list]
    return any(last_name(name) == "fixture" for name in names)


def names_of_fixture(function: Function) -> list[str]:
    """Return the name of a fixture: that of its function, or the one given to the decorator."""
    given = [keyword(each, "name") for each in function.decorator_list if isinstance(each, ast.Call)]
    return [function.name, *(str(each.value) for each in given if isinstance(each, ast.Constant))]


def marks(function: Function) -> list[str]:
    """Return the names of a function's marks: `skip` for `@pytest.mark.skip(...)`."""
    names = [each.func if isinstance(each, ast.Call) else each for each in function.decorator_list]
    return [last_name(name) for name in names if ".mark." in ast.unparse(name)]


def parameters(function: Function) -> set[str]:
    """Return the arguments that `@pytest.mark.parametrize` gives, and those with a default."""
    found: set[str] = set()
    for each in function.decorator_list:
        if isinstance(each, ast.Call) and last_name(each.func) == "parametrize" and each.args:
            names = each.args[0]
            texts = names.elts if isinstance(names, ast.List | ast.Tuple) else [names]
            given = [str(text.value) for text in texts if isinstance(text, ast.Constant)]
            found |= {name.strip() for text in given for name in text.split(",")}
    with_default = function.args.args[len(function.args.args) - len(function.args.defaults) :]
    return found | {argument.arg for argument in with_default}


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Go through what a function contains, without the functions that it defines."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        each = waiting.pop()
        yield each
        if not isinstance(each, Function | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(each))


def last_name(expression: ast.expr) -> str:
    """Return the last name of `a.b.c`, "" for another expression."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return an argument that is given by name, or None."""
    return next((each.value for each in call.keywords if each.arg == name), None)


def is_text(value: ast.expr) -> bool:
    """Return whether an expression is a text."""
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def id_in(call: ast.Call) -> str:
    """Return the id in a call of requirement(), "" if it is not written as a text."""
    value = call.args[0] if call.args else keyword(call, "id")
    return str(value.value) if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def texts(value: ast.expr | None) -> list[str]:
    """Return the elements of a list that are written as values."""
    elements = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    return [str(each.value) for each in elements if isinstance(each, ast.Constant)]
