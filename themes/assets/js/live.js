// Live pages. The event stream only says "changed"; the page itself is fetched again and its marked parts are swapped,
// so that there is one way to draw a page. Without a stream the page is fetched every 20 seconds while it is looked at.

const page = document.querySelector("[data-live]");
const say = document.querySelector("[data-live-say]");
let running = false;
let again = false;
let timer;

async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const answer = await fetch(location.href, { headers: { "x-live": "1" }, credentials: "same-origin" });
    if (answer.ok && !answer.redirected) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // offline: what is shown stays, with its stamp
  }
  running = false;
  if (again) {
    again = false;
    refresh();
  }
}

// What the reader opened and what scripts showed is no difference.
function plain(part) {
  const copy = part.cloneNode(true);
  for (const details of copy.querySelectorAll("details")) details.open = false;
  for (const button of copy.querySelectorAll("[data-copy]")) button.hidden = true;
  return copy.innerHTML;
}

function swap(fresh) {
  let changed = false;
  for (const part of document.querySelectorAll("[data-live-part]")) {
    const next = fresh.getElementById(part.id);
    if (!next || plain(next) === plain(part) || part.contains(document.activeElement)) continue;
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    part.replaceChildren(...next.childNodes);
    part.querySelectorAll("details").forEach((details, at) => (details.open = open[at] ?? details.open));
    // a new stamp alone is not worth a word
    if (part.id !== "as-of" && part.id !== "hero") changed = true;
  }
  document.dispatchEvent(new Event("fresh"));
  if (changed && say) {
    say.textContent = "";
    setTimeout(() => (say.textContent = page.dataset.liveWords), 100);
  }
}

function poll() {
  clearInterval(timer);
  timer = setInterval(() => document.visibilityState === "visible" && refresh(), 20000);
}

function listen() {
  const stream = new EventSource(page.dataset.live);
  stream.onmessage = refresh;
  stream.onopen = () => clearInterval(timer);
  stream.onerror = () => {
    poll();
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 30000);
  };
}

if (page) {
  poll();
  if (window.EventSource) listen();
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
}
