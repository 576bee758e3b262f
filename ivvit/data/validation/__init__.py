"""Validation: every file opened, counted and hashed; the result is the manifest that training reads."""

from ivvit.data.validation.run import validate

__all__ = ["validate"]
