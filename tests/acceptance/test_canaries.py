"""No secret of a template reaches a customer: every place that can hold one gets a canary to search for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.canaries import EMPTIED, PARAMETERS, marked, plant
from tests.support.inventory import orphans

from tenantry.engine import Engine
from tenantry.errors import InstanceNotFound, NotPrepared
from tenantry.model import names
from tenantry.model.recipe import Recipe
from tenantry.operations.context import relabel

CODE = "marked"
MODULES = ("auth_oauth", "auth_passkey", "auth_totp", "iap_mail", "payment_stripe", "portal", "sms")


@pytest.fixture(scope="module")
def planted(engine: Engine) -> Iterator[set[str]]:
    """A template whose author left secrets everywhere, and the list of these places."""
    engine.templates.build(Recipe(CODE, "Marked", MODULES))
    engine.templates.edit(CODE)
    with engine.context.cluster.connect(names.editing_database(CODE)) as inside:
        places = plant(inside)
    engine.templates.finish_editing(CODE)
    yield places
    engine.templates.drop(CODE)
    assert orphans(engine.context) == []


@pytest.mark.parametrize("has_spare", [True, False])
def test_no_secret_of_the_template_reaches_an_instance(engine: Engine, planted: set[str], has_spare: bool):
    engine.pool.fill(CODE, int(has_spare))
    engine.instances.provision(engine.instances.spec(name="acme", email="a@acme.example", template=CODE))
    try:
        with engine.context.cluster.connect("acme") as inside:
            assert marked(inside) == set()
    finally:
        engine.instances.terminate("acme")


def test_every_checked_place_held_a_canary(planted: set[str]):
    assert {place.partition(".")[0] for place in planted} >= {*EMPTIED, "res_users", "ir_config_parameter"}
    assert planted > {"payment_provider.stripe_secret_key", "res_users.totp_secret", "sms_sms.number"}
    assert len(planted) > len(EMPTIED) + len(PARAMETERS)


@pytest.mark.parametrize("forgotten", ["sanitize", "customize", "admin"])
def test_an_instance_that_was_not_prepared_is_never_published(engine: Engine, forgotten: str):
    """Neither by a caller that creates an instance in parts, such as the back office."""
    with pytest.raises(NotPrepared, match=forgotten):
        create_without(engine, forgotten)
    with pytest.raises(InstanceNotFound):
        engine.instances.get("acme")
    assert orphans(engine.context) == []


def create_without(engine: Engine, forgotten: str) -> None:
    with engine.instances.provisioning(
        engine.instances.spec(name="acme", email="a@acme.example", template="tiny")
    ) as session:
        session.clone()
        if forgotten == "sanitize":  # a spare is sanitized when it is made
            subject = session.subject
            relabel(engine.context, subject.connection, "acme", subject.label.having(finished=()))
        parts = {
            "sanitize": session.sanitize,
            "customize": session.customize,
            "admin": session.create_admin,
        }
        for name, part in parts.items():
            if name != forgotten:
                part()
        session.publish()
