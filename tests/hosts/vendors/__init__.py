"""Hosting vendors on loopback, one a module: stateful, and able to fail."""

from vendors.base import Call, Machine, Vendor

__all__ = ["Call", "Machine", "Vendor"]
