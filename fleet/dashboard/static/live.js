// Fetches the same page again when the server says that something changed, and puts the new parts in place.
const link = document.getElementById("link");
let busy = false;
let again = false;

async function renew() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      // Nothing moves under a person's fingers: a part that has the focus, or a table that is open, waits.
      if (other && !part.contains(document.activeElement) && !part.querySelector("details[open]")) {
        part.replaceWith(other);
      }
    }
  } finally {
    busy = false;
    if (again) { again = false; setTimeout(renew, 1000); }
  }
}

if (document.querySelector("[data-live]")) {
  const events = new EventSource("/events");
  let first = true;
  events.addEventListener("changed", () => { if (!first) renew(); first = false; });
  events.addEventListener("open", () => { link.textContent = "Live."; });
  events.addEventListener("error", () => { link.textContent = "Connection lost; trying again."; });
} else {
  link.textContent = "";
}
