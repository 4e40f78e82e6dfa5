"""What the service offers: each adds its routes. An empty tuple will do, too."""

from collections.abc import Callable

from fastapi import FastAPI

from app.config import Config
from app.resources.notes.resource import notes

RESOURCES: tuple[Callable[[FastAPI, Config], None], ...] = (notes,)
