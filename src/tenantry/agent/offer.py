"""What the agent does for its callers: these of the engine's methods, by their own names."""

from __future__ import annotations

PROVISION = "provisioning"
"""A creation stays open between its parts, until it is left, or given up and undone."""
LEAVE, GIVE_UP = "leave", "give up"
BEAT_S, SILENT_FOR_S = 3, 12
"""How often a caller elsewhere says that they live, by an empty line, and after how long they are dead."""

REST_S = 60
"""How long a conversation may rest: each holds one of a few places."""

PARTS = frozenset({"clone", "sanitize", "customize", "create_admin", "publish"})
"""Of a creation, see `operations.provision.Session`."""

TELLS_STEPS = frozenset(
    {
        *("build_template", "finish_editing", "fill_pool", "provision", "rename", "terminate"),
        *("operate", "suspend", "reactivate", "stop_instance", "start_instance", "restart_instance"),
    }
)
METHODS = TELLS_STEPS | frozenset(
    {
        *("template", "templates", "edit_template", "clone", "pools"),
        *("instance", "instances", "find_by_reference", "taken", "abandon", "url_of", "is_up"),
        *("set_hostnames", "check_hostnames", "check_modules", "install_modules"),
        *("entitle", "set_limits", "login_link", "usage", "activities", "logs", "is_serving"),
        *("facts", "seal", "unseal", "keep_address"),
    }
)
"""Nobody behind a pipe starts or stops servers, or is told a key."""
