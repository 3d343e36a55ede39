"""The code that QWeb generates must obey the same rules as the expressions of its templates.

QWeb checks each expression of a template, then generates a module from them and runs it without checks. Any
other text of a user in that module would run as Python: for example the `repr` of a value in the context,
such as a field whose name was changed by SQL.
"""

import functools
import re
from opcode import opmap

from odoo.addons.base.models import ir_qweb
from odoo.tools import safe_eval

from .compilers import code_objects, is_refused_in_code, wrap_compile

# The only forbidden name in QWeb's own code: `t-foreach` accepts an `int` as a count, but not a `bool`.
_IS_INT = "tenantry_is_int"
_OWN_TEST = re.compile(r"^( +elif )\((\w+)\)\.__class__ == int:$", re.MULTILINE)

# A class pattern, `case str(__class__=x)`, has the names of its attributes in the constants.
_INSTRUCTIONS = safe_eval._BLACKLIST | {opmap["MATCH_CLASS"]}


class ForbiddenCode(ValueError):
    def __init__(self, filename, fault):
        super().__init__(f"The code of the template {filename} {fault}")


@functools.cache
def install():
    safe_eval._BUILTINS[_IS_INT] = lambda value: value.__class__ is int
    wrap_compile(ir_qweb, _compile)


def _compile(inner, source, filename, mode):
    """Compile and check generated code; QWeb itself checks single expressions. Raises ForbiddenCode."""
    if mode == "eval":
        return inner(source, filename, mode)
    code = inner(_OWN_TEST.sub(rf"\1{_IS_INT}(\2):", source), filename, mode)
    for part in code_objects(code):
        # Each instruction has two bytes; the first is its opcode.
        if not _INSTRUCTIONS.isdisjoint(part.co_code[::2]):
            raise ForbiddenCode(filename, "imports, matches a class, or sets an attribute or a global")
        for name in part.co_names:
            if is_refused_in_code(name):
                raise ForbiddenCode(filename, f"names {name}")
    return code
