"""What shell text says: the commands in it, what they are for, and the failures that it hides."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from scaffold.pipeline import purpose
from scaffold.pipeline.outcome import Outcomes, variables
from scaffold.pipeline.script import (
    Script,
    children,
    clauses,
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
def swallowed(
    text: str, *, pipes: bool = False, loose: bool = False, around: str = ""
) -> tuple[str, ...]:
    """Give what in shell text lets a failure pass.

    Args:
        text: The shell text.
        pipes: Whether the shell takes a pipe's last exit code for the pipe's.
        loose: Whether the shell goes on after a command that failed.
        around: All that is run in the same shell, where that is more.
    """
    found = _Failures(_script(text), variables(around or text), pipes=pipes).of(strict=not loose)
    return tuple(dict.fromkeys(found))


# Commands that succeed, and have no other purpose.
_NOTHING = re.compile(r"(?:true|:|exit 0+)$")
_LEAVES = re.compile(r"(?:exit|return)(?! 0+$)")
# What looks at an exit code afterwards.
_LOOKS = re.compile(r"\$\{?\?|\bPIPESTATUS\b")
_UNCHECKED = re.compile(
    r"set (?:\S+ )*(?:\+(?=[a-z]*e)[a-z]+|\+o errexit)\b|shopt (?:-uo|-ou|-u -o|-o -u) errexit\b"
)
_CHECKED = re.compile(
    r"set (?:\S+ )*(?:-(?=[a-z]*e)[a-z]+|-o errexit)\b|shopt (?:-so|-os|-s -o|-o -s) errexit\b"
)
_LENIENT = re.compile(
    r"--exit-zero\b|--exit-code[= ]0\b|--soft-fail\b|--no-fail\b|--fail-never\b|--ignore-errors\b|"
    r"maven\.test\.failure\.ignore\b(?!=false)|^make (?:\S+ )*-[bdeknpqrstvw]*i"
)
_TRAPPED = re.compile(r"(?:EXIT|ERR|0)$")


@dataclass(frozen=True)
class _Here:
    """Where a command is.

    Attributes:
        strict: Whether the shell ends at a command that fails, as `set -e` has it.
        last: Whether the command's exit code is that of the whole.
        after: Whether what comes after it passes; None where nothing does.
    """

    strict: bool
    last: bool = True
    after: bool | None = None


class _Failures:
    """Finds where a script lets failures pass.

    What a command does that nobody knows is taken for an answer to the failure before it.
    """

    def __init__(self, script: Script, read: frozenset[str], *, pipes: bool) -> None:
        self.script = script
        self.outcomes = Outcomes(script, read)
        self._texts: dict[str, str] = {}  # what is in functions
        options = [each for each in script.all if "pipefail" in each]
        kept = any(re.search(r"-\w*o pipefail", each) for each in options)
        self.pipes = any("+o pipefail" in each for each in options) or (pipes and not kept)

    def of(self, *, strict: bool) -> Iterator[str]:
        """Find them all."""
        yield from self._sequence(statements(self.script.root.children), _Here(strict))

    def _sequence(self, parts: Statements, here: _Here) -> Iterator[str]:
        """Find them in commands that follow each other, each with what ends it."""
        beside = any(end == "&" for _, end in parts)
        waiting = max(
            (at for at, (node, _) in enumerate(parts) if beside and self._waits(node)), default=-1
        )
        strict, after = here.strict, self._after(parts, here.after)
        for place, (node, end) in enumerate(parts):
            following = parts[place + 1][0] if place + 1 < len(parts) else None
            strict = strict or bool(_CHECKED.match(self.outcomes.command(node)))
            final = here.last and not following
            if end == "&":
                if self._counts(node) and waiting <= place:
                    yield f"{self.script.text(node)} &"
                continue
            yield from self._statement(node, _Here(strict, final, after[place]))
            follows = self.script.text(following) if following else ""
            ends = following if place + 2 == len(parts) else None
            if end == ";" and ends and _NOTHING.match(self.outcomes.command(ends)):
                if node.parent == self.script.root or self._counts(node):
                    yield f"{self.script.text(node)}; {follows}"
            elif not (strict or final or self._answers(following)) and self._is_lost(node):
                yield f"{self.script.text(node)}; {follows}".removesuffix("; ")

    def _after(self, parts: Statements, after: bool | None) -> list[bool | None]:  # noqa: FBT001
        """Tell for each command whether what comes after it passes."""
        found: list[bool | None] = []
        passes = self.outcomes.passes(parts[-1][0]) if parts and after is None else after
        for node, _ in reversed(parts):
            found.append(after)
            after = False if after is False or self.outcomes.fails(node) else passes
        return found[::-1]

    def _statement(self, node: Node, here: _Here) -> Iterator[str]:
        find: Callable[[Node, _Here], Iterator[str]] | None = {
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
            "subshell": self._subshell,
            "variable_assignment": self._assigned,
            "while_statement": self._while,
        }.get(node.type)
        return find(node, here) if find else iter(())

    def _inside(self, node: Node, here: _Here) -> Iterator[str]:
        yield from self._sequence(statements(node.children), here)

    def _subshell(self, node: Node, here: _Here) -> Iterator[str]:
        yield from self._inside(node, replace(here, after=None))

    def _function(self, node: Node, here: _Here) -> Iterator[str]:
        for body in node.children_by_field_name("body"):
            yield from self._statement(body, _Here(here.strict))

    def _negated(self, node: Node, here: _Here) -> Iterator[str]:  # noqa: ARG002
        if self._counts(node):
            yield self.script.text(node)

    def _redirected(self, node: Node, here: _Here) -> Iterator[str]:
        if len(operands(node)) > 1:
            yield from self._list(node, here)
            return
        # The pipe after a here-document's name is in there.
        documents = children(node, "heredoc_redirect")
        pipes = [pipe for each in documents for pipe in children(each, "pipeline")]
        for inner in (*node.children_by_field_name("body"), *pipes):
            yield from self._statement(inner, here)
        texts = [text for each in documents for text in children(each, "heredoc_body")]
        for text in (*texts, *children(node, "file_redirect", "herestring_redirect")):
            for substituted in within(text, "command_substitution", "process_substitution"):
                if self._counts(substituted):
                    yield self.script.text(substituted)

    def _case(self, node: Node, here: _Here) -> Iterator[str]:
        for item in children(node, "case_item"):
            yield from self._inside(item, here)

    def _loop(self, node: Node, here: _Here) -> Iterator[str]:
        for body in children(node, "do_group"):
            yield from self._inside(body, replace(here, last=here.last and here.strict))

    def _list(self, node: Node, here: _Here) -> Iterator[str]:
        """Find them in commands with `&&` and `||` between them."""
        *before, (final, _) = found = operands(node)
        ands = max((at + 1 for at, (_, each) in enumerate(before) if each != "&&"), default=0)
        for place, ((one, operator), (other, _)) in enumerate(pairwise(found)):
            yield from self._statement(without_negation(one), _Here(strict=False))
            # After a failure comes what follows `||`; after one that is negated, `&&`.
            answered = operator == ("&&" if one.type == "negated_command" else "||")
            # Where the last of them leaves, a failure goes on to what comes after.
            skipped = not (answered or here.last) and place >= ands
            skipped = skipped and (here.after is True or not self.outcomes.leaves([(final, "")]))
            status = one.type == "negated_command"
            if (answered and self.outcomes.passes(other, before=status)) or (
                skipped and self._counts(one)
            ):
                yield f"{self.script.text(one)} {operator} {self.script.text(other)}"
        yield from self._statement(final, here)

    def _pipeline(self, node: Node, here: _Here) -> Iterator[str]:
        parts = node.named_children
        for one, other in pairwise(parts):
            yield from self._statement(one, _Here(here.strict))
            if self._counts(one) and (self.pipes or _NOTHING.match(self.outcomes.command(other))):
                yield f"{self.script.text(one)} | {self.script.text(other)}"
        yield from self._statement(parts[-1], here)

    def _if(self, node: Node, here: _Here) -> Iterator[str]:
        branches = clauses(node)
        for place, (condition, body) in enumerate(branches):
            yield from self._condition(condition)
            yield from self._sequence(body, here)
            _, failed = branches[place + 1] if place + 1 < len(branches) else ([], [])
            succeeded = body
            if inverse := negated(condition):
                succeeded, failed = failed, succeeded
            answered = here.after is False and self.outcomes.leaves(succeeded)
            passes = self._counted(condition) and self.outcomes.passing(failed, before=inverse)
            if passes and not answered:
                yield self.script.text(node)

    def _while(self, node: Node, here: _Here) -> Iterator[str]:
        condition = statements([each for each in node.children if each.type != "do_group"])
        # What ends the loop is a failure of `while x` and of `until ! x`.
        if self._counted(condition):
            body = [each for group in children(node, "do_group") for each in group.children]
            ended = negated(condition) == (node.children[0].type == "until")
            if ended or (here.after is not False and self.outcomes.breaks(statements(body))):
                yield self.script.text(node)
        yield from self._condition(condition)
        yield from self._loop(node, here)

    def _condition(self, parts: Statements) -> Iterator[str]:
        bare = [*parts[:-1], *((without_negation(node), end) for node, end in parts[-1:])]
        yield from self._sequence(bare, _Here(strict=False))

    def _simple(self, node: Node, here: _Here) -> Iterator[str]:
        command, text = self.outcomes.command(node), self.script.text(node)
        if _UNCHECKED.match(command):
            yield text
        stages = purpose.stages_of_command(command)
        if stages and (_LENIENT.search(command) or re.match(r"time (?:-p )?! ", text)):
            yield text
        if command.startswith("trap ") and self._is_trapped(node):
            yield text
        for substituted in within(node, "command_substitution", "process_substitution"):
            # The exit code of `X=$(command)` is the command's, but not that of `echo $(command)`.
            if self._counts(substituted):
                yield text
        for script in self.script.inner(node):
            strict = here.strict if script.strict is None else script.strict
            yield from _Failures(script, self.outcomes.read, pipes=self.pipes).of(strict=strict)

    def _assigned(self, node: Node, here: _Here) -> Iterator[str]:
        for substituted in within(node, "command_substitution"):
            yield from self._inside(substituted, _Here(here.strict))

    def _is_trapped(self, node: Node) -> bool:
        """Tell whether a trap for the end, or for a failure, ends all as if nothing had failed."""
        handler, *signals = [self.script.text(each) for each in node.children[1:]] or [""]
        body = self.script.functions.get(handler)
        if body and handler not in self._texts:
            self._texts[handler] = self.script.text(body)
        ends = re.search(r"\bexit 0+\b", self._texts.get(handler, handler))
        return bool(ends) and any(map(_TRAPPED.match, signals))

    def _counts(self, node: Node) -> bool:
        """Tell whether the failure of a command matters: it is of a stage."""
        return node.type != "function_definition" and bool(self.script.stages(node))

    def _counted(self, condition: Statements) -> bool:
        return bool(condition) and self._counts(condition[-1][0])

    def _waits(self, node: Node) -> bool:
        """Tell whether the exit code of what runs beside the script is waited for."""
        return any(
            re.match(r"wait \S", each)
            for each in map(self.outcomes.command, within(node, "command"))
        )

    def _is_lost(self, node: Node) -> bool:
        """Tell whether a shell that goes on would not notice the failure of a command."""
        plain = node.type in {"command", "pipeline", "subshell", "compound_statement"}
        plain = plain or (node.type == "redirected_statement" and len(operands(node)) == 1)
        return plain and self._counts(node)

    def _answers(self, node: Node | None) -> bool:
        """Tell whether a command that follows has an answer to a failure before it."""
        if not node:
            return False
        return bool(
            _LOOKS.search(self.script.text(node)) or _LEAVES.match(self.outcomes.command(node))
        )


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
