from pydantic_settings import BaseSettings


class Variables(BaseSettings):
    """What the service reads beside app/config.py. Document each at the end of .env.example."""
