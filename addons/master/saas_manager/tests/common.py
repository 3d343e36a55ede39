"""Shared by the tests of the back office: one user of each group, a server, a template and a plan."""

from contextlib import ExitStack, contextmanager
from inspect import ismodule
from types import SimpleNamespace
from unittest.mock import call, create_autospec, patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase, new_test_user

from tenantry.agent.offer import NOUNS
from tenantry.engine import Engine
from tenantry.model.server import Condition
from tenantry.operations.instance.provision import Session

from .. import gateway

GROUPS = {
    "nobody": "base.group_user",
    "portal": "base.group_portal",
    "user": "saas_manager.group_saas_user",
    "manager": "saas_manager.group_saas_manager",
    "administrator": "saas_manager.group_saas_administrator",
}


PARTS = [call.clone(), call.sanitize(), call.customize(), call.create_admin(), call.publish()]
"""The parts of a creation, in order; none may be omitted."""


def recording_engine():
    """An engine that only records calls: it has the real engine's nouns, and each method's parameters."""
    engine = create_autospec(Engine, instance=True)
    engine.condition.return_value = Condition()
    for noun, kind in NOUNS.items():
        if noun:
            engine.attach_mock(create_autospec(kind, instance=True), noun)
    return engine


@contextmanager
def engines_are(**fakes):
    """Replace `_engine`, `_engine_of` or both in each module of the gateway."""
    parts = [part for part in vars(gateway).values() if ismodule(part)]
    with ExitStack() as stack:
        for name, fake in fakes.items():
            for part in (part for part in parts if hasattr(part, name)):
                stack.enter_context(patch.object(part, name, fake))
        yield


class SaasCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "no_reset_password": True})
        # ignore what others have created on this machine's engine
        for function, answer in (("taken", frozenset()), ("identity_of", "")):
            nothing_there = patch.object(gateway, function, return_value=answer)
            nothing_there.start()
            cls.addClassCleanup(nothing_there.stop)
        cls.users = {
            name: new_test_user(cls.env, f"saas-{name}", group, email=f"{name}@operator.example")
            for name, group in GROUPS.items()
        }
        cls.customer = cls.env["res.partner"].create(
            {"name": "Acme Ltd", "is_company": True, "email": "info@acme.example"}
        )
        cls.env["saas.server"].search([]).state = "maintenance"
        cls.server = cls._make_server("here")
        cls.template = cls._make_template("shop")
        cls.plan = cls._make_plan("small")

    @classmethod
    def _make_server(cls, code, **values):
        values = {"name": f"Server {code}", "code": code, "state": "active", "health": "healthy", **values}
        return cls.env["saas.server"].create(values)

    @classmethod
    def _make_template(cls, code, state="ready", **values):
        values = {"name": f"Template {code}", "code": code, "state": state, "is_shown": True, **values}
        return cls.env["saas.template"].create(values)

    @classmethod
    def _make_plan(cls, code, **values):
        return cls.env["saas.plan"].create({"name": f"Plan {code}", "code": code, "is_shown": True, **values})

    @classmethod
    def _make_mail_server(cls):
        """Make mails possible: a mail server, and a sender."""
        cls.env.company.email = "hello@operator.example"
        return cls.env["ir.mail_server"].create({"name": "Relay", "smtp_host": "smtp.operator.example"})

    @classmethod
    def _instance_values(cls, subdomain, **values):
        return {
            "name": subdomain.title(),
            "partner_id": cls.customer.id,
            "subdomain": subdomain,
            "template_id": cls.template.id,
            "plan_id": cls.plan.id,
            "admin_email": "boss@acme.example",
            **values,
        }

    @classmethod
    def _make_instance(cls, subdomain, state="draft", **values):
        """Create an instance in any state, as if the engine had created it."""
        if state != "draft":
            values = {"server_id": cls.server.id, "database_name": subdomain, **values}
        return cls.env["saas.instance"].create(cls._instance_values(subdomain, state=state, **values))

    @classmethod
    def _make_subscription(cls, instance, **values):
        return cls.env["saas.subscription"].create(
            {
                "instance_id": instance.id,
                "partner_id": instance.partner_id.id,
                "plan_id": instance.plan_id.id,
                **values,
            }
        )

    @classmethod
    def _request_values(cls, subdomain, **values):
        return {
            "customer_name": "Ann Acme",
            "customer_email": "info@acme.example",
            "company_name": "Acme Ltd",
            "subdomain": subdomain,
            "plan_id": cls.plan.id,
            "template_id": cls.template.id,
            **values,
        }

    def _as(self, name, records):
        """The records as a user of that group sees them, without cached values."""
        self.env.flush_all()
        self.env.invalidate_all()
        return records.with_user(self.users[name])

    @contextmanager
    def _jobs(self):
        """Trap jobs; jobs that are run use the test's own cursor for their log."""
        with trap_jobs() as jobs, self.enter_registry_test_mode():
            yield jobs

    def _assert_one_job(self, jobs, instance, operation, **properties):
        """Assert that this job is enqueued, and no other one for an operation."""
        jobs.assert_jobs_count(1, only=instance._operate)
        jobs.assert_enqueued_job(instance._operate, args=(operation,), properties=properties)

    def _run_provision(self, instance):
        """Run the job of a creation, with an engine that succeeds."""
        with self._jobs(), self._provisioning(instance):
            return instance.sudo()._operate("provision")

    @contextmanager
    def _provisioning(self, instance):
        """An engine that succeeds; it checks that each creation asks for all parts in order."""

        @contextmanager
        def succeed(asked_for, on_step):
            self.assertEqual(asked_for, instance)
            self.assertTrue(callable(on_step))
            session = create_autospec(Session, instance=True)
            names = instance.hostname_ids._served_names()
            here = SimpleNamespace(url=f"http://{instance.subdomain}.localhost", hostnames=names, project="")
            session.publish.return_value = SimpleNamespace(duration_s=0.4, instance=here)
            yield session
            self.assertEqual(session.mock_calls, PARTS)

        with patch.object(gateway, "provisioning", succeed):
            yield
