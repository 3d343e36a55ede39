"""The actions of `manage_instance` that need a value, and the field of the request that has it."""

VALUED = {
    "rename": "subdomain",
    "change_plan": "plan",
    "set_domains": "domains",
    "install": "modules",
    "move": "server",
    "restore": "backup",
}
