"""Generates backend projects by a DevOps & Deployment standard."""

__version__ = "0.1.0"
