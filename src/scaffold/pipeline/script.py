"""The syntax of shell text, by the grammar of Bash: commands, and what is between them."""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import TYPE_CHECKING

from scaffold.pipeline import purpose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node, Parser

    #: Commands that follow each other, each with the operator that ends it.
    Statements = list[tuple[Node, str]]

#: Bytes of one text; no provider's are longer in practice, and some made for it take a second.
MAX_SIZE = 16 << 10
#: How deep commands may nest in each other, and texts that are handed to other shells.
MAX_DEPTH = 40

# What a provider puts into the text before a shell reads it; looked for up to the next beginning.
_INSERTED = re.compile(rb"\$\{\{(?:(?!\$\{\{).)*?\}\}|\$\[\[(?:(?!\$\[\[).)*?\]\]", re.DOTALL)
_SHELLS = re.compile(r"(?:\S*/)?(?:ba|da|k|z)?sh(?![\w-])")
#: What takes a program by `-c`, too, and is no shell.
_LANGUAGES = re.compile(r"(?:\S*/)?(?:python|ruby|perl|php)[\d.]*(?![\w-])")


@cache
def _parser() -> Parser:
    import tree_sitter_bash  # noqa: PLC0415  # only where there is a text to read
    from tree_sitter import Language, Parser  # noqa: PLC0415

    return Parser(Language(tree_sitter_bash.language()))


class Script:
    """A text that is read as Bash, of which what other shells read is a part.

    Attributes:
        root: Its syntax tree.
        functions: The bodies of the functions that it defines.
        unread: Whether it was taken for empty: it is too long, or nests too deep.
        strict: Whether its shell is told to end at a command that fails; None for a shell that is
            not its own.
    """

    def __init__(self, text: str, depth: int = 0, *, strict: bool | None = None) -> None:
        self.strict = strict
        self._source, self._depth = text.encode("utf-8", "replace"), depth
        self.unread = len(self._source) > MAX_SIZE
        source = b"" if self.unread else self._source
        bare = _INSERTED.sub(lambda match: b"x" * len(match[0]), source)
        self.root = _parser().parse(bare).root_node
        if _depth(self.root) > MAX_DEPTH:
            self.unread = True
            self.root = _parser().parse(b"").root_node
        self.functions = {
            self.text(name): body
            for node in within(self.root, "function_definition")
            if (name := node.child_by_field_name("name"))
            and (body := node.child_by_field_name("body"))
        }
        self._redirected = {
            body.id: node
            for node in within(self.root, "redirected_statement")
            for body in node.children_by_field_name("body")
        }
        # By the ids of nodes: a text may ask for the same one thousands of times.
        self._inner: dict[int, tuple[Script, ...]] = {}
        self._direct: dict[int, tuple[frozenset[str], frozenset[str]]] = {}

    def text(self, node: Node) -> str:
        """Give what a node stands for, in one line and without the bodies of here-documents."""
        end = min((each.start_byte for each in within(node, "heredoc_body")), default=node.end_byte)
        text = self._source[node.start_byte : end].decode("utf-8", "replace")
        return " ".join(text.replace("\\\n", " ").split())

    def command(self, node: Node) -> str:
        """Give a simple command without the variables that are set for it."""
        name = node.child_by_field_name("name")
        skipped = self._source[node.start_byte : name.start_byte if name else node.start_byte]
        return self.text(node)[len(" ".join(skipped.decode("utf-8", "replace").split())) :].strip()

    @cached_property
    def all(self) -> tuple[str, ...]:
        """Every simple command, also those that are handed to other shells."""
        return tuple(self._commands(self.root))

    def _commands(self, root: Node) -> Iterator[str]:
        for node in within(root, "command"):
            yield self.command(node)
            for script in self.inner(node):
                yield from script.all

    def inner(self, node: Node) -> tuple[Script, ...]:
        """Give the texts that a command hands to another shell, or to this one by `eval`."""
        if node.id not in self._inner:
            self._inner[node.id] = tuple(self._handed(node))
        return self._inner[node.id]

    def _handed(self, node: Node) -> Iterator[Script]:
        command = purpose.core(self.command(node))
        if self._depth > MAX_DEPTH or _LANGUAGES.match(command):
            return
        words = [child for child in node.children if child.type != "variable_assignment"]
        taken = own = False
        for word in words:
            text = self.text(word)
            if word.type not in {"string", "raw_string", "ansi_c_string"}:
                here = text == "eval" or bool(re.fullmatch(r"-[a-z]*c[elux]*", text))
                taken = here or (taken and text.startswith(("-", "+")))
                own = text != "eval" and (own or here)
            elif taken:
                strict = self._is_strict(node) if own else None
                yield Script(self._unquoted(word), self._depth + 1, strict=strict)
                taken = False
        around = self._redirected.get(node.id)
        if not around:
            return
        pipes = (pipe for each in children(around, "heredoc_redirect")
                 for pipe in children(each, "pipeline"))  # fmt: skip
        piped = (each for pipe in pipes for each in children(pipe, "command"))
        shell = next((each for each in (node, *piped) if _SHELLS.match(self.command(each))), None)
        if shell:
            for body in within(around, "heredoc_body"):
                text = self._source[body.start_byte : body.end_byte].decode("utf-8", "replace")
                yield Script(text, self._depth + 1, strict=self._is_strict(shell))

    def _is_strict(self, node: Node) -> bool:
        """Tell whether a shell is told to end at a command that fails."""
        words = (self.text(each) for each in node.children)
        return any(re.fullmatch(r"-(?=\w*e)\w+|errexit", each) for each in words)

    def _unquoted(self, word: Node) -> str:
        text = self._source[word.start_byte : word.end_byte].decode("utf-8", "replace")
        if word.type == "raw_string":
            return text[1:-1]
        controls = {"n": "\n", "t": "\t"} if word.type == "ansi_c_string" else {}
        text = text.removeprefix("$")[1:-1]
        return re.sub(r"\\(.)", lambda match: controls.get(match[1], match[1]), text)

    def stages(self, node: Node) -> frozenset[str]:
        """Tell what the commands in a node are for, those of the functions that it calls too."""
        found, called = self._own(node)
        return found.union(*(self._of_functions[name] for name in called))

    def _own(self, node: Node) -> tuple[frozenset[str], frozenset[str]]:
        """Tell what the commands in a node are for themselves, and which functions they call."""
        if node.id not in self._direct:
            commands = tuple(self._commands(node))
            stages = frozenset(each for one in commands for each in purpose.stages_of_command(one))
            called = {command.partition(" ")[0] for command in commands}
            self._direct[node.id] = stages, frozenset(called & self.functions.keys())
        return self._direct[node.id]

    @cached_property
    def _of_functions(self) -> dict[str, set[str]]:
        """What each function is for, by itself and by what it calls."""
        found: dict[str, set[str]] = {}
        callers: dict[str, list[str]] = {}
        for name, body in self.functions.items():
            stages, called = self._own(body)
            found[name] = set(stages)
            for each in called:
                callers.setdefault(each, []).append(name)
        waiting = list(found)
        while waiting:
            name = waiting.pop()
            for caller in callers.get(name, ()):
                if not found[name] <= found[caller]:
                    found[caller] |= found[name]
                    waiting.append(caller)
        return found


def within(root: Node, *kinds: str) -> Iterator[Node]:
    """Give the nodes of some kinds in a tree, itself too, in the order of the text."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type in kinds:
            yield node
        waiting += reversed(node.children)


def children(node: Node, *kinds: str) -> list[Node]:
    """Give the nodes of some kinds just below one."""
    return [child for child in node.children if child.type in kinds]


_NESTING = {
    "ERROR", "c_style_for_statement", "case_statement", "command_substitution",
    "compound_statement", "for_statement", "function_definition", "if_statement", "pipeline",
    "process_substitution", "redirected_statement", "subshell", "while_statement",
}  # fmt: skip


def _depth(root: Node) -> int:
    """Tell how deep commands nest in each other."""
    deepest = 0
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        depth += node.type in _NESTING
        deepest = max(deepest, depth)
        waiting += [(child, depth) for child in node.children]
    return deepest


def statements(nodes: Sequence[Node]) -> Statements:
    """Give the commands among some nodes, each with the token that ends it."""
    found: Statements = []
    for node in nodes:
        if node.is_named and node.type != "comment":
            found.append((node, ""))
        elif found and node.type in {";", "&"}:
            found[-1] = (found[-1][0], node.type)
    return found


def clause(node: Node) -> tuple[Statements, Statements]:
    """Give the condition and the body of `if`, `elif` or `else`."""
    inside = [each for each in node.children if each.type not in {"elif_clause", "else_clause"}]
    words = [each.type for each in inside]
    then = words.index("then") if "then" in words else 0
    return statements(inside[:then]), statements(inside[then:])


def clauses(node: Node) -> list[tuple[Statements, Statements]]:
    """Give the conditions and the bodies of an `if` statement, those of its `else` too."""
    return [clause(each) for each in (node, *children(node, "elif_clause", "else_clause"))]


def negated(condition: Statements) -> bool:
    """Tell whether a condition has a `!` before what decides it."""
    return bool(condition) and condition[-1][0].type == "negated_command"


def without_negation(node: Node) -> Node:
    """Give what a `!` is before, and anything else as it is."""
    return node.named_children[0] if node.type == "negated_command" else node


def operands(node: Node) -> Statements:
    """Give the commands of an and-or list, each with the operator after it."""
    found: Statements = []
    after = ""
    while node.type == "list":
        left, operator, right = node.children[0], node.children[1], node.children[-1]
        found.append((right, after))
        node, after = left, operator.type
    if node.type == "redirected_statement":  # an operator after a here-document's name is in there
        for here in children(node, "heredoc_redirect"):
            operators = children(here, "&&", "||")
            for operator in reversed(operators):
                found.append((here.children[here.children.index(operator) + 1], after))
                after = operator.type
            if operators:
                node = node.children[0]
    found.append((node, after))
    return found[::-1]
