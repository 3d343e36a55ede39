"""Which mail tells of which event, and what a message about one says.

The models here make the messages and describe them in `/api/openapi.json`: the two cannot differ.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

EVENTS = {
    "mail_template_instance_provisioned": "instance.provisioned",
    "mail_template_instance_suspended": "instance.suspended",
    "mail_template_instance_reactivated": "instance.reactivated",
    "mail_template_instance_terminated": "instance.terminated",
    "mail_template_provisioning_failed": "instance.provisioning_failed",
    "mail_template_subscription_expiring": "subscription.expiring",
    "mail_template_trial_ending": "subscription.trial_ending",
    "mail_template_payment_overdue": "subscription.payment_overdue",
    "mail_template_customer_instance_provisioned": None,
    "mail_template_verify_email": None,
    "mail_template_instance_down": None,
    "mail_template_backup_failed": None,
}
"""The event that the mail with this XML id tells of. None for what is no news of an instance, is told by
another mail already, or is found out by nothing yet."""
PING = "ping"

_NAMES = tuple(filter(None, EVENTS.values()))
_OF_INSTANCES = tuple(name for name in _NAMES if name.startswith("instance."))
_OF_SUBSCRIPTIONS = tuple(name for name in _NAMES if name.startswith("subscription."))


class EventCustomer(BaseModel):
    name: str = Field(examples=["My Company Ltd"])
    email: str | None = Field(examples=["admin@company.com"])


class EventInstance(BaseModel):
    subdomain: str = Field(examples=["mycompany"])
    name: str = Field(examples=["My Company Ltd"])
    state: str = Field(description="When it happened; ask the API for what it is now.", examples=["active"])
    url: str | None = Field(examples=["https://mycompany.example.com"])
    plan: str = Field(description="The plan's code.", examples=["starter"])


class EventSubscription(BaseModel):
    number: str = Field(examples=["SUB/00001"])
    state: str = Field(examples=["active"])
    plan: str = Field(description="The plan's code.", examples=["starter"])
    period: str = Field(examples=["monthly"])
    ends_on: date | None
    auto_renew: bool
    payment_state: str = Field(examples=["paid"])


class InstanceNews(BaseModel):
    request_id: str | None = Field(description="Of the request it was created by; see `request_status`.")
    instance: EventInstance
    customer: EventCustomer
    reason: str | None = Field(None, description="Why it was suspended, as the customer is told.")


class SubscriptionNews(InstanceNews):
    subscription: EventSubscription


class PingNews(BaseModel):
    message: str


class Message(BaseModel):
    timestamp: datetime = Field(description="When it happened. The same each time the message is sent.")


class InstanceMessage(Message):
    type: Literal[_OF_INSTANCES]
    data: InstanceNews


class SubscriptionMessage(Message):
    type: Literal[_OF_SUBSCRIPTIONS]
    data: SubscriptionNews


class PingMessage(Message):
    type: Literal["ping"]
    data: PingNews
