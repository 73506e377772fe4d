"""The whole journey without a browser: `infra/demo --smoke`. Each line is a claim and its time; the first lie ends it."""
import http.client
import queue
import re
import sys
import threading
import time

from stage.https import Connection, Visitor, certificate
from stage.pages import Page
from stage.person import Person, settled
from stage.portico import CUSTOM_DOMAIN, INGRID, LUMEN, MAYA, TECHFLOW
from stage.processes import Failed

SECOND_DOMAIN = "orders.halvorsen.example"
VENDORS = re.compile(r"techflow|lumen|brightwater|halvorsen", re.I)
# what the portal shows of a customer, in the vendor's own words
THEIRS = "from of_ordhdr where del_flag <> 'Y' and cust_no = "


class Lie(Exception):
    """Portico, or this script, claimed something that is not so."""


def run(world):
    print("\nThe journey", flush=True)
    smoke, passed = Smoke(world), 0
    for claim in CLAIMS:
        began = time.monotonic()
        try:
            words = claim(smoke)
        except (Lie, Failed, OSError, http.client.HTTPException) as error:
            print(f"  LIE  {claim.__doc__}: {error}\n{passed} passed, 1 failed", flush=True)
            print(world.portico.server.tail(30), file=sys.stderr)
            return 1
        passed += 1
        print(f"  ok   {time.monotonic() - began:6.2f} s  {claim.__doc__}{': ' + words if words else ''}", flush=True)
    print(f"{passed} passed, 0 failed", flush=True)
    return 0


def demand(truth, otherwise):
    if not truth:
        raise Lie(otherwise)


class Smoke:
    def __init__(self, world):
        self.world, self.portico, self.erp = world, world.portico, world.erp
        self.maya = Person(world, CUSTOM_DOMAIN, MAYA)
        self.link = None
        self.order = None

    def visitor(self, host):
        return Visitor(host, self.portico.https, self.world.ca)

    def order_id(self, person, number):
        ids = person.page(f"/orders?q={number}").orders()
        demand(len(ids) == 1, f"searching for {number} finds {len(ids)} orders")
        return ids[0]


def certificates(smoke):
    "each host shows a certificate of the ACME server, for itself"
    told = []
    for host, others in ((CUSTOM_DOMAIN, (TECHFLOW, LUMEN)), (TECHFLOW, (CUSTOM_DOMAIN,)), (LUMEN, (CUSTOM_DOMAIN,))):
        shown = certificate(host, smoke.portico.https, smoke.world.ca)
        issuer = dict(pair[0] for pair in shown["issuer"])["commonName"]
        names = [name for _, name in shown["subjectAltName"]]
        demand(issuer.startswith("Pebble Intermediate"), f"{host} is signed by {issuer}")
        demand(not set(names) & set(others), f"{host} shows a certificate for {names}")
        told.append(f"{', '.join(names)} by {issuer}")
    return "; ".join(told)


def plain_http(smoke):
    "http leads to https, and only for hosts that are served"
    status, headers, _ = plain(smoke, CUSTOM_DOMAIN, "/orders?q=1")
    wanted = f"https://{CUSTOM_DOMAIN}:{smoke.portico.https}/orders?q=1"
    demand(status in (301, 308) and headers["Location"] == wanted, f"{status} to {headers['Location']}")
    status, headers, body = plain(smoke, "nobody.example", "/")
    demand(status in (400, 404, 421) and not headers["Location"], f"an unknown host gets {status} to {headers['Location']}")
    demand(not VENDORS.search(body), "an unknown host is told of a vendor")
    return f"308 and {status}" if status else None


def plain(smoke, host, path):
    connection = http.client.HTTPConnection("127.0.0.1", smoke.portico.http, timeout=10)
    connection.request("GET", path, headers={"Host": f"{host}:{smoke.portico.http}"})
    response = connection.getresponse()
    return response.status, response.headers, response.read().decode("utf-8", "replace")


def strangers(smoke):
    "an unknown name gets no certificate, and a connection for one host serves no other"
    try:
        shown = certificate("nobody.example", smoke.portico.https, smoke.world.ca)
        raise Lie(f"nobody.example shows {shown['subjectAltName']}")
    except OSError as error:
        told = type(error).__name__
    connection = Connection(CUSTOM_DOMAIN, smoke.portico.https, smoke.world.ca)
    connection.request("GET", "/", headers={"Host": f"{LUMEN}:{smoke.portico.https}"})
    response = connection.getresponse()
    body = response.read().decode("utf-8", "replace")
    connection.close()
    demand(response.status == 421, f"SNI {CUSTOM_DOMAIN} with Host {LUMEN} answers {response.status}")
    demand(not VENDORS.search(body), "the answer names a vendor")
    return f"{told}, 421"


def headers(smoke):
    "every answer carries the security headers, errors too"
    for path in ("/sign-in", "/no-such-page"):
        answer = smoke.visitor(CUSTOM_DOMAIN).get(path, follow=0)
        policy = answer.headers.get("Content-Security-Policy", "")
        demand("unsafe-inline" not in policy and "default-src" in policy, f"{path}: policy {policy!r}")
        for name in ("Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy"):
            demand(answer.headers.get(name), f"{path} ({answer.status}) has no {name}")


def same_answer(smoke):
    "asking for a sign-in mail answers the same for people and for strangers"
    pages = []
    for email in (MAYA, "nobody.at.all@brightwater.example"):
        person = Person(smoke.world, CUSTOM_DOMAIN, email)
        answer = person.ask_for_mail()
        pages.append((answer.status, Page(answer.text).words.replace(email, "ADDRESS")))
    demand(pages[0] == pages[1], f"answers differ: {pages}")
    return f"status {pages[0][0]}"


def looking_is_not_using(smoke):
    "a mailed link can be looked at twice and signs nobody in"
    smoke.maya.ask_for_mail(remember=True)
    smoke.link, code = smoke.maya.mail()
    demand(code, "the mail has no code")
    for _ in range(2):
        demand(smoke.maya.page(smoke.link).form("/sign-in/link"), "the link shows no button")
    answer = smoke.maya.visitor.get("/orders", follow=0)
    demand(answer.status in (302, 303) and "/sign-in" in answer.location, f"/orders answers {answer.status} before the button")


def sign_in(smoke):
    "the button signs in"
    answer = smoke.maya.follow_link(smoke.link)
    demand(answer.status == 200 and "Maya" in answer.text, f"{answer.status}: {Page(answer.text).words[:200]}")
    cookies = [name for name in smoke.maya.visitor.cookies if name.startswith("__Host-")]
    demand(cookies, f"no __Host- cookie among {list(smoke.maya.visitor.cookies)}")
    return ", ".join(cookies)


def used_link(smoke):
    "a used link signs nobody in again"
    other = Person(smoke.world, CUSTOM_DOMAIN, MAYA)
    # the browser that asked for the link, without its session: any other is refused for being another
    other.visitor.cookies = {name: value for name, value in smoke.maya.visitor.cookies.items() if name != "__Host-session"}
    answer = other.visitor.get(smoke.link)
    form = Page(answer.text).form("/sign-in/link")
    if form:
        answer = other.visitor.post("/sign-in/link", form.fields)
    demand(other.visitor.get("/orders", follow=0).status in (302, 303), "the link worked a second time")
    demand(form is None or answer.status in (200, 400, 403, 409, 410), f"the page about it answers {answer.status}")
    return f"status {answer.status}"


def delivered(smoke):
    "the mail left by SMTP as well"
    wait = settled(lambda: any(MAYA in mail.read_text(errors="replace") for mail in smoke.world.mail.glob("*.eml")), 20)
    demand(wait is not None, "the mail server got nothing within 20 s")
    return f"{len(list(smoke.world.mail.glob('*.eml')))} mails"


def home(smoke):
    "the home page tells of orders"
    page = smoke.maya.page("/")
    demand("Maya" in page.words and page.orders(), f"no order on it: {page.words[:300]}")


def order_list(smoke):
    "the list shows exactly the orders that the vendor's database holds"
    def theirs():
        return {number for number, in smoke.erp.rows(f"select 'SO-' || ord_no {THEIRS}'BRW-1042'")}

    def equal():
        smoke.shown = shown_numbers(smoke.maya)
        return smoke.shown == theirs()

    # the vendor's staff keeps working meanwhile
    wait = settled(equal, 45, 1)
    demand(wait is not None, f"shown and held differ by {sorted(smoke.shown ^ theirs())[:8]} of {len(theirs())}")
    return f"{len(smoke.shown)} orders"


def shown_numbers(person):
    path, numbers = "/orders", set()
    for _ in range(50):
        page = person.page(path)
        numbers |= set(re.findall(r"\bSO-\d+\b", page.words))
        path = page.link(r"^/orders\?(.*&)?before=")
        if path is None:
            return numbers
    raise Lie("the list has no end")


def one_order(smoke):
    "an order's page shows its lines and parcels as the vendor holds them"
    number, = smoke.erp.rows(f"select max(ord_no) {THEIRS}'BRW-1042' and ord_stat = 'I'")[0]
    page = smoke.maya.page(f"/orders/{smoke.order_id(smoke.maya, f'SO-{number}')}")
    skus = [sku.strip() for sku, in smoke.erp.rows(f"select item_no from of_ordlin where del_flag <> 'Y' and ord_no = {number}")]
    parcels = [track for track, in smoke.erp.rows(f"select track_no from of_shphdr where track_no is not null and ord_no = {number}")]
    for text in [f"SO-{number}", *skus, *parcels]:
        demand(text in page.words, f"order SO-{number} does not show {text}")
    return f"SO-{number}, {len(skus)} lines, {len(parcels)} parcels"


def walls(smoke):
    "another customer's order does not exist"
    ingrid = Person(smoke.world, TECHFLOW, INGRID)
    demand(ingrid.sign_in().status == 200, "Ingrid cannot sign in")
    theirs = ingrid.page("/orders").orders()
    demand(theirs, "Halvorsen Marine has no orders")
    for path in (f"/orders/{theirs[0]}", f"/orders/{theirs[0]}/events"):
        demand(ingrid.visitor.get(f"/orders/{theirs[0]}").status == 200, "their own order does not open")
        status = smoke.maya.visitor.get(path, follow=0).status
        demand(status == 404, f"{path} answers {status} to Maya")
    demand(not set(theirs) & set(smoke.maya.page("/orders").orders()), "both see the same orders")
    return "404"


def open_page(smoke):
    "a change in the vendor's database reaches the open order page (goal 2 s)"
    number, = smoke.erp.rows(f"select min(ord_no) {THEIRS}'BRW-1042' and ord_stat = 'P'")[0]
    smoke.order = f"SO-{number}"
    path = f"/orders/{smoke.order_id(smoke.maya, smoke.order)}"
    page = smoke.maya.page(path)
    demand(page.streams, "the page names no stream of events")
    stream = Stream(smoke.maya, page.streams[0])
    seconds = []
    try:
        for turn in range(3):
            reason = f"Smoke test {turn} at {time.strftime('%H:%M:%S')}"
            change = smoke.erp.simulate_once("delay", smoke.order, days=3 + turn, reason=reason)
            seconds.append(stream.wait_for(lambda: reason in smoke.maya.page(path).words, 15) - change["committed_at"])
    finally:
        stream.close()
    demand(max(seconds) <= 2, f"it took {max(seconds):.2f} s")
    return ", ".join(f"{value:.2f} s" for value in seconds)


class Stream:
    """Server-sent events, read as they come."""

    def __init__(self, person, path):
        self.connection, response = person.visitor.stream(path, timeout=60)
        kind = response.headers.get("Content-Type", "")
        demand(response.status == 200 and kind.startswith("text/event-stream"), f"{path} answers {response.status} {kind}")
        self.events = queue.Queue()
        threading.Thread(target=self._read, args=(response,), daemon=True).start()

    def _read(self, response):
        try:
            for line in iter(response.readline, b""):
                if line.startswith((b"data:", b"event:")):
                    self.events.put(time.time())
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def wait_for(self, shown, seconds):
        """The time of the first event after which the page shows it."""
        end = time.time() + seconds
        while time.time() < end:
            try:
                at = self.events.get(timeout=max(0.01, end - time.time()))
            except queue.Empty:
                break
            if shown():
                return at
        raise Lie(f"no event told of it within {seconds} s (the page shows it: {shown()})")

    def close(self):
        self.connection.sock and self.connection.sock.shutdown(2)
        self.connection.close()


def in_lists(smoke):
    "a change reaches the lists, the order unopened (goal 30 s)"
    number, = smoke.erp.rows(f"select max(ord_no) {THEIRS}'BRW-1042' and ord_stat in ('A', 'P') and 'SO-' || ord_no <> '{smoke.order}'")[0]
    change = smoke.erp.simulate_once("hold", f"SO-{number}", reason="Smoke test")
    path = f"/orders?show=on_hold&q=SO-{number}"
    demand(settled(lambda: smoke.maya.page(path).orders(), 60) is not None, f"SO-{number} is not on hold in the list after 60 s")
    seconds = time.time() - change["committed_at"]
    demand(seconds <= 30, f"it took {seconds:.1f} s")
    return f"{seconds:.2f} s"


def without_erp(smoke):
    "with the vendor's database down, pages stand and say as of when"
    path = f"/orders/{smoke.order_id(smoke.maya, smoke.order)}"
    smoke.world.programs.forget(smoke.erp.simulator)
    smoke.erp.simulator.stop()
    smoke.erp.stop_server()
    slowest = 0
    for _ in range(5):
        for part in ("/", "/orders", path):
            began = time.monotonic()
            page = smoke.maya.page(part)
            slowest = max(slowest, time.monotonic() - began)
    demand(re.search(r"as of|updated", page.words, re.I), "the order's page does not say how old it is")
    demand(slowest < 1, f"a page took {slowest:.2f} s")
    smoke.erp.start_server()
    smoke.erp.start_simulator(20)
    smoke.erp.simulate_once("delay", smoke.order, days=9, reason="After the outage")
    wait = settled(lambda: "After the outage" in smoke.maya.page(path).words, 90)
    demand(wait is not None, "no change is seen within 90 s after the database came back")
    return f"slowest page {slowest * 1000:.0f} ms; changes seen again {wait:.1f} s after its return"


def killed(smoke):
    "killed with -9 and started again, Portico has lost nothing"
    before = certificate(CUSTOM_DOMAIN, smoke.portico.https, smoke.world.ca)["serialNumber"]
    smoke.portico.kill()
    began = time.monotonic()
    smoke.portico.serve()
    smoke.portico.wait_until_served(CUSTOM_DOMAIN, smoke.world.ca, 30)
    seconds = time.monotonic() - began
    demand(smoke.maya.page("/orders").orders(), "Maya is signed out")
    after = certificate(CUSTOM_DOMAIN, smoke.portico.https, smoke.world.ca)["serialNumber"]
    demand(before == after, "another certificate was ordered")
    return f"serving again after {seconds:.2f} s"


def second_domain(smoke):
    "a domain is claimed, its CNAME set, and it is served"
    target = smoke.portico.claim("techflow", SECOND_DOMAIN)
    smoke.world.pebble.set_cname(SECOND_DOMAIN, target)
    set_at = time.monotonic()
    smoke.portico.command("domain", "check", "--tenant", "techflow", SECOND_DOMAIN)
    verified = time.monotonic()
    smoke.portico.wait_until_served(SECOND_DOMAIN, smoke.world.ca, 90)
    served = time.monotonic()
    return f"first 200 came {served - verified:.2f} s after it was verified, {served - set_at:.2f} s after its CNAME was set"


CLAIMS = [certificates, plain_http, strangers, headers, same_answer, looking_is_not_using, sign_in, used_link, delivered, home,
          order_list, one_order, walls, open_page, in_lists, without_erp, killed, second_domain]
