"""Journeys through the company's money: an invoice and its document, a change of address."""
import time

from selenium.webdriver.common.keys import Keys

from stage.portico import MAYA
from .journeys import demand


def invoice(browser, stage):
    "download an invoice: from the person's menu, by its filter, as a file that is a PDF"
    download_invoice(browser, stage, browser.look)


def invoice_without_scripts(browser, stage):
    "without JavaScript: download an invoice"
    download_invoice(browser, stage, unseen)


def address(browser, stage):
    "change an address by the keyboard and see it pending, with what was and what is asked for"
    change_address(browser, stage, browser.look)


def address_without_scripts(browser, stage):
    "without JavaScript: change an address and see it pending"
    change_address(browser, stage, unseen)


def unseen(_name, **_how):
    """Judging a page takes scripts; where there are none it was judged with them."""


def download_invoice(browser, stage, look):
    person = stage.somebody(MAYA, stage.world["custom"])
    browser.become(person)
    browser.open("/")
    browser.find("details.person summary").send_keys(Keys.ENTER)
    browser.press("details.person a[href='/invoices']")
    look("invoices")
    demand(browser.all(".invoice-row"), "there is no invoice")
    browser.press(".filters a[href*='show=open']")
    browser.open("/invoices")
    browser.press(".invoice-row .order-number a")
    look("invoice")
    link = browser.find("a[href$='/document']")
    answer = person.visitor.get(link.get_attribute("href").removeprefix(browser.origin))
    demand(answer.status == 200 and answer.body.startswith(b"%PDF"), f"the document: {answer.status}")
    demand("attachment" in answer.headers.get("Content-Disposition", ""), "the document is no download")


def change_address(browser, stage, look):
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/account")
    look("account")
    browser.press(".address-deeds a[href^='/account/addresses/']")
    look("address")
    was = browser.find("#street").get_attribute("value")
    browser.submit(browser.type("#street", ""))
    demand(browser.seen("#street-wrong"), "an empty street is not marked at its field")
    look("address-wrong", refused=True)
    wanted = f"{was.split(', gate')[0]}, gate {time.time_ns() % 10_000}"
    browser.submit(browser.type("#street", wanted))
    demand("#requests" in browser.path, f"the form leads to {browser.path}")
    asked = browser.find("#requests").text
    demand(wanted in asked and "Pending" in asked, f"the change is not pending: {asked[:200]}")
    look("account-pending")


JOURNEYS = [invoice, address]
WITHOUT_SCRIPTS = [invoice_without_scripts, address_without_scripts]
