"""What people do with the portal, as they do it. Each journey is a function; its docstring is its name."""
import json
import os
import pathlib
import re
import subprocess
import time
import types

from selenium.webdriver.common.keys import Keys

from stage.person import Person
from stage.portico import INGRID, MAYA, NOOR, TOMAS
from .browser import DESKTOP, PHONE, Wrong

TOP = pathlib.Path(__file__).resolve().parents[2]


class Stage:
    """The demo around the browser: who can sign in, what the vendor's staff does."""

    def __init__(self, world):
        self.world, self.signed_in = world, {}
        self.around = types.SimpleNamespace(portico=types.SimpleNamespace(https=world["https_port"]), ca=world["ca"], programs=None)

    def person(self, email, host):
        return Person(self.around, host, email)

    def somebody(self, email, host):
        """A person with a session, signed in once for all journeys."""
        if (email, host) not in self.signed_in:
            person = self.person(email, host)
            answer = person.sign_in()
            demand(answer.status == 200, f"{email} cannot sign in: {answer.status}")
            self.signed_in[email, host] = person
        return self.signed_in[email, host]

    def simulate(self, action, order, **options):
        words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        command = ["/usr/bin/python3", TOP / "infra/orderflow/simulate", "--dsn", self.world["erp_dsn"], "--once", action, "--order", order]
        password = pathlib.Path(self.world["erp_password_file"]).read_text()
        done = subprocess.run([*command, *words], env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, check=False)
        demand(done.returncode == 0, f"the simulator: {done.stderr.strip()[-300:]}")
        return json.loads(done.stdout)


def demand(truth, otherwise):
    if not truth:
        raise Wrong(otherwise)


def by_mailed_link(browser, stage):
    "sign in by the mailed link, on a phone"
    browser.forget()
    browser.resize(PHONE)
    browser.open("/orders", stage.world["custom"])
    demand(browser.path.startswith("/sign-in"), f"/orders leads to {browser.path}")
    browser.look("sign-in")
    browser.submit(browser.type("input[name=email]", "maya.okafor"))
    demand(browser.seen("[aria-invalid=true]"), "a wrong address is not marked at its field")
    browser.look("sign-in-wrong", refused=True)
    browser.submit(browser.type("input[name=email]", MAYA))
    demand(MAYA in browser.words, "the page does not repeat the address")
    browser.look("check-mail")
    link, _ = stage.person(MAYA, browser.host).mail()
    browser.open(link)
    browser.look("link-landing")
    browser.press("form[action='/sign-in/link'] button")
    demand("/sign-in" not in browser.path, f"still at {browser.path}")
    demand(browser.path.startswith("/orders"), f"the way to /orders was forgotten: {browser.path}")
    browser.forget_session()
    browser.open(link)
    if browser.seen("form[action='/sign-in/link'] button"):
        browser.press("form[action='/sign-in/link'] button")
    browser.look("link-used", refused=True)


def by_typed_code(browser, stage):
    "sign in by the typed code; a wrong one is said so"
    browser.forget()
    browser.open("/sign-in", stage.world["techflow"])
    browser.submit(browser.type("input[name=email]", TOMAS))
    _, code = stage.person(TOMAS, browser.host).mail()
    enter_code(browser, f"{(int(code) + 1) % 1000000:06}")
    demand(browser.seen("[aria-invalid=true]"), "a wrong code is not marked at its field")
    browser.look("code-wrong", refused=True)
    enter_code(browser, code)
    demand("/sign-in" not in browser.path, f"still at {browser.path}: {browser.words[:200]}")


def enter_code(browser, code):
    """Types the code; a script may send the form with the last digit, and without it somebody presses Enter."""
    before = browser.find("html")
    browser.type("input[name=code]", code)
    if not browser.leaves(before, 1):
        browser.submit(browser.focused())


def home(browser, stage):
    "the home page"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/")
    demand("Maya" in browser.words, "it does not greet")
    demand(browser.all("a[href^='/orders/']"), "it tells of no order")
    browser.look("home")


def outbox(browser, stage):
    "the demo's outbox: a mail is opened and its link followed"
    stage.somebody(MAYA, stage.world["custom"])
    browser.forget()
    browser.open("/demo/outbox", stage.world["custom"])
    for at in range(len(browser.all("main li a"))):
        browser.open(browser.all("main li a")[at].get_attribute("href"))
        demand(browser.seen("article pre"), f"{browser.path} opens no mail")
        # mails about orders come by themselves
        if browser.seen("article a[href*='/sign-in/']"):
            break
    browser.look("outbox")
    browser.press("article a[href*='/sign-in/']")


def another_vendor(browser, stage):
    "the other vendor's portal looks like another product"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    one = character(browser.open("/"))
    browser.become(stage.somebody(NOOR, stage.world["lumen"]))
    other = character(browser.open("/"))
    browser.look("lumen-home")
    demand(all(a != b for a, b in zip(one, other)), f"colour, type or corners are the same: {one}")


def character(browser):
    return browser.run("""
        const root = getComputedStyle(document.documentElement), body = getComputedStyle(document.body);
        return [body.fontFamily, document.documentElement.dataset.pack, document.title.split('·').pop()]""")


SEARCH = "main input[name=q]"


def orders(browser, stage):
    "the list of orders: look, filter, search, turn the page"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/orders")
    browser.look("orders")
    rows = ".order-row a[href^='/orders/']"
    first = [row.get_attribute("href") for row in browser.all(rows)]
    demand(len(set(first)) >= 10, f"only {len(set(first))} orders")
    demand(browser.all("a[href*='before=']"), "no way to older orders")
    browser.press("a[href*='before=']")
    second = {row.get_attribute("href") for row in browser.all(rows)}
    demand(second and not second & set(first), "the second page repeats the first")
    browser.open("/orders")
    browser.press("a[href*='show=late']")
    demand("show=late" in browser.path and browser.all(rows), "no late order")
    browser.look("orders-late", sizes=(PHONE,))
    number = re.search(r"SO-\d+", browser.words).group(0)
    browser.open("/orders")
    browser.submit(browser.type(SEARCH, number))
    found = {row.get_attribute("href") for row in browser.all("main " + rows)}
    demand(len(found) == 1, f"searching for {number} finds {len(found)}")
    browser.submit(browser.type(SEARCH, "no such order"))
    demand(not browser.all("main " + rows), "something is found for nonsense")
    browser.look("orders-none")


def live_order(browser, stage):
    "an order's page changes by itself when the vendor's database does (goal 2 s)"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/orders?show=open")
    numbers = re.findall(r"SO-\d+", browser.words)
    number = next(number for number in numbers if delayed(stage, number, "Before the look"))
    browser.open(f"/orders?q={number}")
    browser.press(".order-row a[href^='/orders/']")
    browser.wait_until("what changed before", lambda: "Before the look" in browser.words, 10)
    browser.look("order")
    browser.open(browser.path)
    browser.run("window.unchanged = true")
    time.sleep(1)
    reason = f"Seen live at {time.strftime('%H:%M:%S')}"
    change = stage.simulate("delay", number, days=4, reason=reason)
    browser.wait_until("the change", lambda: reason in browser.words, 15)
    seconds = time.time() - change["committed_at"]
    demand(browser.run("return window.unchanged === true"), "the page was loaded anew")
    demand(seconds <= 2, f"it took {seconds:.2f} s")
    return f"{number} after {seconds:.2f} s"


def delayed(stage, number, reason):
    try:
        return stage.simulate("delay", number, days=2, reason=reason)
    except Wrong:
        return None


LATE = ".order-row:has(.status-danger) a[href^='/orders/']"


def why_late(browser, stage):
    "a late order is found, and its page says when it comes and why: phone, desktop, by keyboard"
    number, reason = late_order(browser, stage)
    browser.resize(PHONE)
    browser.open("/")
    browser.press("a[href='/orders?show=late']")
    browser.open(f"/orders?show=late&q={number}")
    browser.press(LATE)
    tells_why(browser, reason)
    browser.look("order-late")
    browser.resize(DESKTOP)
    browser.open("/orders")
    browser.run("document.activeElement.blur()")
    browser.keys("/")
    browser.keys(number)
    browser.submit(browser.focused())
    for _ in range(60):
        browser.keys(Keys.TAB)
        if (browser.focused().get_attribute("href") or "").find("/orders/0") > 0:
            break
    browser.submit(browser.focused())
    tells_why(browser, reason)
    return f"{number}: {reason}"


def late_order(browser, stage):
    """An open order that is late for a reason that the vendor's own log gives."""
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/orders?show=open")
    reason = f"Casting rejected {time.strftime('%H:%M:%S')}"
    number = next(number for number in re.findall(r"SO-\d+", browser.words) if delayed(stage, number, reason))
    browser.open(f"/orders?q={number}")
    browser.press(".order-row a[href^='/orders/']")
    browser.wait_until("the delay", lambda: reason in browser.words, 30)
    return number, reason


def tells_why(browser, reason):
    flat = lambda text: re.sub(r"\s+", " ", text)
    said = flat(browser.find(".order-reason").text)
    demand(re.search(r"Promised .+ later|passed", said) and reason in said, f"on top it says: {said}")
    demand(browser.seen(".order-name .status-danger"), "no word and icon for late")
    moves = [flat(each.text) for each in browser.seen(".moves li")]
    demand(moves and reason in moves[0] and "later" in moves[0] and "records of" in moves[0], f"the ledger says: {moves[:1]}")
    demand(browser.seen(".firm .status"), "how firm the date is is not said")


def kept_and_shared(browser, stage):
    "an order is watched and shared; a list is kept under a name, taken as a file, and forgotten"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/orders?show=open")
    browser.press(".order-row a[href^='/orders/']")
    path = browser.path
    if browser.seen("form[action$='/watch/end'] button"):
        browser.press("form[action$='/watch/end'] button")
    browser.press("form[action$='/watch'] button")
    demand(browser.path == path and browser.seen("form[action$='/watch/end'] button"), "it is not watched")
    if browser.seen("details.share summary"):
        browser.find("details.share summary").click()
        browser.press("form[action$='/sharing'] button")
        demand(browser.seen("#colleague[aria-invalid=true]"), "sharing with nobody is not refused at its field")
        browser.look("order-share-wrong", sizes=(PHONE, DESKTOP), refused=True)
    browser.open("/orders?show=late")
    browser.find("details.keep summary").click()
    name = f"Late at {time.strftime('%H:%M:%S')}"
    browser.submit(browser.type("#name", name))
    demand(name in browser.words, "the list is not kept")
    browser.look("orders-kept", sizes=(PHONE, DESKTOP))
    number = re.search(r"SO-\d+", browser.find(".order-row").text).group(0)
    file = stage.somebody(MAYA, stage.world["custom"]).visitor.get("/orders/list.csv?show=late")
    demand(file.status == 200 and number in file.text, f"the file answers {file.status}, and {number} is not in it")
    browser.press(".view-current form button")
    demand(name not in browser.find("main").text, "the list is not forgotten")


def devices(browser, stage):
    "devices: another one is signed out from here"
    person = stage.somebody(MAYA, stage.world["custom"])
    other = stage.person(MAYA, stage.world["custom"])
    other.sign_in()
    browser.become(person)
    browser.open("/devices")
    browser.look("devices")
    browser.press("form[action$='/others/revocation'] button")
    demand(other.visitor.get("/orders", follow=0).status in (302, 303), "the other device is still signed in")
    demand(person.visitor.get("/orders", follow=0).status == 200, "this device was signed out as well")


def errors(browser, stage):
    "an error page, signed in and not"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.open("/no-such-page")
    browser.look("not-found", refused=True)
    browser.open("/orders/00000000-0000-7000-8000-000000000000")
    browser.look("order-not-found", sizes=(PHONE,), refused=True)
    browser.forget()
    browser.open("/no-such-page")
    browser.complaints(refused=True)
    demand(browser.seen("h1"), "no heading")


def arabic(browser, stage):
    "in Arabic everything runs from right to left"
    browser.become(stage.somebody(INGRID, stage.world["techflow"]))
    browser.open("/")
    browser.find("details.person summary").click()
    browser.press("button[name=locale][value^=ar]")
    for name, path in (("home", "/"), ("orders", "/orders")):
        browser.open(path)
        demand(browser.find("html").get_attribute("dir") == "rtl", "it does not run from right to left")
        browser.look(f"arabic-{name}")
    browser.press(".order-row a[href^='/orders/']")
    browser.look("arabic-order")


def keyboard(browser, stage):
    "with the keyboard alone: skip link, visible focus, search by /"
    browser.become(stage.somebody(MAYA, stage.world["custom"]))
    browser.resize(DESKTOP)
    browser.open("/orders")
    browser.keys(Keys.TAB)
    demand("skip" in browser.focused().get_attribute("class"), "the first stop is not the skip link")
    demand(browser.focused().is_displayed(), "the skip link stays hidden")
    browser.keys(Keys.ENTER)
    demand(browser.run("return document.activeElement.id") == "main", "it does not lead to the content")
    stops = set()
    for _ in range(25):
        browser.keys(Keys.TAB)
        if browser.run("return document.activeElement === document.body"):
            break
        name, ring = browser.run(FOCUS)
        demand(ring, f"no sign of focus on {name}")
        stops.add(name)
    demand(len(stops) >= 8, f"only {len(stops)} stops")
    browser.open("/orders")
    browser.run("document.activeElement.blur()")
    browser.keys("/")
    demand(browser.focused().get_attribute("name") == "q", "/ does not lead to the search field")
    return f"{len(stops)} stops"


FOCUS = """
    const e = document.activeElement;
    const drawn = s => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none';
    // on itself, on the area that its link covers, or on the row around it
    const ring = [null, '::before', '::after'].some(part => drawn(getComputedStyle(e, part)))
        || [e.closest('li, tr, article, label')].some(around => around && drawn(getComputedStyle(around)));
    return [e.outerHTML.slice(0, 100), ring]"""


def sign_out(browser, stage):
    "signing out ends the session"
    person = stage.person(TOMAS, stage.world["techflow"])
    person.sign_in()
    browser.become(person)
    browser.open("/")
    browser.find("details.person summary").click()
    browser.press("form[action='/sign-out'] button")
    browser.look("signed-out")
    browser.open("/orders")
    demand(browser.path.startswith("/sign-in"), f"/orders leads to {browser.path}")
    demand(person.visitor.get("/orders", follow=0).status in (302, 303), "the session's cookie still works")


def without_scripts(browser, stage):
    "without JavaScript: sign in, filter, open an order, sign out"
    browser.open("/sign-in", stage.world["techflow"])
    browser.submit(browser.type("input[name=email]", INGRID))
    link, _ = stage.person(INGRID, browser.host).mail()
    browser.open(link)
    browser.press("form[action='/sign-in/link'] button")
    browser.open("/orders")
    browser.press("a[href*='show=open']")
    browser.press(".order-row a[href^='/orders/']")
    demand(re.search(r"SO-\d+", browser.words), "the order has no number")
    browser.open("/orders?show=open")
    number = next(number for number in re.findall(r"SO-\d+", browser.words) if delayed(stage, number, "Casting rejected"))
    # an order that had no promise has got one by that, and is late for it now
    delayed(stage, number, "Casting rejected")
    browser.wait_until("the late order", lambda: browser.open(f"/orders?show=late&q={number}").all(LATE), 40)
    browser.press(LATE)
    demand(browser.seen(".moves li") and browser.seen(".order-reason"), "a late order does not say why")
    browser.press("form[action*='/watch'] button")
    demand(browser.seen("form[action*='/watch'] button"), "watching leads elsewhere")
    browser.find("details.person summary").click()
    browser.press("form[action='/sign-out'] button")
    demand("/sign" in browser.path, f"signing out leads to {browser.path}")


JOURNEYS = [by_mailed_link, by_typed_code, home, outbox, another_vendor, orders, live_order, why_late, kept_and_shared, devices, errors,
            arabic, keyboard, sign_out]
WITHOUT_SCRIPTS = [without_scripts]
