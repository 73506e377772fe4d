"""Journeys of somebody who orders again."""
import re
import time

from selenium.webdriver.common.keys import Keys

from stage.portico import MAYA
from .browser import DESKTOP, PHONE
from .journeys import demand


def reorder(browser, stage):
    "order again by the keyboard, with a line that cannot be had any more, and follow the request"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    gone = open_review(browser)
    browser.look("reorder")
    browser.resize(PHONE)
    browser.look("reorder-phone")
    browser.resize(DESKTOP)
    send_review(browser)
    browser.look("reorder-sent")
    demand(browser.seen(".story li"), "the request has no history")
    browser.open("/reorders")
    browser.look("reorders")
    return "one line is discontinued" if gone else "no discontinued line in the demo's orders"


def open_review(browser):
    """Opens the review of an order that has a line which cannot be ordered, if one of the newest has; else of another."""
    browser.open("/orders")
    links = [link.get_attribute("href").removeprefix(browser.origin) for link in browser.all(".order-row a[href*='/orders/']")]
    addresses = [link for link in dict.fromkeys(links) if re.fullmatch(r"/orders/[0-9a-f-]+", link)]
    demand(addresses, "there are no orders")
    for address in addresses:
        browser.open(address + "/reorder")
        if browser.all(".again-gone"):
            demand(not browser.all(".again-gone input[type=checkbox]"), "what is discontinued can be chosen")
            return True
    return False


def send_review(browser):
    for box in browser.all("input[name^='quantity-']"):
        demand(box.get_attribute("value"), "a quantity is empty")
    if not browser.all("input[name=ship_to]:checked"):
        browser.find("input[name=ship_to]").send_keys(Keys.SPACE)
    browser.submit(browser.type("#purchase_order", f"PO-{int(time.time())}"))
    if browser.all("#again"):
        # somebody ordered the same within a day, perhaps the last run of this journey
        browser.find("#again").send_keys(Keys.SPACE)
        browser.submit(browser.find("#purchase_order"))
    demand(re.match(r"/reorders/[0-9a-f-]+$", browser.path), f"sending leads to {browser.path}: {browser.words[:300]}")


def reorder_without_scripts(browser, stage):
    "without JavaScript: order again"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    open_review(browser)
    send_review(browser)


JOURNEYS = [reorder]
WITHOUT_SCRIPTS = [reorder_without_scripts]
