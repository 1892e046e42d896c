/** The sign-in page: every account of the directory, one click each. For development: nobody is asked for a password. */
import express, { type Router } from 'express';
import type Provider from 'oidc-provider';
import type { Person } from '../directory.js';
import { html, page } from '../page.js';
import { cliClient, personOf, type ProviderOptions } from './configuration.js';

export function signIn(provider: Provider, options: ProviderOptions): Router {
  const router = express.Router();
  router.get('/interaction/:uid', async (request, response) => {
    const { uid, params } = await provider.interactionDetails(request, response);
    const { people } = await options.directory();
    response.send(accounts(uid, people, params['client_id'] === cliClient));
  });
  router.post('/interaction/:uid', express.urlencoded({ extended: false, limit: '1kb' }), async (request, response) => {
    await provider.interactionDetails(request, response);
    const accountId: unknown = request.body?.account;
    if (typeof accountId !== 'string' || !(await personOf(options, accountId))) {
      response.status(422).send(
        page(
          'No such account',
          html`<h1>No such account</h1>
            <p>Go back and pick another.</p>`,
        ),
      );
      return;
    }
    // What a careful provider would state; `pwd` and `otp` stand for what nobody typed.
    const login = { accountId, amr: ['pwd', 'otp', 'mfa'] };
    await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  });
  router.use((error: unknown, _request: express.Request, response: express.Response, next: express.NextFunction) => {
    if (!(error instanceof Error && error.name === 'SessionNotFound')) return next(error);
    response.status(400).send(
      page(
        'Start again',
        html`<h1>This sign-in is over</h1>
          <p>Go back to the portal and sign in again.</p>`,
      ),
    );
  });
  return router;
}

function accounts(uid: string, people: Person[], forCli: boolean): string {
  const buttons = people.map(
    ({ id, name, groups }) =>
      html`<li>
        <button class="card" name="account" value="${id}">
          <strong>${name}</strong>
          <span class="soft">${id}${groups.length > 0 ? ` · ${groups.join(', ')}` : ''}</span>
        </button>
      </li>`,
  );
  return page(
    'Sign in',
    html`<h1>Sign in to ${forCli ? 'the command line' : 'Daypass'}</h1>
      <p class="soft">A development provider: pick who you are. No password is asked.</p>
      <form method="post" action="/interaction/${uid}">
        <ul class="list wide">
          ${buttons}
        </ul>
      </form>`,
  );
}
