"""A job whose connection is lost is retried, whatever its own code made of the error."""

from types import SimpleNamespace
from unittest.mock import Mock, patch

from odoo import SUPERUSER_ID, api
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger
from psycopg2 import OperationalError
from psycopg2.errors import QueryCanceled

from ..controllers.run_job import LostConnectionController


@tagged("post_install", "-at_install")
class TestLostConnection(TransactionCase):
    def setUp(self):
        super().setUp()
        self.cursor = self.registry.cursor()
        self.addCleanup(self.cursor.close)

    @mute_logger("odoo.sql_db")
    def _run_job(self, perform):
        env = api.Environment(self.cursor, SUPERUSER_ID, {})
        LostConnectionController._try_perform_job(env, SimpleNamespace(env=env, perform=perform))

    def _lose_connection(self):
        self.cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def _lose_connection_and_say_so(self):
        try:
            self._lose_connection()
        except Exception as error:
            raise RetryableJobError("PostgreSQL does not answer.") from error

    def _give_up_for_now(self):
        raise RetryableJobError("PostgreSQL does not answer.")

    def test_a_job_that_lost_its_connection_is_retried_soon(self):
        for lose in (self._lose_connection, self._lose_connection_and_say_so):
            self.cursor = self.registry.cursor()
            self.addCleanup(self.cursor.close)
            with self.subTest(lose=lose.__name__), self.assertRaises(RetryableJobError) as caught:
                self._run_job(lose)
            self.assertTrue(0 < caught.exception.seconds < 60)

    def test_a_retryable_job_is_noted_once_postgresql_accepts_connections(self):
        waiting = patch.object(LostConnectionController, "_wait_for_postgresql")
        with waiting as wait, self.assertRaises(RetryableJobError):
            self._run_job(self._give_up_for_now)
        wait.assert_called_once_with(self.registry)

    def test_waiting_for_postgresql_ends_when_it_accepts_a_connection(self):
        refused = [OperationalError("the database system is shutting down")] * 2
        cursor = Mock(side_effect=[*refused, Mock()])
        LostConnectionController._wait_for_postgresql(SimpleNamespace(cursor=cursor))
        self.assertEqual(cursor.call_count, 3)

    def test_a_failed_statement_on_a_working_connection_stays_a_failure(self):
        statement = "SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)"
        with self.assertRaises(QueryCanceled):
            self._run_job(lambda: self.cursor.execute(statement))
