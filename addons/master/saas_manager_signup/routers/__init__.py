"""The API's routes for signing up."""

from . import signup, snippet

ROUTERS = (signup.router, snippet.router)
PUBLIC_PATHS = ("/signup/confirm", "/signup.js")
"""Whoever calls them has no key."""
