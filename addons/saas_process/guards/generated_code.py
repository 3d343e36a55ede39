"""What QWeb generates obeys the rules for what it was given.

QWeb checks each expression of a template, then writes a module around them and runs it unchecked. Whatever
else of a user's gets into that text runs as any Python: the `repr` of a value in the context, say, which is
a field whose name was changed by SQL.
"""

import dis
import functools

from odoo.addons.base.models import ir_qweb
from odoo.tools import safe_eval

from .compilers import code_objects, is_refused_in_code, wrap_compile

# `t-foreach` asks `x.__class__ == int`.
_OWN_NAME = "__class__"
_COMPARE_WITH_INT = [("LOAD_GLOBAL", "int"), ("COMPARE_OP", "==")]


class ForbiddenCode(ValueError):
    def __init__(self, filename, fault):
        super().__init__(f"The code of the template {filename} {fault}")


@functools.cache
def install():
    wrap_compile(ir_qweb, _compile)


def _compile(inner, source, filename, mode):
    """Raises ForbiddenCode."""
    code = inner(source, filename, mode)
    for part in code_objects(code):
        # Each instruction is two bytes; the first is what it does.
        if not safe_eval._BLACKLIST.isdisjoint(part.co_code[::2]):
            raise ForbiddenCode(filename, "imports, or sets an attribute or a global variable")
        for name in part.co_names:
            if is_refused_in_code(name) and not (name == _OWN_NAME and _only_compares_classes(part)):
                raise ForbiddenCode(filename, f"names {name}")
    return code


def _only_compares_classes(code):
    """Whether each class that is asked for is compared with `int` at once."""
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    return all(
        [(after.opname, after.argval) for after in steps[place + 1 : place + 3]] == _COMPARE_WITH_INT
        for place, step in enumerate(steps)
        if step.opcode in dis.hasname and step.argval == _OWN_NAME
    )
