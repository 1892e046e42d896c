// What script adds to pages that work without it.
import { enhanceForms } from './forms.js';
import { keepLive } from './live.js';
import { keepTime, showTimes } from './time.js';

/** Again after every part that was replaced. */
function enhance(root) {
  showTimes(root);
  enhanceForms(root);
}

enhance(document);
keepTime();
keepLive(enhance);

// A screen reader starts with what went wrong, or with what just happened.
document.querySelector('[data-focus]')?.focus();
