"""The routes: thin, over the models."""

from . import docs, instances, lists, provisioning

ROUTERS = (
    provisioning.router,
    lists.router,
    instances.router,
    docs.router,
)


PUBLIC_PATHS = ("/openapi.json", "/docs", "/provisioning/health")
"""Served without a key. The try-out page wants a session instead."""


def methods_of(path, routers):
    """What may be done with a path."""
    routes = (route for router in routers for route in router.routes)
    return {method for route in routes if route.path_regex.match(path) for method in route.methods}
