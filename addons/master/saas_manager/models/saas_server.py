"""A place that can hold instances: a runtime on a host, with capacity."""

from datetime import datetime

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from .. import gateway
from ..reasons import in_words_of


def free_percent(there, used):
    """there: 0: no limit, or unknown."""
    return max(0.0, 100.0 * (there - used) / there) if there else 100.0


class SaasServer(models.Model):
    _name = "saas.server"
    _description = "SaaS Server"
    _inherit = [
        "saas.shared.mixin",
        "saas.readonly.mixin",
        "saas.activity.mixin",
        "saas.abilities.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _order = "sequence, name"

    name = fields.Char(required=True, tracking=True)
    code = fields.Char(required=True, help="Lowercase slug; names the server's job channel.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    runtime = fields.Selection(
        [
            ("shared", "Shared Odoo"),
            ("docker", "Docker"),
            ("kubernetes", "Kubernetes"),
            ("railway", "Railway"),
        ],
        required=True,
        default="shared",
        help="As the server says itself, by TENANTRY_RUNTIME or its table in settings.toml.",
    )
    series = fields.Selection(
        [("17.0", "17.0"), ("18.0", "18.0"), ("19.0", "19.0")],
        string="Odoo Series",
        required=True,
        default="19.0",
    )
    base_domain = fields.Char(
        readonly=True,
        copy=False,
        help="Instances answer at <subdomain>.<base domain>, as last reported by the server.",
    )
    address = fields.Char(
        help="Empty: this installation's own server. Else the name of a server in settings.toml, "
        "or ssh://user@host of another machine that runs Tenantry."
    )
    is_supported = fields.Boolean(compute="_compute_is_supported")
    postgres = fields.Char(string="PostgreSQL", readonly=True, copy=False)
    container_engine = fields.Char(readonly=True, copy=False)
    image = fields.Char(
        readonly=True, copy=False, help="Of its containers, as its table in settings.toml says."
    )
    railway_workspace = fields.Char(
        copy=False,
        help="One of the token's workspaces, by name or id. Empty: the only one, or as settings.toml says.",
    )
    railway_token = fields.Char(
        compute="_compute_railway_token",
        inverse="_inverse_railway_token",
        groups="saas_manager.group_saas_administrator",
        copy=False,
        help="A token of the workspace, from Railway's dashboard. It is tried at once, kept outside of the "
        "database, and never shown again.",
    )
    is_measured = fields.Boolean(
        readonly=True, copy=False, help="The server says itself what it has; else it is typed in."
    )
    cpu_count = fields.Integer(string="CPU Cores")
    memory_gb = fields.Float(string="Memory (GB)", digits=(12, 1))
    memory_used_gb = fields.Float(string="Used Memory (GB)", digits=(12, 1), readonly=True, copy=False)
    memory_use = fields.Float(string="Used Memory (%)", compute="_compute_use", aggregator="avg")
    disk_gb = fields.Float(string="Disk (GB)", digits=(12, 1))
    disk_used_gb = fields.Float(string="Used Disk (GB)", digits=(12, 1), readonly=True, copy=False)
    disk_use = fields.Float(string="Used Disk (%)", compute="_compute_use", aggregator="avg")
    awake_count = fields.Integer(string="Awake Instances", readonly=True, copy=False)
    max_instances = fields.Integer(default=100, help="0: no limit.")
    instance_ids = fields.One2many("saas.instance", "server_id")
    instance_count = fields.Integer(compute="_compute_instance_count", compute_sudo=True)
    available_capacity = fields.Float(
        string="Free Capacity (%)",
        compute="_compute_instance_count",
        compute_sudo=True,
        aggregator="avg",
        help="Of the number of instances, memory and disk, that of which the least is free.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("active", "Active"),
            ("maintenance", "Maintenance"),
            ("offline", "Offline"),
            ("disabled", "Disabled"),
        ],
        required=True,
        default="draft",
        tracking=True,
    )
    health = fields.Selection(
        [("healthy", "Healthy"), ("warning", "Warning"), ("critical", "Critical"), ("unknown", "Unknown")],
        required=True,
        default="unknown",
        readonly=True,
        copy=False,
    )
    health_message = fields.Char(readonly=True, copy=False)
    health_text = fields.Char(string="Health in Words", compute="_compute_health_text")
    last_check_at = fields.Datetime(string="Last Check", readonly=True, copy=False)
    mail_message = fields.Char(compute="_compute_mail", help="Why there are no figures of its mails.")
    mail_sent = fields.Integer(string="Recipients in the Last Hour", compute="_compute_mail")
    mail_refused = fields.Integer(string="Refused Mails", compute="_compute_mail")
    mail_refusal = fields.Char(string="Last Refusal", compute="_compute_mail")
    mail_refused_at = fields.Datetime(string="Last Refused", compute="_compute_mail")

    _code_unique = models.Constraint("UNIQUE(code)", "There is a server with this code already.")
    _max_instances_positive = models.Constraint(
        "CHECK(max_instances >= 0)", "The number of instances cannot be negative."
    )

    @api.model
    def _supported_runtimes(self):
        """The part of the selection by which instances can run."""
        rows = self._fields["runtime"]._description_selection(self.env)
        return [row for row in rows if row[0] in gateway.RUNTIMES]

    def _can(self, what):
        """Whether its runtime has an operation or an ability."""
        return gateway.can(self.runtime, what)

    @api.constrains("code")
    def _check_code(self):
        for server in self:
            gateway.check_slug(self.env, server.code)

    @api.constrains("address")
    def _check_address(self):
        for server in self:
            gateway.check_server_address(self.env, server.address)

    @api.depends("runtime")
    def _compute_is_supported(self):
        for server in self:
            server.is_supported = server.runtime in gateway.RUNTIMES

    @api.depends("memory_gb", "memory_used_gb", "disk_gb", "disk_used_gb")
    def _compute_use(self):
        for server in self:
            server.memory_use = 100 - free_percent(server.memory_gb, server.memory_used_gb)
            server.disk_use = 100 - free_percent(server.disk_gb, server.disk_used_gb)

    @api.depends(
        *("max_instances", "instance_ids.state"), *("memory_gb", "memory_used_gb", "disk_gb", "disk_used_gb")
    )
    def _compute_instance_count(self):
        groups = self.env["saas.instance"]._read_group(
            [("server_id", "in", self.ids), ("occupies_server", "=", True)], ["server_id"], ["__count"]
        )
        counts = {server.id: count for server, count in groups}
        for server in self:
            count = counts.get(server.id, 0)
            server.instance_count = count
            server.available_capacity = min(
                free_percent(server.max_instances, count),
                free_percent(server.memory_gb, server.memory_used_gb),
                free_percent(server.disk_gb, server.disk_used_gb),
            )

    @api.depends("health_message")
    @api.depends_context("lang")
    def _compute_health_text(self):
        for server in self:
            server.health_text = in_words_of(self.env, server.health_message)

    @api.depends("state")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_mail(self):
        """What its instances sent, and what the mail server refused last; not of servers that take none.

        Nor of one whose form is being filled in: its address may be half typed.
        """
        for server in self:
            is_asked = server.id and server.state in ("active", "maintenance")
            known = server._mail_traffic() if is_asked else {}
            is_unknown = known is None or (not known and server.instance_count)
            rows = known or {}
            told = rows.keys() - server._names_of_other_companies() if rows else ()
            last = max(told, key=lambda name: rows[name]["mail_refused_at"] or datetime.min, default="")
            facts = rows[last] if last else {}
            refusal = facts.get("mail_refusal")
            server.update(
                {
                    "mail_message": server._no_mail_traffic(known) if is_unknown else False,
                    "mail_sent": sum(it["mail_sent"] for it in rows.values()),
                    "mail_refused": sum(it["mail_refused"] for it in rows.values()),
                    "mail_refusal": f"{last}: {refusal}" if refusal else False,
                    "mail_refused_at": facts.get("mail_refused_at", False),
                }
            )

    def _names_of_other_companies(self):
        """The databases of instances that the user may not see: a refusal names whom they wrote to."""
        instances, here = self.env["saas.instance"], [("server_id", "=", self.id)]
        # sudo: to know what must not be shown
        hidden = instances.sudo().search([*here, ("state", "!=", "terminated")]) - instances.search(here)
        return set(hidden.mapped("database_name"))

    def _mail_traffic(self, names=()):
        """See `gateway.mail_traffic`; nobody waits for a server that was down at the last check."""
        is_asked = self._can(gateway.Ability.MAIL) and self.health != "critical"
        return gateway.mail_traffic(self, names) if is_asked else {}

    def _no_mail_traffic(self, known):
        """Why there are no figures. known: of `_mail_traffic`."""
        if known is None:
            return self.env._("No mail server is set for its instances.")
        return self.env._("Not measured yet.")

    def _compute_railway_token(self):
        self.railway_token = False

    def _inverse_railway_token(self):
        """Hand the token over to the engine, and forget it: the answer to the form would show it."""
        for server in self.filtered("railway_token"):
            token = server.railway_token
            server._check_is_on_railway()
            gateway.keep_railway(server, token, server.railway_workspace or None)
        self.invalidate_recordset(["railway_token"], flush=False)

    def _check_is_on_railway(self):
        if self.runtime != "railway":
            raise UserError(self.env._("Only a server whose runtime is Railway takes a token."))

    @api.model_create_multi
    def create(self, vals_list):
        """A server on Railway gets its table in settings.toml with its first token, by its code."""
        named = [
            {**vals, "address": vals.get("code")}
            if vals.get("runtime") == "railway" and not vals.get("address")
            else vals
            for vals in vals_list
        ]
        return super().create(named)

    def write(self, vals):
        if vals.get("state") == "disabled" or vals.get("active") is False:
            self._check_holds_nothing()
        if "address" in vals:
            self._check_may_move(vals["address"] or "")
        if vals.get("runtime") == "railway" and not vals.get("address"):
            for server in self.filtered(lambda it: not it.address):
                server.address = vals.get("code") or server.code
        result = super().write(vals)
        if vals.get("railway_workspace") and not vals.get("railway_token"):
            for server in self:
                server._check_is_on_railway()
                gateway.keep_railway(server, None, server.railway_workspace)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        self._check_holds_nothing()
        # sudo: instances of other companies count, too, as do drafts and terminated ones
        for server in self.sudo().with_context(active_test=False).filtered("instance_ids"):
            raise UserError(
                self.env._(
                    "%(server)s is used by %(count)d instances, such as %(example)s. Archive it instead.",
                    server=server.name,
                    count=len(server.instance_ids),
                    example=server.instance_ids[0].name,
                )
            )

    def _check_may_move(self, address):
        """Refuse a new address for a server that holds something: it would not be found there."""
        moving = self.filtered(lambda server: (server.address or "") != address)
        moving._check_holds_nothing()
        # sudo: templates of other companies count, too
        for template in self.env["saas.template"].sudo().search([("server_id", "in", moving.ids)]):
            if template.template_version:
                raise UserError(
                    self.env._("%s is built on this server. Add another server instead.", template.name)
                )

    def _check_holds_nothing(self):
        """V3: a server that holds instances can be neither deleted nor disabled."""
        for server in self.filtered("instance_count"):
            raise UserError(
                self.env._(
                    "%(server)s holds %(count)d instances. Move or terminate them first; "
                    "maintenance stops new ones meanwhile.",
                    server=server.name,
                    count=server.instance_count,
                )
            )
        for server in self.filtered("kept_count"):
            raise UserError(
                self.env._(
                    "%(server)s keeps the data of %(count)d instances that have left it. "
                    "Confirm their moves first.",
                    server=server.name,
                    count=server.kept_count,
                )
            )

    def action_activate(self):
        self.check_access("write")
        self._check_health()
        self.action_stop_drain()
        self.state = "active"
        self._tell_provider_later()
        # Without a mail server here, one that was set on the server itself stays.
        if self._instances_mail_server():
            self._tell_mail_server_later()

    def _tell_provider_later(self):
        """Let a job show the provider on each server's pages."""
        for server in self.filtered(lambda it: it._can(gateway.Ability.PAGES)):
            description = self.env._("Show the provider on the pages of %s", server.name)
            server._with_a_job("_tell_provider", description)._tell_provider()

    def _with_a_job(self, method, description):
        """One job for the method, in the server's own channel."""
        return self.with_delay(
            channel=f"root.saas.{self.code}",
            description=description,
            identity_key=f"{self._name}.{method}.{self.id}",
            max_retries=5,
        )

    def _tell_provider(self):
        """Job: the pages of addresses that are not served say whom visitors ask."""
        provider = self.env["saas.provider"]
        company = provider._company_of(self)
        with gateway.retrying():
            gateway.show_provider(
                self,
                provider._name_for(company),
                provider._email_for(company),
                provider._url_for(company),
                provider._setting("notice"),
            )

    def _tell_mail_server_later(self):
        """Let a job set the mail server by which each server's instances send."""
        for server in self.filtered(lambda it: it._can(gateway.Ability.MAIL)):
            description = self.env._("Set the mail server of instances on %s", server.name)
            server._with_a_job("_tell_mail_server", description)._tell_mail_server()

    def _tell_mail_server(self):
        """Job: instances send by the provider's mail server, or cannot send if there is none."""
        with gateway.retrying():
            gateway.set_mail_server(self, self._instances_mail_server())

    def _instances_mail_server(self):
        provider = self.env["saas.provider"]
        return provider._instances_mail_server(provider._company_of(self))

    def action_maintenance(self):
        self.state = "maintenance"

    def action_disable(self):
        self.state = "disabled"

    def action_test_connection(self):
        """Make every check, and show what is wrong and how to remedy it."""
        self.ensure_one()
        self.check_access("write")
        status, rows = gateway.test_connection(self)
        self._note_status(status)
        test = self.env["saas.server.test"].create(
            {"server_id": self.id, "line_ids": [Command.create(row) for row in rows]}
        )
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_server_test_action")
        return {**action, "res_id": test.id}

    def action_view_instances(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_action")
        return {**action, "domain": [("server_id", "=", self.id)], "context": {"default_server_id": self.id}}

    def _check_health(self):
        """Ask the engine for the server's health, and note it."""
        for server in self:
            server._note_status(gateway.server_status(server))

    def _note_status(self, status):
        # sudo: users cannot write measured values
        self.sudo().write({**status, "last_check_at": fields.Datetime.now()})

    @api.model
    def _cron_check_health(self):
        """V2: check the health of servers, for the placement of new instances, and find broken instances."""
        servers = self.search([("state", "in", ("active", "maintenance", "offline"))])
        servers._check_health()
        for server in servers:
            self.env["saas.instance"]._note_broken(server)
        servers._drain_on_later()
