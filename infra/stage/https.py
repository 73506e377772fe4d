"""An HTTPS client that knows where the demo's names live: all of them on 127.0.0.1, verified against the demo's CA."""
import http.client
import http.cookies
import socket
import ssl
import urllib.parse


class Connection(http.client.HTTPSConnection):
    """To 127.0.0.1, with the host's name in the handshake and in `Host`."""

    def __init__(self, host, port, ca, sni=None, timeout=20):
        self.trust = ssl.create_default_context(cafile=str(ca))
        super().__init__(host, port, timeout=timeout, context=self.trust)
        self.sni = sni or host

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.trust.wrap_socket(plain, server_hostname=self.sni)


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def location(self):
        return self.headers.get("Location", "")


class Visitor:
    """Somebody with a browser's memory and nothing else of a browser: cookies, one host, no scripts."""

    def __init__(self, host, port, ca):
        self.host, self.port, self.ca = host, port, ca
        self.cookies = {}

    def ask(self, method, path, form=None, headers=None):
        """One request, no redirect followed. `path` may be a whole address of this host."""
        body, head = None, {"Accept": "text/html", "Accept-Language": "en", **(headers or {})}
        if form is not None:
            body = urllib.parse.urlencode(form)
            head["Content-Type"] = "application/x-www-form-urlencoded"
            head.setdefault("Origin", self.origin)
        if self.cookies:
            head["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = Connection(self.host, self.port, self.ca)
        try:
            connection.request(method, self.path_of(path), body, head)
            response = connection.getresponse()
            answer = Answer(response, response.read())
        finally:
            connection.close()
        self._remember(answer.headers)
        return answer

    def get(self, path, follow=5, **headers):
        answer = self.ask("GET", path, headers=headers)
        while follow and answer.status in (301, 302, 303, 307, 308):
            answer, follow = self.ask("GET", answer.location), follow - 1
        return answer

    def post(self, path, form, follow=5):
        answer = self.ask("POST", path, form)
        return self.get(answer.location, follow) if follow and answer.status in (302, 303) else answer

    def stream(self, path, timeout):
        """Opens a stream of server-sent events; gives the connection and the response, both open."""
        connection = Connection(self.host, self.port, self.ca, timeout=timeout)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request("GET", self.path_of(path), headers={"Accept": "text/event-stream", "Cookie": cookies})
        return connection, connection.getresponse()

    @property
    def origin(self):
        return f"https://{self.host}:{self.port}"

    def path_of(self, address):
        parts = urllib.parse.urlsplit(address)
        if parts.hostname not in (None, self.host):
            raise ValueError(f"{address} leads away from {self.host}")
        return urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))

    def _remember(self, headers):
        for line in headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                gone = morsel["max-age"] == "0" or morsel.value == ""
                self.cookies.pop(name, None) if gone else self.cookies.__setitem__(name, morsel.value)


def certificate(host, port, ca):
    """The certificate shown to a client that asks for `host`, verified; as Python's dictionary."""
    connection = Connection(host, port, ca)
    try:
        connection.connect()
        return connection.sock.getpeercert()
    finally:
        connection.close()
