"""I3: which subdomain an instance may have. One function judges, for every door."""

from contextlib import contextmanager

from odoo import api, models
from odoo.tools import SQL
from psycopg2.errors import UniqueViolation

from .. import gateway
from ..exceptions import SubdomainRefused, SubdomainTaken
from ..faults import SUBDOMAIN_SENTENCES

_CANDIDATES, _SUGGESTIONS = 8, 3
_INDEX = "saas_instance_subdomain_unique"


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    _subdomain_unique = models.UniqueIndex(
        "(subdomain) WHERE state != 'terminated'", "This subdomain is taken."
    )

    @api.constrains("subdomain")
    def _check_subdomain(self):
        for instance in self:
            self._check_well_formed(instance.subdomain)

    @api.model_create_multi
    def create(self, vals_list):
        with self._told_if_taken(vals_list):
            return super().create(vals_list)

    def write(self, vals):
        if "subdomain" not in vals:
            return super().write(vals)
        with self._told_if_taken([vals]):
            result = super().write(vals)
            self.flush_recordset(["subdomain"])
            return result

    @contextmanager
    def _told_if_taken(self, vals_list):
        """Who loses a race for a name is told what those are told who come later."""
        try:
            with self.env.cr.savepoint(flush=False):
                yield
        except UniqueViolation as error:
            lost = [vals["subdomain"] for vals in vals_list if vals.get("subdomain")]
            if error.diag.constraint_name != _INDEX or len(lost) != 1:
                raise
            # This transaction does not see who was faster.
            raise self._refused("taken", lost[0], lost) from error

    # ------------------------------------------------------------ the judge

    @api.model
    def _objection(self, subdomain):
        """Judge a subdomain: the SubdomainRefused that says why it cannot be had; None if it can."""
        objection = self._objection_to_form(subdomain)
        if not objection and (self._is_taken(subdomain) or gateway.taken([subdomain], self._where())):
            objection = self._refused("taken", subdomain)
        return objection

    def _where(self):
        """The server that has its database, or will have it; none for the installation's own."""
        # sudo: who asks for a name need not see servers.
        instance = self[:1].sudo()
        return instance.server_id or instance.template_id.server_id

    def _objection_to_form(self, subdomain):
        kind = gateway.subdomain_fault(subdomain, self._reserved_names())
        return self._refused(kind, subdomain) if kind else None

    def _refused(self, kind, subdomain, lost=()):
        """lost: names that are taken, though this transaction may not see it."""
        sentence = self.env._(SUBDOMAIN_SENTENCES[kind])
        error_class = SubdomainTaken if kind == "taken" else SubdomainRefused
        return error_class(sentence % {"name": subdomain}, str(kind), self._suggestions(subdomain, lost))

    @api.model
    def _check_well_formed(self, subdomain):
        """Raise SubdomainRefused, with other names, when nobody could have it."""
        objection = self._objection_to_form(subdomain)
        if objection:
            raise objection

    @api.model
    def _check_free(self, subdomain):
        """Raise SubdomainRefused, with other names, when it cannot be had."""
        objection = self._objection(subdomain)
        if objection:
            raise objection

    @api.model
    def _judge_subdomain(self, subdomain):
        """Whether it can be had, and a sentence about it, for forms."""
        if not subdomain:
            return False, False
        objection = self._objection(subdomain)
        if not objection:
            return True, self.env._("%s is free.", subdomain)
        free = ", ".join(objection.suggestions)
        return False, f"{objection} {self.env._('Free: %s.', free)}" if free else str(objection)

    # ------------------------------------------------------------ what it judges by

    @api.model
    def _reserved_names(self):
        text = self.env["ir.config_parameter"].sudo().get_param("saas.reserved_names") or ""
        return {name.strip().lower() for name in text.split(",") if name.strip()}

    @api.model
    def _suggest_subdomain(self, company_name):
        """A valid, free subdomain made from a company's name."""
        return (self._suggestions(company_name) or [""])[0]

    @api.model
    def _suggestions(self, text, lost=()):
        """The engine is asked once, for a few more than are told."""

        def is_taken(name):
            return name in lost or self._is_taken(name)

        found = gateway.suggest_subdomains(text, self._reserved_names(), is_taken, count=_CANDIDATES)
        taken = gateway.taken(found, self._where())
        return [name for name in found if name not in taken][:_SUGGESTIONS]

    @api.model
    def _is_taken(self, subdomain):
        takers = SQL(" OR ").join(SQL("EXISTS (%s)", query.select()) for query in self._takers(subdomain))
        return self.env.execute_query(SQL("SELECT %s", takers))[0][0]

    @api.model
    def _takers(self, subdomain):
        """Queries for the records that have a name, or shall have it."""
        domain = [
            ("state", "!=", "terminated"),
            *("|", ("subdomain", "=", subdomain)),
            *("&", ("operation", "=", "rename"), ("wanted", "=", subdomain)),
        ]
        # sudo: another company's instance takes a name, too.
        return [self.sudo().with_context(active_test=False)._search(domain)]
