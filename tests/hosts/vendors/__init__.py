"""Hosting vendors on loopback, one a module: stateful, and able to fail."""

from vendors.base import Vendor
from vendors.digitalocean import DigitalOcean
from vendors.ecs import Ecs
from vendors.fly import Fly
from vendors.heroku import Heroku
from vendors.netlify import Netlify
from vendors.railway import Railway
from vendors.render import Render
from vendors.vercel import Vercel, VercelSite

#: Each with a stack that it runs, in the order of the catalogue.
VENDORS: tuple[type[Vendor], ...] = (
    Fly, Render, Vercel, VercelSite, Netlify, Railway, DigitalOcean, Ecs, Heroku,
)  # fmt: skip
