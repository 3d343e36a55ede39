"""An instance's plan: how much of it the instance uses, its entitlements (I13), and changes of plan (P3)."""

import logging
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import split_every

from .. import gateway

_logger = logging.getLogger(__name__)

_COMPARISONS = (">", ">=", "<", "<=")
_SOON_S = 2
_TOGETHER = 50
"""So many instances get their entitlements by one job, where more of them have to get them at once."""


class SaasInstance(models.Model):
    _name = "saas.instance"
    _inherit = ["saas.instance", "saas.sweep.mixin"]

    user_count = fields.Integer(string="Users", readonly=True, copy=False)
    max_users = fields.Integer(related="plan_id.max_users", string="Users Allowed")
    user_percent = fields.Float(compute="_compute_percents", search="_search_user_percent", aggregator=None)
    storage_mb = fields.Float(string="Storage (MB)", readonly=True, copy=False)
    max_storage_gb = fields.Float(related="plan_id.max_storage_gb", string="Storage Allowed (GB)")
    storage_percent = fields.Float(
        compute="_compute_percents", search="_search_storage_percent", aggregator=None
    )
    expires_on = fields.Date(string="Expires", readonly=True, copy=False, index="btree_not_null")
    subscription_ids = fields.One2many("saas.subscription", "instance_id", string="All Subscriptions")
    subscription_id = fields.Many2one("saas.subscription", compute="_compute_subscription_id")
    subscription_count = fields.Integer(compute="_compute_subscription_id")
    over_limit_at = fields.Datetime(
        string="Over Its Limit Since", readonly=True, copy=False, index="btree_not_null"
    )

    @api.depends("user_count", "storage_mb", "plan_id.max_users", "plan_id.max_storage_gb")
    def _compute_percents(self):
        """The used share of the plan's limits; 0 if the plan sets no limit."""
        for instance in self:
            users, storage_gb = instance.max_users, instance.max_storage_gb
            instance.user_percent = 100.0 * instance.user_count / users if users else 0.0
            instance.storage_percent = (
                100.0 * instance.storage_mb / (1024 * storage_gb) if storage_gb else 0.0
            )

    @api.model
    def _search_user_percent(self, operator, value):
        return self._search_percent("user_count", "max_users", 1, operator, value)

    @api.model
    def _search_storage_percent(self, operator, value):
        return self._search_percent("storage_mb", "max_storage_gb", 1024, operator, value)

    def _search_percent(self, used, limit, factor, operator, value):
        """One condition per plan with the limit: there are few plans and many instances."""
        if operator not in _COMPARISONS:
            return NotImplemented
        plans = self.env["saas.plan"].with_context(active_test=False).search([(limit, ">", 0)])
        return Domain.OR(
            Domain("plan_id", "=", plan.id) & Domain(used, operator, plan[limit] * factor * value / 100)
            for plan in plans
        )

    @api.depends("subscription_ids.state")
    def _compute_subscription_id(self):
        """The newest that has begun and is not cancelled; else a draft; else the last cancelled one."""
        for instance in self:
            every = instance.subscription_ids
            drafts = every.filtered(lambda s: s.state == "draft")
            begun = every.filtered(lambda s: s.state not in ("draft", "cancelled"))
            instance.subscription_count = len(every)
            instance.subscription_id = (begun or drafts or every)[:1]

    @api.constrains("plan_id", "template_id")
    def _check_template_in_plan(self):
        for instance in self:
            allowed = instance.plan_id.template_ids
            if allowed and instance.template_id not in allowed:
                raise ValidationError(
                    self.env._(
                        "The plan %(plan)s does not include %(template)s.",
                        plan=instance.plan_id.name,
                        template=instance.template_id.name,
                    )
                )

    @api.constrains("plan_id")
    def _check_usage_in_plan(self):
        for instance in self:
            instance._check_fits(instance.plan_id)

    @api.constrains("plan_id")
    def _check_plan_of_subscription(self):
        """Refuse, for all writers, a plan that is not the subscription's: that one is billed."""
        for instance in self:
            subscription = instance.subscription_id
            is_billed = subscription.period_ids and subscription.state != "cancelled"
            if is_billed and subscription.plan_id != instance.plan_id:
                raise ValidationError(
                    self.env._("%s has a subscription: its plan is changed by Change Plan.", instance.name)
                )

    # ------------------------------------------------------------ change of plan

    def action_open_change_plan(self):
        """The dialog, with what is in use today."""
        self.ensure_one()
        self.check_access("write")
        self._measure_now()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "saas_manager.saas_instance_change_plan_action"
        )
        return {**action, "context": {"default_instance_id": self.id}}

    def change_plan(self, plan):
        """P3: change to the plan, a record or an id, at once; refuse a plan that is below the current use.

        The subscription's periods record the old plan until today and the new plan from today. A period that
        was renewed ahead gets the new plan's price, too. Payments made are not settled.
        """
        self.check_access("write")
        plan = self.env["saas.plan"].browse(int(plan)).exists()
        for instance in self:
            instance._check_fits(plan)
            previous = instance.plan_id.code
            instance.subscription_id.filtered(lambda s: s.state != "cancelled")._to_plan(plan)
            # sudo: only this action changes the plan of a created instance
            instance.sudo().plan_id = plan
            instance._entitle_later()
            if plan.code != previous:
                instance._emit("instance.plan_changed", previous_plan=previous)

    def _check_fits(self, plan):
        self.ensure_one()
        used_gb = self.storage_mb / 1024
        if plan.max_users and self.user_count > plan.max_users:
            raise UserError(
                self.env._(
                    "%(instance)s has %(used)d users, the plan %(plan)s allows %(limit)d. "
                    "Archive some users first.",
                    instance=self.name,
                    used=self.user_count,
                    plan=plan.name,
                    limit=plan.max_users,
                )
            )
        if plan.max_storage_gb and used_gb > plan.max_storage_gb:
            raise UserError(
                self.env._(
                    "%(instance)s uses %(used).1f GB, the plan %(plan)s allows %(limit).1f GB.",
                    instance=self.name,
                    used=used_gb,
                    plan=plan.name,
                    limit=plan.max_storage_gb,
                )
            )

    def _start_subscription(self):
        """S5: billing starts when the instance is active."""
        for instance in self:
            subscription = instance.subscription_ids.filtered(lambda s: s.state == "draft")[:1]
            if not subscription and not instance.subscription_ids:
                subscription = instance.env["saas.subscription"].create(
                    {
                        "instance_id": instance.id,
                        "partner_id": instance.partner_id.id,
                        "plan_id": instance.plan_id.id,
                        "period": instance.request_ids[:1].period or "monthly",
                        "company_id": instance.company_id.id,
                    }
                )
            subscription.plan_id = instance.plan_id
            subscription._start()

    # ------------------------------------------------------------ entitlements

    def _entitle_later(self):
        """Send the current plan to each live instance, after the commit.

        One job per transaction: a job that waits already may start before this commit, and miss the change.
        Many instances share jobs: this transaction must not wait for thousands.
        """
        self.env.cr.execute("SELECT pg_current_xact_id()::text")
        (transaction,) = self.env.cr.fetchone()
        live = self.filtered(lambda i: i._has_entitlements())
        if len(live) > _TOGETHER:
            live._entitle_together_later(transaction)
            return
        for instance in live:
            description = self.env._("Sign the entitlements of %s", instance.name)
            instance._enqueue("_entitle", description, of=transaction)

    def _entitle_together_later(self, transaction):
        for server, there in self.grouped("server_id").items():
            for batch in split_every(_TOGETHER, there.ids):
                # sudo: permission was checked when the job was enqueued
                some = self.browse(batch).sudo()._in_operators_language()
                some.with_delay(
                    channel=f"root.saas.{server.code or 'none'}",
                    description=self.env._("Sign the entitlements of %d instances", len(batch)),
                    identity_key=f"{self._name}._entitle_together.{batch}.{transaction}",
                    priority=5,
                )._entitle_together()

    def _entitle_together(self):
        """Job: sign the entitlements of several; what fails is tried again alone, by a job of its own."""
        for instance in self.exists():
            try:
                instance._entitle()
            except Exception:
                _logger.info("the entitlements of %s are signed by a job alone", instance.name, exc_info=True)
                instance._entitle_later()

    def _entitle(self):
        """Job: sign the instance's entitlements and write them into the instance."""
        self.ensure_one()
        with self._committed_record() as instance:
            if not instance._has_entitlements():
                return self.env._("Nothing to do: %s does not exist any more.", self.name)
            if instance.operation == "rename":
                message = self.env._("%s is being renamed.", self.name)
                raise RetryableJobError(message, seconds=_SOON_S, ignore_retry=True)
            with gateway.retrying():
                gateway.entitle(instance)

    def _provider_facts(self):
        """Whom the customer asks, as `Entitlements` names it."""
        return self.env["saas.provider"]._shown_for(self.company_id)

    def _has_entitlements(self):
        return self.state in ("active", "suspended", "expired") and self._can(gateway.Ability.ENTITLE)

    @contextmanager
    def _committed_record(self):
        """The record and its plan as committed, one job at a time.

        The job's own transaction may be older than what another job has sent to the instance.
        """
        registry = self.env.registry
        with registry.cursor() as turn, registry.cursor() as cursor:
            turn.execute("SELECT pg_advisory_xact_lock(hashtext('saas.instance._entitle'), %s)", [self.id])
            yield self.with_env(self.env(cr=cursor))

    def _on_entitle_failed(self, exc_message="", **_values):
        """Called by the queue. A running operation of the instance continues."""
        for instance in self:
            reason = str(exc_message) or self.env._("An unexpected error; see the job.")
            instance._emit("instance.not_entitled", reason=reason)

    # ------------------------------------------------------------ users over the limit

    @api.model
    def _cron_check_user_limits(self):
        """Notify when an instance exceeds its plan's users: once, until it is within the limit again."""
        instances = self.sudo().with_context(tracking_disable=True)  # instances of all companies
        over, told = instances._over_limit_domain(), Domain("over_limit_at", "!=", False)
        instances._sweep_all((told & ~over, "_clear_over_limit"), (~told & over, "_mark_over_limit"))

    @api.model
    def _over_limit_domain(self):
        plans = self.env["saas.plan"].with_context(active_test=False).search([("max_users", ">", 0)])
        over = Domain.OR(
            Domain("plan_id", "=", plan.id) & Domain("user_count", ">", plan.max_users) for plan in plans
        )
        return Domain("state", "=", "active") & over

    def _clear_over_limit(self):
        self.over_limit_at = False

    def _mark_over_limit(self):
        """Create an activity, to offer a larger plan. The instance itself refuses new users."""
        self.over_limit_at = fields.Datetime.now()
        for instance in self:
            message = self.env._(
                "%(instance)s has %(used)d users, its plan %(plan)s allows %(limit)d.",
                instance=instance.name,
                used=instance.user_count,
                plan=instance.plan_id.name,
                limit=instance.max_users,
            )
            instance._emit("instance.over_limit", reason=message)
            instance._entitle_later()

    def _sweep_instance(self):
        return self
