"""Instances without Odoo that have what a proof looks at: attachments with files, and posted items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tenantry.model import names
from tenantry.operations.backup import prove
from tenantry.operations.context import Context
from tenantry.operations.template.clone import discard
from tests.support import travelling
from tests.support.fake_template import make_template
from tests.support.travelling import as_tenant, folder_of

CODE = "backed-up"
PICTURES = (b"a picture", b"another picture" * 5000)
_CONTENTS = """
    CREATE TABLE ir_attachment (id serial PRIMARY KEY, name text, store_fname text, checksum text);
    INSERT INTO ir_attachment (name) VALUES ('a link without a file');
    CREATE TABLE account_move_line (id serial PRIMARY KEY, debit numeric, parent_state text);
    INSERT INTO account_move_line (debit, parent_state)
         VALUES (100.10, 'posted'), (0.05, 'posted'), (7, 'draft');
"""


def stored_name(content: bytes) -> str:
    """As Odoo names a file."""
    digest = hashlib.sha1(content).hexdigest()
    return f"{digest[:2]}/{digest}"


def attach(context: Context, content: bytes, name: str = "acme") -> Path:
    """Attach a file; return it."""
    path = stored_name(content)
    as_tenant(context, f"INSERT INTO ir_attachment (store_fname) VALUES ('{path}')", name)
    file = folder_of(context, name) / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file


@contextmanager
def backed_up(context: Context) -> Iterator[None]:
    """An active instance acme, which never was served."""
    travelling.told_where_the_front_is(context)
    make_template(context, CODE)
    try:
        with travelling.swept_clusters(context):
            travelling.make_instance(context, CODE)
            as_tenant(context, _CONTENTS)
            for content in PICTURES:
                attach(context, content)
            yield
    finally:
        with context.maintenance() as connection:
            discard(context, connection, names.template_database(CODE))
        context.filestores.remove(names.template_filestore(CODE, "1.0.0"))


@dataclass
class LoginPage:
    """What Odoo is made to say: nothing, a fault of the database, or an error."""

    fault: str = ""
    error: Exception | None = None

    def __call__(self, *_what: object) -> str:
        if self.error:
            raise self.error
        return self.fault


def without_odoo(patched: pytest.MonkeyPatch) -> LoginPage:
    """Let no Odoo run in a proof. tests/acceptance/test_backup_proofs.py runs it."""
    page = LoginPage()
    patched.setattr(prove, "login_page_fault", page)
    return page
