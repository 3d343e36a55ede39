"""Leaves out a file of Odoo's that Debian's package lacks: each page would log an error about it.

As in `saas_manager`, whose database has none of this addon: the two share no other.
"""

from odoo import models
from odoo.tools import file_path

_LACKING = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
"""Blurs the background of video calls; Odoo loads it again, and copes without it, when a call begins."""


class IrAsset(models.Model):
    _inherit = "ir.asset"

    def _process_path(self, bundle, directive, target, path_def, *args, **kwargs):
        if path_def == _LACKING and not _is_there(path_def):
            return
        super()._process_path(bundle, directive, target, path_def, *args, **kwargs)


def _is_there(path):
    try:
        file_path(path)
    except FileNotFoundError:
        return False
    return True
