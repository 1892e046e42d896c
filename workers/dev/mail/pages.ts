/** Shows caught mail: a list, one mail, and the same as JSON. Mail is shown as text, whatever it holds. */
import express, { type Express } from 'express';
import { type Html, html, onlyLoopbackNames, page, strictHeaders, stylesheet } from '../page.js';
import type { CaughtMail, Catcher } from './catcher.js';

export function mailPages(catcher: Catcher): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(onlyLoopbackNames, strictHeaders());
  app.get('/dev.css', stylesheet);
  app.get('/live.js', (_request, response) => void response.type('text/javascript').send(live));
  app.get('/messages.json', (_request, response) => void response.json(catcher.messages()));
  app.get('/', (_request, response) => void response.send(list(catcher.messages())));
  app.get('/:id', (request, response) => {
    const mail = catcher.messages().find(({ id }) => id === request.params.id);
    if (mail) response.send(one(mail));
    else
      response.status(404).send(
        page(
          'No such mail',
          html`<h1>No such mail</h1>
            <p><a href="/">All mail</a></p>`,
        ),
      );
  });
  return app;
}

function list(mails: CaughtMail[]): string {
  const empty = html`<p class="soft">Nothing yet. Ask for access in the portal, and its approvers are told here.</p>`;
  const items = mails.map(
    (mail) =>
      html`<li>
        <a class="card" href="/${mail.id}">
          <strong>${mail.subject}</strong>
          <span class="soft">to ${mail.to.join(', ')} · ${clock(mail.receivedAt)}</span>
        </a>
      </li>`,
  );
  return page(
    `Mail (${mails.length})`,
    html`<h1>Mail</h1>
      <p class="soft">What Daypass sent in development. Nothing leaves this machine.</p>
      <p role="status" id="news" data-count="${mails.length}"></p>
      ${
        mails.length === 0
          ? empty
          : html`<ul class="list">
              ${items}
            </ul>`
      }`,
    html`<script src="/live.js" defer></script>`,
  );
}

function one(mail: CaughtMail): string {
  return page(
    mail.subject,
    html`<p><a href="/">All mail</a></p>
      <h1>${mail.subject}</h1>
      <dl>
        <dt>To</dt>
        <dd>${mail.to.join(', ')}</dd>
        <dt>From</dt>
        <dd>${mail.from}</dd>
        <dt>At</dt>
        <dd>${clock(mail.receivedAt)}</dd>
      </dl>
      <pre class="card">${withLinks(mail.text)}</pre>`,
  );
}

/** Addresses become links; all else stays text. */
function withLinks(text: string): Html[] {
  return text
    .split(/(https?:\/\/[^\s<>"')\]]+)/)
    .map((part, index) => (index % 2 === 1 ? html`<a href="${part}" rel="noreferrer">${part}</a>` : html`${part}`));
}

function clock(instant: string): Html {
  return html`<time datetime="${instant}">${instant.slice(0, 19).replace('T', ' ')} UTC</time>`;
}

/** New mail shows by itself, unless someone is on their way through the list with the keyboard. */
const live = `
const news = document.getElementById('news');
setInterval(async () => {
  const mails = await fetch('/messages.json').then((answer) => answer.json(), () => undefined);
  if (mails === undefined || mails.length === Number(news.dataset.count)) return;
  if (document.activeElement === document.body) location.reload();
  else news.textContent = 'There is new mail: reload the page to see it.';
}, 2000);
`;
