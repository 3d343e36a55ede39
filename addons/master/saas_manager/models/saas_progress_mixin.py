"""What a form shows of a running operation: the running step, and how long it usually takes."""

from odoo import fields, models


class SaasProgressMixin(models.AbstractModel):
    _name = "saas.progress.mixin"
    _description = "SaaS Progress Mixin"

    progress = fields.Float(compute="_compute_progress", help="In percent, when the running step started.")
    progress_step = fields.Char(compute="_compute_progress", help="The step that is running, or ended last.")
    progress_until = fields.Float(compute="_compute_progress", help="The percentage at the step's end.")
    progress_usual_s = fields.Float(compute="_compute_progress", help="How long the step usually takes.")
    progress_elapsed_s = fields.Float(compute="_compute_progress", help="How long the step has been running.")

    def _compute_progress(self):
        raise NotImplementedError
