"""The OpenAPI document, with what FastAPI does not know: the dispatcher's headers, what the tags mean."""

TAGS = [
    {
        "name": "provisioning",
        "description": "Ask for instances, follow and manage them; names, plans.",
    },
    {
        "name": "instances",
        "description": "The short way: ask for an instance, get its login once it is ready.",
    },
    {
        "name": "operators",
        "description": "Whose key it is; lists; requests tried again or given up.",
    },
]
LICENSE = {"name": "LGPL-3.0-or-later", "identifier": "LGPL-3.0-or-later"}
OPEN = {"security": []}
"""For routes that need no key."""

_NUMBER, _TEXT = {"type": "integer", "minimum": 0}, {"type": "string"}
_HEADERS = {
    "X-Request-ID": ("Names this request in our log: yours, or a new one.", _TEXT),
    "RateLimit-Limit": ("So many requests may be sent in an hour; without a limit it is left out.", _NUMBER),
    "RateLimit-Remaining": ("So many are left.", _NUMBER),
    "RateLimit-Reset": ("In so many seconds all of them may be sent again.", _NUMBER),
    "Retry-After": ("Try again after so many seconds.", _NUMBER),
    "WWW-Authenticate": ("How to say who asks.", _TEXT),
    "Idempotent-Replayed": ("`true`: this was answered before, to the same Idempotency-Key.", _TEXT),
}
_ALWAYS = ("X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_BY_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}


def operation_id(route):
    """The function's name: it stays when an address moves."""
    return route.name


def complete(document):
    """Add to FastAPI's document the headers of each answer; return it."""
    components = document.setdefault("components", {})
    components["headers"] = {
        name: {"description": description, "schema": schema}
        for name, (description, schema) in _HEADERS.items()
    }
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                names = [*_ALWAYS, *_BY_STATUS.get(status, ())]
                if status == "202" and _is_repeatable(operation):
                    names.append("Idempotent-Replayed")
                answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return document


def _is_repeatable(operation):
    return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
