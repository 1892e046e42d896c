/** The one shape of every mail, and how it is set as plain text and as simple HTML. Everything put in is made harmless here. */
import { escapeHtml, oneLine, quoted } from './words.js';

export interface Letter {
  subject: string;
  /** Our own sentences; names in them are cleaned like everything else. */
  sentences: string[];
  /** What someone typed, set apart so that nobody takes it for our words. */
  quote?: { label: string; text: string };
  facts: { label: string; value: string }[];
  /** A list under a heading, such as the risk factors. */
  list?: { label: string; items: string[] };
  link: { label: string; url: string };
  /** Below the link. */
  footer: string;
}

export interface Typeset {
  subject: string;
  text: string;
  html: string;
}

export function typeset(letter: Letter): Typeset {
  return { subject: oneLine(letter.subject, 150), text: asText(letter), html: asHtml(letter) };
}

function asText({ sentences, quote, facts, list, link, footer }: Letter): string {
  const blocks = [sentences.map((sentence) => oneLine(sentence, 600)).join('\n')];
  if (quote) {
    const lines = quoted(quote.text).split('\n');
    blocks.push(`${quote.label}:\n${lines.map((line) => `> ${line}`).join('\n')}`);
  }
  if (facts.length) blocks.push(facts.map(({ label, value }) => `${label}: ${oneLine(value, 300)}`).join('\n'));
  if (list?.items.length)
    blocks.push(`${list.label}:\n${list.items.map((item) => `- ${oneLine(item, 300)}`).join('\n')}`);
  blocks.push(`${link.label}:\n${link.url}`, footer);
  return `${blocks.join('\n\n')}\n`;
}

const styles = {
  body: 'font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;color:#1c1c1c;max-width:36em;margin:1em',
  quote: 'margin:.25em 0 1em;padding:.25em 1em;border-left:3px solid #bbb;white-space:pre-wrap',
  label: 'text-align:left;vertical-align:top;padding:.1em 1em .1em 0;font-weight:600',
  button:
    'display:inline-block;padding:.6em 1.2em;border-radius:6px;background:#1d4ed8;color:#fff;text-decoration:none',
  footer: 'font-size:14px;color:#555',
};

function asHtml({ subject, sentences, quote, facts, list, link, footer }: Letter): string {
  const line = (text: string, most: number) => escapeHtml(oneLine(text, most));
  const parts = sentences.map((sentence) => `<p>${line(sentence, 600)}</p>`);
  if (quote) {
    parts.push(
      `<p style="margin:0"><strong>${escapeHtml(quote.label)}</strong></p>`,
      `<blockquote style="${styles.quote}">${escapeHtml(quoted(quote.text))}</blockquote>`,
    );
  }
  if (facts.length) {
    const rows = facts.map(
      ({ label, value }) =>
        `<tr><th scope="row" style="${styles.label}">${escapeHtml(label)}</th><td>${line(value, 300)}</td></tr>`,
    );
    parts.push(`<table style="border-collapse:collapse">${rows.join('')}</table>`);
  }
  if (list?.items.length) {
    const items = list.items.map((item) => `<li>${line(item, 300)}</li>`);
    parts.push(`<p style="margin-bottom:0"><strong>${escapeHtml(list.label)}</strong></p><ul>${items.join('')}</ul>`);
  }
  parts.push(
    `<p><a href="${escapeHtml(link.url)}" style="${styles.button}">${escapeHtml(link.label)}</a></p>`,
    `<p style="${styles.footer}">${escapeHtml(footer)}</p>`,
  );
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${line(subject, 150)}</title></head>` +
    `<body style="${styles.body}">${parts.join('\n')}</body></html>\n`
  );
}
