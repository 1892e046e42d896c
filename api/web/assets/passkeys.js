// Forms that carry the answer of a passkey: the browser is asked for it when the form is sent, and never before.

export function enhancePasskeys(root) {
  for (const form of root.querySelectorAll('form[data-passkey]')) answerWhenSent(form);
}

/** The library is loaded when it is needed; it speaks base64url to the server and bytes to the browser. */
let library;
function webauthn() {
  library ??= import('./simplewebauthn.js').then(() => globalThis.SimpleWebAuthnBrowser);
  return library;
}

function answerWhenSent(form) {
  for (const told of form.querySelectorAll('[data-without-script]')) told.hidden = true;
  form.addEventListener('submit', async (event) => {
    if (event.defaultPrevented || !isNeeded(form)) return;
    event.preventDefault();
    tell(form);
    try {
      const asked = await challenge(form);
      // What is wrong in the form itself, the server says better, beside each field.
      if (asked) form.elements.passkey.value = JSON.stringify(await answerOf(form, asked));
      if (asked?.requestTime) form.elements.requestTime.value = asked.requestTime;
      form.submit();
    } catch (error) {
      tell(form, sentenceOf(error), error.way);
      letSendAgain(form);
    }
  });
}

/** Some forms need a passkey only while a box of theirs is ticked. */
function isNeeded(form) {
  const { passkeyWhen } = form.dataset;
  return passkeyWhen === undefined || document.getElementById(passkeyWhen)?.checked === true;
}

/** Undefined where the form needs another look first. */
async function challenge(form) {
  const answer = await fetch(form.dataset.challenge, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams(new FormData(form)),
  });
  const body = await answer.json();
  if (answer.ok) return body;
  if (body.type === 'invalid') return undefined;
  throw Object.assign(new Error(body.detail), { isOurs: true, way: ways[body.type] });
}

async function answerOf(form, { nonce, options }) {
  const { startRegistration, startAuthentication } = await webauthn();
  if (form.dataset.passkey === 'enrol') {
    const { id, response } = await startRegistration({ optionsJSON: options });
    const { clientDataJSON, attestationObject, transports } = response;
    return { nonce, credentialId: id, clientDataJSON, attestationObject, transports };
  }
  const { id, response } = await startAuthentication({ optionsJSON: options });
  const { authenticatorData, clientDataJSON, signature } = response;
  return { nonce, credentialId: id, authenticatorData, clientDataJSON, signature };
}

const here = encodeURIComponent(location.pathname + location.search);
const ways = {
  unauthenticated: { href: `/sign-in?returnTo=${here}`, text: 'Sign in' },
  'fresh-sign-in-required': { href: `/sign-in?returnTo=${here}`, text: 'Sign in again' },
  'step-up-required': { href: `/step-up?returnTo=${here}`, text: 'Prove a passkey' },
  'passkey-unknown': { href: '/passkeys', text: 'To your passkeys' },
};

function sentenceOf(error) {
  if (error.isOurs) return error.message;
  // Named by the standard, whoever the browser's maker is.
  if (error.name === 'NotAllowedError')
    return 'No passkey answered, so nothing was sent. Try again when you are ready.';
  if (error.name === 'InvalidStateError') return 'This device or key holds a passkey of yours already.';
  if (error.name === 'SecurityError') return 'The browser allows passkeys only at the address of this portal.';
  return 'The passkey could not be asked for; nothing was sent. Try again, or use another browser.';
}

function tell(form, sentence = '', way) {
  const place = form.querySelector('[data-passkey-problem]');
  if (!place) return;
  place.hidden = sentence === '';
  place.textContent = sentence;
  if (!way) return;
  const link = document.createElement('a');
  link.href = way.href;
  link.textContent = way.text;
  place.append(' ', link);
}

function letSendAgain(form) {
  delete form.dataset.sent;
  form.querySelector('button[type=submit]')?.removeAttribute('aria-disabled');
}
