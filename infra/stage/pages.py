"""Reads pages as a person without a browser would: their words, links, forms."""
import re
from html.parser import HTMLParser

ORDER = re.compile(r"^/orders/([0-9a-f]{8}-[0-9a-f-]{27})$")


class Form:
    def __init__(self, action, method):
        self.action, self.method, self.fields = action, method, {}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.forms, self.links, self.streams, self._words, self._silent, self._form = [], [], [], [], 0, None
        self.feed(text)
        self.words = re.sub(r"\s+", " ", " ".join(self._words))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in ("script", "style", "title"):
            self._silent += 1
        elif tag == "form":
            self._form = Form(values.get("action") or "", (values.get("method") or "get").lower())
            self.forms.append(self._form)
        elif tag == "a" and values.get("href"):
            self.links.append(values["href"])
        elif tag in ("input", "button", "textarea") and self._form is not None and values.get("name"):
            ticked = values.get("type") not in ("checkbox", "radio") or "checked" in values
            if ticked:
                self._form.fields[values["name"]] = values.get("value") or ""
        # an element that follows a stream of events names it
        for name, value in values.items():
            if name == "data-live" and value:
                self.streams.append(value)

    def handle_endtag(self, tag):
        if tag in ("script", "style", "title"):
            self._silent -= 1
        elif tag == "form":
            self._form = None

    def handle_data(self, data):
        if not self._silent:
            self._words.append(data)

    def form(self, action):
        """The form that posts to `action`."""
        return next((form for form in self.forms if form.action == action and form.method == "post"), None)

    def orders(self):
        """Ids of the orders that the page links to, each once, in order."""
        found = (ORDER.match(link.split("?")[0]) for link in self.links)
        return list(dict.fromkeys(match.group(1) for match in found if match))

    def link(self, pattern):
        return next((link for link in self.links if re.search(pattern, link)), None)
