"""What an option needs beside its folder, over the catalogue: whatever lacks it is red by its name.

That a host's adapter fits the engine is for the type checker to say: test_engine_types.py.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import ENGINE, ROOT, TEMPLATE, Scaffold, copy_template, pairwise, rendered
from vendors import VENDORS

from scaffold.files import File
from scaffold.pipeline import unread
from scaffold.pipeline.script import Script
from scaffold.template.answers import resolve
from scaffold.template.catalog import Option
from scaffold.template.definition import Template
from scaffold.template.renderer import render

#: The utilities and the special built-ins of POSIX.1-2017, those left out that are for C, Fortran,
#: SCCS, UUCP and batch jobs.
POSIX = {
    *"""
    . : [ alias awk basename bc bg break cal cat cd chgrp chmod chown cksum cmp comm command
    continue cp csplit cut date dd df diff dirname du echo ed env eval ex exec exit expand export
    expr false fc fg file find fold fuser getconf getopts grep hash head iconv id ipcrm ipcs jobs
    join kill link ln locale localedef logger logname lp ls m4 mailx man mesg mkdir mkfifo more mv
    newgrp nice nl nohup od paste patch pathchk pax pr printf ps pwd read readonly renice return
    rm rmdir sed set sh shift sleep sort split stty tabs tail tee test time times touch tput tr
    trap true tsort tty type ulimit umask unalias uname unexpand uniq unlink unset uudecode
    uuencode vi wait wc who write xargs
    """.split()  # noqa: SIM905
}
#: Programs that never come without another one.
BRINGS = {"npm": "npx"}
#: What asks whether there is a tool, and says so before anything is done.
ASKS = re.compile(r"(?:need_tool|use_tool|need|command -v) '?([\w.-]+(?: or [\w.-]+)*)")
#: What asks for a task that not every project has, and does without.
LOOKS = re.compile(r"\[ -x (ops/[\w-]+) \]")
#: What runs the program after it, with its options and the variables that it sets.
RUNS = re.compile(
    r"(?!command -[vV])(?:exec|command|env|xargs|nohup|nice|time)"
    r"(?: -[CEILPSdnsu] \S+| -\S+| \w+=\S*)* (?=\S)"
)
#: The functions of the engine, and of Python, that run a program.
RUNNERS = {
    "run", "status", "process.run", "process.status", "subprocess.run", "subprocess.call",
    "subprocess.check_call", "subprocess.check_output", "subprocess.Popen", "os.system", "os.popen",
    "Step",
}  # fmt: skip


@dataclass(frozen=True)
class Tasks:
    """The tasks of a project, as the files that they are."""

    files: dict[str, str]

    @classmethod
    def of(cls, files: Iterable[File]) -> Tasks:
        ops = (file for file in files if file.path.parts[0] == "ops")
        return cls({str(file.path): file.content.decode("utf-8") for file in ops})

    def unnamed(self) -> Iterator[str]:
        """Name every program that is called, and that nobody asked for before."""
        for path, text in self.files.items():
            first = text.partition("\n")[0]
            if re.match(r"#!/bin/sh\b", first):
                yield from self._unnamed_in_shell(path)
            elif re.match(r"#!.*sh\b", first):
                yield f"{path} is for another shell, {first}"
        yield from self._unnamed_in_the_engine()

    def closure(self, path: str) -> tuple[str, ...]:
        """Give the texts that a task is made of: its own, and what it sources."""
        found: dict[str, str] = {}
        waiting = [path]
        while waiting:
            here = waiting.pop()
            if here not in found and here in self.files:
                found[here] = self.files[here]
                waiting += re.findall(r"^\s*\. (\S+)$", found[here], re.MULTILINE)
        return tuple(found.values())

    def _unnamed_in_shell(self, path: str) -> Iterator[str]:
        scripts = [Script(text) for text in self.closure(path)]
        for script in scripts:
            assert not script.unread, path
            assert not script.root.has_error, path
        commands = [command for script in scripts for command in script.all]
        known = {name for script in scripts for name in script.functions} | POSIX
        known.update(name for text in self.closure(path) for name in LOOKS.findall(text))
        for command in commands:
            if asked := ASKS.match(command):
                known.update(asked[1].split(" or "))
        known.update(other for name, other in BRINGS.items() if name in known)
        for command in commands:
            program = command
            while match := RUNS.match(program):
                program = program[match.end() :]
            name = program.partition(" ")[0]
            # What is a variable was asked for where it was set, or is a function or a task.
            if name not in known and "$" not in name and name not in self.files:
                yield f"{path} calls {name}"

    def _unnamed_in_the_engine(self) -> Iterator[str]:
        modules = {
            path: ast.parse(text)
            for path, text in self.files.items()
            if path.startswith(f"{ENGINE}/") and path.endswith(".py")
        }
        begun = {Path(path).stem: _begun(module) for path, module in modules.items()}
        calls = [
            (path, called, name)
            for path, module in modules.items()
            for called, name in _calls(module, begun)
        ]
        known = {name for _, called, name in calls if called in {"need_tool", "use_tool", "which"}}
        known.discard("")
        for path, called, name in calls:
            # A task is called where there is one, and ops/setup makes the environment.
            known_here = name in known | POSIX or name.startswith(("ops/", ".venv/"))
            # What these run was told to them.
            told = path in {f"{ENGINE}/process.py", f"{ENGINE}/pipes.py"}
            if called in RUNNERS and not known_here and not told:
                yield f"{path} calls {name or 'what cannot be told'}"


def _begun(module: ast.Module) -> dict[str, str]:
    """Give the text that is first in each sequence that has a name."""
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.List):
            for target, first in zip(node.targets, node.value.elts, strict=False):
                if isinstance(target, ast.Name) and isinstance(first, ast.Constant):
                    found[target.id] = str(first.value)
    return found


def _calls(module: ast.Module, begun: Mapping[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Give the functions that a module calls, and the text that is first, where there is one."""
    started = _begun(module)
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            named = begun.get(node.module, {})
            started |= {it.name: named[it.name] for it in node.names if it.name in named}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args:
            begins = _text(node.args[0], started)
            called = ast.unparse(node.func)
            name = called.rpartition(".")[2]
            # A method may be called as one of them is.
            yield (called if {called, name} & RUNNERS else name), begins


def _text(first: ast.expr, started: Mapping[str, str]) -> str:
    """Give the text that an argument is, or begins with; an empty one where it cannot be told."""
    if isinstance(first, ast.List | ast.Tuple) and first.elts:
        first = first.elts[0]
    if isinstance(first, ast.Starred):
        return started.get(getattr(first.value, "id", ""), "")
    if isinstance(first, ast.Call) and ast.unparse(first.func) == "str":  # of a path
        first = first.args[0]
    if isinstance(first, ast.BinOp) and isinstance(first.op, ast.Div):
        first = first.right
    return str(first.value) if isinstance(first, ast.Constant) else ""


#: Where it is shown what was tried with each option of an axis, and how a row or column begins.
PROOFS = {
    "hosting": ("hosts-proof.md", r"^\| what happens \|(?:.*\|)? {title} \|"),
    "ci": ("pipelines-proof.md", r"^\| {id} \|"),
    "stack": ("adopt-proof.md", r"^\|[^|]*\| {id} \|"),
}


def lacks(template: Template, option: Option) -> Iterator[str]:
    """Say what an option lacks that every one of its axis has."""
    titles = [vendor.title for vendor in VENDORS if vendor.hosting == option.id]
    if option.axis == "ci" and unread(option.id):
        yield "a reader in src/scaffold/pipeline"
    if option.axis == "hosting":
        if f"{ENGINE}/host.py" not in {str(file.path) for file in project_of(template, option)}:
            yield f"an adapter, {ENGINE}/host.py"
        if not titles:
            yield "a stand-in in tests/hosts/vendors"
    serves = {"config", "services", "ready"} & option.row.keys()
    if option.axis != "stack" and serves and "static" in option.needs.get("stack", ["static"]):
        yield "needs: {stack: [image]}, as only a service has config, services or ready"
    if option.axis in PROOFS:
        page, pattern = PROOFS[option.axis]
        row = pattern.format(id=option.id, title=re.escape(titles[0] if titles else option.label))
        if not re.search(row, (ROOT / "docs/reference" / page).read_text("utf-8"), re.MULTILINE):
            yield f"its row in docs/reference/{page}"


def missing(template: Template) -> list[str]:
    """Name the options that lack something."""
    return [
        f"{option.axis}: {option.id} lacks {what}"
        for option in template.catalog.options
        for what in lacks(template, option)
    ]


def project_of(template: Template, option: Option) -> list[File]:
    """Render a project with an option, on the first stack that it goes with."""
    answers = {"project_name": "my-service", option.axis: option.id}
    if stacks := option.needs.get("stack"):
        answers["stack"] = stacks[0]
    return render(template, resolve(template, answers))


# The options that there are.


def test_every_option_has_what_its_axis_needs() -> None:
    assert missing(TEMPLATE) == []


@pytest.mark.parametrize(
    "option", [each for each in TEMPLATE.catalog.options if "wire" in each.row], ids=str
)
def test_what_a_vendor_takes_is_switched_on_by_a_variable_that_may_be_unset(option: Option) -> None:
    """The service says once, in `live`, which one that is: it has to be one that it reads."""
    variables = [*option.row.get("config", [])]
    for trait in TEMPLATE.questions["traits"]["default"]:
        variables += trait.get("config", [])
    known = {each["name"]: each for each in variables}
    sets = option.row["wire"]["sets"]
    assert sets.keys() <= known.keys()
    assert known[next(iter(sets))].get("optional")


@pytest.mark.slow  # every project that shell differs in
def test_every_program_that_a_task_calls_is_asked_for_first() -> None:
    """Or it is a function of the task's own, or a utility of POSIX."""
    projects = [Tasks.of(rendered(*row.items())) for row in pairwise()]
    assert {line for tasks in projects for line in tasks.unnamed()} == set()


# Throw-away ones: one folder more, and nothing else.

VM = {
    "axis": "hosting",
    "id": "vm",
    "needs": {"stack": ["image"]},
    "restores": "it",
    "keeps": "data",
}
HOST = """\
class Host:
    def url(self) -> str:
        return run("vmctl", "address")
"""


def with_option(folder: Path, row: Mapping[str, object], files: Mapping[str, str]) -> Template:
    """Give a copy of the template with an option that it does not have."""
    copy_template(folder)
    layer = folder / f"template/project/{{{{ use.{row['axis']}.{row['id']} }}}}"
    said = {"label": str(row["id"]).title(), "order": 990, "why": "it is thrown away", **row}
    for name, text in {"_layer/option.yml": yaml.safe_dump(said), **files}.items():
        (layer / name).parent.mkdir(parents=True, exist_ok=True)
        (layer / name).write_text(text, "utf-8")
    return Template(folder, "the-template")


def option_of(template: Template, name: str) -> Option:
    [option] = [option for option in template.catalog.options if option.id == name]
    return option


def test_a_host_without_anything_is_red_by_name(tmp_path: Path) -> None:
    assert missing(with_option(tmp_path, VM, {})) == [
        f"hosting: vm lacks an adapter, {ENGINE}/host.py",
        "hosting: vm lacks a stand-in in tests/hosts/vendors",
        "hosting: vm lacks its row in docs/reference/hosts-proof.md",
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({f"{ENGINE}/host.py": HOST}, f"{ENGINE}/host.py calls vmctl"),
        ({f"{ENGINE}/host.py": f"COMMAND = ('vmctl',)\n{HOST}".replace('"vmctl"', "*COMMAND")},
         f"{ENGINE}/host.py calls vmctl"),
        ({"ops/open": "#!/bin/sh\n. ops/lib/common.sh\nneeds_met\nvmctl open\n"},
         "ops/open calls vmctl"),
        ({f"{ENGINE}/host.py": HOST.replace('"vmctl"', "tool()")},
         f"{ENGINE}/host.py calls what cannot be told"),
        ({f"{ENGINE}/host.py": HOST.replace("run(", "subprocess.run([").replace('")', '"])')},
         f"{ENGINE}/host.py calls vmctl"),
        ({"ops/open": "#!/usr/bin/env bash\nvmctl open\n"},
         "ops/open is for another shell, #!/usr/bin/env bash"),
        ({"ops/open": "#!/bin/sh\nexec env -u HOME A=1 nice -n 19 vmctl open\n"},
         "ops/open calls vmctl"),
        ({"ops/open": "#!/bin/sh\nif [ $# -eq 0 ]; then x=$(vmctl list); fi\n"},
         "ops/open calls vmctl"),
        ({"ops/open": "#!/bin/sh\n. ops/lib/vm.sh\nopen\n",
          "ops/lib/vm.sh": "# shellcheck shell=sh\nopen() { closed || vmctl open; }\n"},
         "ops/open calls closed, ops/open calls vmctl"),
    ],
    ids=["engine", "engine, by a name", "shell", "engine, untold", "engine, by itself",
         "another shell", "shell, after others", "shell, deep inside", "shell, sourced"],
)  # fmt: skip
@pytest.mark.slow
def test_a_host_that_asks_nobody_for_its_tool_is_red_by_name(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    template = with_option(tmp_path, VM, files)
    tasks = Tasks.of(project_of(template, option_of(template, "vm")))
    assert ", ".join(tasks.unnamed()) == said


def test_a_host_that_asks_for_its_tool_is_not(tmp_path: Path) -> None:
    shell = "#!/bin/sh\n. ops/lib/common.sh\nuse_tool vmctl ADDRESS\nneeds_met\nexec vmctl open\n"
    engine = f"{HOST}        settings.need_tool('vmctl')\n"
    template = with_option(tmp_path, VM, {f"{ENGINE}/host.py": engine, "ops/open": shell})
    assert [*Tasks.of(project_of(template, option_of(template, "vm"))).unnamed()] == []


@pytest.fixture
def drone(tmp_path: Path) -> Template:
    """A template with a CI provider that nobody can read."""
    steps = {"steps": [{"name": "test", "commands": ["ops/test"]}]}
    return with_option(
        tmp_path / "template", {"axis": "ci", "id": "drone"}, {".drone.yml": yaml.safe_dump(steps)}
    )


UNSEEN = "drone: no reader knows this CI provider, so what it runs was not seen"


def test_a_provider_without_a_reader_is_red_by_name(drone: Template) -> None:
    assert missing(drone) == [
        "ci: drone lacks a reader in src/scaffold/pipeline",
        "ci: drone lacks its row in docs/reference/pipelines-proof.md",
    ]


@pytest.mark.usefixtures("drone")
@pytest.mark.slow
def test_a_provider_without_a_reader_is_told_as_such(scaffold: Scaffold, tmp_path: Path) -> None:
    source = tmp_path / "template"
    for command in ("init --quiet", "add --all", "commit --quiet --message=one", "tag v1.0.0"):
        subprocess.run(["git", "-C", str(source), *command.split()], check=True)
    made = scaffold(
        "new", "mine", "--template", "template", "-d", "ci=drone", "--no-lock", "--json"
    )
    assert made.returncode == 0, made.stderr
    pipeline = json.loads(made.stdout)["pipeline"]
    assert UNSEEN in pipeline["unread"]
    assert ".drone.yml: no reader knows this file's CI provider" in pipeline["unread"]

    project = tmp_path / "mine"
    assert f"  unread   {UNSEEN}\n" in scaffold("status", cwd=project).stdout
    [said] = json.loads(scaffold("status", "--json", cwd=project).stdout)["projects"]
    assert said["unread"] == [UNSEEN]
    assert UNSEEN in scaffold("explain", ".drone.yml", cwd=project).stdout
    said = json.loads(scaffold("explain", "README.md", "--json", cwd=project).stdout)
    assert said["unread"] == [], "that is not what nobody can read"


@pytest.mark.usefixtures("drone")
def test_a_page_does_not_say_that_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    monkeypatch.setattr(generate, "ROOT", tmp_path / "template")
    section = generate.pipelines().partition("## Drone\n\n")[2].partition("\n## ")[0]
    assert f"Not read: {UNSEEN}." in section
    assert "nothing" not in section
