// Enhances every page; each works without it. No inline handlers: elements say what they are by data attributes.

// Search: "/" or Ctrl-K puts the cursor into the field, Escape leaves it.
const search = [...document.querySelectorAll("[data-search]")].at(-1);
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
  const control = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
  if (search && (slash || control)) {
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === "Escape" && event.target === search) search.blur();
});

// Menus close on Escape and on a click elsewhere.
for (const menu of document.querySelectorAll("[data-menu]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// Light or dark: at once, and kept in a cookie so that the next page starts right.
for (const form of document.querySelectorAll("[data-scheme-form]")) {
  form.addEventListener("submit", (event) => {
    const choice = event.submitter?.value;
    if (!choice) return;
    event.preventDefault();
    document.documentElement.dataset.scheme = choice;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `scheme=${choice}; path=/; max-age=31536000; samesite=lax${secure}`;
    for (const button of form.querySelectorAll("[name=scheme]")) {
      button.setAttribute("aria-pressed", String(button.value === choice));
    }
  });
}

// Copy buttons show themselves only where copying works, in parts that come later too.
function offerCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}
offerCopying();
document.addEventListener("fresh", offerCopying);
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent.trim());
  const words = button.querySelector("[data-copy-words], .unseen");
  const before = words.textContent;
  words.setAttribute("role", "status");
  words.textContent = button.dataset.copied;
  button.classList.add("copy-done");
  setTimeout(() => {
    words.textContent = before;
    button.classList.remove("copy-done");
  }, 2000);
});

// Codes: digits only, and the form goes off by itself after the sixth.
for (const field of document.querySelectorAll("[data-code]")) {
  field.addEventListener("input", () => {
    const digits = field.value.replace(/\D/g, "").slice(0, 6);
    if (field.value !== digits) field.value = digits;
    if (digits.length === 6 && !field.dataset.sent) {
      field.dataset.sent = "yes";
      field.form.requestSubmit();
    }
    if (digits.length < 6) delete field.dataset.sent;
  });
}

// What went wrong is read first.
document.querySelector("[data-focus]")?.focus();
