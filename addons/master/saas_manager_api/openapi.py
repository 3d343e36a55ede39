"""The OpenAPI document, with what FastAPI does not know: the dispatcher's headers, and the tags' meanings."""

TAGS = [
    {
        "name": "provisioning",
        "description": "Create instances, follow and manage them; names, plans.",
    },
    {
        "name": "instances",
        "description": "The short way: create an instance, and get its login once it is ready.",
    },
    {
        "name": "operators",
        "description": "The key's user; lists; retry or cancel requests.",
    },
]
LICENSE = {"name": "LGPL-3.0-or-later", "identifier": "LGPL-3.0-or-later"}
OPEN = {"security": []}
"""For routes that need no key."""

_NUMBER, _TEXT = {"type": "integer", "minimum": 0}, {"type": "string"}
_HEADERS = {
    "X-Request-ID": ("Identifies this request in our log: your value, or a new one.", _TEXT),
    "RateLimit-Limit": ("The number of requests allowed per hour; omitted if there is no limit.", _NUMBER),
    "RateLimit-Remaining": ("The number of requests left.", _NUMBER),
    "RateLimit-Reset": ("The seconds until the limit starts again.", _NUMBER),
    "Retry-After": ("The number of seconds to wait before the next try.", _NUMBER),
    "WWW-Authenticate": ("How to authenticate.", _TEXT),
    "Idempotent-Replayed": ("`true`: the answer is a repetition, for the same Idempotency-Key.", _TEXT),
}
_ALWAYS = ("X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_BY_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}


def operation_id(route):
    """Use the function's name: it stays the same if the path changes."""
    return route.name


def complete(document):
    """Add the headers of each answer to FastAPI's document; return it."""
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
