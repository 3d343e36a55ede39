"""A data file may call a model's methods by name, but not Python's special methods.

An administrator may import data modules. `<function name="__getattribute__">` would read an attribute, given
as a string, that `safe_eval` refuses in code.
"""

import functools

from odoo.tools import convert


class HiddenMethod(ValueError):
    def __init__(self, name):
        super().__init__(f"A data file must not call {name}")


@functools.cache
def install():
    convert._eval_xml = _refuse_hidden_methods(convert._eval_xml)


def _refuse_hidden_methods(eval_xml):
    @functools.wraps(eval_xml)
    def wrapper(self, node, env):
        name = node.get("name", "") if node.tag == "function" else ""
        if "__" in name:
            raise HiddenMethod(name)
        return eval_xml(self, node, env)

    return wrapper
