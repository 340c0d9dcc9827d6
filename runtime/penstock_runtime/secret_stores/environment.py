"""Secrets that the platform put into the process's environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock_runtime.ports.secret_store import SecretInfo, SecretNotFound, SecretStoreReadOnly

PREFIX = "SECRET_"
"""`SECRET_API_TOKEN` in the environment is the secret `API_TOKEN`; other variables are none."""


class EnvironmentSecretStore:
    """Read only. Takes a mapping, which bootstrap reads from the environment before blocks can see it."""

    writable = False

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Keep what carries the prefix and is not empty."""
        self._values = {
            name.removeprefix(PREFIX): value
            for name, value in environment.items()
            if name.startswith(PREFIX) and name != PREFIX and value
        }

    def list(self) -> Sequence[SecretInfo]:
        """Return every secret, by name."""
        return [SecretInfo(name) for name in sorted(self._values)]

    def info(self, name: str) -> SecretInfo:
        """Return one without its value."""
        self.value(name)
        return SecretInfo(name)

    def value(self, name: str) -> str:
        """Return the value."""
        try:
            return self._values[name]
        except KeyError:
            raise SecretNotFound(f"there is no secret {name!r}: set {PREFIX}{name} in the environment") from None

    def put(self, name: str, value: str, by: str | None = None) -> SecretInfo:
        """Refuse."""
        del name, value, by
        raise SecretStoreReadOnly("secrets come from the environment here; set them on the platform")

    def delete(self, name: str) -> None:
        """Refuse."""
        del name
        raise SecretStoreReadOnly("secrets come from the environment here; set them on the platform")
