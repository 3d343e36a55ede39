import shutil
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from odoo import SUPERUSER_ID, api, models
from odoo.addons.saas_agreed import ASIDE_FOLDER
from odoo.http import request
from odoo.tools import split_every

_KEPT_DAYS = 2
"""How long a file that was put aside is kept: longer than any dump."""
_AT_ONCE = 1000


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        with self.env["saas.entitlements"]._upload_batch():
            return super().create(vals_list)

    def _get_datas_related_values(self, data, mimetype):
        """Check each upload: Odoo calls this for every content of an attachment or a field."""
        is_systems = self._is_stored_by_the_system()
        entitlements = self.env["saas.entitlements"]
        entitlements._check_upload(len(data or b""), mimetype, is_systems=is_systems)
        return super()._get_datas_related_values(data, mimetype)

    def _is_stored_by_the_system(self):
        """Whether Odoo stores it, such as assets, mail and modules' data; not a person in superuser mode."""
        by_person = bool(request) and request.session.uid == SUPERUSER_ID
        return self.env.uid == SUPERUSER_ID and not by_person

    def _gc_file_store_unsafe(self):
        """Put garbage aside: a dump that began before needs it. What cannot be moved is left to Odoo."""
        aside, today = Path(self._filestore(), ASIDE_FOLDER), date.today()
        first = (today - timedelta(days=_KEPT_DAYS)).isoformat()
        for day in aside.glob("*"):
            if day.name < first:
                shutil.rmtree(day, ignore_errors=True)
        checklist = Path(self._full_path("checklist"))
        listed = [f"{entry.parent.name}/{entry.name}" for entry in checklist.glob("*/*")]
        for names in split_every(_AT_ONCE, listed, tuple):
            self.env.cr.execute("SELECT store_fname FROM ir_attachment WHERE store_fname IN %s", [names])
            for name in {*names} - {name for (name,) in self.env.cr.fetchall()}:
                with suppress(OSError):
                    kept = aside / today.isoformat() / name
                    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    Path(self._full_path(name)).replace(kept)
                    (checklist / name).unlink()
        return super()._gc_file_store_unsafe()
