"""Hosting vendors on loopback, one a module: stateful, and able to fail."""
