"""YAML as those read it who have words of their own in it."""

from __future__ import annotations

import yaml


class Yaml(yaml.SafeLoader):
    """YAML as GitLab reads it, which takes a script from another job by `!reference`, and AWS."""


# The functions of CloudFormation: `!Ref`, `!Sub` and so on.
Yaml.add_multi_constructor("!", lambda _, suffix, _node: suffix)
Yaml.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))  # type: ignore[arg-type]
