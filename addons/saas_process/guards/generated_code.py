"""What QWeb generates obeys the rules for what it was given.

QWeb checks each expression of a template, then writes a module around them and runs it unchecked. Whatever
else of a user's gets into that text runs as any Python: the `repr` of a value in the context, say, which is
a field whose name was changed by SQL.
"""

import functools

from odoo.addons.base.models import ir_qweb
from odoo.tools import safe_eval

from .compilers import code_objects, wrap_compile


class ForbiddenInstruction(ValueError):
    def __init__(self, filename):
        super().__init__(f"The template {filename} imports, or sets an attribute or a global variable")


@functools.cache
def install():
    wrap_compile(ir_qweb, _compile)


def _compile(inner, source, filename, mode):
    """Raises NameError or ForbiddenInstruction."""
    code = inner(source, filename, mode)
    for part in code_objects(code):
        safe_eval.assert_no_dunder_name(part, filename)
        # Each instruction is two bytes; the first is what it does.
        if not safe_eval._BLACKLIST.isdisjoint(part.co_code[::2]):
            raise ForbiddenInstruction(filename)
    return code
