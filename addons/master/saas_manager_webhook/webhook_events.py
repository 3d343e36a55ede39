"""The content of messages about events.

These models make the messages and describe them in `/api/openapi.json`, so that both always agree.
"""

from datetime import date, datetime
from typing import Literal

from odoo.addons.saas_manager.events import EVENTS
from pydantic import BaseModel, Field

PING = "ping"

_NAMES = tuple(name for name, row in EVENTS.items() if row.is_public)
_OF_INSTANCES = tuple(name for name in _NAMES if name.startswith("instance."))
_OF_SUBSCRIPTIONS = tuple(name for name in _NAMES if name.startswith("subscription."))


class EventCustomer(BaseModel):
    name: str = Field(examples=["My Company Ltd"])
    email: str | None = Field(examples=["admin@company.com"])


class EventInstance(BaseModel):
    id: str = Field(
        description="Never changes, as the subdomain may; see `instance_info`.",
        examples=["5b0c2a6e-7f1d-4c65-9a57-0d4c1f1a9e77"],
    )
    subdomain: str = Field(examples=["mycompany"])
    name: str = Field(examples=["My Company Ltd"])
    state: str = Field(description="The state at the time of the event.", examples=["active"])
    url: str | None = Field(examples=["https://mycompany.example.com"])
    plan: str = Field(description="The plan's code.", examples=["starter"])
    domains: list[str] = Field(description="The further host names at which it answers.")


class EventSubscription(BaseModel):
    number: str = Field(examples=["SUB/00001"])
    state: str = Field(examples=["active"])
    plan: str = Field(description="The plan's code.", examples=["starter"])
    period: str = Field(examples=["monthly"])
    ends_on: date | None
    auto_renew: bool
    payment_state: str = Field(examples=["paid"])


class InstanceNews(BaseModel):
    request_id: str | None = Field(description="The request that created it; see `request_status`.")
    instance: EventInstance
    customer: EventCustomer
    reason: str | None = Field(None, description="The reason of its suspension, as told to the customer.")
    previous_subdomain: str | None = Field(None, description="Of `instance.renamed`.")
    previous_plan: str | None = Field(None, description="Of `instance.plan_changed`: the code.")
    modules: list[str] | None = Field(None, description="Of `instance.modules_installed`: the new ones.")
    backup: str | None = Field(
        None, description="The backup's name: of `instance.backed_up` and `instance.restored`."
    )


class SubscriptionNews(InstanceNews):
    subscription: EventSubscription


class PingNews(BaseModel):
    message: str


class Message(BaseModel):
    timestamp: datetime = Field(description="The time of the event. The same for each attempt.")


class InstanceMessage(Message):
    type: Literal[_OF_INSTANCES]
    data: InstanceNews


class SubscriptionMessage(Message):
    type: Literal[_OF_SUBSCRIPTIONS]
    data: SubscriptionNews


class PingMessage(Message):
    type: Literal["ping"]
    data: PingNews
