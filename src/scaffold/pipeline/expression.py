"""Conditions: what GitHub's and GitLab's expressions come to, as far as anybody can tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Unknown:
    """A value that the files do not tell."""

    def __repr__(self) -> str:
        """Give its name."""
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^']|'')*'|"[^"]*")|(?P<regex>/(?:\\.|[^/\\\n])+/[a-z]*)"""
    r"""|(?P<operator>&&|\|\||==|!=|=~|!~|<=|>=|[<>!(),])|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<name>\$?\{?[A-Za-z_][\w.*-]*\}?(?:\[[^\]]*\])*))"""
)


class Pattern(str):
    """A regular expression, as text."""

    __slots__ = ()


class _UnclearError(ValueError):
    """The text is no expression that is understood."""


def evaluate(
    text: str,
    value: Callable[[str], Any],
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> bool | None:
    """Tell whether a condition holds.

    Args:
        text: The condition.
        value: Gives what a name stands for; `UNKNOWN` when that is not known.
        functions: The functions by name, in lower case.

    Returns:
        None when it cannot be told.
    """
    try:
        parser = _Parser(text, value, functions or {})
        result = parser.either()
        if parser.here < len(parser.tokens):
            return None
        return None if result is UNKNOWN else _true(result)
    except (_UnclearError, RecursionError, TypeError):
        return None


def _true(value: object) -> bool:
    return value not in (None, False, 0, "")


class _Parser:
    """A parser by recursive descent that computes as it goes, with three truth values."""

    def __init__(
        self,
        text: str,
        value: Callable[[str], Any],
        functions: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.value, self.functions = value, functions
        self.tokens: list[tuple[str, str]] = []
        self.here = 0
        position, text = 0, text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if not match or not match.lastgroup:
                raise _UnclearError
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def peek(self) -> str:
        """Give the next operator, or nothing."""
        if self.here < len(self.tokens) and self.tokens[self.here][0] == "operator":
            return self.tokens[self.here][1]
        return ""

    def take(self, *operators: str) -> str:
        """Take the next operator when it is one of these."""
        found = self.peek()
        if found not in operators:
            return ""
        self.here += 1
        return found

    def either(self) -> Any:
        left = self.both()
        while self.take("||"):
            right = self.both()
            if left is UNKNOWN:
                left = True if right is not UNKNOWN and _true(right) else UNKNOWN
            else:
                left = left if _true(left) else right
        return left

    def both(self) -> Any:
        left = self.negated()
        while self.take("&&"):
            right = self.negated()
            if left is UNKNOWN:
                left = False if right is not UNKNOWN and not _true(right) else UNKNOWN
            else:
                left = right if _true(left) else left
        return left

    def negated(self) -> Any:
        if self.take("!"):
            value = self.negated()
            return UNKNOWN if value is UNKNOWN else not _true(value)
        return self.compared()

    def compared(self) -> Any:
        left = self.single()
        operator = self.take("==", "!=", "=~", "!~", "<", ">", "<=", ">=")
        if not operator:
            return left
        right = self.single()
        if left is UNKNOWN or right is UNKNOWN or operator in {"<", ">", "<=", ">="}:
            return UNKNOWN
        same = _matches(left, right) if "~" in operator else _equal(left, right)
        return UNKNOWN if same is None else same is not operator.startswith("!")

    def single(self) -> Any:
        if self.take("("):
            value = self.either()
            if not self.take(")"):
                raise _UnclearError
            return value
        if self.here >= len(self.tokens):
            raise _UnclearError
        kind, text = self.tokens[self.here]
        self.here += 1
        match kind:
            case "string":
                return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
            case "regex":
                return Pattern(text)
            case "number":
                return float(text)
            case "name":
                return self.named(text)
            case _:
                raise _UnclearError

    def named(self, name: str) -> Any:
        if not self.take("("):
            plain = {"true": True, "false": False, "null": None}
            return plain[name] if name in plain else self.value(name)
        arguments: list[Any] = []
        while not self.take(")"):
            arguments.append(self.either())
            if not self.take(",") and self.peek() != ")":
                raise _UnclearError
        function = self.functions.get(name.lower())
        if function is None or any(argument is UNKNOWN for argument in arguments):
            return UNKNOWN
        result: object = function(*arguments)
        return result


def _equal(left: object, right: object) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if isinstance(left, str) or isinstance(right, str):
        return _text(left) == _text(right)
    return left == right


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else value


def _matches(value: Any, pattern: Any) -> bool | None:
    r"""Search a pattern like `/^v\d/i` in a short text; None when Python has no such pattern."""
    body, _, flags = str(pattern).removeprefix("/").rpartition("/")
    if not str(pattern).startswith("/") or not _quick(body):
        return None
    body = body.replace(r"\A", "^").replace(r"\z", "$").replace(r"\Z", "$")  # Ruby's anchors
    try:
        found = re.search(body, str(value or ""), re.IGNORECASE if "i" in flags else 0)
    except (re.error, OverflowError, RecursionError):
        return None
    return bool(found)


def _quick(pattern: str) -> bool:
    """Tell whether no short text can keep a pattern busy."""
    plain = re.sub(r"\\.|\[[^\]]*\]", "x", pattern)
    repeated = re.findall(r"\(([^()]*)\)(?:[+*]|\{[^}]*\})", plain)
    return (
        len(re.findall(r"[+*?{]", plain)) <= 8  # noqa: PLR2004  # enough for a version
        and len(repeated) == len(re.findall(r"\)[+*{]", plain))
        and not any("|" in body or len(re.findall(r"[+*{]", body)) > 1 for body in repeated)
    )


def glob(pattern: str, *, github: bool = False) -> re.Pattern[str]:
    """Make a regular expression of a glob for branches and tags.

    Args:
        pattern: `*` stands for anything but a slash, `**` for anything, `{a,b}` for either.
        github: Whether `?` and `+` repeat what comes before them, and `[0-9]` is a range.
    """
    if len(re.findall(r"[*?+]+", pattern)) > 8:  # noqa: PLR2004  # no name has so many parts
        return re.compile(re.escape(pattern))
    parts: list[str] = []
    for piece in re.findall(r"\*+|\{[^{}]*\}|\[[^\[\]]+\]|\\.|.", pattern[:500], re.DOTALL):
        if piece.startswith("*"):
            part = ".*" if len(piece) > 1 else "[^/]*"
        elif piece in {"?", "+"} and github:
            # Not after another one: what repeats within what repeats could take for ever.
            part = piece if parts and parts[-1][-1] not in "?+*" else ""
        elif piece == "?":
            part = "[^/]"
        elif piece[0] == "[" and len(piece) > 1 and re.fullmatch(r"\[[\w.-]+\]", piece):
            part = piece
        elif piece[0] == "{" and len(piece) > 1 and not github:
            part = f"(?:{'|'.join(map(_alternative, piece[1:-1].split(',')))})"
        else:
            part = re.escape(piece[1:] if piece[0] == "\\" and len(piece) > 1 else piece)
        if not (parts and part == parts[-1] and piece.startswith("*")):
            parts.append(part)
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def _alternative(pattern: str) -> str:
    return glob(pattern.strip()).pattern
