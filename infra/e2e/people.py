"""Journeys of an administrator with the company's people: invite by the keyboard, change a role, take the access away."""
import time

from selenium.webdriver.common.keys import Keys

from stage.portico import MAYA
from .journeys import demand
from .money import unseen


def colleague(browser, stage):
    "invite a colleague from the person's menu, make them a champion, deactivate them"
    run_people(browser, stage, browser.look)


def colleague_without_scripts(browser, stage):
    "without JavaScript: invite a colleague and deactivate them"
    run_people(browser, stage, unseen)


def run_people(browser, stage, look):
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/")
    browser.find("details.person summary").send_keys(Keys.ENTER)
    browser.press("details.person a[href='/people']")
    look("people")
    browser.press("a[href='/people/new']")
    name = f"Ines Duarte {time.time_ns() % 10_000}"
    browser.submit(browser.type("#name", name))
    demand(browser.seen("#email-wrong"), "a missing address is not marked at its field")
    demand(browser.find("#name").get_attribute("value") == name, "the name that was typed is gone")
    look("people-wrong", refused=True)
    browser.submit(browser.type("#email", f"ines{time.time_ns()}@brightwater.example"))
    demand("show=invited" in browser.path, f"the form leads to {browser.path}")
    demand(name in browser.words, "the invited colleague is not in the list")
    browser.submit(browser.type("#q", name))
    browser.press(".people h2 a")
    browser.find("#role-champion").click()
    look("person")
    browser.submit(browser.find("#name"))
    demand(browser.find("#role-champion").is_selected(), "the role was not kept")
    browser.press("form[action$='/deactivation'] button")
    demand(browser.find("form[action$='/activation'] button"), "who is deactivated cannot be let back in")
    look("person-gone")


JOURNEYS = [colleague]
WITHOUT_SCRIPTS = [colleague_without_scripts]
