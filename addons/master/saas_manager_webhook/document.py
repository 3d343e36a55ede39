"""The messages to endpoints, for OpenAPI's `webhooks`. None of these paths is served."""

from typing import Annotated

from fastapi import APIRouter, Header
from odoo.addons.saas_manager_api.openapi import OPEN

from .webhook_events import InstanceMessage, PingMessage, SubscriptionMessage

router = APIRouter(generate_unique_id_function=lambda route: f"{route.name}_message")

MessageId = Annotated[
    str,
    Header(
        alias="webhook-id", description="The same for each attempt: ignore messages that you have already."
    ),
]
Timestamp = Annotated[
    int, Header(alias="webhook-timestamp", description="The time of this attempt, in seconds since 1970.")
]
Signature = Annotated[
    str, Header(alias="webhook-signature", description="`v1,` and base64; several, separated by spaces.")
]
_ANSWERS = {
    200: {"description": "Any 2xx: the message has arrived."},
    410: {"description": "Never call again: the endpoint is switched off."},
    500: {"description": "Anything else: the message is sent again, for a day."},
}
_OPTIONS = {"responses": _ANSWERS, "tags": ["webhooks"], "openapi_extra": OPEN}


@router.post("instance", **_OPTIONS)
def instance(body: InstanceMessage, webhook_id: MessageId, sent: Timestamp, signature: Signature):
    """Something happened to an instance. Signed as in Standard Webhooks."""


@router.post("subscription", **_OPTIONS)
def subscription(body: SubscriptionMessage, webhook_id: MessageId, sent: Timestamp, signature: Signature):
    """Something happened to a subscription. Signed as in Standard Webhooks."""


@router.post("ping", **_OPTIONS)
def ping(body: PingMessage, webhook_id: MessageId, sent: Timestamp, signature: Signature):
    """An operator pressed *Send a Test*."""
