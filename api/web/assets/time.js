// Times in the reader's own zone, and distances that keep counting. The words are those of api/web/time.ts.

const clocks = {
  minutes: new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }),
  seconds: new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }),
};

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

export function showTimes(root) {
  for (const element of root.querySelectorAll('time[data-clock]')) {
    const at = new Date(element.dateTime);
    if (!element.title) element.title = `${element.dateTime.replace('T', ' ').slice(0, 19)} UTC`;
    element.textContent = clocks[element.dataset.clock].format(at);
  }
  count(root);
}

export function keepTime() {
  setInterval(() => count(document), 1_000);
}

function count(root) {
  const now = Date.now();
  for (const element of root.querySelectorAll('time[data-relative]')) {
    write(element, relative(Date.parse(element.dateTime), now));
  }
  for (const element of root.querySelectorAll('time[data-left]')) {
    const left = Date.parse(element.dateTime) - now;
    write(element, left > 0 ? precise(left) : 'no time');
  }
  for (const bar of root.querySelectorAll('progress[data-to]')) {
    const from = Date.parse(bar.dataset.from);
    const to = Date.parse(bar.dataset.to);
    bar.value = Math.min(100, Math.max(0, ((now - from) / Math.max(1, to - from)) * 100));
  }
}

/** Writes only what differs, so that a selection of text survives. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function relative(at, now) {
  const distance = at - now;
  if (Math.abs(distance) < 1_000) return 'now';
  return distance > 0 ? `in ${rough(distance)}` : `${rough(-distance)} ago`;
}

function rough(ms) {
  const step = ms < 60_000 ? 1_000 : ms < 86_400_000 ? 60_000 : 3_600_000;
  return inWords(Math.floor(ms / step) * step);
}

/** `4:05`, `1:20:00`: what is left is watched, so it shows its seconds. */
function precise(ms) {
  const seconds = Math.floor(ms / 1_000);
  if (seconds >= 86_400) return rough(ms);
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

function inWords(ms) {
  let rest = ms;
  const parts = [];
  for (const [name, size] of units) {
    const number = Math.floor(rest / size);
    rest -= number * size;
    if (number > 0 && parts.length < 2) parts.push(`${number} ${name}${number === 1 ? '' : 's'}`);
  }
  return parts.length > 0 ? parts.join(' ') : 'less than a second';
}
