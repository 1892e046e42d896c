// Small helps in forms: counters, one click per decision, a filter, the reader's time zone, and copying.

import { enhancePasskeys } from './passkeys.js';

export function enhanceForms(root) {
  for (const field of root.querySelectorAll('textarea[data-counter]')) addCounter(field);
  for (const form of root.querySelectorAll('form[data-once]')) sendOnce(form);
  enhancePasskeys(root);
  for (const own of root.querySelectorAll('[data-own]')) chooseOwn(own);
  for (const zone of root.querySelectorAll('input[data-zone]')) tellZone(zone);
  for (const button of root.querySelectorAll('button[data-copy]')) copyOnClick(button);
  for (const search of root.querySelectorAll('input[data-filter]')) filterAsTyped(search);
}

/** Where a limit starts to matter to whoever types. */
const nearlyFull = 200;

function addCounter(field) {
  if (field.dataset.counted) return;
  field.dataset.counted = 'yes';
  const counter = document.createElement('span');
  counter.className = 'counter';
  counter.dataset.made = '';
  const most = field.maxLength;
  const least = Number(field.dataset.least ?? 0);
  const show = () => {
    const missing = least - field.value.trim().length;
    const left = most - field.value.length;
    if (missing > 0) counter.textContent = `${missing} more to go`;
    else counter.textContent = left < nearlyFull ? `${left} left` : '';
  };
  field.addEventListener('input', show);
  field.after(counter);
  show();
}

/** A double click sends one decision. The server would find the same one again anyway. */
function sendOnce(form) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = 'yes';
    form.querySelector('button[type=submit]')?.setAttribute('aria-disabled', 'true');
  });
  // Back from the next page: the form may be sent again.
  addEventListener('pageshow', () => {
    delete form.dataset.sent;
    form.querySelector('button[type=submit]')?.removeAttribute('aria-disabled');
  });
}

/** Typing an own duration chooses it. */
function chooseOwn(own) {
  const choice = document.getElementById(own.dataset.own);
  own.addEventListener('input', () => {
    if (choice) choice.checked = true;
  });
}

function tellZone(field) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const place of document.querySelectorAll('[data-zone-name]')) place.textContent = field.value;
}

function copyOnClick(button) {
  button.hidden = false;
  const said = button.textContent;
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      button.textContent = 'Copied';
      const place = document.getElementById('announce');
      if (place) place.textContent = `${button.dataset.what} copied`;
    } catch {
      // No clipboard here: the text is selected, ready for the keyboard.
      getSelection()?.selectAllChildren(source);
      button.textContent = 'Selected';
    }
    setTimeout(() => (button.textContent = said), 2_500);
  });
}

function filterAsTyped(search) {
  const rows = [...document.querySelectorAll(`#${search.dataset.filter} > [data-words]`)];
  const none = document.getElementById('no-match');
  const show = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !wanted.every((word) => row.dataset.words.includes(word));
      if (!row.hidden) shown += 1;
    }
    if (none) none.hidden = shown > 0;
  };
  search.addEventListener('input', show);
  show();
}
