"""Odoo's two evaluators call `compile` by its name, so a global `compile` in their modules replaces it."""

import builtins
import functools
from types import CodeType

from odoo.tools import safe_eval


def wrap_compile(evaluator, guard):
    """Make a module compile with `guard(compile, source, filename, mode)`."""
    evaluator.compile = functools.partial(guard, getattr(evaluator, "compile", builtins.compile))


def code_objects(code):
    """A code object and, recursively, those of its functions, lambdas and comprehensions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


def loads_any(code, names):
    """Whether the code uses a variable or an attribute with one of these names."""
    return not names.isdisjoint(code.co_names) or any(
        loads_any(constant, names) for constant in code.co_consts if isinstance(constant, CodeType)
    )


def is_refused_in_code(name):
    """Whether `safe_eval` refuses an attribute or a variable of that name."""
    return "__" in name or name in safe_eval._UNSAFE_ATTRIBUTES
