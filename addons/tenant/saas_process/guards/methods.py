"""A model's method that uses one of its arguments as a format string checks it first.

Evaluated code may call any method whose name does not have two underscores, with any arguments, such as
`_locked_increment('{x.__class__}', {'x': env})` of `sequence.mixin` in `account`.
"""

import dis
import functools
import inspect
from itertools import pairwise
from types import FunctionType

from odoo.models import MetaModel

from .format_strings import METHODS, refuse_hidden_names


@functools.cache
def install():
    MetaModel.__init__ = _guard_methods(MetaModel.__init__)


def _guard_methods(init):
    """Guard the methods of each model's class when the class is defined."""

    @functools.wraps(init)
    def wrapper(cls, name, bases, attributes, **options):
        init(cls, name, bases, attributes, **options)
        for attribute, method in attributes.items():
            if isinstance(method, FunctionType) and (parameters := formatted_parameters(method)):
                setattr(cls, attribute, _guarded(method, parameters))

    return wrapper


def formatted_parameters(function):
    """The names of the function's parameters on which it calls `format` or `format_map`."""
    code = function.__code__
    if METHODS.isdisjoint(code.co_names):
        return frozenset()
    formatted = {
        _last_variable(step)
        for step, after in pairwise(dis.get_instructions(code))
        if after.opcode in dis.hasname and after.argval in METHODS
    }
    return formatted.intersection(inspect.signature(function).parameters)


def _last_variable(step):
    """The variable that an instruction loads last; a newer Python loads two in one instruction."""
    is_load = step.opname.startswith(("LOAD_FAST", "LOAD_DEREF"))
    name = step.argval if is_load else None
    return name[-1] if isinstance(name, tuple) else name


def _guarded(method, parameters):
    bind = inspect.signature(method).bind

    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        given = bind(*args, **kwargs).arguments
        for parameter in parameters & given.keys():
            if isinstance(given[parameter], str):
                refuse_hidden_names(given[parameter])
        return method(*args, **kwargs)

    return wrapper
