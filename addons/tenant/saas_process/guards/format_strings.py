"""A format string reads no hidden attribute, in neither of Odoo's evaluators.

`safe_eval` and QWeb refuse names with two underscores in the code they compile. A format string names
attributes, too, and they do not look into it: `'{0.cursor.__func__.__globals__}'.format(env.registry)`.
Jinja's sandbox has the same rule for the same reason.
"""

import ast
import functools
from _string import formatter_field_name_split  # jinja2.sandbox takes it from there, too
from string import Formatter

from markupsafe import Markup
from odoo.addons.base.models import ir_qweb
from odoo.tools import safe_eval

from .compilers import is_refused_in_code, loads_any, wrap_compile

METHODS = frozenset(("format", "format_map"))
# As attributes of the type, they get the format string as an argument.
_UNBOUND_METHODS = (str.format, str.format_map, Markup.format, Markup.format_map)
# One of these is in every string that names something hidden.
_SIGNS = ("_", *(name for name in safe_eval._UNSAFE_ATTRIBUTES if "_" not in name))
# The builtin that compiled code calls. Code that gives the name to something else finds no `checked_format`.
_READER = "tenantry_reader"


class HiddenName(NameError):
    """A format string names what evaluated code may not name either."""

    def __init__(self, name, string):
        super().__init__(f"Access to forbidden name {name!r} in the format string {string!r}")


@functools.cache
def install():
    safe_eval._BUILTINS[_READER] = _Reader
    for evaluator in (safe_eval, ir_qweb):
        wrap_compile(evaluator, _compile)


def _compile(inner, source, filename, mode):
    """Compile `x.format` as `_Reader(x).checked_format`; code without it is compiled as it always was.

    The source is no sign of it: Python normalises names, so `format` may be written in other letters.
    """
    code = inner(source, filename, mode)
    return _compile_checked(source, filename, mode) if loads_any(code, METHODS) else code


# Odoo compiles a server action anew each time; this second time is saved.
@functools.lru_cache(maxsize=256)
def _compile_checked(source, filename, mode):
    tree = compile(source, filename, mode, ast.PyCF_ONLY_AST)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            reader = ast.copy_location(ast.Name(_READER, ast.Load()), node.value)
            node.value = ast.copy_location(ast.Call(reader, [node.value], []), node.value)
            node.attr = f"checked_{node.attr}"
    return compile(tree, filename, mode)


class _Reader:
    """Reads the two attributes from any object.

    The slot's full name has two underscores, so code cannot ask for it.
    """

    __slots__ = ("__subject",)

    def __init__(self, subject):
        self.__subject = subject

    @property
    def checked_format(self):
        return _checked(self.__subject.format)

    @property
    def checked_format_map(self):
        return _checked(self.__subject.format_map)


def _checked(attribute):
    """The same attribute, unless it is a string's method. Raises HiddenName when the string is at hand."""
    string = getattr(attribute, "__self__", None)
    if isinstance(string, str):
        refuse_hidden_names(string)
    elif any(attribute is method for method in _UNBOUND_METHODS):
        return _checking_first_argument(attribute)
    return attribute


def _checking_first_argument(method):
    # A closure, no `functools.partial`: that would hand out the method as `func`.
    def checking(*args, **kwargs):
        if args and isinstance(args[0], str):
            refuse_hidden_names(args[0])
        return method(*args, **kwargs)

    return checking


def refuse_hidden_names(string):
    """Raise HiddenName for what a format string, or a format within its format, may not read.

    Attributes and items that begin with an underscore, and the attributes `safe_eval` refuses in code.
    Arguments may have any name: they are the caller's own.
    """
    if not any(sign in string for sign in _SIGNS):
        return
    for _literal, field, nested, _conversion in Formatter().parse(string):
        _argument, path = formatter_field_name_split(field or "")
        for is_attribute, name in path:
            if str(name).startswith("_") or (is_attribute and is_refused_in_code(name)):
                raise HiddenName(name, string)
        if nested:
            refuse_hidden_names(nested)
