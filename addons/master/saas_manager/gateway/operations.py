"""The engine's rows of operations: where each is allowed and where it leads."""

from tenantry.model.operations import OPERATIONS, REMOTE, transitions

__all__ = ["OPERATIONS", "REMOTE", "transitions"]
