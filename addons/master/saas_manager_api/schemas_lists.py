"""Request and answer bodies for operators' programs: the key's user, lists, and managing requests."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from .schemas import Asked, InstanceInfo, RequestState, RequestStatus, Told

InstanceState = Literal["draft", "provisioning", "active", "suspended", "expired", "failed", "terminated"]
RequestAction = Literal["retry", "cancel"]


class Me(BaseModel):
    name: str = Field(examples=["Ann Operator"])
    login: str = Field(examples=["ann@operator.example"])
    company: str = Field(examples=["My Company"])
    may: list[Literal["read", "create", "manage", "terminate"]] = Field(
        description="What this key may do with the instances its user sees."
    )


class MeAnswer(Told):
    data: Me


class InstancesAnswer(Told):
    data: list[InstanceInfo] = Field(description="The newest first.")
    next: int | None = Field(description="Send it as `before` for older ones; null: there are none.")


class RequestRow(RequestStatus):
    request_id: str = Field(examples=["8c5e7f0a-4a35-4a0e-9d8e-6a8f3a1c2b10"])
    number: str = Field(examples=["REQ00042"])
    source: Literal["operator", "api", "signup"]
    subdomain: str = Field(examples=["mycompany"])
    company_name: str = Field(examples=["My Company Ltd"])
    attempts: int
    created_at: datetime
    completed_at: datetime | None


class RequestsAnswer(Told):
    data: list[RequestRow] = Field(description="The newest first.")
    next: int | None = Field(description="Send it as `before` for older ones; null: there are none.")


class ManageRequest(Asked):
    action: RequestAction = Field(examples=["retry"])


class RequestManaged(BaseModel):
    request_id: str
    action: RequestAction
    state: RequestState = Field(description="Its current state; a job does the rest.")


class RequestManagedAnswer(Told):
    data: RequestManaged
