"""A format string cannot read hidden attributes, in either of Odoo's evaluators.

`safe_eval` and QWeb refuse names with two underscores in the code that they compile. A format string can also
name attributes, but they do not check it: `'{0.cursor.__func__.__globals__}'.format(env.registry)`. Jinja's
sandbox has the same rule for the same reason.
"""

import ast
import functools
from _string import formatter_field_name_split  # as jinja2.sandbox does
from string import Formatter

from markupsafe import Markup
from odoo.addons.base.models import ir_qweb
from odoo.tools import safe_eval

from .compilers import is_refused_in_code, loads_any, wrap_compile

METHODS = frozenset(("format", "format_map"))
# Called as attributes of the type, these get the format string as their first argument.
_UNBOUND_METHODS = (str.format, str.format_map, Markup.format, Markup.format_map)
# Every format string that names something hidden contains one of these.
_SIGNS = ("_", *(name for name in safe_eval._UNSAFE_ATTRIBUTES if "_" not in name))
# The builtin that compiled code calls. Code that rebinds the name gets an object without `checked_format`.
_READER = "tenantry_reader"


class HiddenName(NameError):
    """A format string names an attribute that evaluated code may not name."""

    def __init__(self, name, string):
        super().__init__(f"Access to forbidden name {name!r} in the format string {string!r}")


@functools.cache
def install():
    safe_eval._BUILTINS[_READER] = _Reader
    for evaluator in (safe_eval, ir_qweb):
        wrap_compile(evaluator, _compile)


def _compile(inner, source, filename, mode):
    """Compile `x.format` as `_Reader(x).checked_format`; compile code without `format` unchanged.

    The compiled names are searched, not the source: Python normalises names, so the source may spell `format`
    in other letters.
    """
    code = inner(source, filename, mode)
    return _compile_checked(source, filename, mode) if loads_any(code, METHODS) else code


# Odoo compiles a server action at each run; the cache saves the second compilation.
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
    """Reads the two attributes of any object.

    The slot's mangled name has two underscores, so evaluated code cannot read it.
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
    """The attribute; a string's unbound method becomes a checking one. Raises HiddenName for a bound one."""
    string = getattr(attribute, "__self__", None)
    if isinstance(string, str):
        refuse_hidden_names(string)
    elif any(attribute is method for method in _UNBOUND_METHODS):
        return _checking_first_argument(attribute)
    return attribute


def _checking_first_argument(method):
    # A closure, because `functools.partial` would expose the method as its attribute `func`.
    def checking(*args, **kwargs):
        if args and isinstance(args[0], str):
            refuse_hidden_names(args[0])
        return method(*args, **kwargs)

    return checking


def refuse_hidden_names(string):
    """Raise HiddenName when a format string, or a nested format, names something hidden.

    Hidden are attributes and items that begin with an underscore, and the attributes that `safe_eval` refuses
    in code. Arguments may have any name: the caller chose them.
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
