"""The Jinja environment that a template's text is rendered in.

What a template may use is what Copier gives it: a sandbox, Ansible's filters and the settings
of `_envops`. Compiled templates are kept in the user's cache, because compiling them is most
of what a render costs.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import jinja2
import platformdirs
from jinja2.sandbox import SandboxedEnvironment
from jinja2_ansible_filters import AnsibleCoreFiltersExtension

from scaffold import __version__
from scaffold.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2.bccache import Bucket

UNDEFINED = {"jinja2.Undefined": jinja2.Undefined, "jinja2.StrictUndefined": jinja2.StrictUndefined}


class _Loader(jinja2.FileSystemLoader):
    """Templates by their path in the template, and strings by the name they were given.

    Both are compiled under the name of their content and of what decides how it is read (the
    salt), so that a template which is cloned to another place each time finds in the cache what
    it left there.
    """

    def __init__(self, root: Path, *, salt: str) -> None:
        super().__init__(root)
        self.salt = salt
        self.root = root.resolve()
        self.strings: dict[str, str] = {}
        #: What is not there: of what options may add to a file, most is not.
        self.missing: set[str] = set()

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        if template in self.strings:
            source = self.strings[template]
            return source, _digest(self.salt + source), lambda: True
        if template in self.missing:
            raise jinja2.TemplateNotFound(template)
        try:
            source, path, fresh = super().get_source(environment, template)
        except jinja2.TemplateNotFound:
            self.missing.add(template)
            raise
        if not Path(path).resolve().is_relative_to(self.root):
            raise TemplateError(f"{template} leads out of the template.")
        return source, f"{template}@{_digest(self.salt + source)}", fresh


class Environment(SandboxedEnvironment):
    """A sandbox over one template's folder.

    Args:
        root: The template's folder; includes and imports are relative to it.
        envops: The template's `_envops`.

    Raises:
        TemplateError: When `_envops` asks for what Copier would not give either.
    """

    #: What tells apart, in the cache, what another class compiles another way.
    kind = ""

    def __init__(self, root: Path, envops: Mapping[str, Any]) -> None:
        options = {"keep_trailing_newline": True, **envops}
        if "undefined" in options:
            try:
                options["undefined"] = UNDEFINED[options["undefined"]]
            except KeyError:
                raise TemplateError(f"Unknown _envops.undefined: {options['undefined']}") from None
        self._texts = _Loader(
            root, salt=f"{self.kind}{jinja2.__version__} {sorted(options.items(), key=str)}"
        )
        super().__init__(
            loader=self._texts,
            extensions=[AnsibleCoreFiltersExtension],
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_bytecode_cache(),
            **options,
        )
        self.filters["to_json"] = partial(self.filters["to_json"], default=_plain)
        self.globals["pathjoin"] = lambda *parts: str(PurePosixPath(*parts))

    def text(self, source: str) -> jinja2.Template:
        """Compile a string once, through the same cache as files."""
        name = _digest(source)
        self._texts.strings[name] = source
        return self.get_template(name)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, PurePosixPath | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _bytecode_cache() -> jinja2.BytecodeCache | None:
    """Give the user's own cache folder, or none where there is no safe one.

    What lies there is executed, so a folder that somebody else could write to is not used.
    """
    folder = Path(platformdirs.user_cache_dir("scaffold")) / f"jinja-{__version__}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return None
    if os.name == "posix" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022):
        return None
    return _BytecodeCache(str(folder))


class _BytecodeCache(jinja2.FileSystemBytecodeCache):
    """Does without what it cannot read or write, such as on a full disk."""

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)
