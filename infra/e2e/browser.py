"""A real Chromium that knows the demo's names and trusts its certificates, and what every page must pass in it."""
import json
import pathlib
import re
import shutil
import subprocess
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

AXE = (pathlib.Path(__file__).parent / "vendor/axe.min.js").read_text()
PHONE, DESKTOP, NARROW = (360, 800), (1280, 900), (320, 640)


class Wrong(Exception):
    """A page is not as it must be."""


class Browser:
    def __init__(self, world, folder, scripts=True):
        self.world, self.shots = world, pathlib.Path(world["ca"]).parent / "shots"
        self.shots.mkdir(exist_ok=True)
        home = folder / ("home" if scripts else "home-without-scripts")
        shutil.rmtree(home, ignore_errors=True)
        trust(home, world["ca"])
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
        for word in ["--headless=new", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--disable-background-networking",
                     # Chromium's own sandbox needs rights that a container and root do not have
                     "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={home}/profile",
                     "--host-resolver-rules=MAP *.example 127.0.0.1, MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]:
            options.add_argument(word)
        if not scripts:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = Service(shutil.which("chromedriver") or "/usr/bin/chromedriver", env={"HOME": str(home), "PATH": "/usr/bin:/bin"})
        self.driver = webdriver.Chrome(service=service, options=options)
        self.driver.set_page_load_timeout(20)
        self.host, self.size, self.scheme, self.looked = world["custom"], DESKTOP, "light", 0
        self.faults = []
        self.resize(DESKTOP)

    def quit(self):
        self.driver.quit()

    # where it is

    def open(self, path, host=None):
        self.host = host or self.host
        self.driver.get(path if path.startswith("https:") else self.origin + path)
        return self

    @property
    def origin(self):
        return f"https://{self.host}:{self.world['https_port']}"

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.origin)

    def resize(self, size):
        self.size = size
        self._tell("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=size[0] < 600)

    def light(self, scheme):
        """Sets what the device prefers, `light` or `dark`; motion is reduced, or half of a transition would be judged."""
        self.scheme = scheme
        self._tell("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}])

    def reset(self):
        """A new journey begins: at a desk, by day, nothing said against any page."""
        self.resize(DESKTOP)
        self.light("light")
        self.complaints()
        self.faults = []

    def forget(self):
        """A new visitor: no cookies."""
        self._tell("Network.clearBrowserCookies")

    def forget_session(self):
        """The same browser, signed out without the portal's knowing."""
        self._tell("Network.deleteCookies", name="__Host-session", url=self.origin)

    def become(self, person):
        """Takes over the session of somebody who signed in without a browser."""
        self.forget()
        for name, value in person.visitor.cookies.items():
            self._tell("Network.setCookie", name=name, value=value, url=f"https://{person.visitor.host}:{self.world['https_port']}/",
                       secure=True, httpOnly=True, path="/")
        self.host = person.visitor.host

    # what is on it

    def find(self, selector):
        found = self.all(selector)
        if not found:
            raise Wrong(f"{self.path}: nothing matches {selector}")
        return found[0]

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def seen(self, selector):
        return [element for element in self.all(selector) if element.is_displayed()]

    @property
    def words(self):
        return re.sub(r"\s+", " ", self.find("body").text)

    def type(self, selector, text):
        field = self.find(selector)
        field.clear()
        field.send_keys(text)
        return field

    def press(self, selector):
        """Clicks the first shown match and waits for the page that follows, when one follows."""
        before = self.find("html")
        for attempt in range(5):
            shown = self.seen(selector)
            if not shown:
                raise Wrong(f"{self.path}: nothing to press matches {selector}")
            try:
                shown[0].click()
                break
            except StaleElementReferenceException:
                # the page has just brought itself up to date
                if attempt == 4:
                    raise
        self.wait_until("the next page", lambda: self._left(before), 10)

    def submit(self, field):
        before = self.find("html")
        field.send_keys(Keys.ENTER)
        self.wait_until("the next page", lambda: self._left(before), 10)

    def leaves(self, before, seconds):
        """Whether the page goes away by itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._left(before):
                return True
            time.sleep(0.03)
        return False

    def keys(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait_until(self, what, ask, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                answer = ask()
                if answer:
                    return answer
            except (StaleElementReferenceException, Wrong):
                pass
            time.sleep(0.03)
        raise Wrong(f"{self.path}: {what}: not within {seconds} s; it says: {self.words[:200]}")

    # what every page must pass

    def look(self, name, sizes=(PHONE, DESKTOP), refused=False):
        """Judges this page at each size, light and dark, and takes a picture of each. Leaves size and scheme as they were.

        `refused` says that the page itself came with a status of 400 and more, which the browser notes as an error.
        """
        size, scheme = self.size, self.scheme
        faults = []
        for each in sizes:
            self.resize(each)
            faults += self._overflow(name)
            for light in ("light", "dark"):
                self.light(light)
                faults += [f"{name} {each[0]} {light}: {fault}" for fault in self._axe()]
                self._picture(f"{name}-{each[0]}-{light}")
        self.resize(NARROW)
        faults += self._overflow(name)
        self.resize(size)
        self.light(scheme)
        faults += [f"{name}: the browser complains: {line}" for line in self.complaints(refused)]
        self.looked += 1
        # remembered and not raised: the rest of the journey is worth seeing
        self.faults += faults

    def complaints(self, refused=False):
        """What the browser wrote to its console: errors, refusals of the security policy."""
        lines = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        return [line for line in lines if not (refused and "status of 4" in line)]

    def _axe(self):
        if not self.run("return typeof axe === 'object'"):
            self.run(AXE)
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']})"
            ".then(r => done(r.violations), e => done([{id: 'axe failed', help: String(e), nodes: []}]))")
        return [f"{v['id']}: {v['help']}: " + "; ".join(n["html"][:120] + detail(n) for n in v["nodes"][:3]) for v in found]

    def _overflow(self, name):
        wide = self.run("return document.scrollingElement.scrollWidth")
        return [f"{name} scrolls sideways at {self.size[0]} px: {wide} px wide"] if wide > self.size[0] else []

    def _picture(self, name):
        self.driver.get_screenshot_as_file(str(self.shots / f"{name}.png"))

    def _left(self, before):
        try:
            before.tag_name
            return False
        except (StaleElementReferenceException, WebDriverException):
            return self.run("return document.readyState") == "complete"

    def _tell(self, command, **words):
        return self.driver.execute_cdp_cmd(command, words)


def detail(node):
    data = next((check["data"] for check in node.get("any", []) if isinstance(check.get("data"), dict)), {})
    ratio = data.get("contrastRatio")
    return f" ({data.get('fgColor')} on {data.get('bgColor')}: {ratio})" if ratio else ""


def trust(home, ca):
    """Makes a home folder whose certificate store trusts the demo's authority: no warning is clicked away."""
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    run = lambda *words: subprocess.run(["certutil", "-d", f"sql:{store}", *words], check=True, capture_output=True)
    run("-N", "--empty-password")
    for number, root in enumerate(re.findall(r"-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n?", pathlib.Path(ca).read_text())):
        file = home / f"root-{number}.pem"
        file.write_text(root)
        run("-A", "-t", "C,,", "-n", f"demo-{number}", "-i", str(file))


def read_world(path):
    return json.loads(pathlib.Path(path).read_text())
