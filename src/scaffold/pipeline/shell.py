"""What shell text says: the commands in it, what they are for, and the failures that it hides."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from scaffold.pipeline import purpose
from scaffold.pipeline.script import (
    Script,
    children,
    clause,
    negated,
    operands,
    statements,
    within,
    without_negation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tree_sitter import Node

    from scaffold.pipeline.script import Statements


@lru_cache(maxsize=4096)
def _script(text: str) -> Script:
    return Script(text)


def readable(text: str) -> bool:
    """Tell whether shell text is read: it is neither too long nor nests too deep."""
    return not _script(text).unread


@lru_cache(maxsize=4096)
def tasks(text: str) -> tuple[str, ...]:
    """Give the `ops/…` commands in shell text, with their arguments."""
    return tuple(filter(None, map(purpose.task, _script(text).all)))


@lru_cache(maxsize=4096)
def stages(text: str) -> frozenset[str]:
    """Tell what the commands in shell text are for."""
    return _script(text).stages(_script(text).root)


@lru_cache(maxsize=4096)
def swallowed(text: str, *, pipes: bool = False, loose: bool = False) -> tuple[str, ...]:
    """Give what in shell text lets a failure pass.

    Args:
        text: The shell text.
        pipes: Whether the shell takes a pipe's last exit code for the pipe's.
        loose: Whether the shell goes on after a command that failed.
    """
    found = _Failures(_script(text), pipes=pipes).of(strict=not loose)
    return tuple(dict.fromkeys(found))


# Commands that succeed whatever was before them, and of those the ones with no other purpose.
_FINE = re.compile(
    r"(?:(?:true|:|(?:exit|return) 0+)$|(?:break|cat|continue|date|echo|ls|printf|sleep)\b|"
    r"rm -\w*f)"
)
_NOTHING = re.compile(r"(?:true|:|exit 0+)$")
_FAILS = re.compile(r"(?:exit|return)(?! 0+$)|false$|kill\b")
_PATH = re.compile(r"^(?:\\|/(?:usr/)?bin/)")
_UNCHECKED = re.compile(r"set (?:\S+ )*(?:\+(?=[a-z]*e)[a-z]+|\+o errexit)\b")
_CHECKED = re.compile(r"set (?:\S+ )*(?:-(?=[a-z]*e)[a-z]+|-o errexit)\b")
_LENIENT = re.compile(
    r"--exit-zero\b|--exit-code[= ]0\b|--soft-fail\b|--no-fail\b|--fail-never\b|--ignore-errors\b|"
    r"maven\.test\.failure\.ignore\b(?!=false)"
)
_TRAPPED = re.compile(r"(?:EXIT|ERR|0)$")


class _Failures:
    """Finds where a script lets failures pass.

    `strict` says whether the shell ends at a command that fails, as `set -e` has it; `last`,
    whether the exit code of a command is that of the whole. What a command does that nobody knows
    is taken for an answer to the failure before it.
    """

    def __init__(self, script: Script, *, pipes: bool) -> None:
        self.script = script
        self._known: dict[str, bool] = {}  # whether functions pass
        self._texts: dict[str, str] = {}  # and what is in them
        options = [each for each in script.all if "pipefail" in each]
        kept = any(re.search(r"-\w*o pipefail", each) for each in options)
        self.pipes = any("+o pipefail" in each for each in options) or (pipes and not kept)

    def of(self, *, strict: bool) -> Iterator[str]:
        """Find them all."""
        yield from self._sequence(statements(self.script.root.children), strict=strict, last=True)

    def _sequence(self, parts: Statements, *, strict: bool, last: bool) -> Iterator[str]:
        """Find them in commands that follow each other, each with what ends it."""
        beside = any(end == "&" for _, end in parts)
        waiting = max((at for at, (node, _) in enumerate(parts) if beside and self._waits(node)),
                      default=-1)  # fmt: skip
        for place, (node, end) in enumerate(parts):
            following = parts[place + 1][0] if place + 1 < len(parts) else None
            command = self._command(node)
            strict = strict or bool(_CHECKED.match(command))
            final = last and not following
            if end == "&":
                if self._counts(node) and waiting <= place:
                    yield f"{self.script.text(node)} &"
                continue
            yield from self._statement(node, strict=strict, last=final)
            follows = self.script.text(following) if following else ""
            ends = following if place + 2 == len(parts) else None
            if end == ";" and ends and _NOTHING.match(self._command(ends)):
                if node.parent == self.script.root or self._counts(node):
                    yield f"{self.script.text(node)}; {follows}"
            elif not (strict or final or "$?" in follows) and self._is_lost(node):
                yield f"{self.script.text(node)}; {follows}".removesuffix("; ")

    def _statement(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        find: Callable[..., Iterator[str]] | None = {
            "ERROR": self._inside,
            "c_style_for_statement": self._loop,
            "case_statement": self._case,
            "command": self._simple,
            "compound_statement": self._inside,
            "declaration_command": self._simple,
            "for_statement": self._loop,
            "function_definition": self._function,
            "if_statement": self._if,
            "list": self._list,
            "negated_command": self._negated,
            "pipeline": self._pipeline,
            "redirected_statement": self._redirected,
            "subshell": self._inside,
            "variable_assignment": self._assigned,
            "while_statement": self._while,
        }.get(node.type)
        return find(node, strict=strict, last=last) if find else iter(())

    def _inside(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        yield from self._sequence(statements(node.children), strict=strict, last=last)

    def _function(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:  # noqa: ARG002
        for body in node.children_by_field_name("body"):
            yield from self._statement(body, strict=strict, last=True)

    def _negated(self, node: Node, **_: bool) -> Iterator[str]:
        if self._counts(node):
            yield self.script.text(node)

    def _redirected(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        if len(operands(node)) > 1:
            yield from self._list(node, strict=strict, last=last)
            return
        # The pipe after a here-document's name is in there.
        here = children(node, "heredoc_redirect")
        pipes = [pipe for each in here for pipe in children(each, "pipeline")]
        for inner in (*node.children_by_field_name("body"), *pipes):
            yield from self._statement(inner, strict=strict, last=last)

    def _case(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        for item in children(node, "case_item"):
            yield from self._inside(item, strict=strict, last=last)

    def _loop(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        for body in children(node, "do_group"):
            yield from self._inside(body, strict=strict, last=last and strict)

    def _list(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        """Find them in commands with `&&` and `||` between them."""
        *before, (final, _) = found = operands(node)
        ands = max((at + 1 for at, (_, each) in enumerate(before) if each != "&&"), default=0)
        for place, ((one, operator), (other, _)) in enumerate(pairwise(found)):
            yield from self._statement(without_negation(one), strict=False, last=True)
            # After a failure comes what follows `||`; after one that is negated, `&&`.
            answered = operator == ("&&" if one.type == "negated_command" else "||")
            skipped = not (answered or last) and place >= ands
            if (answered and self._passes(other)) or (skipped and self._counts(one)):
                yield f"{self.script.text(one)} {operator} {self.script.text(other)}"
        yield from self._statement(final, strict=strict, last=last)

    def _pipeline(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        parts = node.named_children
        for one, other in pairwise(parts):
            yield from self._statement(one, strict=strict, last=True)
            if self._counts(one) and (self.pipes or _NOTHING.match(self._command(other))):
                yield f"{self.script.text(one)} | {self.script.text(other)}"
        yield from self._statement(parts[-1], strict=strict, last=last)

    def _if(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        clauses = [clause(each) for each in (node, *children(node, "elif_clause", "else_clause"))]
        for place, (condition, body) in enumerate(clauses):
            yield from self._condition(condition)
            yield from self._sequence(body, strict=strict, last=last)
            _, otherwise = clauses[place + 1] if place + 1 < len(clauses) else ([], [])
            failed = body if negated(condition) else otherwise
            if self._counted(condition) and self._passing(failed):
                yield self.script.text(node)

    def _while(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:
        condition = statements([each for each in node.children if each.type != "do_group"])
        # What ends the loop is a failure of `while x` and of `until ! x`.
        if self._counted(condition) and negated(condition) == (node.children[0].type == "until"):
            yield self.script.text(node)
        yield from self._condition(condition)
        yield from self._loop(node, strict=strict, last=last)

    def _condition(self, parts: Statements) -> Iterator[str]:
        bare = [*parts[:-1], *((without_negation(node), end) for node, end in parts[-1:])]
        yield from self._sequence(bare, strict=False, last=True)

    def _simple(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:  # noqa: ARG002
        command = self._command(node)
        if _UNCHECKED.match(command):
            yield command
        if purpose.stages_of_command(command) and _LENIENT.search(command):
            yield command
        if command.startswith("trap ") and self._is_trapped(node):
            yield command
        for substituted in within(node, "command_substitution", "process_substitution"):
            # The exit code of `X=$(command)` is the command's, but not that of `echo $(command)`.
            if self._counts(substituted):
                yield command
        written = self.script.command(node)
        own = strict if written.startswith("eval ") else bool(re.search(r" -\w*e", written))
        for script in self.script.inner(node):
            yield from _Failures(script, pipes=self.pipes).of(strict=own)

    def _assigned(self, node: Node, *, strict: bool, last: bool) -> Iterator[str]:  # noqa: ARG002
        for substituted in within(node, "command_substitution"):
            yield from self._inside(substituted, strict=strict, last=True)

    def _is_trapped(self, node: Node) -> bool:
        """Tell whether a trap for the end, or for a failure, ends all as if nothing had failed."""
        handler, *signals = [self.script.text(each) for each in node.children[1:]] or [""]
        body = self.script.functions.get(handler)
        if body and handler not in self._texts:
            self._texts[handler] = self.script.text(body)
        ends = re.search(r"\bexit 0+\b", self._texts.get(handler, handler))
        return bool(ends) and any(map(_TRAPPED.match, signals))

    # What a command is.

    def _command(self, node: Node) -> str:
        """Give a simple command by its bare name; an empty text for anything else."""
        if node.type == "redirected_statement":
            bodies = node.children_by_field_name("body")
            return self._command(bodies[0]) if len(bodies) == 1 else ""
        command = self.script.command(node) if node.type == "command" else ""
        return _PATH.sub("", purpose.core(command))

    def _counts(self, node: Node) -> bool:
        """Tell whether the failure of a command matters: it is of a stage."""
        return node.type != "function_definition" and bool(self.script.stages(node))

    def _counted(self, condition: Statements) -> bool:
        return bool(condition) and self._counts(condition[-1][0])

    def _waits(self, node: Node) -> bool:
        """Tell whether the exit code of what runs beside the script is waited for."""
        return any(
            re.match(r"wait \S", each) for each in map(self._command, within(node, "command"))
        )

    def _is_lost(self, node: Node) -> bool:
        """Tell whether a shell that goes on would not notice the failure of a command."""
        plain = node.type in {"command", "pipeline", "subshell", "compound_statement"}
        plain = plain or (node.type == "redirected_statement" and len(operands(node)) == 1)
        return plain and self._counts(node)

    def _passes(self, node: Node, *, called: bool = False) -> bool:
        """Tell whether a command succeeds, as far as that is known."""
        *before, (final, _) = operands(node)
        if before and before[-1][1] == "||":
            return self._passes(final, called=called)
        if before:
            return all(self._passes(each, called=called) for each, _ in (*before, (final, "")))
        match node.type:
            case "redirected_statement" | "pipeline":
                place = -1 if node.type == "pipeline" else 0
                return self._passes(node.named_children[place], called=called)
            case "compound_statement" | "subshell":
                return self._passing(statements(node.children), called=called)
        command = self._command(node)
        name = command.partition(" ")[0]
        body = self.script.functions.get(name)
        if body and not called:
            if name not in self._known:
                self._known[name] = self._passes(body, called=True)
            return self._known[name]
        return bool(_FINE.match(command))

    def _passing(self, parts: Statements, *, called: bool = False) -> bool:
        """Tell whether commands that follow each other succeed; where there are none, they do."""
        commands = [self._command(each) for node, _ in parts for each in within(node, "command")]
        if parts and commands[-1:] == ["exit"]:  # it has the exit code of what is before it
            return len(parts) > 1 and self._passing(parts[:-1], called=called)
        if any(map(_FAILS.match, commands)):
            return False
        return not parts or self._passes(parts[-1][0], called=called)


_NAME = re.compile(r"\$(?:\{([A-Za-z_]\w*)|([A-Za-z_]\w*))")
_SET = re.compile(
    # What is set to itself, for a command or with a default, comes from outside all the same.
    r"(?:^|[\s;&|(])(?:export |local |readonly )?([A-Za-z_]\w*)=(?![\"']?\$\{?\1\b)"
    r"|\bfor (\w+) in\b|\bread (?:-\w+ )*(\w+)"
)
_SECRET = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|_KEY$|DSN$"
)


#: What every shell has.
_SHELL = {"HOME", "HOSTNAME", "IFS", "LANG", "OLDPWD", "PATH", "PPID", "PWD", "RANDOM", "SECONDS",
          "SHELL", "TMPDIR", "UID", "USER"}  # fmt: skip


def names(text: str) -> set[str]:
    """Give the variables in capitals that shell text reads and does not set itself."""
    used = {a or b for a, b in _NAME.findall(text.replace("$$", ""))}
    own = {name for match in _SET.findall(text) for name in match}
    return {name for name in used - own - _SHELL if name.isupper() and len(name) > 1}


def is_secret(name: str) -> bool:
    """Tell whether a variable's name is one that secrets have."""
    return bool(_SECRET.search(name))
