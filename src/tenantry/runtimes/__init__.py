"""The runtimes: how instances run."""
