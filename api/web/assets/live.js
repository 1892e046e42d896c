// Keeps a page true: listens for changes, reads the page anew, and replaces the parts that changed. What somebody is typing stays.

/** Tokens of forms are new in every answer and are no change. */
const tokens = /value="[0-9a-f]{8}-[0-9a-f-]{27}"/g;

export function keepLive(enhance) {
  const refresh = once(() => readAnew(enhance));
  const watched = document.querySelector('[data-watch][data-live-grant]');
  if (watched) watch(watched.dataset.watch, refresh);
  const every = Number(document.querySelector('[data-poll]')?.dataset.poll ?? 0);
  if (every > 0) {
    setInterval(() => {
      if (!document.hidden) void refresh();
    }, every * 1_000);
  }
}

const refusedMs = 30_000;

/** Only while it can be seen: browsers keep few connections open per site. */
function watch(address, refresh) {
  let source;
  const follow = () => {
    source?.close();
    source = undefined;
    if (document.hidden) return;
    source = new EventSource(address);
    source.addEventListener('grant', (event) => {
      const known = document.querySelector('[data-changes]')?.dataset.changes;
      if (changesIn(event.data) !== Number(known)) void refresh();
    });
    // A dropped connection comes back by itself; a refused one (too many views open) is tried again later.
    source.addEventListener('error', () => {
      if (source?.readyState === EventSource.CLOSED) setTimeout(follow, refusedMs);
    });
  };
  document.addEventListener('visibilitychange', follow);
  addEventListener('pagehide', () => source?.close());
  follow();
}

function changesIn(data) {
  try {
    return JSON.parse(data).changes;
  } catch {
    // Not what we know: reading the page anew is always right.
    return undefined;
  }
}

/** Changes that come while one is being read lead to one more reading. */
function once(work) {
  let running;
  let again = false;
  return async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        await work();
      } while (again);
    } finally {
      running = undefined;
    }
  };
}

/** A form that came back with something to mend is shown where it was sent to, which is no page of its own. */
function ownAddress() {
  const page = document.querySelector('[data-page]')?.dataset.page ?? location.pathname;
  return page === location.pathname ? location.href : page;
}

async function readAnew(enhance) {
  let fresh;
  try {
    const answer = await fetch(ownAddress(), { headers: { accept: 'text/html' } });
    if (!answer.ok || answer.redirected) return;
    fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  } catch {
    // No connection: the next change or poll tries again.
    return;
  }
  for (const part of document.querySelectorAll('[data-live][id]')) {
    const newer = fresh.getElementById(part.id);
    if (newer) replace(part, newer, enhance);
  }
  const watched = document.querySelector('[data-changes]');
  const newer = fresh.querySelector('[data-changes]');
  if (watched && newer) watched.dataset.changes = newer.dataset.changes;
}

function replace(part, newer, enhance) {
  const shown = part.dataset.shown ?? plain(part);
  if (plain(newer) === shown) return;
  if (isInUse(part)) {
    sayStale(part);
    return;
  }
  part.dataset.shown = plain(newer);
  const focused = part.contains(document.activeElement) ? document.activeElement : undefined;
  part.replaceChildren(...newer.childNodes);
  enhance(part);
  if (focused) focusAgain(part, focused);
  const words = newer.dataset.announce;
  if (words && words !== part.dataset.announce) {
    part.dataset.announce = words;
    announce(words);
  }
}

/** A link or a message that had the focus has it again, if it is still there. */
function focusAgain(part, focused) {
  const same = focused.id
    ? part.querySelector(`#${CSS.escape(focused.id)}`)
    : [...part.querySelectorAll('a[href]')].find((link) => link.href === focused.href);
  same?.focus();
}

/** What the server wrote: times are compared by their instants, since script rewrites their words. */
function plain(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll('time')) time.replaceWith(time.dateTime);
  for (const bar of copy.querySelectorAll('progress[data-to]')) bar.replaceWith(bar.dataset.to);
  for (const made of copy.querySelectorAll('[data-made]')) made.remove();
  return copy.innerHTML.replace(tokens, '').replace(/\s+/g, ' ');
}

function isInUse(part) {
  if (part.querySelector('details[open]')) return true;
  const focused = document.activeElement;
  if (focused && part.contains(focused) && focused.matches('input, textarea, select, button, summary')) return true;
  return [...part.querySelectorAll('textarea, input:not([type=hidden])')].some(
    (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked,
  );
}

function sayStale(part) {
  if (part.querySelector('[data-stale]')) return;
  const note = document.createElement('div');
  note.className = 'notice tone-waiting';
  note.dataset.stale = '';
  note.dataset.made = '';
  const words = document.createElement('p');
  words.textContent = 'This changed while you were here. ';
  const link = document.createElement('a');
  link.href = ownAddress();
  link.textContent = 'Show what it is now';
  words.append(link);
  note.append(words);
  part.prepend(note);
  announce('This changed while you were here.');
}

function announce(words) {
  const place = document.getElementById('announce');
  if (place) place.textContent = words;
}
