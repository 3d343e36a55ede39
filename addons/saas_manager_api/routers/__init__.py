"""The routes: thin, over the models."""

from . import docs, instances, provisioning, signup

ROUTERS = (provisioning.router, instances.router, signup.router, docs.router)
