"""A contact of the demo who signs in by mail and looks at orders, without a browser."""
import re
import time
import urllib.parse

from .https import Visitor
from .pages import Page
from .processes import Failed, wait_until


class Person:
    def __init__(self, world, host, email):
        self.world, self.email = world, email
        self.visitor = Visitor(host, world.portico.https, world.ca)

    def page(self, path):
        answer = self.visitor.get(path)
        if answer.status != 200:
            raise Failed(f"GET {path} answers {answer.status}")
        return Page(answer.text)

    def ask_for_mail(self, remember=False):
        """Fills in the sign-in form. Gives the answer to it."""
        form = self.page("/sign-in").form("/sign-in")
        if form is None or not form.fields.get("csrf"):
            raise Failed("/sign-in has no form with a token against forgery")
        fields = {**form.fields, "email": self.email, **({"remember": "yes"} if remember else {})}
        answer = self.visitor.post("/sign-in", fields)
        if answer.status != 200:
            raise Failed(f"asking for a mail to {self.email} answers {answer.status}: {Page(answer.text).words[:200]}")
        return answer

    def mail(self, seconds=20):
        """Waits for the newest sign-in mail in the demo's outbox; gives its link and its code."""
        return wait_until(f"a mail to {self.email}", self._newest_mail, seconds, self.world.programs, 0.1)

    def follow_link(self, link):
        """Opens the mailed link and presses its button. Gives the page that follows."""
        landing = self.page(link)
        form = landing.form("/sign-in/link")
        if form is None:
            raise Failed(f"the mailed link shows no button: {landing.words[:200]}")
        return self.visitor.post("/sign-in/link", form.fields)

    def sign_in(self):
        self.ask_for_mail()
        link, _ = self.mail()
        return self.follow_link(link)

    def _newest_mail(self):
        answer = self.visitor.get(f"/demo/outbox?to={urllib.parse.quote(self.email)}")
        if answer.status != 200:
            raise Failed(f"/demo/outbox answers {answer.status}")
        # the newest one is open; a mail about an order may have come after the one that is waited for
        found = read_mail(answer.text, self.visitor.host)
        for other in dict.fromkeys(re.findall(r'href="(/demo/outbox/[0-9a-f-]{36})"', answer.text)[1:6]):
            if found:
                break
            found = read_mail(self.visitor.get(other).text, self.visitor.host)
        return found


def read_mail(html, host):
    """Link and code of the mail that the outbox page shows, if it was asked for at `host`."""
    opened = re.search(r"<article\b.*?</article>", html, re.S)
    words = Page(opened.group(0) if opened else html).words
    link = re.search(r"https://" + re.escape(host) + r"(?::\d+)?(/sign-in/[\w-]{20,})", words)
    code = re.search(r"(?<![\d:])(\d{3})[ \u202f]?(\d{3})(?!\d)", words)
    return (link.group(1), "".join(code.groups()) if code else None) if link else None


def settled(check, seconds, pause=0.2):
    """Seconds until `check` was true, or None after `seconds`."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if check():
            return time.monotonic() - began
        time.sleep(pause)
    return None
