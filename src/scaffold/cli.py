"""The command line: wiring, and the one place where errors become text and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from scaffold import __version__, console
from scaffold.errors import EnvironmentLackError, ScaffoldError, UsageError
from scaffold.wording import nearest, shown

if TYPE_CHECKING:
    from types import FrameType

app = typer.Typer(
    name="scaffold",
    help="Generates backend projects by a DevOps & Deployment standard.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

#: Ctrl-C, `kill`, and a terminal that is closed.
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: What a shell reports for a program that Ctrl-C ended: 128 + SIGINT.
LEFT = 130

TemplateOption = Annotated[
    str | None,
    typer.Option(
        "--template",
        metavar="SRC",
        help="A template other than the embedded one: folder, git URL, gh:owner/name, bundle.",
        show_default=False,
    ),
]
RefOption = Annotated[
    str | None,
    typer.Option(
        "--ref", metavar="REF", help="The template's tag, branch or commit.", show_default=False
    ),
]
DataOption = Annotated[
    list[str] | None,
    typer.Option("-d", "--data", metavar="KEY=VALUE", help="Answer a question; may be repeated."),
]
PathArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="A project's folder, or its answers file.")
]
PlaceArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="A project's folder, or anything in it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Report in JSON; never prompt.")]


def _version(wanted: bool) -> None:  # noqa: FBT001  # the shape of a Typer callback
    if wanted:
        sys.stdout.write(f"scaffold {__version__}\n")
        raise typer.Exit


@app.callback()
def scaffold(
    *,
    version: Annotated[  # its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[  # read by main, which must know before anything fails
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Wire the options that belong to no command."""


# Anything that looks like an unknown option reaches the command, which can say more about it:
# in `scaffold new -rf`, what is wrong is the name.
@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def new(  # noqa: PLR0913  # one for each option
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The project's name and folder, or a path to its folder: `.` is this one.",
        ),
    ],
    *,
    data: DataOption = None,
    answers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answers in YAML or JSON.", show_default=False),
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Take every default; never prompt.")
    ] = False,
    template: TemplateOption = None,
    ref: RefOption = None,
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Make the project's folder in DIR.")
    ] = Path(),
    git: Annotated[
        bool, typer.Option("--git/--no-git", help="Make a git repository with a first commit.")
    ] = True,
    lock: Annotated[bool, typer.Option("--lock/--no-lock", help="Make the lock file.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Make a new project in DIR/NAME.

    A README, a licence, .gitignore and .gitattributes that are there stay.
    """
    if context.args:
        # With more than one name, what looks like an option is no name.
        raise _extra(context, name if name.startswith("-") else context.args[0])
    from scaffold.commands.new import Wishes  # noqa: PLC0415  # imports Jinja
    from scaffold.commands.new import new as run  # noqa: PLC0415

    run(
        Wishes(
            name=name,
            data=tuple(data or ()),
            answers=answers,
            defaults=defaults,
            template=template,
            ref=ref,
            into=into,
            git=git,
            lock=lock,
            as_json=as_json,
        )
    )


@app.command()
def update(  # noqa: PLR0913  # one for each option
    path: PathArgument = Path(),
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="The version to go to: tag, branch or commit.", show_default=False
        ),
    ] = None,
    data: DataOption = None,
    template: TemplateOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Update every project below PATH, at once.")
    ] = False,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Take the defaults of new questions; never prompt.")
    ] = False,
    lock: Annotated[
        bool, typer.Option("--lock/--no-lock", help="Let the lock file follow its manifest.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, with a diff per file.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--continue", help="Finish an update whose conflicts are decided.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Put everything back as it was before the update.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a project to a newer version, edits and all."""
    from scaffold.commands.update import Wishes  # noqa: PLC0415  # imports Jinja
    from scaffold.commands.update import update as run  # noqa: PLC0415

    code = run(
        Wishes(
            path=path,
            to=to,
            data=tuple(data or ()),
            template=template,
            every=every,
            defaults=defaults,
            lock=lock,
            dry_run=dry_run,
            as_json=as_json,
            resume=resume,
            abort=abort,
        )
    )
    raise typer.Exit(code)


@app.command()
def status(
    path: PlaceArgument = Path(),
    *,
    paths: Annotated[
        bool, typer.Option("--paths", help="List the template's files, their owners and states.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Every project below PATH.")] = False,
    template: TemplateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how a project stands to its template.

    Exits 1 when it is behind, or when an update waits to be finished.
    """
    from scaffold.commands.status import Wishes  # noqa: PLC0415  # imports Jinja
    from scaffold.commands.status import status as run  # noqa: PLC0415

    wishes = Wishes(path=path, paths=paths, every=every, template=template, as_json=as_json)
    raise typer.Exit(run(wishes))


@app.command()
def diff(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="A project's folder, or files and folders in it.",
            show_default=False,
        ),
    ] = None,
    *,
    stat: Annotated[bool, typer.Option("--stat", help="Show only how much was changed.")] = False,
    template: TemplateOption = None,
) -> None:
    """Show a project against what it came from."""
    from scaffold.commands.diff import Wishes  # noqa: PLC0415  # imports Jinja
    from scaffold.commands.diff import diff as run  # noqa: PLC0415

    run(Wishes(paths=tuple(paths or ()), stat=stat, template=template))


@app.command()
def explain(
    path: Annotated[
        Path, typer.Argument(metavar="PATH[:LINE]", help="A file, there or not, or a line of one.")
    ],
    *,
    template: TemplateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where a file or a line is from."""
    from scaffold.commands.explain import explain as run  # noqa: PLC0415  # imports Jinja

    run(path, template=template, as_json=as_json)


@app.command()
def adopt(  # noqa: PLR0913  # one for each option
    path: PathArgument = Path(),
    *,
    data: DataOption = None,
    take: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Take the template's file instead of yours; may be repeated."
        ),
    ] = None,
    branch: Annotated[
        str, typer.Option(metavar="NAME", help="Commit to this new branch.")
    ] = "scaffold/adopt",
    template: TemplateOption = None,
    ref: RefOption = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Take what the repository shows; never prompt.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a project of an existing repository."""
    from scaffold.commands.adopt import Wishes  # noqa: PLC0415  # imports Jinja
    from scaffold.commands.adopt import adopt as run  # noqa: PLC0415

    run(
        Wishes(
            path=path,
            data=tuple(data or ()),
            take=tuple(take or ()),
            branch=branch,
            template=template,
            ref=ref,
            defaults=defaults,
            dry_run=dry_run,
            as_json=as_json,
        )
    )


@app.command()
def options(
    axis: Annotated[
        str | None, typer.Argument(metavar="AXIS", help="Only this axis.", show_default=False)
    ] = None,
    *,
    template: TemplateOption = None,
    ref: RefOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what can be chosen, and why one would."""
    from scaffold.commands.options import options as run  # noqa: PLC0415  # imports YAML and Jinja

    run(axis, template=template, ref=ref, as_json=as_json)


def _extra(context: typer.Context, argument: str) -> UsageError:
    known = [
        name for param in context.command.params for name in (*param.opts, *param.secondary_opts)
    ]
    if not argument.startswith("-"):
        return UsageError(
            f"A second name makes no sense: {shown(argument)}.",
            f"See `{context.command_path} --help`.",
        )
    word = argument.split("=", maxsplit=1)[0]
    meant = nearest(word, known, cutoff=0.7) or f"To answer a question: -d {word.lstrip('-')}=… "
    return UsageError(
        f"There is no option {shown(argument)}.", f"{meant}See `{context.command_path} --help`."
    )


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 a problem, 2 usage, 3 the environment, 130 left."""
    console.prepare()
    for number in INTERRUPTS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _leave)
    arguments, debug = _debug(sys.argv[1:])
    message = ""
    try:
        code = app(args=arguments, prog_name="scaffold", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = LEFT
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if debug:
            raise
        message, hint, code = _explained(error)
        if message:  # without a command there is only the help, which Typer has shown
            console.complain(message, hint)
    if code == LEFT and not message:  # Typer's own answer to Ctrl-C, too
        sys.stderr.write("\nLeft; nothing was written.\n")
    sys.exit(code if isinstance(code, int) else 0)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Clean up on the way out, however often somebody presses Ctrl-C."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Let --debug stand anywhere but where it is somebody's value or name."""
    takes_value = {
        "-d", "--data", "--answers", "--template", "--ref", "--to", "--into", "--take", "--branch",
    }  # fmt: skip
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--debug" and (index == 0 or arguments[index - 1] not in takes_value):
            return [*arguments[:index], *arguments[index + 1 :]], True
    return arguments, False


def _explained(error: Exception) -> tuple[str, str, int]:
    """Give what happened, what to do next, and the exit code."""
    from scaffold import git  # noqa: PLC0415  # only for what goes wrong

    match error:
        case git.GitError():
            return git.explained(error)
        case ScaffoldError():
            return error.message, error.hint, error.exit_code
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "scaffold"
            return _said(error), f"See `{command} --help`.", UsageError.exit_code
        case OSError():
            lack = EnvironmentLackError.exit_code
            return f"{error.filename or 'The system'}: {error.strerror or error}.", "", lack
        case _:
            return (
                f"scaffold failed: {type(error).__name__}: {error}",
                "This is a bug of scaffold's. Run it again with --debug and report what it shows.",
                ScaffoldError.exit_code,
            )


def _said(error: typer.TyperException) -> str:
    return str(getattr(error, "format_message", lambda: error)())
