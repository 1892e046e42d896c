/** What the pages of the development stack share: escaping, one plain look in light and dark, strict headers. */
import type { RequestHandler } from 'express';

/** Markup that is safe to send: made by `html`, which escapes everything that is put into it. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

type Piece = string | number | Html | Html[];

export function html(strings: TemplateStringsArray, ...pieces: Piece[]): Html {
  return new Html(strings.reduce((text, part, index) => text + render(pieces[index - 1] ?? '') + part));
}

function render(piece: Piece): string {
  if (Array.isArray(piece)) return piece.map((each) => each.markup).join('');
  return piece instanceof Html ? piece.markup : escaped(String(piece));
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? '');
}

/** `head` is for scripts of our own, by address. */
export function page(title: string, body: Html, head: Html = html``): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/dev.css" />
        ${head}
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `.markup;
}

/** `formTargets`: where a form's answer may lead, redirects included. */
export function strictHeaders(formTargets: string[] = []): RequestHandler {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
  ].join('; ');
  return (_request, response, next) => {
    response.set({
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    });
    next();
  };
}

/** A page elsewhere that points a name of its own at loopback (DNS rebinding) reads nothing here. */
export const onlyLoopbackNames: RequestHandler = (request, response, next) => {
  if (['localhost', '127.0.0.1', '[::1]'].includes(request.hostname)) next();
  else response.status(421).type('text/plain').send('This page answers to localhost only.');
};

export const stylesheet: RequestHandler = (_request, response) => {
  response.type('text/css').send(css);
};

const css = `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5a6675; --paper: #f6f7f9; --card: #fff; --line: #d9dee5; --act: #1456b8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf1; --soft: #a3afbd; --paper: #12171e; --card: #1b222c; --line: #333d4a; --act: #8ab8ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: .25rem 0 1rem; }
a { color: var(--act); }
.soft { color: var(--soft); }
ul.list { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .5rem; }
ul.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.card { display: block; width: 100%; padding: .75rem 1rem; background: var(--card); color: inherit; border: 1px solid var(--line);
  border-radius: .5rem; font: inherit; text-align: left; text-decoration: none; overflow-wrap: anywhere; }
button.card { cursor: pointer; }
.card:hover { border-color: var(--act); }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.card strong, .card span { display: block; }
.card .soft { font-size: .875rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .125rem 1rem; margin: 0 0 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre.card { white-space: pre-wrap; font: .9375rem/1.5 ui-monospace, monospace; }
`;
