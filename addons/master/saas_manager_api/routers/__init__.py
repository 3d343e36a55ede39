"""The routes: a thin layer over the models."""

from . import access, docs, instances, lists, provisioning

ROUTERS = (
    provisioning.router,
    lists.router,
    instances.router,
    access.router,
    docs.router,
)


PUBLIC_PATHS = ("/openapi.json", "/docs", "/provisioning/health")
"""Routes without a key. The try-out page needs a session instead."""


def methods_of(path, routers):
    """The methods of a path."""
    routes = (route for router in routers for route in router.routes)
    return {method for route in routes if route.path_regex.match(path) for method in route.methods}
