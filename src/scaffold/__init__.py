"""Generates backend projects that meet a DevOps & Deployment standard."""

__version__ = "0.1.0"
