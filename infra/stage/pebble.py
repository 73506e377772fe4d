"""Pebble, an ACME server for tests, and its DNS stub: the certificate authority and the DNS of the demo.

Pebble makes a new root at each start. The roots of earlier starts stay in `ca.pem`, because Portico keeps serving the
certificates that they signed.
"""
import json
import ssl
import urllib.request

from .ports import answers
from .processes import run, wait_until


class Pebble:
    def __init__(self, folder, programs, ports):
        self.folder, self.programs = folder, programs
        self.folder.mkdir(parents=True, exist_ok=True)
        self.acme = ports.take()
        self.management = ports.take()
        self.dns = ports.take()
        self.dns_management = ports.take()
        self.directory = f"https://127.0.0.1:{self.acme}/dir"
        # Pebble's own HTTPS; Portico needs it to talk to the directory
        self.https_ca = folder / "https-ca.pem"

    def start(self, http_port, https_port):
        """`http_port` and `https_port` are where Pebble validates challenges: Portico's own."""
        if not (self.folder / "https.pem").exists():
            self._make_https_certificate()
        config = self.folder / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.acme}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(self.folder / "https.pem"),
            "privateKey": str(self.folder / "https.key"),
            "httpPort": http_port,
            "tlsPort": https_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }}, indent=2))
        dns = f"127.0.0.1:{self.dns}"
        self.programs.start("dns", [
            "pebble-challtestsrv", "-dns01", dns, "-management", f"127.0.0.1:{self.dns_management}", "-http01", "",
            "-https01", "", "-tlsalpn01", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
        # rejected nonces (5 %) are left on: an ACME client has to live with them
        self.programs.start("pebble", ["pebble", "-config", config, "-dnsserver", dns, "-strict"],
                            env={"PEBBLE_VA_NOSLEEP": "1"})
        root = wait_until("Pebble", self._root, 20, self.programs)
        known = self.folder / "roots.pem"
        before = known.read_text() if known.exists() else ""
        known.write_text(root + before)
        wait_until("the DNS stub", lambda: answers(self.dns_management), 20, self.programs)

    def roots(self):
        return (self.folder / "roots.pem").read_text()

    def set_cname(self, host, target):
        self._tell("set-cname", host=host, target=target.rstrip(".") + ".")

    def _tell(self, what, **words):
        request = urllib.request.Request(f"http://127.0.0.1:{self.dns_management}/{what}", json.dumps(words).encode())
        urllib.request.urlopen(request, timeout=5).read()

    def _root(self):
        context = ssl.create_default_context(cafile=str(self.https_ca))
        address = f"https://127.0.0.1:{self.management}/roots/0"
        return urllib.request.urlopen(address, timeout=5, context=context).read().decode()

    def _make_https_certificate(self):
        folder = self.folder
        names = folder / "names.ext"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        run("openssl", ["openssl", "req", "-x509", *key, "-days", "3650", "-subj", "/CN=demo: Pebble's own HTTPS",
                        "-keyout", folder / "https-ca.key", "-out", self.https_ca])
        run("openssl", ["openssl", "req", *key, "-subj", "/CN=localhost", "-keyout", folder / "https.key",
                        "-out", folder / "https.csr"])
        run("openssl", ["openssl", "x509", "-req", "-in", folder / "https.csr", "-CA", self.https_ca, "-CAkey",
                        folder / "https-ca.key", "-CAcreateserial", "-days", "3650", "-extfile", names,
                        "-out", folder / "https.pem"])
