"""Whether commands succeed after a failure, as far as that is known."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from scaffold.pipeline import purpose
from scaffold.pipeline.script import (
    children,
    clauses,
    operands,
    statements,
    within,
    without_negation,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from scaffold.pipeline.script import Script, Statements

# Commands that succeed whatever was before them.
_FINE = re.compile(
    r"(?:(?:true|:|(?:exit|return) 0+)$|(?:break|cat|continue|date|echo|ls|printf|sleep|tee)\b|"
    r"rm -\w*f)"
)
# What has the exit code of what is before it.
_BARE = {"exit", "return"}
_QUOTED = re.compile(r"([\"'])([\w+.-]*)\1")
_READ = re.compile(r"\$\{?[!#]?([A-Za-z_]\w*)|-v ([A-Za-z_]\w*)|\(\(([^\n]*)")
_PATH = re.compile(r"^(?:\\|/(?:usr/)?bin/)")
_FAILS = re.compile(r"(?:exit|return) (?!0+$)|false$|kill\b")


@lru_cache(maxsize=4096)
def variables(text: str) -> frozenset[str]:
    """Give the variables that shell text reads, and perhaps more."""
    found = map(" ".join, _READ.findall(text))
    return frozenset(name for each in found for name in re.findall(r"\w+", each))


class Outcomes:
    """Tells which commands of a script succeed.

    Attributes:
        script: The script.
        read: The variables that it, or what it is a part of, reads.
    """

    def __init__(self, script: Script, read: frozenset[str]) -> None:
        self.script = script
        self.read = read
        self._known: dict[str, bool] = {}  # whether functions pass
        self._names: dict[int, str] = {}  # commands, by the ids of their nodes
        self._failing: dict[int, bool] = {}  # and whether one among them fails

    def command(self, node: Node) -> str:
        """Give a simple command by its bare name; an empty text for anything else."""
        if node.type == "redirected_statement":
            bodies = node.children_by_field_name("body")
            return self.command(bodies[0]) if len(bodies) == 1 else ""
        if node.type != "command":
            return ""
        if node.id not in self._names:
            bare = _PATH.sub("", purpose.core(self.script.command(node)))
            self._names[node.id] = _QUOTED.sub(r"\2", bare)
        return self._names[node.id]

    def fails(self, node: Node) -> bool:
        """Tell whether there is a command in a node that says that something failed."""
        if node.id not in self._failing:
            commands = map(self.command, within(node, "command"))
            self._failing[node.id] = any(map(_FAILS.match, commands))
        return self._failing[node.id]

    def leaves(self, parts: Statements) -> bool:
        """Tell whether nothing comes after commands, as the last of them leaves."""
        final = parts[-1][0] if parts else None
        if final and final.type == "compound_statement":
            return self.leaves(statements(final.children))
        return bool(final and self.command(final).partition(" ")[0] in _BARE)

    def breaks(self, parts: Statements) -> bool:
        """Tell whether the body of a loop ends it at once, as if nothing had failed."""
        ends = any(self.command(node).partition(" ")[0] in {"break", *_BARE} for node, _ in parts)
        return ends and self.passing(parts)

    def passes(self, node: Node, *, called: bool = False, before: bool = False) -> bool:
        """Tell whether a command succeeds, as far as that is known.

        Args:
            node: The command.
            called: Whether it is in a function, which what it calls is not looked at in.
            before: Whether what was before it succeeded.
        """
        *others, (final, _) = operands(node)
        if others:
            either = others[-1][1] == "||"
            passes = either or all(self.passes(each, called=called) for each, _ in others)
            return passes and self.passes(final, called=called, before=not either)
        match node.type:
            case "redirected_statement" | "pipeline":
                place = -1 if node.type == "pipeline" else 0
                return self.passes(node.named_children[place], called=called, before=before)
            case "compound_statement" | "subshell":
                return self.passing(statements(node.children), called=called, before=before)
            case "variable_assignment" | "variable_assignments" | "declaration_command":
                return self._is_unread(node)
            case "command":
                return self._succeeds(self.command(node), called=called, before=before)
        bodies = self._bodies(node, called=called)
        return bool(bodies) and all(
            self.passing(body, called=called, before=True) for body in bodies
        )

    def _bodies(self, node: Node, *, called: bool) -> list[Statements]:
        """Give the ways through a statement; none of one that may be an answer by its condition."""
        if node.type == "if_statement":
            return [body for _, body in clauses(node)]
        if node.type == "case_statement":
            return [
                statements([each for each in item.children if each not in values])
                for item in children(node, "case_item")
                if (values := item.children_by_field_name("value"))
            ]
        if node.type == "while_statement":  # as a loop until something works
            condition = without_negation(node.children[1])
            if condition.type != "test_command" and not self.passes(condition, called=called):
                return []
        return [statements(each.children) for each in children(node, "do_group")]

    def _succeeds(self, command: str, *, called: bool, before: bool) -> bool:
        """Tell whether a simple command, or the function that it calls, succeeds."""
        name = command.partition(" ")[0]
        body = self.script.functions.get(name)
        if body and not called:
            if name not in self._known:
                self._known[name] = self.passes(body, called=True)
            return self._known[name]
        return before if command in _BARE else bool(_FINE.match(command))

    def _is_unread(self, node: Node) -> bool:
        """Tell whether nothing looks at the variables that a command sets."""
        if any(within(node, "command_substitution")):
            return False
        texts = (self.script.text(each) for each in within(node, "variable_assignment"))
        return self.read.isdisjoint(re.split(r"\W|\+?=", text)[0] for text in texts)

    def passing(self, parts: Statements, *, called: bool = False, before: bool = False) -> bool:
        """Tell whether commands that follow each other succeed; where there are none, they do."""
        if any(self.fails(node) for node, _ in parts):
            return False
        own = (at for at, (node, _) in enumerate(parts) if self.command(node) not in _BARE)
        final = max(own, default=0)
        return not parts or self.passes(parts[final][0], called=called, before=before and not final)
