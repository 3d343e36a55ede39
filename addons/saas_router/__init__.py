"""Loaded server-wide (`--load=base,web,saas_router`); installed in no database."""

from .patches import post_load

__all__ = ["post_load"]
