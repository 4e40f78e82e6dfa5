from tests.integration.server import Server


def test_a_bad_configuration_every_problem_on_stderr_exit_code_78() -> None:
    with Server(wait=False, APP_ENV="prod", PORT="0") as server:
        code, stderr = server.exit()
        assert code == 78
        assert stderr.splitlines() == [
            'APP_ENV: expected one of local, sandbox, testbed, live, got "prod"',
            'PORT: expected integer between 1 and 65535, got "0"',
        ]
        assert server.stdout == ""


def test_a_port_in_use_is_logged_exit_code_1() -> None:
    with Server() as first, Server(wait=False, PORT=str(first.port)) as second:
        assert second.exit() == (1, "")
        (line,) = second.lines()
        assert (line["level"], line["msg"]) == ("fatal", "could not start")
        assert "Address already in use" in line["err"]["message"]
