"""The routes: thin, over the models."""

from . import docs, instances, lists, provisioning, signup, snippet

ROUTERS = (
    provisioning.router,
    lists.router,
    instances.router,
    signup.router,
    snippet.router,
    docs.router,
)


def methods_of(path):
    """What may be done with a path."""
    routes = (route for router in ROUTERS for route in router.routes)
    return {method for route in routes if route.path_regex.match(path) for method in route.methods}
