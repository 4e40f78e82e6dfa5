"""The page of the full stack, as a person sees it: in a browser, on the service that serves it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .conftest import Projects, Start
from .service import Project

pytestmark = pytest.mark.slow

#: Debian's, so nothing is downloaded.
CHROMIUM = "/usr/bin/chromium"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
#: The page asks for the state of the service every 5 seconds.
POLLED = 15_000


@pytest.fixture(scope="session")
def project(projects: Projects) -> Project:
    return projects("fullstack")


# Not for the session: while it is open, no other test of this process can use asyncio.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, run: Start) -> Iterator[Page]:
    """The page of a new service, open at the width of a phone, which has to run without errors."""
    page = browser.new_page(viewport={"width": 360, "height": 740}, locale="en-GB")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(run(GIT_COMMIT=COMMIT).url)
    yield page
    # That a request failed the browser notes as well, and is what some tests are about.
    assert [error for error in errors if not error.startswith("Failed to load resource")] == []
    page.close()


def titles(page: Page) -> list[str]:
    return page.locator("#notes h3").all_inner_texts()


def add(page: Page, title: str, text: str = "") -> None:
    page.get_by_label("Title").fill(title)
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Add note").click()


def test_it_shows_what_runs_and_how_it_is(page: Page) -> None:
    expect(page).to_have_title("my-service")
    expect(page.locator("#health")).to_have_text("up")
    expect(page.locator("#readiness")).to_have_text("ready")
    expect(page.locator("#version")).to_have_text("0.1.0")
    expect(page.locator("#commit")).to_have_text(COMMIT[:7])


def test_a_note_is_added_and_deleted(page: Page) -> None:
    expect(page.locator("#range")).to_have_text("1–2 of 2")  # noqa: RUF001  # as it is typeset
    add(page, "Milk", "Two litres")
    expect(page.locator("#notes h3")).to_have_text(["Welcome", "Shopping", "Milk"])
    expect(page.get_by_label("Title")).to_be_focused()

    page.get_by_role("button", name="Delete “Milk”").click()
    expect(page.locator("#notes h3")).to_have_text(["Welcome", "Shopping"])
    expect(page.get_by_role("status")).to_have_text("Deleted “Milk”")


def test_what_people_write_is_text_whatever_it_looks_like(page: Page) -> None:
    markup = "<img src=x onerror=alert(1)>"
    add(page, markup, "<script>alert(2)</script>")
    expect(page.locator("#notes h3").last).to_have_text(markup)
    assert page.locator("#notes img, #notes script").count() == 0


def test_notes_come_in_pages_of_ten(page: Page) -> None:
    for number in range(9):
        add(page, f"Note {number}")
        expect(page.get_by_role("status")).to_have_text(f"Added “Note {number}”")
    expect(page.locator("#notes h3")).to_have_text(["Note 8"])

    page.get_by_role("button", name="Previous").click()
    expect(page.locator("#range")).to_have_text("1–10 of 11")  # noqa: RUF001
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#notes h3")).to_have_text(["Note 8"])

    # A page that has become empty is left.
    page.get_by_role("button", name="Delete “Note 8”").click()
    expect(page.locator("#range")).to_have_text("1–10 of 10")  # noqa: RUF001


def test_a_title_that_is_taken_is_a_problem_that_can_be_dismissed(page: Page) -> None:
    add(page, "Welcome", "Kept")
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("A note with this title exists")
    expect(page.get_by_label("Text")).to_have_value("Kept")
    problem.get_by_role("button", name="Dismiss").click()
    expect(problem).to_be_empty()


def test_a_field_that_is_invalid_says_why(page: Page) -> None:
    add(page, "   ")
    title = page.get_by_label("Title")
    expect(title).to_have_attribute("aria-invalid", "true")
    expect(title).to_be_focused()
    expect(title).to_have_accessible_description(re.compile(r"\w"))
    add(page, "Better")
    expect(title).to_have_attribute("aria-invalid", "false")


def test_too_many_requests_say_when_to_try_again(browser: Browser, run: Start) -> None:
    page = browser.new_page()
    page.goto(run(RATE_LIMIT_PER_MINUTE="10").url)
    for number in range(10):
        add(page, f"Note {number}")
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"Try again in \d+ s"))
    page.close()


def test_a_service_out_of_reach_is_said_and_forgotten_when_it_is_back(page: Page) -> None:
    page.context.set_offline(offline=True)
    add(page, "Milk")
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")
    expect(page.locator("#health")).to_have_text("unreachable", timeout=POLLED)

    page.context.set_offline(offline=False)
    expect(page.locator("#health")).to_have_text("up", timeout=POLLED)
    expect(page.get_by_role("alert")).to_be_empty()
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#notes h3").last).to_have_text("Milk")


def test_the_browser_runs_nothing_that_is_not_the_services(browser: Browser, run: Start) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(run().url)
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'taken over'";
            document.body.append(script);
        }"""
    )
    assert page.title() == "my-service"
    assert "Content Security Policy" in said[-1]
    page.close()


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_every_screen_in_light_and_dark(page: Page, colors: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.emulate_media(color_scheme="dark" if colors == "dark" else "light")
    add(page, "x" * 200, "y" * 1000)
    expect(page.locator("#notes h3")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert (brightness < 128) == (colors == "dark")
