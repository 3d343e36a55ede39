"""Hides in views what the runtime of a record cannot do: the elements with `data-needs`."""

from odoo import api, models

from .. import gateway


def hidden_without(what):
    """The expression that hides what needs an operation or an ability; "" if every runtime has it."""
    runtimes = gateway.runtimes_without(what)
    return f"runtime in {runtimes}" if runtimes else ""


class SaasAbilitiesMixin(models.AbstractModel):
    _name = "saas.abilities.mixin"
    _description = "SaaS Abilities Mixin"

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Add to each element with `data-needs` when it is hidden; the view has the field `runtime`."""
        arch, view = super()._get_view(view_id, view_type, **options)
        for element in arch.xpath("//*[@data-needs]"):
            terms = [element.get("invisible"), hidden_without(element.attrib.pop("data-needs"))]
            element.set("invisible", " or ".join(f"({term})" for term in terms if term))
        return arch, view
