"""What may happen to a service, as its metrics tell it, with what is to be told to people."""

from __future__ import annotations

from evaluated import SCOPE, Scene

#: What is called too late, by stack.
LOOP = {"node": "nodejs", "python": "asyncio"}
COUNT = "http_server_request_duration_seconds_count"
PENDING = "db_client_connection_pending_requests"
#: Somebody is there, all the time.
UP = {f'process_uptime_seconds{{{SCOPE},instance="a"}}': "6000+60x500"}


def requests(*rates: tuple[str, str]) -> dict[str, str]:
    """Give requests by their status, with how many there are."""
    return UP | {
        f'{COUNT}{{{SCOPE},instance="a",http_response_status_code="{status}"}}': values
        for status, values in rates
    }


def took(*within: tuple[str, int]) -> dict[str, str]:
    """Give how many requests in a minute were answered within some seconds."""
    bucket = COUNT.replace("count", "bucket")
    return UP | {f'{bucket}{{{SCOPE},le="{le}"}}': f"0+{many}x60" for le, many in within}


def gauge(name: str, values: str, more: str = 'instance="a"') -> dict[str, str]:
    """Give something that is as it is."""
    return UP | {f"{name}{{{SCOPE},{more}}}": values}


def processors(user: float, system: float) -> dict[str, str]:
    """Give the seconds of a processor that were taken in a minute; another instance takes some."""
    modes = {"user": user, "system": system}
    return UP | {
        f'process_cpu_time_seconds_total{{{SCOPE},instance="{instance}",cpu_mode="{mode}"}}': (
            f"0+{seconds if instance == 'a' else 20}x60"
        )
        for mode, seconds in modes.items()
        for instance in ("a", "b")
    }


def faults(stack: str) -> dict[str, str]:
    """Give everything at once."""
    return (
        requests(("200", "0+90x500"), ("500", "0+10x500"))
        | took(("1", 10), ("2.5", 100), ("+Inf", 100))
        | processors(50, 9)
        | gauge("process_memory_usage_bytes", "250000000x60")
        | gauge(f"{LOOP[stack]}_eventloop_delay_p99_seconds", "0.5x60")
        | gauge(PENDING, "1x60")
        | {f'process_uptime_seconds{{{SCOPE},instance="b"}}': "0 60 " * 30}
    )


def elsewhere(series: dict[str, str]) -> dict[str, str]:
    """Give the same of another environment, and of another service."""
    env = {k.replace('"live"', '"testbed"'): v for k, v in series.items()}
    job = {k.replace('"my-service"', '"other"'): v for k, v in series.items()}
    return env | job | UP


def scenes(stack: str) -> list[Scene]:
    """Give them."""
    loop = f"{LOOP[stack]}_eventloop_delay_p99_seconds"
    memory = "process_memory_usage_bytes"
    gone = {f"process_uptime_seconds{{{SCOPE}}}": "6000+60x5"}
    restarting = {f'process_uptime_seconds{{{SCOPE},instance="a"}}': "0 60 120 " * 20}
    deployed = {
        f'process_uptime_seconds{{{SCOPE},instance="{name}"}}': f"_x{20 + after} 61+60x60"
        for after, name in enumerate("bc")
    }
    crashing = {
        f'process_uptime_seconds{{{SCOPE},instance="{number}"}}': f"_x{20 + 2 * number} 61"
        for number in range(6)
    }
    return [
        Scene("all is well", requests(("200", "0+100x60")) | took(("0.1", 100), ("+Inf", 100)), 30),
        Scene("nobody asks for anything", UP, 30),
        Scene("somebody else is at fault", requests(("200", "0+50x60"), ("404", "0+50x60")), 30),
        Scene("it is all elsewhere", elsewhere(faults(stack)), 30),
        Scene(
            "elsewhere 18 of 1000 fail",
            elsewhere(requests(("200", "0+982x500"), ("500", "0+18x500"))),
            80,
        ),
        Scene(
            "elsewhere 9 of 1000 fail",
            elsewhere(requests(("200", "0+991x500"), ("500", "0+9x500"))),
            400,
        ),
        Scene(
            "elsewhere some fail", elsewhere(requests(("200", "0+10000x60"), ("500", "0+2x60"))), 30
        ),
        Scene(
            "elsewhere it takes long", elsewhere(took(("1", 10), ("2.5", 100), ("+Inf", 100))), 30
        ),
        Scene("elsewhere the event loop is late", elsewhere(gauge(loop, "0.3x60")), 30),
        Scene(
            "one event loop of two is late",
            gauge(loop, "0.3x60") | gauge(loop, "0.01x60", 'instance="b"') | processors(20, 10),
            30,
            {"event-loop"},
        ),
        Scene(
            "it takes long, whoever else is at fault",
            took(("1", 10), ("2.5", 100), ("+Inf", 100))
            | requests(("200", "0+50x60"), ("404", "0+50x60"))
            | processors(20, 10),
            30,
            {"latency"},
        ),
        Scene(
            "3 of 100 fail",
            requests(("200", "0+97x500"), ("500", "0+2x500"), ("503", "0+1x500")),
            30,
            {"errors"},
        ),
        Scene(
            "2 of 100 fail, which is not more",
            requests(("200", "0+98x500"), ("500", "0+2x500")),
            480,
            {"budget-burns-fast"},
        ),
        Scene(
            "3 of 100 fail, not for long",
            requests(("200", "0+97x500"), ("500", "0x27 0+3x2 6x100")),
            30,
        ),
        Scene(
            "18 of 1000 fail",
            requests(("200", "0+982x500"), ("500", "0+18x500")),
            80,
            {"budget-burns-fast"},
        ),
        Scene(
            "18 of 1000 failed, and none does now",
            requests(("200", "0+982x500"), ("500", "0+18x60 1080x100")),
            75,
        ),
        Scene(
            "18 of 1000 failed, and nobody asks now",
            requests(("200", "0+982x60 58920x100"), ("500", "0+18x60 1080x100")),
            75,
        ),
        Scene(
            "12 of 1000 fail",
            requests(("200", "0+988x500"), ("500", "0+12x500")),
            80,
            {"budget-burns-slowly"},
        ),
        Scene(
            "9 of 1000 fail",
            requests(("200", "0+991x500"), ("500", "0+9x500")),
            400,
            {"budget-burns-slowly"},
        ),
        Scene(
            "9 of 1000 failed, and for half an hour none",
            requests(("200", "0+991x500"), ("500", "0+9x350 3150x100")),
            385,
        ),
        Scene(
            "some of very many fail",
            requests(("200", "0+10000x60"), ("500", "0+2x60")),
            30,
            {"error-count"},
        ),
        Scene(
            "hardly any of very many fails",
            requests(("200", "0+10000x60"), ("500", "0x22 1 1 1 1x100")),
            30,
        ),
        Scene(
            "5 of 100 take longer than a second",
            took(("0.5", 80), ("1", 94), ("2.5", 100), ("+Inf", 100)),
            30,
            {"latency"},
        ),
        Scene("4 of 100 do", took(("0.5", 80), ("1", 96), ("2.5", 100), ("+Inf", 100)), 30),
        Scene(
            "they do because it computes",
            took(("0.5", 80), ("1", 94), ("2.5", 100), ("+Inf", 100)) | processors(50, 7),
            30,
            {"cpu"},
        ),
        Scene(
            "they do because something else does",
            took(("1", 10), ("2.5", 100), ("+Inf", 100)) | gauge(loop, "0.3x60"),
            30,
            {"event-loop"},
        ),
        Scene("an instance takes a processor", processors(50, 7), 30, {"cpu"}),
        Scene("it does, for some minutes", processors(50, 7), 9),
        Scene("several take a part of one", processors(40, 10), 30),
        Scene("the event loop is late", gauge(loop, "0.3x60"), 30, {"event-loop"}),
        Scene("because it computes", gauge(loop, "0.3x60") | processors(50, 7), 30, {"cpu"}),
        Scene("it is late for a while", gauge(loop, "0.01x27 0.3x30"), 30),
        Scene("it is a bit late", gauge(loop, "0.15x60"), 30),
        Scene("there is little memory", gauge(memory, "240000000x60"), 30, {"memory"}),
        Scene("there is enough memory", gauge(memory, "220000000x60"), 30),
        Scene(
            "one instance has little memory",
            gauge(memory, "240000000x60") | gauge(memory, "90000000x60", 'instance="b"'),
            30,
            {"memory"},
        ),
        Scene(
            "somebody waits for a connection at one instance",
            gauge(PENDING, "1x60") | gauge(PENDING, "0x60", 'instance="b"'),
            30,
            {"pool"},
        ),
        Scene("somebody did, for a moment", gauge(PENDING, "0x28 1x30"), 30),
        Scene("it starts again and again", restarting, 30, {"restarts"}),
        Scene("so does one of another name each time", UP | crashing, 34, {"restarts"}),
        Scene("a release of two instances starts", UP | deployed, 30),
        Scene("nobody is there", gone, 20, {"silence"}),
        Scene("nobody was there for a while", gone, 14),
    ]
