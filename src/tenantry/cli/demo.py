"""`tenantry demo`: from an empty machine to a customer's running Odoo, in one command."""

from __future__ import annotations

import time

from tenantry.cli.common import command, engine
from tenantry.cli.create import creation_lines
from tenantry.cli.output import Output
from tenantry.cli.stack import master_lines
from tenantry.engine import Engine
from tenantry.errors import InstanceNotFound
from tenantry.model.instance import Creation

_NAME, _EMAIL = "acme", "admin@acme.example"


@command
def demo() -> None:
    """Build the Blank template, create acme from a spare, and prove it by logging in."""
    output = Output()
    tenantry = engine(output, telling=True)
    began = time.monotonic()
    tenantry.start_postgres()
    with output.progress("Building blank") as on_step:
        tenantry.build_template(tenantry.recipe("blank"), on_step)
    tenantry.start_tenants()
    with output.progress("Starting the back office") as on_step:
        password = tenantry.start_master(on_step)
    with output.progress("Filling the pool") as on_step:
        tenantry.fill_pool("blank", on_step=on_step)
    creation = _create_anew(tenantry, output)
    page_s = tenantry.prove_login(creation)
    output.result(
        None,
        "",
        *creation_lines(creation),
        *master_lines(tenantry, password),
        f"Logged in as {creation.login}: the first page came in {page_s:.2f} s.",
        f"All of it took {time.monotonic() - began:.0f} s. Stop it with: make stop",
    )


def _create_anew(tenantry: Engine, output: Output) -> Creation:
    """A second demo starts from a new acme: the first one's password is known to nobody any more."""
    try:
        tenantry.instance(_NAME)
    except InstanceNotFound:
        pass
    else:
        with output.progress(f"Terminating the last demo's {_NAME}") as on_step:
            tenantry.terminate(_NAME, on_step)
    spec = tenantry.spec(name=_NAME, email=_EMAIL, company="Acme")
    with output.progress(f"Creating {_NAME}") as on_step:
        return tenantry.provision(spec, on_step)
