import sys

from app.config import ConfigError, read_config
from app.main import create_app
from app.server import serve

EX_CONFIG = 78  # from sysexits.h: configuration error

try:
    config = read_config()
    app = create_app(config)
except ConfigError as error:
    print(error, file=sys.stderr)  # noqa: T201
    sys.exit(EX_CONFIG)

serve(app, config)
