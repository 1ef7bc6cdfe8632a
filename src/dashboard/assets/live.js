// Keeps the page up to date: hears by server-sent events what changed, asks for the same page again, and changes those
// elements that are marked with data-live and an id. Without it the page is whole, and as old as its last load.
// data-live may name what an element is about: topics of /api/live ("runs rules"), or single runs ("run/ID").

/** Between two loads of the page; and never more than a quarter of the time is spent on loading. */
const LEAST_PAUSE_MS = 1_000;
const LOAD_SHARE = 4;
/** The server beats every 15 seconds. */
const SILENCE_MS = 40_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

const WORDS = {
  live: "live",
  waiting: "not live: no connection, trying again",
  ended: "not live: log in again",
};

const status = document.getElementById("live-status");
const parts = () => [...document.querySelectorAll("[data-live][id]")];

let source;
let silence;
let retry;
let failures = 0;
let isWanted = false;
let isLoading = false;
let pausedUntilMs = 0;

if (status && parts().length > 0) {
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  // A page that the browser kept for "back" is woken as it was left.
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", (event) => event.persisted && listen());
  listen();
}

function tell(state) {
  status.dataset.state = state;
  if (status.textContent !== WORDS[state]) status.textContent = WORDS[state];
}

function listen() {
  rest();
  if (document.hidden) return;
  source = new EventSource(`/api/live?since=${document.documentElement.dataset.at}`);
  source.onopen = () => {
    failures = 0;
    tell("live");
  };
  source.addEventListener("news", (event) => {
    heard();
    if (concerns(JSON.parse(event.data))) void load();
  });
  source.addEventListener("beat", heard);
  // It would ask again by itself, but without end and always after the same time.
  source.onerror = () => lose();
  heard();
  // Where news does not get through, pages may; and they tell whether the login has ended.
  if (failures > 1) void load();
}

/** A connection that says nothing is none, though nobody has closed it. */
function heard() {
  clearTimeout(silence);
  silence = setTimeout(lose, SILENCE_MS);
}

function lose() {
  rest();
  // A server that ends an answer in good order is asked again at once.
  if (failures > 0) tell("waiting");
  const pauseMs = failures === 0 ? 0 : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
  failures += 1;
  retry = setTimeout(listen, pauseMs * (0.5 + Math.random() / 2));
}

/** A hidden page holds no connection: browsers have few of them for one server. */
function rest() {
  source?.close();
  source = undefined;
  clearTimeout(silence);
  clearTimeout(retry);
}

function concerns({ topics, runs }) {
  return parts().some((part) => {
    const wanted = part.dataset.live.split(/\s+/).filter(Boolean);
    return (
      wanted.length === 0 ||
      wanted.some((one) =>
        one.startsWith("run/")
          ? topics.includes("runs") && (runs === null || runs.includes(one.slice("run/".length)))
          : topics.includes(one),
      )
    );
  });
}

/** One load at a time; what comes meanwhile is seen by the next. */
async function load() {
  isWanted = true;
  if (isLoading) return;
  isLoading = true;
  try {
    while (isWanted && !document.hidden) {
      await new Promise((done) => setTimeout(done, Math.max(0, pausedUntilMs - Date.now())));
      isWanted = false;
      const beganMs = Date.now();
      await loadOnce();
      pausedUntilMs = Date.now() + Math.max(LEAST_PAUSE_MS, LOAD_SHARE * (Date.now() - beganMs));
    }
  } finally {
    isLoading = false;
  }
}

async function loadOnce() {
  let answer;
  try {
    answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
  } catch {
    lose();
    return;
  }
  if (answer.redirected || answer.status === 401 || answer.status === 403) {
    rest();
    tell("ended");
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.documentElement.dataset.at = fresh.documentElement.dataset.at;
  document.title = fresh.title;
  const focused = document.activeElement;
  for (const part of parts()) {
    const found = fresh.getElementById(part.id);
    if (found && !isInUse(part)) change(part, found);
  }
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

/** Whether somebody writes in it or marks text to copy it: it is left alone until they are done. */
function isInUse(part) {
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) return true;
  return [...part.querySelectorAll("input, textarea, select")].some((field) =>
    field.nodeName === "SELECT"
      ? field.selectedIndex !==
        Math.max(
          0,
          [...field.options].findIndex(({ defaultSelected }) => defaultSelected),
        )
      : field.value !== field.defaultValue || field.checked !== field.defaultChecked,
  );
}

/** Makes a node like another and keeps all that is the same, so that focus, scroll and what is unfolded stay. */
function change(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || keyOf(old) !== keyOf(fresh)) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isReaders(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !isReaders(old, name)) old.setAttribute(name, value);
  }
  changeChildren(old, fresh);
}

/** Whether a detail is unfolded is for who reads to say. */
const isReaders = (element, name) => element.nodeName === "DETAILS" && name === "open";

function changeChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  const keys = new Set(wanted.map(keyOf).filter((key) => key !== null));
  let at = old.firstChild;
  for (const child of wanted) {
    const key = keyOf(child);
    while (at && keyOf(at) !== null && !keys.has(keyOf(at))) at = removed(at);
    const same = key === null ? at : from(at, key);
    if (!same || (key === null && keyOf(at) !== null)) {
      old.insertBefore(document.importNode(child, true), at);
      continue;
    }
    const next = same === at ? at.nextSibling : at;
    if (same !== at) old.insertBefore(same, at);
    change(same, child);
    at = next;
  }
  while (at) at = removed(at);
}

/** The node with this key, of one and its next siblings. */
function from(node, key) {
  let one = node;
  while (one && keyOf(one) !== key) one = one.nextSibling;
  return one;
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** What tells a row from its neighbours: its id, or where its first link leads. */
function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  if (node.id) return node.id;
  return /^(TR|LI)$/.test(node.nodeName) ? (node.querySelector("a[href]")?.getAttribute("href") ?? null) : null;
}
