"""What QWeb generates obeys the rules for what it was given.

QWeb checks each expression of a template, then writes a module around them and runs it unchecked. Whatever
else of a user's gets into that text runs as any Python: the `repr` of a value in the context, say, which is
a field whose name was changed by SQL.
"""

import functools
import re
from opcode import opmap

from odoo.addons.base.models import ir_qweb
from odoo.tools import safe_eval

from .compilers import code_objects, is_refused_in_code, wrap_compile

# The one forbidden name in QWeb's own code: `t-foreach` counts to what is an `int`, but not to a `bool`.
_IS_INT = "tenantry_is_int"
_OWN_TEST = re.compile(r"^( +elif )\((\w+)\)\.__class__ == int:$", re.MULTILINE)

# A class pattern, `case str(__class__=x)`, has its attributes' names among the constants.
_INSTRUCTIONS = safe_eval._BLACKLIST | {opmap["MATCH_CLASS"]}


class ForbiddenCode(ValueError):
    def __init__(self, filename, fault):
        super().__init__(f"The code of the template {filename} {fault}")


@functools.cache
def install():
    safe_eval._BUILTINS[_IS_INT] = lambda value: value.__class__ is int
    wrap_compile(ir_qweb, _compile)


def _compile(inner, source, filename, mode):
    """Raises ForbiddenCode. A single expression is compiled for QWeb's own check."""
    if mode == "eval":
        return inner(source, filename, mode)
    code = inner(_OWN_TEST.sub(rf"\1{_IS_INT}(\2):", source), filename, mode)
    for part in code_objects(code):
        # Each instruction is two bytes; the first is what it does.
        if not _INSTRUCTIONS.isdisjoint(part.co_code[::2]):
            raise ForbiddenCode(filename, "imports, matches a class, or sets an attribute or a global")
        for name in part.co_names:
            if is_refused_in_code(name):
                raise ForbiddenCode(filename, f"names {name}")
    return code
