"""The request and answer bodies: the fields of SPEC A1 to A5, with their limits and examples."""

from datetime import datetime
from typing import Annotated, Any, Literal

from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.operations import REMOTE
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from .actions import VALUED
from .errors import CODES
from .faults import COUNTRY, EMAIL, HOSTNAME, LANGUAGE, LINE, MODULE, REFERENCE, SLUG, TIME_ZONE

_NOT_USED = ("customer_phone", "phone", "notes", "metadata", "source")
_LANGUAGE = "One of the template's languages; English if omitted."
_COUNTRY = "The company's: its currency, taxes and time zone follow from it."
_TIME_ZONE = "The IANA name; the country's if omitted."
_LABEL = {"minLength": 3, "maxLength": 50, "pattern": r"^[a-z0-9]+(-[a-z0-9]+)*$"}


def _email(text):
    if not gateway.is_email(text):
        raise PydanticCustomError("email", "email")
    return text


def _caption(text):
    if not gateway.is_caption(text):
        raise PydanticCustomError("caption", "caption")
    return text


def _well_formed(text):
    kind = gateway.malformed(text)
    if kind:
        raise PydanticCustomError(f"subdomain_{kind}", "subdomain")
    return text


Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=LINE)]
Caption = Annotated[Line, AfterValidator(_caption)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=EMAIL), AfterValidator(_email)]
Label = Annotated[str, AfterValidator(_well_formed), Field(json_schema_extra=_LABEL)]
"""The name of an existing instance, for lookups."""
Slug = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=SLUG)]
Reference = Annotated[str, StringConstraints(max_length=64, pattern=REFERENCE)]
Language = Annotated[str, StringConstraints(min_length=2, max_length=16, pattern=LANGUAGE)]
Country = Annotated[str, StringConstraints(min_length=2, max_length=2, pattern=COUNTRY)]
TimeZone = Annotated[str, StringConstraints(min_length=2, max_length=64, pattern=TIME_ZONE)]
Runtime = Literal["shared", "docker", "kubernetes", "railway"]
Hostname = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=HOSTNAME)]
Module = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=MODULE)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Level = Literal["debug", "info", "warning", "error", "critical"]
Action = Literal[*REMOTE, *VALUED, "duplicate"]


class Asked(BaseModel):
    """A request body: types are not converted, and unknown fields are refused, not ignored.

    Additional fields of S3's and S4's clients are accepted, and not used. Optional fields that are empty
    count as omitted.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _as_sent(cls, data):
        if not isinstance(data, dict):
            return data
        optional = {name for name, known in cls.model_fields.items() if not known.is_required()}
        return {
            name: value
            for name, value in data.items()
            if name not in _NOT_USED and not (value == "" and name in optional)
        }


class CreateInstance(Asked):
    customer_email: Email = Field(examples=["admin@company.com"])
    customer_name: Caption = Field(examples=["John Doe"])
    company_name: Caption = Field(examples=["My Company Ltd"])
    plan_id: Number = Field(description="One of `/provisioning/plans`.", examples=[1])
    subdomain: str = Field(
        description="A name with no dash at its ends, no double dash, and not of digits only.",
        examples=["mycompany"],
        json_schema_extra=_LABEL,
    )
    admin_email: Email | None = Field(
        None,
        description="The administrator's login; the customer's if omitted.",
        examples=["admin@company.com"],
    )
    template: Slug | None = Field(None, description="A template's code; the plan's first one if omitted.")
    admin_name: Caption | None = Field(
        None,
        description="The administrator's name; the customer's if omitted and the address is theirs.",
        examples=["Jane Doe"],
    )
    language: Language | None = Field(None, description=_LANGUAGE, examples=["fr_FR"])
    country: Country | None = Field(None, description=_COUNTRY, examples=["FR"])
    timezone: TimeZone | None = Field(None, description=_TIME_ZONE, examples=["Europe/Paris"])


class NewInstance(Asked):
    """In the form that S4's clients send."""

    clientName: str = Field(
        description="Becomes the subdomain, without superfluous dashes.",
        examples=["acme-corp"],
        json_schema_extra={**_LABEL, "pattern": SLUG},
    )
    adminEmail: Email = Field(examples=["admin@acme.com"])
    companyName: Caption | None = Field(
        None, description="Derived from `clientName` if omitted.", examples=["ACME Corporation"]
    )
    plan: Slug | None = Field(None, description="A plan's code; the first one if omitted.")
    template: Slug | None = Field(None, description="A template's code; the plan's first one if omitted.")
    runtime: Runtime | None = Field(None, description="Only plans with this runtime.")
    customerName: Caption | None = Field(
        None,
        description="The person's name, as user and in mails; made from the address if omitted.",
        examples=["Jane Doe"],
    )
    language: Language | None = Field(None, description=_LANGUAGE, examples=["fr_FR"])
    country: Country | None = Field(None, description=_COUNTRY, examples=["FR"])
    timezone: TimeZone | None = Field(None, description=_TIME_ZONE, examples=["Europe/Paris"])


class ManageInstance(Asked):
    action: Action = Field(examples=["suspend"])
    reason: Line | None = Field(None, description="For `suspend`: the reason, which the customer reads.")
    confirm: Label | None = Field(None, description="For `terminate`: the subdomain again.")
    subdomain: str | None = Field(
        None, description="For `rename`.", examples=["newname"], json_schema_extra=_LABEL
    )
    plan: Slug | None = Field(None, description="For `change_plan`: a plan's code.", examples=["starter"])
    domains: list[Hostname] | None = Field(
        None,
        max_length=50,
        description="For `set_domains`: all further host names; those left out are removed.",
        examples=[["shop.acme.example"]],
    )
    modules: list[Module] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="For `install`: technical names.",
        examples=[["crm"]],
    )
    server: Slug | None = Field(None, description="For `move`: a server's code.", examples=["paris-1"])
    backup: Line | None = Field(
        None,
        description="For `restore`: one of the instance's backups.",
        examples=["acme-20261129-213000-1a2b3c"],
    )


class GiveAccess(Asked):
    send: bool = Field(
        False, description="Mail it to the administrator; nothing secret is in the answer then."
    )


class Subdomain(Asked):
    subdomain: str = Field(examples=["mycompany"])


# ---------------------------------------------------------------- answers


Percent = Annotated[int, Field(ge=0, le=100, description="Percent.")]


class Told(BaseModel):
    success: Literal[True] = True


class Problem(BaseModel):
    """Every refusal has this form."""

    success: Literal[False] = False
    error: str = Field(description="A sentence for people.", examples=["The subdomain acme is taken."])
    error_code: Literal[CODES] = Field(examples=["SUBDOMAIN_TAKEN"])
    details: dict[str, Any] = Field(
        description="Additional values: `fields`, `suggestions`, `retry_after`, `request_id`.",
        examples=[{"suggestions": ["acme-2", "acme-3"]}],
    )


RequestState = Literal["draft", "submitted", "validated", "processing", "completed", "failed", "cancelled"]


Warnings = Annotated[list[str], Field(description="Warnings about this order, although it is accepted.")]


class AcceptedRequest(BaseModel):
    request_id: str = Field(examples=["8c5e7f0a-4a35-4a0e-9d8e-6a8f3a1c2b10"])
    state: RequestState
    subdomain: str = Field(examples=["mycompany"])
    warnings: Warnings


class Accepted(Told):
    request_id: str = Field(examples=["8c5e7f0a-4a35-4a0e-9d8e-6a8f3a1c2b10"])
    message: str = Field(description="A sentence for people.", examples=["The instance is being created."])
    data: AcceptedRequest


class InstanceBrief(BaseModel):
    id: str = Field(
        description="Never changes, as the subdomain may. Lookups take it in the subdomain's place.",
        examples=["5b0c2a6e-7f1d-4c65-9a57-0d4c1f1a9e77"],
    )
    subdomain: str = Field(examples=["mycompany"])
    state: str = Field(examples=["active"])
    url: str | None = Field(examples=["https://mycompany.example.com"])


class RequestStatus(BaseModel):
    state: RequestState
    progress: Percent = Field(examples=[60])
    step: str | None = Field(description="The last step that was done.", examples=["sanitize"])
    instance: InstanceBrief | None
    error: str | None


class RequestStatusAnswer(Told):
    message: str = Field(description="The same as a sentence for people.")
    data: RequestStatus


class PlanBrief(BaseModel):
    id: int
    code: str
    name: str


class Domain(BaseModel):
    name: str = Field(examples=["odoo.acme.example"])
    state: Literal["pending", "verified", "live", "failing"]
    reason: str | None = Field(description="Why it is failing.")
    since: datetime = Field(description="Since when it has this state.")


class Backup(BaseModel):
    name: str = Field(examples=["acme-20261129-213000-1a2b3c"])
    made_at: datetime
    reason: Literal["schedule", "asked", "terminate", "restore", "upgrade"]
    size_mb: float
    proof: Literal["not_yet", "proved", "unverifiable", "failed"] = Field(
        description="`proved`: it was restored beside, and everything was there. Only this is good."
    )
    proved_at: datetime | None = Field(description="When it was last tried.")
    restore_s: float | None = Field(description="How long that restore took, in seconds.")


class Mails(BaseModel):
    """What it sent by the provider's mail server, and what that refused since the tenant server started."""

    sent: int = Field(description="Recipients in the last hour.")
    per_hour: int = Field(description="The limit of recipients in an hour.")
    refused: int = Field(description="Mails that were refused, wholly or for some recipients.")
    last_refusal: str | None = Field(examples=["554 5.7.1 This looks like spam"])
    last_refused_at: datetime | None


class InstanceInfo(InstanceBrief):
    name: str
    plan: PlanBrief
    template: str
    series: str | None = Field(examples=["19.0"])
    run_state: str
    operation: str | None = Field(description="The operation that is running.", examples=["suspend"])
    progress: Percent = Field(description="The progress of that operation, in percent.")
    step: str | None = Field(description="The last step of that operation.")
    reason: str | None = Field(description="Why the last operation failed, or why it is suspended.")
    failure: str | None = Field(description="Why the last operation failed.")
    health: str
    admin_email: str
    users: int
    max_users: int = Field(description="0: no limit.")
    storage_mb: float
    max_storage_gb: float = Field(description="0: no limit.")
    created_at: datetime
    activated_at: datetime | None
    last_activity_at: datetime | None
    expires_on: str | None = Field(examples=["2027-01-31"])
    domains: list[Domain] = Field(description="Further host names, by their names.")
    backups: list[Backup] | None = Field(
        None, description="The newest first. Null in lists: ask for one instance."
    )
    mails: Mails | None = Field(
        None, description="For operators who ask for one instance. Null: not measured, or no mail server."
    )


class InstanceInfoAnswer(Told):
    data: InstanceInfo


class Managed(BaseModel):
    id: str
    subdomain: str
    action: Action
    state: str = Field(description="Its current state; a job runs the operation.")


class ManagedAnswer(Told):
    data: Managed
    message: str


class SubdomainJudgement(BaseModel):
    subdomain: str
    available: bool
    error_code: Literal[CODES] | None = None
    error: str | None = None
    details: dict[str, Any] = Field(description="As in the refusal of a creation with this name.")
    suggestions: list[str]


class SubdomainAnswer(Told):
    message: str = Field(description="The same as a sentence for people.", examples=["acme is free."])
    data: SubdomainJudgement


class Plan(PlanBrief):
    price_monthly: float
    price_yearly: float
    currency: str = Field(examples=["EUR"])
    trial_days: int
    max_users: int = Field(description="0: no limit.")
    max_storage_gb: float = Field(description="0: no limit.")
    popular: bool
    shown: bool = Field(description="At the signup; others may be ordered by operators' keys only.")
    runtime: Runtime
    features: str | None = Field(description="HTML.")
    templates: list[str] = Field(description="Codes of the templates it includes; empty: all.")


class PlansAnswer(Told):
    data: list[Plan]


class Template(BaseModel):
    code: str = Field(examples=["restaurant"])
    name: str = Field(examples=["Restaurant"])
    description: str | None = Field(description="HTML.")
    series: str = Field(examples=["19.0"])
    languages: list[str] = Field(description="In which it may be ordered.", examples=[["en_US", "fr_FR"]])
    country: str | None = Field(description="The country of its chart of accounts.", examples=["FR"])
    domain: str = Field(description="Addresses end with it.", examples=["example.com"])
    shown: bool = Field(description="As of plans.")


class CountryChoice(BaseModel):
    code: str = Field(examples=["FR"])
    name: str = Field(examples=["France"])


class CountriesAnswer(Told):
    data: list[CountryChoice] = Field(description="By their names, in the language of the answer.")
    guess: str | None = Field(description="The code of the country of the given time zone.", examples=["FR"])


class TemplatesAnswer(Told):
    data: list[Template]


class LogLine(BaseModel):
    id: int
    at: datetime
    level: Level
    operation: str | None
    step: str | None
    duration_s: float
    message: str


class LogsAnswer(Told):
    data: list[LogLine] = Field(description="The newest first.")
    next: int | None = Field(description="Send it as `before` for older lines; null: there are none.")


class Health(BaseModel):
    status: Literal["healthy", "degraded"] = Field(description="Degraded: no server can take an instance.")


class HealthAnswer(Told):
    data: Health


class InstanceAsked(BaseModel):
    instanceId: str = Field(examples=["8c5e7f0a-4a35-4a0e-9d8e-6a8f3a1c2b10"])
    status: Literal["creating"]
    message: str
    warnings: Warnings


class InstanceStatus(BaseModel):
    status: Literal["creating", "ready", "failed"]
    progress: Percent = Field(examples=[100])
    message: str
    instanceUrl: str | None = Field(None, examples=["https://acme-corp.example.com"])
    adminEmail: str = Field(examples=["admin@acme.com"])
    adminPassword: str | None = Field(
        None, description="Told once, to the key that asked for the instance, within 24 hours."
    )
    databaseName: str | None = Field(None, examples=["acme-corp"])
    projectId: str | None = Field(None, description="Only for runtimes that have projects.")
    error: str | None = None


class AccessSent(BaseModel):
    subdomain: str = Field(examples=["mycompany"])
    sent_to: str | None = Field(
        description="The administrator's address, if it is mailed.", examples=["admin@company.com"]
    )


class LoginLink(AccessSent):
    url: str | None = Field(description="Logs its bearer in, once, within a day. Told only now.")


class NewPassword(AccessSent):
    login: str | None = Field(description="The administrator's login.", examples=["admin@company.com"])
    password: str | None = Field(description="Told only now.")


class AccessSentAnswer(Told):
    message: str = Field(description="A sentence for people.")
    data: AccessSent


class LoginLinkAnswer(Told):
    message: str = Field(description="A sentence for people.")
    data: LoginLink


class NewPasswordAnswer(Told):
    message: str = Field(description="A sentence for people.")
    data: NewPassword
