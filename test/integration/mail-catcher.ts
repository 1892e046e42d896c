/** The development mail catcher keeps what was sent and shows it as text, whatever it holds. */
import assert from 'node:assert/strict';
import { createTransport } from 'nodemailer';
import { mail } from '../support/services.js';

describe('the development mail catcher', () => {
  it('catches mail and shows it on a page and as JSON', async () => {
    const { smtpUrl, url, messages } = await mail();
    await send(smtpUrl, 'Please decide', 'Open http://localhost:7300/grants/g1 and decide.');
    const [newest] = messages();
    assert.equal(newest?.subject, 'Please decide');
    assert.deepEqual(newest.to, ['owner@example.org']);
    assert.match(await (await fetch(url)).text(), /Please decide/);
    assert.match(
      await (await fetch(`${url}/${newest.id}`)).text(),
      /<a href="http:\/\/localhost:7300\/grants\/g1" rel="noreferrer">/,
    );
    const listed: unknown = await (await fetch(`${url}/messages.json`)).json();
    assert.ok(Array.isArray(listed) && listed.length === messages().length);
  });

  it('shows markup in a mail as text', async () => {
    const { smtpUrl, url, messages } = await mail();
    await send(smtpUrl, '<script>alert(1)</script>', 'See <img src=x onerror=alert(1)> http://x.example/"><b>');
    const [newest] = messages();
    for (const address of [url, `${url}/${newest?.id ?? ''}`]) {
      const response = await fetch(address);
      const text = await response.text();
      assert.doesNotMatch(text, /<script>alert|<img|"><b>/);
      assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'/);
    }
  });

  it('answers no page that reached it by another name', async () => {
    const { url } = await mail();
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(`${url}/messages.json`, { headers: { host: 'attacker.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 421);
  });
});

async function send(smtpUrl: string, subject: string, text: string): Promise<void> {
  const transport = createTransport(smtpUrl);
  await transport.sendMail({ from: 'Daypass <daypass@localhost>', to: 'owner@example.org', subject, text });
  transport.close();
}
