/** Text that would do something in a page that takes it for more than text, and the look whether it did. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Sets `canary` where it runs, puts an element where it is parsed, and stands as it is where it is shown. */
export const hostile = [
  '<script>canary=1</script>',
  `"><img src=x onerror="canary=2" data-injected>`,
  `'><svg data-injected onload=canary=3>`,
  '</title></textarea></style><b data-injected>',
  'javascript:canary=4',
  '{{7*191}}<%= 7*191 %>${7*191}',
  '}*{display:none}/*',
  '&lt;b&gt;',
  'مرحبا\u200b\u200d',
].join(' ');

/** Nothing in it can be broken. */
export const endless = 'W'.repeat(180);

/** As short as names may have to be. */
export const brief = '<b data-injected>&{{7*191}}';

const harmless = new Map<string, string>();

/** Every name and title of the example policy, so that nobody and nothing on a page is called something harmless. */
export async function poison(policyDir: string): Promise<void> {
  const named = /^( +- id: [\w-]+\n +name: )(.+)/gm;
  await edit(join(policyDir, 'directory.yml'), named, (name) => `${brief} ${name} ${endless}`);
  const titled = /^( +title: )(.+)/gm;
  await edit(join(policyDir, 'entitlements.yml'), titled, (title) => `${title} ${hostile}`);
  const described = /^( +description: )(.+)/gm;
  await edit(join(policyDir, 'entitlements.yml'), described, () => `${brief} ${endless}`);
}

/** As it was before. */
export async function heal(policyDir: string): Promise<void> {
  for (const [path, text] of harmless) if (path.startsWith(policyDir)) await writeFile(path, text);
}

async function edit(path: string, what: RegExp, to: (old: string) => string): Promise<void> {
  const text = await readFile(path, 'utf8');
  if (!harmless.has(path)) harmless.set(path, text);
  assert.match(text, what, `${path} has none of what is to be changed`);
  await writeFile(
    path,
    text.replace(what, (_all, before: string, old: string) => before + quoted(to(old))),
  );
}

/** As YAML takes it, of the length that the policy takes. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, 200));

/** Run in a page: a sentence for everything that text did there. */
export const traces = `(() => {
  const found = [];
  if ('canary' in window) found.push('script ran: ' + window.canary);
  for (const one of document.querySelectorAll('[data-injected], img[src="x"], script:not([src])')) found.push('an element came in: ' + one.outerHTML.slice(0, 200));
  for (const one of document.querySelectorAll('a[href], form[action]')) {
    const to = new URL(one.href ?? one.action, location.href);
    if (to.origin !== location.origin) found.push('leads elsewhere: ' + to.href.slice(0, 200));
  }
  for (const one of document.querySelectorAll('*')) {
    for (const { name } of one.attributes) if (name.startsWith('on')) found.push('an attribute came in: ' + name);
  }
  if (document.body.innerText.includes('1337')) found.push('a template was run');
  for (const one of document.querySelectorAll('.top a, .top button, .tabled td')) {
    const { left, right } = one.getBoundingClientRect();
    if (left < 0 || right > innerWidth + 1) found.push('cut off: ' + one.textContent.trim());
  }
  return found;
})()`;
