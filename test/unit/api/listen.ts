/** A portal that cannot be served says why, and what to set. */
import assert from 'node:assert/strict';
import { listenError } from '../../../api/serve.js';

describe('a portal that cannot be served', () => {
  const said = (code: string, host = 'localhost', port = 80) =>
    listenError(Object.assign(new Error('listen'), { code }), { host, port }).message;

  it('says what to set', () => {
    assert.match(said('EADDRINUSE'), /Port 80 is taken.+DAYPASS_PORT/);
    assert.match(said('EACCES'), /may not open port 80.+DAYPASS_PORT/);
    assert.match(said('EADDRNOTAVAIL', '192.0.2.1'), /192\.0\.2\.1 is no address.+DAYPASS_HOST/);
    assert.equal(said('EIO'), 'listen');
  });
});
