"""The front: which host leads to which tenant's socket, and what a visitor is told when none does."""
