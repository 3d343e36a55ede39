"""Loaded server-wide (`--load=saas_router,base,web`); installed in no database."""

from .patches import post_load

__all__ = ["post_load"]
