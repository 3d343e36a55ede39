"""X5: secrets are encrypted in the database or not there, and only code that needs them can read them."""

from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL

from .. import gateway
from .common import SaasCase

TOKEN = "railway-token-0123456789"
NEW_TOKEN = "railway-token-9876543210"


@tagged("post_install", "-at_install")
class TestSecrets(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        kept = patch.object(gateway, "keep_railway")
        kept.start()
        cls.addClassCleanup(kept.stop)
        cls.far = cls._make_server("far", runtime="railway", railway_token=TOKEN)
        cls.instance = cls._make_instance("acme", admin_password_sealed=gateway.seal("s3cret-Passw0rd"))
        cls.env.flush_all()

    def _everything_in(self, table):
        """All content of a table, as text."""
        return str(self.env.execute_query(SQL("SELECT t::text FROM %s t", SQL.identifier(table))))

    def test_a_password_is_stored_encrypted(self):
        query = SQL("SELECT admin_password_sealed FROM saas_instance WHERE id = %s", self.instance.id)
        [(stored,)] = self.env.execute_query(query)
        self.assertEqual(gateway.unseal(stored), "s3cret-Passw0rd")
        self.assertNotIn("s3cret-Passw0rd", self._everything_in("saas_instance"))

    def test_a_token_is_not_in_the_database(self):
        self._as("administrator", self.far).railway_token = NEW_TOKEN
        self.env.flush_all()
        for secret in TOKEN, NEW_TOKEN:
            self.assertNotIn(secret, self._everything_in("saas_server"))

    def test_no_message_and_no_log_contains_a_secret(self):
        far = self._as("administrator", self.far)
        far.railway_token = NEW_TOKEN
        with self._jobs():
            self._as("manager", self.instance).action_provision_instance()
        password = gateway.unseal(self.instance.admin_password_sealed)
        self.env.flush_all()
        for table in ("mail_message", "mail_tracking_value", "saas_instance_log", "queue_job", "ir_logging"):
            for secret in (TOKEN, NEW_TOKEN, password):
                with self.subTest(table=table):
                    self.assertNotIn(secret, self._everything_in(table))

    def test_a_token_is_never_shown_again(self):
        far = self._as("administrator", self.far)
        self.assertFalse(far.read(["railway_token"])[0]["railway_token"])

    def test_a_manager_cannot_read_a_server_s_secret(self):
        with self.assertRaises(AccessError):
            self._as("manager", self.far).read(["railway_token"])

    def test_no_user_can_read_or_set_a_customer_s_password(self):
        for name in ("user", "manager", "administrator"):
            instance = self._as(name, self.instance)
            with self.subTest(name=name), self.assertRaises(AccessError):
                instance.read(["admin_password_sealed"])
            with self.subTest(name=name), self.assertRaises(AccessError):
                instance.search([("admin_password_sealed", "like", "a")])
        with self.assertRaises(AccessError):
            self._as("manager", self.instance).write({"admin_password_sealed": gateway.seal("mine")})

    def test_an_export_contains_no_secret(self):
        self.users["administrator"].group_ids |= self.env.ref("base.group_allow_export")
        with self.assertRaises(AccessError):
            self._as("administrator", self.instance).export_data(["name", "admin_password_sealed"])
        exported = self._as("administrator", self.far).export_data(["name", "railway_token"])
        self.assertEqual(list(exported.values()), [[["Server far", ""]]])

    def test_encrypted_columns_are_not_offered_for_export(self):
        offered = self.env["saas.instance"].fields_get(["admin_password_sealed"], ["exportable"])
        self.assertEqual({field["exportable"] for field in offered.values()}, {False})

    def test_a_copy_of_a_server_has_an_address_of_its_own_and_no_token(self):
        gateway.keep_railway.reset_mock()
        copy = self._as("administrator", self.far).copy({"code": "farther", "address": False})
        self.assertEqual(copy.address, "farther")
        gateway.keep_railway.assert_not_called()

    def test_a_password_is_deleted_with_its_instance(self):
        self.instance.state = "failed"
        self._as("manager", self.instance).action_discard()
        self.assertFalse(self.instance.admin_password_sealed)
