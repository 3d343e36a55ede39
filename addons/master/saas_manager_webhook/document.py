"""The messages we send, for OpenAPI's `webhooks`. Nothing here is served."""

from typing import Annotated

from fastapi import APIRouter, Header
from odoo.addons.saas_manager_api.openapi import OPEN

from .webhook_events import InstanceMessage, PingMessage, SubscriptionMessage

router = APIRouter(generate_unique_id_function=lambda route: f"{route.name}_message")

MessageId = Annotated[str, Header(alias="webhook-id", description="The same each time: drop what you have.")]
Timestamp = Annotated[int, Header(alias="webhook-timestamp", description="When it was sent, in seconds.")]
Signature = Annotated[
    str, Header(alias="webhook-signature", description="`v1,` and base64; several, with spaces between.")
]
_ANSWERS = {
    200: {"description": "Any 2xx: you have it."},
    410: {"description": "Never call again: the endpoint is switched off."},
    500: {"description": "Anything else: it is sent again, for a day."},
}
_OPTIONS = {"responses": _ANSWERS, "tags": ["webhooks"], "openapi_extra": OPEN}


@router.post("instance", **_OPTIONS)
def instance(body: InstanceMessage, webhook_id: MessageId, sent: Timestamp, signature: Signature):
    """Something happened to an instance. Signed as Standard Webhooks says."""


@router.post("subscription", **_OPTIONS)
def subscription(body: SubscriptionMessage, webhook_id: MessageId, sent: Timestamp, signature: Signature):
    """Something happened to a subscription. Signed as Standard Webhooks says."""


@router.post("ping", **_OPTIONS)
def ping(body: PingMessage, webhook_id: MessageId, sent: Timestamp, signature: Signature):
    """An operator pressed *Send a Test*."""
